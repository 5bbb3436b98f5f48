"""Why a file is not found."""

import os
import unicodedata

import pytest

from records.near_names import hint, hint_of_path

NFC, NFD = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))
LATIN_1 = os.fsdecode("café.png".encode("latin-1"))


@pytest.mark.parametrize("name, other", [(NFC, NFD), (NFD, NFC)])
def test_names_that_look_alike(name, other):
    assert "looks alike" in hint(name, ["a.png", other])
    assert ascii(other) in hint(name, ["a.png", other])


def test_other_causes():
    assert "another encoding than UTF-8" in hint(NFC, [LATIN_1])
    assert "another encoding than UTF-8" in hint(NFD, [LATIN_1])
    assert "There is 'Photo.JPG': capitals count" in hint("photo.jpg", ["Photo.JPG"])
    assert hint("b.png", ["a.png", NFC, LATIN_1]) == ""
    assert hint("\ud83d.png", ["a.png"]) == ""


@pytest.mark.parametrize(
    "name", ["https://example.org/a.png", "HTTP://x/a", "s3://b/a", "file:/a", "data:image/png"]
)
def test_addresses(name):
    assert "It is an address, not a file: download" in hint(name, ["a.png"])


@pytest.mark.parametrize("name", ["a.png", "a:b.png", "C:/a.png"])
def test_what_is_no_address(name):
    assert hint(name, []) == ""


def test_folders(tmp_path):
    folder = tmp_path / unicodedata.normalize("NFD", "été") / "b"
    folder.mkdir(parents=True)
    (folder / "A.png").write_bytes(b"")
    assert "looks alike" in hint_of_path(str(tmp_path), "été/b/A.png")
    nfd = f"{folder.parent.name}/b/a.png"
    assert "capitals count" in hint_of_path(str(tmp_path), nfd)
    assert "Write / between" in hint_of_path(str(tmp_path), r"b\a.png")
    assert "address" in hint_of_path(str(tmp_path), "https://example.org/a.png")
    assert hint_of_path(str(tmp_path), "c/d.png") == ""
