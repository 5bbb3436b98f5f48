"""What several test files share: tiny Sort-of-CLEVR records, a tiny config, and --slow."""

import gc
import os

# Before anything imports TensorFlow. Tensors are tiny: to share one between threads costs
# more than to compute it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import pytest

BUILDER_ARGS = {
    "num_train_images": 24,
    "num_val_images": 6,
    "num_test_images": 5,
    "num_questions": 3,  # of each group: six an image
    "seed": 1,
}


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run tests marked slow")


# Folders with long tests come first: at the end short ones are left for both processes.
_FIRST = ("localize/", "training/", "export/", "test_", "serving/", "encoders/", "vqa/")


def pytest_collection_modifyitems(config, items):
    items.sort(key=_place)  # stable: a file's tests stay together, in their order
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


def _place(item):
    path = item.nodeid.removeprefix("tests/")
    return next((i for i, start in enumerate(_FIRST) if path.startswith(start)), len(_FIRST))


def pytest_collection_finish(session):
    """What is imported stays: not looked through again and again for what could be freed."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session")
def records_dir(tmp_path_factory):
    """24 train, 6 val and 5 test images of 75x75 pixels with six questions each."""
    from hardvqa_tf.data.words import split_words
    from records import build

    folder = tmp_path_factory.mktemp("records") / "sort_of_clevr"
    build.build(
        "sort_of_clevr",
        str(folder),
        builder_args=BUILDER_ARGS,
        num_shards=2,
        num_processes=1,
        split_words=split_words,
    )
    return str(folder)


@pytest.fixture(scope="session")
def vocabularies(records_dir):
    from hardvqa_tf.vqa import Vocabularies

    return Vocabularies.from_records(records_dir)


@pytest.fixture
def eagerly():
    """Runs tf.functions without tracing them, which takes seconds for every small model."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def tiny_config(records_dir):
    """The smallest parts, some dropout, 2 epochs: a run of seconds."""
    from hardvqa_tf.configs import base

    config = base.get_config()
    config.records_dir = records_dir
    config.image_size = (20, 24)  # a grid of 3 x 3 cells
    config.seed = 3
    config.model.small_cnn.filters = (4, 5, 6)
    config.model.small_cnn.strides = (2, 2, 2)
    config.model.question_lstm = {"embedding_dim": 3, "units": 7}
    config.model.fusion.units = (8,)
    config.model.aggregator = "sum"
    config.model.classifier = {"units": (9,), "dropout": 0.4}
    config.train.epochs = 2
    config.train.batch_size = 5  # 24 images: the last batch is filled with one of weight 0
    config.train.warmup_steps = 3
    return config


@pytest.fixture
def config(records_dir):
    return tiny_config(records_dir)


@pytest.fixture(scope="session")
def trained_run(records_dir, tmp_path_factory):
    """(workdir, lines that were reported) of `tiny_config`'s run. Only read it."""
    from hardvqa_tf.training.loop import train_model

    workdir, lines = str(tmp_path_factory.mktemp("trained_run")), []
    train_model(tiny_config(records_dir), workdir, report=lines.append)
    return workdir, lines


EXPORTED_WORDS = ["what", "color", "is", "the", "größe", "?", "1", "red"]
EXPORTED_ANSWERS = ["yes", "no", "two", "red", "größer", "blue", "a\nb"]


@pytest.fixture(scope="session")
def exported_run(records_dir, tmp_path_factory):
    """Workdir of an untrained run, adaptive attention and a relation network, with one export.

    Only read it.
    """
    import keras

    from hardvqa_tf import runs
    from hardvqa_tf.export.savedmodel import export
    from hardvqa_tf.vqa import Vocabularies
    from hardvqa_tf.vqa.task import build_model

    config, workdir = tiny_config(records_dir), str(tmp_path_factory.mktemp("a") / "my run")
    config.model.attention, config.model.aggregator = "adahan", "relation"
    config.model.relation.units = (9, 10)
    vocabularies = Vocabularies(EXPORTED_WORDS, EXPORTED_ANSWERS, max_words=5)
    keras.utils.set_random_seed(1)
    runs.start_run(workdir, config, vocabularies)
    runs.save_model(workdir, build_model(config, vocabularies))
    export(workdir)
    return workdir


@pytest.fixture(scope="session")
def scene_records(tmp_path_factory):
    """Folder of tiny records of scenes. Only read it."""
    from tests.localize import tiny_records

    return tiny_records.write(tmp_path_factory.mktemp("scenes") / "sketch_scenes")


@pytest.fixture(scope="session")
def exported_localizer(scene_records, tmp_path_factory):
    """Workdir of a localizer's run that was not trained, with one export. Only read it."""
    from tests.localize import tiny_records

    workdir = str(tmp_path_factory.mktemp("a") / "my run")
    tiny_records.export_run(scene_records, workdir)
    return workdir


@pytest.fixture(scope="session")
def door():
    """The program in this process, for what needs no process of its own: each takes seconds."""
    from hardvqa_tf.command_line import flags, program

    flags.define_config()
    flags.FLAGS.mark_as_parsed()
    return program
