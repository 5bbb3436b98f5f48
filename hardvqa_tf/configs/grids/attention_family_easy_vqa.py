"""The runs of attention_family on easy-VQA, half a minute of training steps each.

    python main.py --mode=report --grid=attention_family_easy_vqa

STEP_MS is what `python benchmarks/family.py --grid=attention_family_easy_vqa` measured.
"""

from hardvqa_tf.configs import easy_vqa
from hardvqa_tf.configs.grids.attention_family import equal_time, family_runs

MINUTES = 0.5
STEP_MS = {}


def get_grid():
    """Returns the config that all runs begin with, and each table's runs: {name: settings}."""
    config = easy_vqa.get_config()
    # Its grid has 4x4 cells.
    config.model.biformer_t.num_regions = config.model.bilevel_routing.num_regions = 4
    runs = family_runs()
    for name, settings in runs.items():
        settings |= equal_time(MINUTES, STEP_MS.get(name, 100.0))
    return config, {"attention family": runs}
