"""Files are whole or not there, and errors name them, whatever mode writes."""

import os

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.evaluate import _write_pictures
from hardvqa_tf.export.savedmodel import write_saved_model
from hardvqa_tf.localize.judging.queries import write_files
from hardvqa_tf.written import write_file, written
from tests import small_models
from tests.full_disk import full_disk


def test_text_and_bytes(tmp_path):
    path = tmp_path / "a.txt"
    write_file(path, "ä")
    assert path.read_bytes() == "ä".encode()
    write_file(str(path), b"\xff")
    assert path.read_bytes() == b"\xff" and os.listdir(tmp_path) == ["a.txt"]


def test_what_is_not_whole_is_not_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with full_disk(), pytest.raises(OSError, match=f"{path} cannot be .*Make room.* again"):
        write_file(path, "now " * 9)
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["a.txt"]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_file(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "text"
    write_file(os.devnull, "text")
    assert not os.path.isfile(os.devnull)


def test_an_error_of_what_is_done_meanwhile_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="cannot be written \\(gone\\)"):
        with written(tmp_path / "a") as partial:
            open(partial, "w").close()
            raise OSError("gone")
    assert os.listdir(tmp_path) == []


def _saved_model(folder):
    model = small_models.build()

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def double(x):
        return 2.0 * x

    write_saved_model(f"{folder}/1", model, {"serving_default": double})


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("00.png", lambda folder: _write_pictures(folder, [np.zeros((8, 8, 3), np.uint8)])),
        ("annotations_val.json", lambda folder: write_files(folder, "val", [], {})),
        ("1", _saved_model),
    ],
)
def test_a_full_disk_is_told_by_its_file(tmp_path, name, write):
    path = tmp_path / name
    with full_disk(), pytest.raises(OSError, match=f"{path} cannot be written .*Make room"):
        write(str(tmp_path))
