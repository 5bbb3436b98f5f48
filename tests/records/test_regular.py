"""A named pipe where a file should be is told; opening it would wait for ever."""

import os
import socket

import pytest

from hardvqa_tf.command_line.config_file import mistake_in
from hardvqa_tf.encoders.pytorch_checkpoint import read_checkpoint
from hardvqa_tf.predict import _read_image
from hardvqa_tf.score_files import score_files
from hardvqa_tf.serving import folders, serve
from records import regular
from records.builders.jsonl import Jsonl
from records.damage import read_json, what_is_wrong
from records.drawings.readers import read_drawing
from records.source import BuildError, Problems, read_bytes, sha256_of_file


@pytest.fixture
def pipe(tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    return path


READERS = {
    "bytes": read_bytes,
    "checksum": sha256_of_file,
    "json": read_json,
    "image": _read_image,
    "drawing": read_drawing,
    "results": lambda path: score_files(path, path),
    "token": lambda path: serve.read_token(path, None),
    "checkpoint": read_checkpoint,
}


@pytest.mark.parametrize("name", READERS)
def test_a_named_pipe_is_not_waited_for(pipe, name):
    with pytest.raises((ValueError, OSError), match="not a regular file") as error:
        READERS[name](pipe)
    assert pipe in str(error.value)


def test_a_model_card_that_is_a_pipe(tmp_path):
    (tmp_path / folders.EXTRA).mkdir()
    os.mkfifo(tmp_path / folders.EXTRA / "model.json")
    with pytest.raises(OSError, match="a named pipe, not a regular file"):
        folders.read_card(str(tmp_path))


def test_what_it_is_is_said(pipe, tmp_path):
    assert what_is_wrong(pipe) == "is a named pipe, not a regular file"
    assert regular.kind_instead("/dev/null") == "a device"
    assert regular.kind_instead(str(tmp_path)) == "a folder"
    assert regular.kind_instead(str(tmp_path / "none")) is None
    assert regular.kind_instead(__file__) is None
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(tmp_path / "s"))
        assert regular.kind_instead(str(tmp_path / "s")) == "a socket"
    assert "it is a named pipe." in mistake_in(pipe)


def test_images_and_lines_of_own_data(pipe, tmp_path):
    (tmp_path / "train.jsonl").write_text(
        '{"image": "pipe", "question": "a?", "answer": "b"}\n'
    )
    with pytest.raises(BuildError, match="there is a named pipe, not a regular file, 'pipe'"):
        list(Jsonl(str(tmp_path)).examples("train", Problems()))
    (tmp_path / "train.jsonl").unlink()
    os.mkfifo(tmp_path / "train.jsonl")
    with pytest.raises(OSError, match="a named pipe, not a regular file: .*train.jsonl"):
        Jsonl(str(tmp_path))
