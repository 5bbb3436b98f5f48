"""Every value that an experiment can set: its default, what it may be, and what it is.

`get_config()` makes a config of them, of which the other files here change a few. In table/ are
kinds.py, the kinds of values, and values.py, which checks a config by this table and fills in
what the config of an older run lacks (`absent`: what held before there was the key; without it,
the default).

Lengths are counts of images, questions or epochs.
"""

from hardvqa_tf.configs.table.kinds import (
    arguments,
    choice,
    count,
    merge,
    number,
    odd,
    rate,
    sizes,
    text,
    to_config,
    whole,
    yes_or_no,
)
from hardvqa_tf.localize.slots import (
    DECODER_MEMORIES,
    FUSIONS,
    GUIDANCES,
    LOCALIZER_ATTENTIONS,
    LOCALIZER_ENCODERS,
    SELECTIONS,
)
from hardvqa_tf.tasks import BEFORE_TASKS, TASKS
from hardvqa_tf.vqa import slots
from records.formats import MAX_SIDE

_TOKEN_WEIGHTS = ("l2", "ones", "softmax", "none")
_MAP_ENCODERS = [name for name, part in slots.IMAGE_ENCODERS.items() if part.makes_maps]
_WEIGHTS = "of a checkpoint of the authors, a file's path; None: random"


def _swiftformer():
    return {
        "stage": whole(3, "whose output is the grid", least=1, most=4),
        "weights": text(None, _WEIGHTS, or_none=True),
        "trainable": yes_or_no(True, "learn its weights, too"),
        "drop_path_rate": rate(0.0, "stochastic depth"),
        "token_weights": choice("l2", _TOKEN_WEIGHTS, "how tokens are weighed"),
    }


def _biformer():
    return {
        "stage": whole(3, "whose output is the grid", least=1, most=4),
        "weights": text(None, _WEIGHTS, or_none=True),
        "trainable": yes_or_no(True, "learn its weights, too"),
        "drop_path_rate": rate(0.0, "stochastic depth"),
        "num_regions": count(7, "along each side of the grid"),
    }


# Of every task.
COMMON = {
    "task": choice("vqa", TASKS, "what is learned", absent=BEFORE_TASKS),
    "seed": whole(0, "of weights, order and dropout", least=0, most=2**32 - 1),
    # Data: see docs/data.md.
    "dataset": text("sort_of_clevr", "whose builder makes the records"),
    "records_dir": text("data/sort_of_clevr", "folder of the records"),
    "builder_args": arguments("of the data set's builder"),
    "image_size": sizes(
        (75, 75),
        "height, width; larger and smaller images are resized",
        most=MAX_SIDE,
        length=2,
    ),
    # The arguments of every part that can be named; a slot of a task names it.
    "model": {
        "small_cnn": {
            "filters": sizes((24, 24, 24, 24), "of each convolution"),
            "strides": sizes((2, 2, 2, 2), "of each convolution"),
            "norm_first": yes_or_no(False, "batch normalisation before the ReLU"),
            "centred": yes_or_no(
                True, "cells look at their own part of the image", absent=False
            ),
        },
        "resnet101": {
            "weights": text("imagenet", "imagenet, random, or a file's path"),
            "trainable": yes_or_no(False, "learn its weights, too"),
        },
        "features": {},
        **{f"swiftformer_{size}": _swiftformer() for size in ("xs", "s", "l1", "l3")},
        **{f"biformer_{size}": _biformer() for size in ("t", "s", "b")},
    },
    "train": {
        "split": text("train", "what is learned from; CoGenT: trainA"),
        "val_split": text("val", "decides which epoch is kept; CoGenT: valA"),
        "select_on_test": yes_or_no(False, "allows a val_split that is meant for testing"),
        # Of training images.
        "augmentation": {
            "shift": whole(0, "moved by up to so many pixels", least=0),
            "rotation": number(0.0, "turned by up to so many radians", least=0),
            "fill": number(0.0, "brightness of what comes in from outside", least=0, most=1),
        },
        "epochs": count(10, "passes over the split, or over steps_per_epoch of it"),
        "steps_per_epoch": count(None, "None: all batches of the split", or_none=True),
        "batch_size": count(8, "images, over all devices together"),
        "schedule": choice(
            "cosine",
            ("constant", "cosine", "slow_start"),
            "of the learning rate; cosine has a warm-up",
        ),
        "learning_rate": number(1e-3, "the peak, after warm-up", above=0),
        "warmup_steps": whole(200, "of cosine", least=0),
        "start_rate": number(5e-6, "of slow_start: doubled every ...", above=0),
        "epochs_per_doubling": number(
            20.0, "... that many epochs, up to learning_rate", above=0
        ),
        "checkpoint_minutes": number(
            10.0, "also saves within an epoch; 0: at its end only", least=0
        ),
        "clip_norm": number(
            5.0, "of all gradients together, after the all-reduce; 0: off", least=0
        ),
        "weight_decay": number(0.0, "decoupled, as in AdamW", least=0),
        "patience": whole(
            0, "stop after so many epochs without a better val; 0: never", least=0
        ),
        "ema_decay": rate(0.0, "evaluate and save an average of the weights; 0: the last ones"),
        "precision": choice(
            "float32",
            ("float32", "mixed_bfloat16"),
            "mixed_bfloat16: for GPUs and CPUs that have it",
        ),
        "jit_compile": yes_or_no(False, "the step by XLA; one device"),
        "steps_per_execution": count(1, "in one call of TensorFlow"),
        "deterministic": yes_or_no(False, "the same bits on a GPU, too, at the cost of speed"),
        "overfit_one_batch": yes_or_no(False, "learn the first batch by heart: for debugging"),
    },
}

VQA = {
    "max_words": count(None, "None: the longest question of the train split", or_none=True),
    "num_answers": count(None, "None: every answer of the train split", or_none=True),
    "min_answer_count": count(1, "given so often in the train split, or left out"),
    "metric": choice(
        "exact",
        ("exact", "vqa"),
        "exact: the answer of most people; vqa: the official VQA accuracy",
    ),
    "evaluator": choice(
        2021, (2018, 2021), "of VQA: 2018 is the one before March 2021, docs/data.md"
    ),
    # Maps of a frozen encoder, for the image encoder `features`: --mode=build --features writes
    # those of the records in image_records_dir into records_dir.
    "maps": {
        "encoder": choice(
            "resnet101", _MAP_ENCODERS, "its stage is set in its section of model"
        ),
        "image_size": sizes((320, 320), "height, width", least=32, most=MAX_SIDE, length=2),
        "weights": text("imagenet", "of resnet101; or random, or a file's path", or_none=True),
        "batch_size": count(32, "images encoded at once, over all devices together"),
        "image_records_dir": text(None, "folder of the records of images", or_none=True),
    },
    # A name for each slot, and the arguments of every part that can be named.
    "model": {
        "image_encoder": choice("small_cnn", slots.IMAGE_ENCODERS, "image to grid"),
        "mixer": choice("none", slots.MIXERS, "refines the cells before the attention"),
        "attention": choice("han", slots.ATTENTIONS, "which cells are kept"),
        "aggregator": choice("relation", slots.AGGREGATORS, "kept cells to one vector"),
        "question_lstm": {
            "embedding_dim": count(32, "width of a word"),
            "units": count(128, "width of a question"),
            "reverse": yes_or_no(False, "read the last word first"),
            "pool": choice("last", ("last", "mean"), "of the states at all words"),
            "dropout": rate(0.0, "of the words"),
        },
        "question_norm_scale": number(
            None, "None: no normalisation of questions", above=0, or_none=True
        ),
        "fusion": {
            "units": sizes((128, 128), "of each layer", may_be_empty=True),
            "how": choice(
                "concatenate", ("concatenate", "add", "multiply"), "cells and question meet"
            ),
        },
        "none": {},  # of attention, mixer and image encoder: takes nothing
        "additive": {
            "token_weights": choice("l2", _TOKEN_WEIGHTS, "how cells are weighed"),
            "use_question": yes_or_no(True, "let the question in"),
        },
        "bilevel_routing": {
            "num_heads": count(4, "of the attention; divides the width"),
            "num_regions": count(5, "along each side of the grid"),
            "top_k": count(4, "regions that a region looks at"),
            "local_kernel": odd(3, "width of the convolution beside it; 0: none"),
            "use_question": yes_or_no(True, "let the question in"),
        },
        "query_guided": {
            "num_heads": count(4, "of the attention; divides the width"),
            "hidden_dim": count(256, "of the layers after the attention"),
            "dropout": rate(0.0, "of what is added to the cells"),
        },
        "soft": {
            "num_hops": count(2, "looks, one after another"),
            "hidden_dim": count(128, "in which cells and question meet"),
            "rescale": yes_or_no(True, "multiply the weighted cells by their number"),
        },
        "han": {
            "num_cells": count(None, "kept cells; takes the place of fraction", or_none=True),
            "fraction": number(0.25, "of the cells is kept", above=0, most=1),
        },
        "adahan": {
            "max_cells": count(None, "kept at most; None: no limit", or_none=True),
            "norm": choice("l2", ("l2", "squared"), "of a cell, its presence"),
        },
        "sum": {},
        "pairwise": {"units": count(128, "width of a pair")},
        "relation": {
            "units": sizes((128, 128, 128, 128), "of each layer of g"),
            "pairs": choice("ordered", ("ordered", "unordered"), "(a, b) and (b, a), or one"),
            "buckets": sizes(
                (),
                "numbers of cells, for adahan with jit_compile",
                may_be_empty=True,
                ascending=True,
            ),
            "recompute_chunks": whole(0, "more: less memory, see docs/model.md", least=0),
        },
        "classifier": {
            "units": sizes((256, 256), "of each hidden layer", may_be_empty=True),
            "dropout": rate(0.0, "before the logits"),
        },
    },
    "train": {
        "loss": choice("softmax", ("softmax", "softmax_sampled", "sigmoid"), "docs/model.md"),
        "questions_per_image": count(
            None, "in a batch; None: all of an image's questions", or_none=True
        ),
        "all_cells_steps": whole(
            0, "first steps that look at every cell, docs/model.md", least=0
        ),
    },
}

LOCALIZE = {
    # A name for each slot, and the arguments of every part that can be named.
    "model": {
        "image_encoder": choice("edge_cnn", LOCALIZER_ENCODERS, "image to grid"),
        "attention": choice("han", LOCALIZER_ATTENTIONS, "which cells are kept"),
        "selection": choice(
            "presence",
            SELECTIONS,
            "what they are kept by; dense_score is there for comparison",
        ),
        "resnet50": {
            "weights": text("imagenet", "imagenet, random, or a file's path"),
            "trainable": yes_or_no(False, "learn its weights, too"),
        },
        "edge_cnn": {
            "filters": sizes((32, 64, 64), "of each stage, which halves the sides"),
            "depths": sizes((1, 2, 2), "convolutions of each stage"),
            "num_groups": count(8, "of its normalisation; divides each of filters"),
        },
        "sketch": {
            "pixels": choice(
                32, (16, 32, 64, 128, 256), "a drawing's sides, about those of an object"
            ),
            "shared": yes_or_no(True, "with edge_cnn: one tower for image and drawing"),
            "encoder": choice("edge_cnn", LOCALIZER_ENCODERS, "of drawings, where not shared"),
            "weights": text(
                None, "of it, a file's path; None: random; of a ResNet imagenet", or_none=True
            ),
            "trainable": yes_or_no(True, "learn its weights, too"),
            "fusion": choice("tokens", FUSIONS, "of several drawings of a query"),
        },
        "decoder_memory": choice("kept", DECODER_MEMORIES, "at which objects look"),
        # Of decoder_memory=maps.
        "pyramid": {
            "stages": sizes(
                (2, 3, 4), "of the encoder, whose outputs are maps", ascending=True
            ),
            "extra_maps": whole(1, "coarser ones, each of half the sides", least=0, most=4),
            "width": count(256, "of all maps, and of the drawings' tokens"),
            "num_groups": count(32, "of their normalisation; divides width"),
        },
        "embedding_dim": count(64, "in which drawings and cells are compared"),
        "guidance": {
            "where": choice("last", GUIDANCES, "cells look at the drawing"),
            "rounds": count(2, "of looking around, behind the last stage"),
            "num_heads": count(4, "of the attention; divides the width"),
            "hidden_dim": count(128, "of the layers after the attention"),
            "dropout": rate(0.0, "of the attention"),
        },
        "dense_head": {"hidden_dim": count(64, "of boxes and scores of every cell")},
        "none": {},  # keeps all cells: takes nothing
        "han": {
            "num_cells": count(None, "kept cells; takes the place of fraction", or_none=True),
            "fraction": number(0.11, "of the cells is kept", above=0, most=1),
        },
        "adahan": {
            "max_cells": count(None, "kept at most; None: no limit", or_none=True),
            "norm": choice("l2", ("l2", "squared"), "of a cell, its presence"),
        },
        "decoder": {
            "num_levels": count(2, "of layers, each with boxes and scores"),
            "num_heads": count(4, "of each attention; divides the width"),
            "hidden_dim": count(128, "of the layers after each attention"),
            "dropout": rate(0.0, "of each attention"),
            "norm_first": yes_or_no(False, "normalise in front of each part"),
            "num_points": count(4, "of each head on each map, of decoder_memory=maps"),
            "refine": yes_or_no(True, "objects by the drawing, and the drawing by them"),
        },
    },
    "train": {
        "augmentation": {
            # Not of questions: they say left and right.
            "mirror": yes_or_no(False, "mirrored left-right, every other one by chance"),
            # Of what training asks with, each drawing by itself.
            "drawings": {
                "rotation": number(0.0, "turned by up to so many radians", least=0),
                "stretch": number(0.0, "sides shortened to 1 / (1 + stretch)", least=0),
                "mirror": yes_or_no(False, "left-right, every other one by chance"),
                "bend": number(0.0, "bent by up to that share of a side", least=0),
            },
        },
        "contrast_weight": number(2.0, "of the contrast of drawings and objects", least=0),
        "queries_per_image": count(None, "in a batch; None: all of an image", or_none=True),
        "all_cells_steps": whole(
            0, "first steps: all cells are kept, the dense head alone learns", least=0
        ),
    },
}

# Every value of a task's config, as nested dicts of `kinds.Value`.
TABLES = {"vqa": merge(COMMON, VQA), "localize": merge(COMMON, LOCALIZE)}


def get_config(task="vqa"):
    config = to_config(TABLES[task])
    config.task = task
    return config
