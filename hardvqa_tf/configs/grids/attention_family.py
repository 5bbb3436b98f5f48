"""Encoders and mixers of the attention family, each with HAN and with soft attention.

    python main.py --mode=report --grid=attention_family

Sort-of-CLEVR, whole: every run gets 2 minutes of training steps on two CPU cores, whatever one
step of it takes. So that the runs can be repeated, and on a busy machine, that time is written
as a number of steps: STEP_MS is what `python benchmarks/family.py` measured on an idle machine
(docs/results.md). A fifth of a run's steps is an epoch; in the first HAN looks at every cell.
"""

from hardvqa_tf.configs import sort_of_clevr

MINUTES = 2.0
STEP_MS = {
    "small_cnn_han": 48.8,
    "swiftformer_xs_han": 176.0,
    "biformer_t_han": 461.2,
    "additive_han": 75.5,
    "bilevel_routing_han": 123.8,
    "query_guided_han": 86.7,
    "small_cnn_soft": 124.4,
    "swiftformer_xs_soft": 255.4,
    "biformer_t_soft": 587.9,
    "additive_soft": 176.8,
    "bilevel_routing_soft": 212.2,
    "query_guided_soft": 170.3,
}
ENCODERS = ("small_cnn", "swiftformer_xs", "biformer_t")
MIXERS = ("additive", "bilevel_routing", "query_guided")


def get_grid():
    """Returns the config that all runs begin with, and each table's runs: {name: settings}."""
    config = sort_of_clevr.get_config()
    config.model.biformer_t.num_regions = 5  # its grids have 19, 10 and 5 cells on a side
    runs = family_runs()
    for name, settings in runs.items():
        settings |= equal_time(MINUTES, STEP_MS[name])
        settings["train.all_cells_steps"] = settings["train.steps_per_epoch"]
    return config, {"attention family": runs}


def family_runs():
    """{run name: settings}, without their lengths."""
    runs = {}
    for attention in ("han", "soft"):
        for encoder in ENCODERS:
            runs[f"{encoder}_{attention}"] = {
                "model.image_encoder": encoder,
                "model.attention": attention,
            }
        for mixer in MIXERS:
            runs[f"{mixer}_{attention}"] = {
                "model.mixer": mixer,
                "model.attention": attention,
            }
    return runs


def equal_time(minutes, step_ms, epochs=5):
    """Settings of a run that takes so long, in epochs of equal length."""
    steps = 60e3 * minutes / step_ms
    return {"train.epochs": epochs, "train.steps_per_epoch": max(1, round(steps / epochs))}
