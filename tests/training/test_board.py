"""What is written for TensorBoard can be read back."""

import glob

import numpy as np
import pytest
import tensorflow as tf
from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from hardvqa_tf.training.board import Board, flatten_config, to_markdown
from tests.full_disk import full_disk


def read_events(logdir):
    """{tag: [value, ...]} of the event files in one folder, without those below it."""
    events = {}
    for path in sorted(glob.glob(f"{logdir}/events*")):
        for record in tf.data.TFRecordDataset(path):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                events.setdefault(value.tag, []).append((event.step, value))
    return events


def read_value(logdir, tag):
    """The step and the content of a tag that was written once."""
    ((step, value),) = read_events(logdir)[tag]
    return step, tf.make_ndarray(value.tensor)


def test_numbers_and_texts_can_be_read_back(tmp_path):
    board = Board(tmp_path)
    board.scalars({"train/loss": 0.5, "val/accuracy": np.float32(0.75)}, 7)
    board.text("note", "**seed** 3", 0)
    # Before it is closed: a killed run keeps its numbers.
    assert read_value(tmp_path, "train/loss") == (7, 0.5)
    assert read_value(tmp_path, "val/accuracy") == (7, 0.75)
    assert read_value(tmp_path, "note")[1] == b"**seed** 3"
    assert not (tmp_path / "hyperparameters").exists()
    board.close()


def test_pictures_of_different_heights_can_be_read_back(tmp_path):
    short, tall = np.full((3, 5, 3), 10, np.uint8), np.full((6, 5, 3), 20, np.uint8)
    board = Board(tmp_path)
    board.pictures("questions/val", [short, tall, short], 4)
    board.pictures("nothing", [], 4)
    board.close()
    assert "nothing" not in read_events(tmp_path)
    step, (width, height, *pictures) = read_value(tmp_path, "questions/val")
    assert (step, int(width), int(height), len(pictures)) == (4, 5, 6, 3)
    first, second, _ = (tf.io.decode_png(png).numpy() for png in pictures)
    np.testing.assert_array_equal(first[:3], short)
    assert (first[3:] == 255).all()
    np.testing.assert_array_equal(second, tall)


def test_a_histogram_counts_what_is_finite(tmp_path):
    board = Board(tmp_path)
    presence = np.array([[[1.0, 1.5], [3.0, np.nan]], [[1.0, np.inf], [5.0, 1.25]]])
    board.histogram("presence/val", presence, 3)
    board.close()
    step, buckets = read_value(tmp_path, "presence/val")  # rows of left, right, count
    assert step == 3
    assert buckets[:, 2].sum() == 6
    assert buckets[0, 0] == 1.0 and buckets[-1, 1] == 5.0
    assert buckets[buckets[:, 1] <= 2.0, 2].sum() == 4


def config():
    return ConfigDict(
        {
            "seed": 3,
            "records_dir": "a|b_c",
            "image_size": (75, 60),
            "max_words": placeholder(int),
            "model": {"attention": "han", "norm_first": True, "han": {"fraction": 0.25}},
            "features": {},
        }
    )


def test_a_config_is_flattened_to_what_the_hparams_page_knows():
    assert flatten_config(config()) == {
        "seed": 3,
        "records_dir": "a|b_c",
        "image_size": "(75, 60)",
        "max_words": "None",
        "model.attention": "han",
        "model.norm_first": True,
        "model.han.fraction": 0.25,
    }


def test_a_table_holds_any_text():
    table = to_markdown({"a|b": "x\ny", "path": "C:\\_<i>*"})
    assert table.splitlines() == [
        "| name | value |",
        "|---|---|",
        r"| a\|b | x y |",
        r"| path | C:\\\_\<i\>\* |",
    ]


def read_session(logdir):
    """The hyperparameters of the one session that a folder holds, however often it was told."""
    messages = [
        plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for _, value in read_events(logdir)["_hparams_/session_start_info"]
    ]
    assert len({message.session_start_info.group_name for message in messages}) == 1
    return messages[0].session_start_info


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """The logs of a run that was stopped after an epoch and went on."""
    logs = tmp_path_factory.mktemp("runs") / "mine" / "logs"
    for epoch in (1, 2):
        board = Board(logs, ("val/all", "seconds"))
        board.config(config(), epoch - 1)
        board.scalars({"val/all": epoch / 4, "seconds": 9.0, "train/loss": 1.0}, epoch)
        board.close()
    return logs


def test_the_config_is_a_text_panel(resumed):
    for _, value in read_events(resumed)["config"]:
        text = tf.make_ndarray(value.tensor).item().decode()
        assert r"| records\_dir | a\|b\_c |" in text
        assert "| image\\_size | (75, 60) |" in text


def test_a_run_is_one_session_with_its_metrics_alone(resumed):
    session = read_session(resumed / "hyperparameters")
    values = session.hparams
    assert session.group_name.startswith("mine ")
    assert values["seed"].number_value == 3
    assert values["model.norm_first"].bool_value is True
    assert values["max_words"].string_value == "None"
    assert len(values) == 7
    events = read_events(resumed / "hyperparameters")
    assert set(events) == {"_hparams_/session_start_info", "val/all", "seconds"}
    assert [float(tf.make_ndarray(v.tensor)) for _, v in events["val/all"]] == [0.25, 0.5]
    assert "train/loss" in read_events(resumed)


def test_tensorboard_reads_a_run_that_resumes_at_once_in_order(tmp_path):
    """It reads files in the order of their names, where 10 is before 9."""
    for epoch in range(1, 4):
        board = Board(tmp_path, ("val/all",))
        board.config(config(), epoch - 1)
        board.scalars({"val/all": epoch / 4}, epoch)
        board.close()
    for folder in (tmp_path, tmp_path / "hyperparameters"):
        made = sorted(folder.glob("events*"), key=lambda path: path.stat().st_mtime_ns)
        seconds = [int(path.name.split(".")[3]) for path in made]
        assert len(set(seconds)) == 3 and seconds == sorted(seconds)
        found = EventAccumulator(str(folder)).Reload().Tensors("val/all")
        assert [event.step for event in found] == [1, 2, 3]


def test_what_cannot_be_written_is_named(tmp_path):
    board = Board(tmp_path / "logs")
    with (
        full_disk(),
        pytest.raises(OSError, match=f"in {tmp_path}/logs cannot be written .*Make room"),
    ):
        board.scalars({"val/all": 0.5}, 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=f"in {tmp_path}/file cannot be written"):
        Board(tmp_path / "file")
