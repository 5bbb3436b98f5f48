"""Flags that name files and folders: what cannot be used is told by flag, path and remedy."""

import os
import re

import pytest
from absl.testing import flagsaver

from hardvqa_tf.command_line import flags, paths
from hardvqa_tf.command_line.paths import _FILES, _FOLDERS, _NEW_FILES, _OF_MODES

GIVEN = [(mode, name) for mode, names in _OF_MODES.items() for name in names]
READ, NEW, FOLDERS = (
    [(mode, name) for mode, name in GIVEN if name in kind]
    for kind in (_FILES, _NEW_FILES, _FOLDERS)
)


@pytest.fixture(autouse=True)
def place(door, tmp_path, monkeypatch):
    """In a folder with one thing of each kind; returns what the check of a flag says."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nothing")

    def said(mode, name, value):
        with flagsaver.as_parsed(**{name: value}):
            try:
                paths.check(mode)
            except ValueError as error:
                return str(error)
        return None

    return said


def one_sentence_of(text, name, value, what):
    assert text.startswith(f"--{name}={value}: ") and what in text, text
    assert re.search(r"\. Give .+\.$", text), text


@pytest.mark.parametrize(("mode", "name"), READ)
def test_a_file_that_is_read(place, mode, name):
    assert place(mode, name, "file") is None
    for value, what in {
        "": "it is empty.",
        "none": "there is no such file.",
        "FILE": "There is 'file': capitals count.",
        "folder": "it is a folder, not a regular file.",
        "pipe": "it is a named pipe, not a regular file.",
        "link": "there is no such file.",
        "file/in": "there is no such file.",
    }.items():
        one_sentence_of(place(mode, name, value), name, value, what)


@pytest.mark.parametrize(("mode", "name"), NEW)
def test_a_file_that_is_written(place, mode, name):
    for value in ("file", "new", "new/folder/file", "folder/new"):
        assert place(mode, name, value) is None
    for value, what in {
        "": "it is empty.",
        "folder": "it is a folder, not a file.",
        "new/": "it is a folder, not a file.",
        "file/new": "file is a file, not a folder.",
        "pipe/a/b": "pipe is a named pipe, not a folder.",
        "link/new": "link is a link to something that is not there.",
    }.items():
        one_sentence_of(place(mode, name, value), name, value, what)


@pytest.mark.parametrize(("mode", "name"), FOLDERS)
def test_a_folder(place, mode, name):
    for value in ("folder", "new", "folder/new/er"):  # The mode says more of a missing one.
        assert place(mode, name, value) is None
    for value, what in {
        "": "it is empty.",
        " ": "it is empty.",
        "file": "it is a file, not a folder.",
        "file/new": "file is a file, not a folder.",
        "link": "it is a link to something that is not there.",
    }.items():
        one_sentence_of(place(mode, name, value), name, value, what)


def test_what_the_system_does_not_let_one_read_or_write(place, monkeypatch):
    def access(path, way):
        return os.path.basename(path) != "folder" or not way & denied

    monkeypatch.setattr(os, "access", access)
    denied = os.W_OK
    assert "you may not write into it." in place("evaluate", "workdir", "folder")
    assert "folder." in place("evaluate", "scores", "folder/new.json")
    assert place("predict", "workdir", "folder") is None
    denied = os.R_OK
    assert "you may not read it." in place("predict", "workdir", "folder")
    monkeypatch.setattr(os, "access", lambda path, way: False)
    assert "you may not read it." in place("evaluate", "predictions", "file")
    assert "you may not write it." in place("evaluate", "scores", "file")


def test_every_flag_of_a_path_is_of_a_mode():
    described = set(_FILES) | set(_NEW_FILES) | set(_FOLDERS)
    assert described == {name for names in _OF_MODES.values() for name in names}
    assert set(_OF_MODES) == set(flags.MODES)


@pytest.mark.parametrize(
    ("name", "given", "path"),
    [
        ("scores", "far/scores.json", "far/scores.json"),
        ("workdir", "far", "far/masks_val/00.png"),
        ("overlay", "far/away/a.png", "far"),
    ],
)
def test_what_fails_later_is_told_with_its_flag(place, name, given, path):
    with flagsaver.as_parsed(**{name: given}):
        said = paths.in_words(PermissionError(13, "Permission denied", path))
    one_sentence_of(said, name, given, f"{path} cannot be used (Permission denied).")
    said = paths.in_words(PermissionError(13, "Permission denied", "/other"))
    assert said.startswith("/other cannot be used (Permission denied). Let it be used, or ")
    assert paths.in_words(OSError("The disk is gone.")) == "The disk is gone."


def test_the_program_says_it_before_it_begins(door, place, tmp_path):
    given = {"mode": "evaluate", "predictions": "folder", "annotations": "file"}
    with flagsaver.as_parsed(**given), pytest.raises(SystemExit) as ended:
        door.main(["main.py"])
    assert ended.value.code.startswith("Error: --predictions=folder: it is a folder, not a ")


def test_a_report_does_not_replace_a_file_of_its_name(door, tmp_path):
    (tmp_path / "report").write_text("mine")
    with flagsaver.as_parsed(mode="report", runs="folder"), pytest.raises(SystemExit) as ended:
        door.main(["main.py"])
    assert ended.value.code.startswith(
        "Error: --report_dir=report: it is a file, not a folder."
    )


@pytest.mark.parametrize("name", ["scores", "questions"])
def test_flags_of_a_result_file_need_one(door, name):
    with flagsaver.as_parsed(mode="evaluate", **{name: "file"}):
        with pytest.raises(SystemExit, match=f"--{name}=file without --predictions. Give"):
            door.main(["main.py"])


@pytest.mark.parametrize(
    ("given", "files"),
    [
        (["a.png,b.png"], ["a.png", "b.png"]),
        (["a.png", "b.png"], ["a.png", "b.png"]),
        (["my,cat.png"], ["my,cat.png"]),  # which is there
        (["my,cat.png", "a.png,b.png"], ["my,cat.png", "a.png", "b.png"]),
        ([], []),
    ],
)
def test_drawings_are_separated_by_flags_or_commas(tmp_path, given, files):
    (tmp_path / "my,cat.png").write_bytes(b"")
    with flagsaver.as_parsed(sketch=given):
        assert flags.sketches() == files


def test_the_one_of_several_drawings_that_is_wrong_is_named(place):
    said = place("predict", "sketch", ["file,none"])
    assert said.startswith("--sketch=file,none: 'none': there is no such file. Give the file")
    said = place("predict", "sketch", ["file,,file"])
    assert said.startswith("--sketch=file,,file: '': it is empty. Give the file")
