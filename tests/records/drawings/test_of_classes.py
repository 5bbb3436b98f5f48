"""Drawings of some classes, under a data set's names."""

import pytest

from records.drawings.of_classes import OfClasses
from records.drawings.sources import Files
from records.source import BuildError, Problems
from tests.records.photo_trees import write_drawings

NAMES = {"tv": ["tv", "television"], "hot dog": ["hot dog"], "cat": ["cat"]}


@pytest.fixture
def folder(tmp_path):
    return write_drawings(tmp_path / "d", "television", "Hot_Dog", "cat", "house", number=5)


def found(source):
    by_class = {}
    for drawing in source.drawings(Problems()):
        by_class.setdefault(drawing.class_name, []).append(drawing)
    return by_class


def test_names_are_the_data_sets(folder):
    by_class = found(OfClasses(Files(folder), NAMES))
    assert {name: len(of) for name, of in by_class.items()} == {"tv": 5, "hot dog": 5, "cat": 5}


def test_two_classes_of_drawings_become_one(folder):
    by_class = found(OfClasses(Files(folder), {"pet": ["cat", "house"], "tv": ["television"]}))
    assert len(by_class["pet"]) == 10


def test_at_most_so_many_of_the_least_hashes(folder):
    everything = found(OfClasses(Files(folder), NAMES))["cat"]
    least = sorted(everything, key=lambda drawing: drawing.content_hash())[:2]
    limited = found(OfClasses(Files(folder), NAMES, limit=2))["cat"]
    assert [drawing.key for drawing in limited] == [drawing.key for drawing in least]


def test_a_class_without_drawings(folder):
    names = NAMES | {"remote": ["remote", "remote control"]}
    with pytest.raises(BuildError, match=r"1 of 4 classes: 'remote'.*no class has.*: house\."):
        found(OfClasses(Files(folder), names))
    assert "remote" not in found(OfClasses(Files(folder), names, leaves_out=True))
    with pytest.raises(BuildError, match="no drawing of 1 of 1 classes"):
        found(OfClasses(Files(folder), {"remote": ["remote"]}, leaves_out=True))


def test_one_name_of_two_classes(folder):
    with pytest.raises(
        BuildError, match="'television' cannot be of two classes: 'tv' and 'set'"
    ):
        OfClasses(Files(folder), {"tv": ["television"], "set": ["television"]})


def test_another_choice_is_another_source(folder):
    same = [OfClasses(Files(folder), NAMES).fingerprint() for _ in range(2)]
    others = [
        OfClasses(Files(folder), NAMES | {"cat": ["house"]}),
        OfClasses(Files(folder), NAMES, limit=4),
        OfClasses(Files(folder), NAMES, leaves_out=True),
    ]
    assert len({*same, *(other.fingerprint() for other in others)}) == 4
