"""A run's state on disk: restored whole, whatever happened to its files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.training import checkpoints
from tests.full_disk import full_disk


def test_a_run_state_counts_and_keeps_the_best(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    state = checkpoints.RunState(str(tmp_path), model, optimizer)
    assert (state.epoch, state.best, state.best_epoch) == (0, -1, 0)
    assert [state.finish_epoch(accuracy) for accuracy in (0.0, 0.7, 0.7, 0.2)] == [
        True,
        True,
        False,
        False,
    ]
    state.save()
    kept = model.get_weights()
    model.set_weights([2 * w + 1 for w in kept])
    again = checkpoints.RunState(str(tmp_path), model, optimizer)
    again.restore()
    assert (again.epoch, again.best, again.best_epoch) == (4, 0.7, 2)
    for a, b in zip(model.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def state(tmp_path):
    """A run's state, saved twice: after epoch 1, of weights 1, and after epoch 2, of 2."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    state = checkpoints.RunState(str(tmp_path), model, optimizer, sum_names=("loss", "items"))
    state.model, state.optimizer = model, optimizer
    for epoch in (1.0, 2.0):
        model.set_weights([np.full((2, 3), epoch), np.full(3, epoch)])
        state.finish_epoch(0.5)
        state.save()
    return state


def restored(state, lines):
    state.model.set_weights([np.zeros((2, 3)), np.zeros(3)])
    state.restore(lines.append)
    values = np.unique(np.concatenate([w.ravel() for w in state.model.get_weights()]))
    return [state.epoch, *values]


@pytest.mark.parametrize("damage", ["short", "empty", "other"])
@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_a_damaged_checkpoint_is_left_out(state, tmp_path, part, damage):
    path = tmp_path / "checkpoints" / f"ckpt-2.{part}"
    whole = bytearray(path.read_bytes())
    if damage == "other":
        whole[3] ^= 1
    path.write_bytes({"short": whole[: len(whole) // 2], "empty": b"", "other": whole}[damage])
    lines = []
    assert restored(state, lines) == [1, 1.0]
    assert len(lines) == 1 and "ckpt-2 is damaged and left out" in lines[0]
    (tmp_path / "checkpoints" / "ckpt-1.index").write_bytes(b"")
    with pytest.raises(ValueError, match="None of the 2 checkpoints in .* can be read"):
        restored(state, lines)


MADE_AGAIN = (
    "The run resumes from ckpt-2, the newest checkpoint that is whole; the list is made"
)
DAMAGED_LISTS = [
    (b"", "is empty"),
    (b"model_check", "is damaged: it is no list of checkpoints"),
    (b"\x00\xff\x9c" * 9, "is damaged: it is no list of checkpoints"),
    (b"version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS"),
    (b'a: "ckpt-9"\n', "is damaged: it is no list of checkpoints"),
    (b'model_checkpoint_path: ""\n', "is damaged: it is no list of checkpoints"),
    (b'model_checkpoint_path: "ckpt-2"\nall_model_ch', "is damaged: it is no list of"),
    (b'model_checkpoint_path: "ckpt-2"\n' * 2, "is damaged: it is no list of checkpoints"),
    (b'model_checkpoint_path: "ckpt-9"\n', "names ckpt-9, of which the files are missing"),
]


@pytest.mark.parametrize("content, wrong", DAMAGED_LISTS)
def test_a_damaged_list_of_checkpoints_is_told_and_made_again(
    state, tmp_path, content, wrong, monkeypatch
):
    said = []  # TensorFlow's own lines, which say less.
    monkeypatch.setattr(tf.get_logger(), "warning", lambda *args: said.append(args))
    folder = tmp_path / "checkpoints"
    (folder / "checkpoint").write_bytes(content)
    again = checkpoints.RunState(str(tmp_path), state.model, state.optimizer, ("loss", "items"))
    again.model, lines = state.model, []
    assert restored(again, lines) == [2, 2.0]
    assert len(lines) == 1 and f"{folder / 'checkpoint'} {wrong}" in lines[0]
    assert MADE_AGAIN in lines[0]
    again.finish_epoch(0.7)
    again.save()
    assert {path.stem for path in folder.glob("ckpt-*")} == {"ckpt-2", "ckpt-3"}
    assert tf.train.latest_checkpoint(str(folder)) == str(folder / "ckpt-3")
    assert restored(state, lines) == [3, 2.0] and len(lines) == 1
    assert said == []


def test_a_lost_list_of_checkpoints_is_told(state, tmp_path):
    (tmp_path / "checkpoints" / "checkpoint").unlink()
    lines = []
    assert restored(state, lines) == [2, 2.0]
    assert len(lines) == 1 and f"checkpoint is missing. {MADE_AGAIN}" in lines[0]


def test_a_list_of_before_the_newest_checkpoint_is_no_damage(state, tmp_path):
    """A kill between the files of a checkpoint and the list leaves it so."""
    path = tmp_path / "checkpoints" / "checkpoint"
    path.write_text('model_checkpoint_path: "ckpt-1"\n')
    lines = []
    assert restored(state, lines) == [2, 2.0] and lines == []


@pytest.mark.parametrize("content, wrong", DAMAGED_LISTS)
def test_a_list_without_any_checkpoint_does_not_start_again(state, tmp_path, content, wrong):
    folder = tmp_path / "checkpoints"
    for path in folder.glob("ckpt-*"):
        path.unlink()
    (folder / "checkpoint").write_bytes(content)
    with pytest.raises(ValueError, match=f"{wrong}.*, and no checkpoint is in .*Copy the run"):
        restored(state, [])


def test_a_folder_in_place_of_the_list_of_checkpoints(state, tmp_path):
    path = tmp_path / "checkpoints" / "checkpoint"
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=f"{path} is a folder, not a file. Remove it"):
        restored(state, [])


def test_a_full_disk(state, tmp_path):
    """What was saved before stays, and is what a run goes on from."""
    state.finish_epoch(0.9)
    with (
        full_disk(),
        pytest.raises(OSError, match="state cannot be written to .*make room, and the"),
    ):
        state.save()
    assert restored(state, []) == [2, 2.0]
    state.save()
    assert restored(state, []) == [2, 2.0]


def test_a_machine_that_does_not_write(state, tmp_path):
    before = sorted(path.name for path in tmp_path.rglob("*"))
    state._writes = False
    state.save_within_epoch(3, {"loss": 1.0, "items": 2.0})
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
