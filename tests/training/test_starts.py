"""How a run starts: what is refused before anything is written, what a failed start leaves."""

import json
import pathlib
import shutil

import pytest
import tensorflow as tf

from hardvqa_tf import runs
from hardvqa_tf.data.identity import differences, identity_of
from hardvqa_tf.training import loop
from hardvqa_tf.training.board import Board
from hardvqa_tf.training.loop import train_model
from hardvqa_tf.training.steps import TrainSteps
from hardvqa_tf.vqa import Vocabularies, task
from records import build
from tests.conftest import BUILDER_ARGS
from tests.training.runs import scripted, without_pictures

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


def train(config, workdir):
    return train_model(config, str(workdir), report=lambda line: None)


def files_of(workdir):
    return sorted(path.name for path in pathlib.Path(workdir).rglob("*") if path.is_file())


@pytest.fixture
def folder(records_dir, tmp_path, config):
    """A copy of the records, which the config reads."""
    folder = shutil.copytree(records_dir, tmp_path / "records")
    config.records_dir = str(folder)
    return folder


def change_info(folder, change):
    path = folder / "dataset_info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "train.val_split",
            "valid",
            "no such split. Received: split='valid'. Use one of: train",
        ),
        ("train.split", "trainA", "no such split. Received: split='trainA'. Use one of: train"),
        ("train.val_split", "test", "is for testing"),
        (
            "train.batch_size",
            0,
            "config.train.batch_size=0: must be a whole number of at least",
        ),
        ("model.image_encoder", "features", "hold images, but maps are asked for"),
        ("model.han.num_cells", 10, "num_cells=10 for a grid of 9 cells"),
        ("model.small_cnn.strides", (2, 2), "one number per convolution"),
        ("model.bilevel_routing.top_k", 99, "not be more than the number of regions"),
    ],
)
def test_a_start_that_fails_leaves_no_run(config, tmp_path, key, value, said):
    config.model.mixer = "bilevel_routing"
    config.update_from_flattened_dict({key: value})
    with pytest.raises(ValueError, match=said):
        train(config, tmp_path / "run")
    assert not files_of(tmp_path)


def test_a_model_that_no_memory_holds(config, tmp_path):
    """One tensor of it has more elements than TensorFlow can count."""
    config.model.mixer = "bilevel_routing"
    config.model.bilevel_routing.local_kernel = 2**31 - 1
    with pytest.raises(MemoryError, match="not enough for this model .*Use a smaller"):
        train(config, tmp_path / "run")
    assert not files_of(tmp_path)


def test_the_corrected_command_starts(config, tmp_path, monkeypatch):
    scripted(monkeypatch, [0.5, 0.6])

    def fail(*args):
        raise tf.errors.ResourceExhaustedError(None, None, "no memory for this batch")

    with monkeypatch.context() as until_then:
        until_then.setattr(loop._Training, "_run_epoch", fail)
        with pytest.raises(MemoryError, match="no memory for this batch.*smaller train.batch"):
            train(config, tmp_path)
    assert not [*tmp_path.iterdir()]
    config.train.batch_size = 3
    assert train(config, tmp_path)["epoch"] == 2
    # What was trained is kept: an error after it takes nothing back.
    config.train.batch_size = 4
    with pytest.raises(ValueError, match=r"train.batch_size \(3 there, 4 here\) differ"):
        train(config, tmp_path)
    assert {"config.json", "vocabularies.json", "records.json"} <= {*files_of(tmp_path)}


@pytest.mark.parametrize(
    "owner, name",
    [
        (TrainSteps, "trace"),
        (Board, "config"),
        (loop, "start_run"),
        (loop._Training, "_make_steps"),
        (loop._Training, "_run_epoch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_before_the_first_step_nothing_stays(config, tmp_path, monkeypatch, owner, name, error):
    real = getattr(owner, name)

    def fail(*args, **options):
        if name in ("start_run", "config"):
            real(*args, **options)  # All of it is there, and then it fails.
        raise error("in the first step")

    monkeypatch.setattr(owner, name, fail)
    (tmp_path / "there/logs").mkdir(parents=True)
    (tmp_path / "there/logs/mine.txt").write_text("mine")
    for workdir, left in (("new/run", {"there"}), ("there", {"there"})):
        with pytest.raises(error, match="in the first step"):
            train(config, tmp_path / workdir)
        assert {path.name for path in tmp_path.iterdir()} == left
    assert files_of(tmp_path) == ["mine.txt"]


@pytest.mark.parametrize(
    "content, wrong",
    [(None, "is missing"), (b"", "is empty"), (b"PK\3\4 cut", "is damaged: it has no end")],
)
def test_the_best_epochs_model_is_missed_at_the_start(
    config, tmp_path, monkeypatch, content, wrong
):
    scripted(monkeypatch, [0.5, 0.4])
    config.train.epochs = 1
    train(config, tmp_path)
    (tmp_path / "model.keras").unlink()
    if content is not None:
        (tmp_path / "model.keras").write_bytes(content)
    stored = json.loads((tmp_path / "config.json").read_text())
    stored["train"]["epochs"] = config.train.epochs = 2
    (tmp_path / "config.json").write_text(json.dumps(stored))
    before = files_of(tmp_path)
    with pytest.raises(ValueError, match=f"model.keras {wrong}.*is the model of epoch 1, the"):
        train(config, tmp_path)
    assert files_of(tmp_path) == before


def test_a_resumed_run_that_fails_at_once_is_as_before(config, tmp_path, monkeypatch):
    scripted(monkeypatch, [0.5, 0.6])
    config.train.epochs = 1
    train(config, tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text())
    stored["train"]["epochs"] = config.train.epochs = 2
    (tmp_path / "config.json").write_text(json.dumps(stored))
    before = files_of(tmp_path)

    def fail(*args):
        raise ValueError("in the first step")

    monkeypatch.setattr(loop._Training, "_run_epoch", fail)
    with pytest.raises(ValueError, match="in the first step"):
        train(config, tmp_path)
    assert files_of(tmp_path) == before


def test_a_file_of_somebody_else_is_not_removed(config, tmp_path):
    """Of another program, say, in a folder that was given as --workdir by mistake."""
    (tmp_path / "config.json").write_text('{"mine": 1}')
    with pytest.raises(ValueError):
        train(config, tmp_path)
    assert (tmp_path / "config.json").read_text() == '{"mine": 1}'


def test_a_killed_start_says_that_nothing_was_trained(config, vocabularies, tmp_path):
    runs.start_run(str(tmp_path), config, vocabularies)
    config.train.epochs = 7
    with pytest.raises(
        ValueError, match=r"epochs \(2 there, 7 here\) differ.*nothing yet: to start again"
    ):
        train(config, tmp_path)


def test_splits_without_an_answer(config, folder, tmp_path):
    for split, key in (("val", "train.val_split"), ("train", "train.split")):
        change_info(folder, lambda info: info["splits"][split].update(num_answered=0))
        with pytest.raises(
            ValueError, match=f"{split}' of .* no answer that .*{key}='{split}'"
        ):
            train(config, tmp_path / "run")
        change_info(folder, lambda info: info["splits"][split].update(num_answered=36))
    assert not (tmp_path / "run").exists()


def test_a_split_without_an_answer_that_the_model_can_give(config, tmp_path, monkeypatch):
    """Every epoch would be as bad as the first one, which would be kept."""
    few = Vocabularies(["what"], ["a very rare answer"], 5)
    monkeypatch.setattr(task, "assets_from_records", lambda config: few)
    with pytest.raises(
        ValueError,
        match="no answer that the model can give.* of 1 answers.* such answers: none",
    ):
        train(config, tmp_path / "run")


def test_a_split_without_an_image(config, folder, vocabularies):
    def empty(info):
        split = info["splits"]["val"]
        shards = [shard | {"num_records": 0} for shard in split["shards"]]
        split.update(num_images=0, questions_per_image={}, shards=shards)

    change_info(folder, empty)
    with pytest.raises(
        ValueError, match="'val' of .* has no images. Splits with images: train"
    ):
        task.open_split(config, "val", vocabularies)


def test_a_run_does_not_go_on_with_other_records(config, tmp_path, monkeypatch):
    """They have the same words and answers, as far as the model can tell."""
    config.records_dir = str(tmp_path / "records")
    arguments = BUILDER_ARGS | {"num_test_images": 1}

    def build_records(num_shards=2, **changed):
        shutil.rmtree(config.records_dir, ignore_errors=True)
        build.build(
            "sort_of_clevr",
            config.records_dir,
            builder_args=arguments | changed,
            num_shards=num_shards,
            num_processes=1,
        )

    def check(said):
        with pytest.raises(
            ValueError, match=f"a run with other records: .*{said}.* differ. Use"
        ):
            train(config, workdir)

    build_records()
    scripted(monkeypatch, [0.5, 0.6, 0.7])
    workdir = tmp_path / "run"
    config.train.epochs = 3
    train(config, workdir)
    stored = json.loads((workdir / "records.json").read_text())
    assert stored == identity_of(config.records_dir, ("train", "val"))
    build_records(num_val_images=7)
    check(r"num_val_images \(6 then, 7 now\), what is in \S*-val.*1 more of val")
    build_records(num_shards=3)
    check(r"the number of shards of train \(2 then, 3 now\)")
    build_records(seed=2)
    check(r"seed \(1 then, 2 now\)")
    build_records()
    assert train(config, workdir) == {}
    # Of a split that is not trained on, nothing is asked; a run of before takes what is there.
    name = "sort_of_clevr-val.tfrecord-00001-of-00002"
    stored["splits"]["val"][name] = "0" * 64
    (workdir / "records.json").write_text(json.dumps(stored))
    check(f"what is in {name}")
    (workdir / "records.json").unlink()
    assert train(config, workdir) == {}
    assert json.loads((workdir / "records.json").read_text())["splits"]["val"][name] != "0" * 64


def test_which_maps_are_others():
    maps = {"encoder": "resnet101", "arguments": {"weights": "imagenet"}, "shape": [2, 3, 4]}
    now = {"dataset": "clevr", "arguments": {}, "features": maps, "splits": {"val": {"a": "0"}}}
    other = now | {"features": maps | {"arguments": {"weights": "sha256:1"}}}
    assert differences(now, now) == []
    assert differences(now, other) == ['weights ("imagenet" then, "sha256:1" now)']
    assert differences(now | {"dataset": "vqa_v2"}, now) == [
        'dataset ("vqa_v2" then, "clevr" now)'
    ]
    sums = [now | {"source_fingerprint": digit * 64} for digit in "ab"]
    assert differences(*sums) == [
        'source fingerprint ("aaaaaaaaaaaa..." then, "bbbbbbbbbbbb..." now)'
    ]
    images = {name: value for name, value in now.items() if name != "features"}
    assert "features" in differences(images, now)[0]


def test_weights_of_others_are_read_once(config, tmp_path, monkeypatch):
    """A resumed run has all weights in its checkpoint: the file may be gone."""
    build_model, pretrained = task.build_model, []

    def build_and_note(*args, **kwargs):
        pretrained.append(kwargs["pretrained"])
        return build_model(*args, **kwargs)

    monkeypatch.setattr(task, "build_model", build_and_note)
    scripted(monkeypatch, [0.5, 0.6])
    train(config, tmp_path)
    train(config, tmp_path)
    assert pretrained == [True, False]


@pytest.mark.parametrize("encoder", ["swiftformer_xs", "biformer_t"])
def test_a_model_of_a_run_needs_no_weights_of_others(config, vocabularies, encoder):
    config.model.image_encoder, config.image_size = encoder, (32, 32)
    config.model[encoder].update({"stage": 1, "weights": "gone.pth"})
    with pytest.raises(ValueError, match="'gone.pth', which is no file"):
        task.build_model(config, vocabularies)
    model = task.build_model(config, vocabularies, pretrained=False)
    assert model.inputs[0].shape == (None, 32, 32, 3)


def test_a_damaged_shard_is_named(config, folder, tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    monkeypatch.setattr(TrainSteps, "trace", lambda *args: None)
    path = folder / "sort_of_clevr-train.tfrecord-00001-of-00002"
    data = bytearray(path.read_bytes())
    data[9_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"{path} cannot be read: record . is damaged"):
        train(config, tmp_path / "run")
    assert "config.json" not in files_of(tmp_path / "run")
    path.write_bytes(data[:-1])
    with pytest.raises(ValueError, match=f"{path} has .* bytes, but was written with .* Copy"):
        train(config, tmp_path / "run")
