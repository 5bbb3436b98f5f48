"""Why a file is not found."""

import os
import unicodedata

import pytest

from records.near_names import NearNames

NFC, NFD = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))
LATIN_1 = os.fsdecode("café.png".encode("latin-1"))


def hint(tmp_path, name, names):
    for other in names:
        (tmp_path / other).write_bytes(b"")
    return NearNames(str(tmp_path)).hint(name)


@pytest.mark.parametrize("name, other", [(NFC, NFD), (NFD, NFC)])
def test_names_that_look_alike(tmp_path, name, other):
    found = hint(tmp_path, name, ["a.png", other])
    assert "looks alike" in found and ascii(other) in found


@pytest.mark.parametrize("name", [NFC, NFD])
def test_a_name_in_another_encoding(tmp_path, name):
    assert "another encoding than UTF-8" in hint(tmp_path, name, ["a.png", LATIN_1])


def test_capitals(tmp_path):
    found = hint(tmp_path, "photo.jpg", ["Photo.JPG"])
    assert "There is 'Photo.JPG': capitals count" in found


@pytest.mark.parametrize("name", ["b.png", "\ud83d.png", "a:b.png", "C:/a.png", "a.png/b.png"])
def test_nothing_is_known(tmp_path, name):
    assert hint(tmp_path, name, ["a.png", NFC, LATIN_1]) == ""


@pytest.mark.parametrize(
    "name", ["https://example.org/a.png", "HTTP://x/a", "s3://b/a", "file:/a", "data:image/png"]
)
def test_addresses(tmp_path, name):
    assert "It is an address, not a file: download" in hint(tmp_path, name, ["a.png"])


def test_folders(tmp_path):
    folder = tmp_path / unicodedata.normalize("NFD", "été") / "b"
    folder.mkdir(parents=True)
    (folder / "A.png").write_bytes(b"")
    near = NearNames(str(tmp_path))
    assert "looks alike" in near.hint("été/b/A.png")
    assert "capitals count" in near.hint(f"{folder.parent.name}/b/a.png")
    assert "Write / between" in near.hint(r"b\a.png")
    assert near.hint("c/d.png") == ""


def test_a_folder_is_looked_through_once(tmp_path, monkeypatch):
    looked, listdir = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: looked.append(path) or listdir(path))
    near = NearNames(str(tmp_path))
    assert [near.hint(f"{i}.png") for i in range(9)] == [""] * 9
    assert looked == [str(tmp_path)]
