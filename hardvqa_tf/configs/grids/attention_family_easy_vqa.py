"""The runs of attention_family on easy-VQA, half a minute of training steps each.

    python main.py --mode=report --grid=attention_family_easy_vqa

STEP_MS is what `python benchmarks/family.py --grid=attention_family_easy_vqa` measured.
"""

from hardvqa_tf.configs import easy_vqa
from hardvqa_tf.configs.grids.attention_family import equal_time, family_runs

MINUTES = 0.5
STEP_MS = {
    "small_cnn_han": 44.2,
    "swiftformer_xs_han": 192.9,
    "biformer_t_han": 469.5,
    "additive_han": 91.3,
    "bilevel_routing_han": 154.3,
    "query_guided_han": 111.6,
    "small_cnn_soft": 62.3,
    "swiftformer_xs_soft": 250.8,
    "biformer_t_soft": 494.4,
    "additive_soft": 100.7,
    "bilevel_routing_soft": 181.3,
    "query_guided_soft": 133.4,
}


def get_grid():
    """Returns the config that all runs begin with, and each table's runs: {name: settings}."""
    config = easy_vqa.get_config()
    # Its grid has 4x4 cells.
    config.model.biformer_t.num_regions = config.model.bilevel_routing.num_regions = 4
    runs = family_runs()
    for name, settings in runs.items():
        settings |= equal_time(MINUTES, STEP_MS[name])
    return config, {"attention family": runs}
