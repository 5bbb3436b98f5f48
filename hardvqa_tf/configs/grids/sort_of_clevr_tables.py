"""The paper's tables 1 to 3 on Sort-of-CLEVR, small enough for an hour on two CPU cores.

    python main.py --mode=report --grid=sort_of_clevr_tables

23 runs of 1,500 steps: 3,000 training images, drawn for it, and 4 epochs, where the default
trains 9,800 steps on 9,800 images. So the numbers compare models that were trained equally
short, and none of them is the best that its model can do. One seed each, but three of a cheap
one. Trained in 49 minutes on the clock, with other work on the same two cores; its report is
docs/sort_of_clevr_tables.
"""

from hardvqa_tf.configs import sort_of_clevr


def get_grid():
    """Returns the config that all runs begin with, and each table's runs: {name: settings}."""
    config = sort_of_clevr.get_config()
    config.records_dir = "data/sort_of_clevr_tables"
    config.builder_args = {"num_train_images": 3000}
    config.train.epochs = 4
    config.train.all_cells_steps = 500

    return config, {
        # Share of cells x aggregator; soft attention; all cells.
        "table 1": {
            "han2_sum": _han(2, "sum"),
            "han4_sum": _han(4, "sum"),
            "han8_sum": _han(8, "sum"),
            "han16_sum": _han(16, "sum"),
            "none_sum": _model("none", "sum"),
            "soft_sum": _model("soft", "sum"),
            "han2_pairwise": _han(2, "pairwise"),
            "han4_pairwise": _han(4, "pairwise"),
            "han8_pairwise": _han(8, "pairwise"),
            "han16_pairwise": _han(16, "pairwise"),
            "none_pairwise": _model("none", "pairwise"),
            "han2_relation": _han(2, "relation"),
            "han4_relation": _han(4, "relation"),
            "han8_relation": _han(8, "relation"),
            "han16_relation": _han(16, "relation"),
            "none_relation": _model("none", "relation"),
        },
        # The number of cells is the model's choice.
        "table 2": {
            "adahan_sum": _model("adahan", "sum"),
            "adahan_pairwise": _model("adahan", "pairwise"),
            "adahan_relation": _model("adahan", "relation"),
        },
        # Fused layers before attention; with one, it is table 1's han8_sum.
        "table 3": {
            "han8_sum_0_fused": _han(8, "sum") | {"model.fusion.units": ()},
            "han8_sum_2_fused": _han(8, "sum") | {"model.fusion.units": (128, 128)},
        },
        # What another seed changes; seed 0 is table 1's han8_sum.
        "spread": {
            "han8_sum_seed1": _han(8, "sum") | {"seed": 1},
            "han8_sum_seed2": _han(8, "sum") | {"seed": 2},
        },
    }


def _model(attention, aggregator):
    return {"model.attention": attention, "model.aggregator": aggregator}


def _han(num_cells, aggregator):
    return _model("han", aggregator) | {"model.han.num_cells": num_cells}
