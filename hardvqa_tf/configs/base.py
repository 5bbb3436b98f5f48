"""Every value that an experiment can set, with its default. Other files here change a few.

Lengths are counts of images, questions or epochs; `learning_rate` is the peak, after warm-up.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def get_config():
    config = ConfigDict()
    config.seed = 0

    # Data: see docs/data.md.
    config.dataset = "sort_of_clevr"
    config.records_dir = "data/sort_of_clevr"
    config.builder_args = ConfigDict({}, convert_dict=False)
    config.image_size = (75, 75)  # height, width; larger and smaller images are resized
    config.max_words = placeholder(int)  # None: the longest question of the train split
    config.num_answers = placeholder(int)  # None: every answer of the train split
    config.min_answer_count = 1  # given so often in the train split, or left out
    config.metric = "exact"  # exact: the answer of most people; vqa: the official VQA accuracy
    config.evaluator = 2021  # of VQA: 2018 is the one before March 2021, docs/data.md

    # Maps of a frozen encoder, for the image encoder `features`: --mode=build --features writes
    # those of the records in image_records_dir into records_dir.
    # An encoder below that has weights; the stage of one that has stages is set there.
    config.maps = ConfigDict({"encoder": "resnet101", "image_size": (320, 320)})
    config.maps.weights = "imagenet"  # of resnet101; or random, or a file's path
    config.maps.batch_size = 32  # images encoded at once, over all devices together
    config.maps.image_records_dir = placeholder(str)

    # Model: a name for each slot, and the arguments of every part that can be named.
    config.model = ConfigDict()
    # small_cnn, resnet101, swiftformer_xs|s|l1|l3, biformer_t|s|b, features, none
    config.model.image_encoder = "small_cnn"
    config.model.mixer = "none"  # none, additive, bilevel_routing, query_guided
    config.model.attention = "han"  # none, soft, han, adahan
    config.model.aggregator = "relation"  # sum, pairwise, relation
    config.model.small_cnn = ConfigDict({"filters": (24, 24, 24, 24), "strides": (2, 2, 2, 2)})
    config.model.small_cnn.norm_first = False
    # Weights: imagenet, random, or a file's path.
    config.model.resnet101 = ConfigDict({"weights": "imagenet", "trainable": False})
    config.model.features = ConfigDict()
    for size in ("xs", "s", "l1", "l3"):
        # Weights: None is random; or a file's path. Stage: 1 to 4, whose output is the grid.
        swiftformer = ConfigDict({"stage": 3, "weights": placeholder(str), "trainable": True})
        swiftformer.update({"drop_path_rate": 0.0, "token_weights": "l2"})
        config.model[f"swiftformer_{size}"] = swiftformer
    for size in ("t", "s", "b"):
        biformer = ConfigDict({"stage": 3, "weights": placeholder(str), "trainable": True})
        biformer.update({"drop_path_rate": 0.0, "num_regions": 7})
        config.model[f"biformer_{size}"] = biformer
    config.model.question_lstm = ConfigDict({"embedding_dim": 32, "units": 128})
    config.model.question_lstm.update({"reverse": False, "pool": "last", "dropout": 0.0})
    config.model.question_norm_scale = placeholder(float)
    config.model.fusion = ConfigDict({"units": (128, 128), "how": "concatenate"})
    config.model.none = ConfigDict()  # of attention, mixer and image encoder: takes nothing
    config.model.additive = ConfigDict({"token_weights": "l2", "use_question": True})
    config.model.bilevel_routing = ConfigDict({"num_heads": 4, "num_regions": 5, "top_k": 4})
    config.model.bilevel_routing.update({"local_kernel": 3, "use_question": True})
    config.model.query_guided = ConfigDict({"num_heads": 4, "hidden_dim": 256, "dropout": 0.0})
    config.model.soft = ConfigDict({"num_hops": 2, "hidden_dim": 128, "rescale": True})
    # num_cells, where it is set, takes the place of the fraction.
    config.model.han = ConfigDict({"num_cells": placeholder(int), "fraction": 0.25})
    config.model.adahan = ConfigDict({"max_cells": placeholder(int), "norm": "l2"})
    config.model.sum = ConfigDict()
    config.model.pairwise = ConfigDict({"units": 128})
    config.model.relation = ConfigDict({"units": (128, 128, 128, 128), "pairs": "ordered"})
    config.model.relation.buckets = ()  # numbers of cells, for adahan with jit_compile
    config.model.relation.recompute_chunks = 0  # more: less memory, see docs/model.md
    config.model.classifier = ConfigDict({"units": (256, 256), "dropout": 0.0})

    # Training.
    config.train = ConfigDict()
    config.train.split = "train"  # CoGenT: trainA
    config.train.val_split = "val"  # decides which epoch is kept; CoGenT: valA
    config.train.select_on_test = False  # allows a val_split that is meant for testing
    # Of training images: moved by up to `shift` pixels, turned by up to `rotation` radians;
    # `fill`, in 0..1, is the brightness of what comes in from outside.
    config.train.augmentation = ConfigDict({"shift": 0, "rotation": 0.0, "fill": 0.0})
    config.train.loss = "softmax"  # softmax, softmax_sampled, sigmoid: docs/model.md
    config.train.epochs = 10
    config.train.steps_per_epoch = placeholder(int)  # None: all batches of the split
    config.train.batch_size = 8  # images, over all devices together
    config.train.questions_per_image = placeholder(int)  # None: all of an image's questions
    config.train.schedule = "cosine"  # constant, cosine (with warm-up), slow_start
    config.train.learning_rate = 1e-3
    config.train.warmup_steps = 200  # cosine
    config.train.start_rate = 5e-6  # slow_start: doubled every ...
    config.train.epochs_per_doubling = 20.0  # ... that many epochs, up to learning_rate
    config.train.all_cells_steps = 0  # first steps that look at every cell, see train._Steps
    config.train.checkpoint_minutes = 10.0  # also saves within an epoch; 0: at its end only
    config.train.clip_norm = 5.0  # of all gradients together, after the all-reduce; 0: off
    config.train.weight_decay = 0.0  # decoupled, as in AdamW
    config.train.patience = 0  # stop after so many epochs without a better val; 0: never
    config.train.ema_decay = 0.0  # evaluate and save an average of the weights; 0: the last
    config.train.precision = "float32"  # or mixed_bfloat16, for GPUs and CPUs that have it
    config.train.jit_compile = False  # the step by XLA; one device
    config.train.steps_per_execution = 1  # in one call of TensorFlow
    config.train.deterministic = False  # the same bits on a GPU, too, at the cost of speed
    config.train.overfit_one_batch = False  # learn the first batch by heart: for debugging

    config.lock()
    return config
