"""Maps or images: one answer for all who read records."""

import pathlib

import records
from records import map_facts

FOLDERS = [pathlib.Path(records.__file__).parent]
FOLDERS.append(FOLDERS[0].parent / "hardvqa_tf")


def test_what_records_hold():
    images = {"dataset": "clevr"}
    made_by = {"shape": [2, 3, 4], "encoder": "resnet101", "dtype": "float16"}
    maps = images | {"features": made_by}
    assert [map_facts.holds_maps(info) for info in (images, maps)] == [False, True]
    assert [map_facts.map_shape(info) for info in (images, maps)] == [None, (2, 3, 4)]
    assert [map_facts.map_bytes(info) for info in (images, maps)] == [None, 48]


def test_nobody_else_asks_in_its_own_way():
    own = pathlib.Path(map_facts.__file__)
    found = [
        str(path)
        for folder in FOLDERS
        for path in folder.rglob("*.py")
        if path != own and any(s in path.read_text("utf-8") for s in _DIALECTS)
    ]
    assert not found


_DIALECTS = ('"features" in ', '"features" not in ')
