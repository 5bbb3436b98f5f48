"""PASCAL VOC from its official files: pixels to edges, difficult ones, faults."""

import numpy as np
import pytest

from records.build import build, read_info
from records.builders.voc import Voc
from records.builders.voc_classes import NAMES, QUICKDRAW, SETS
from records.builders.voc_files import read_annotation
from records.class_set import Choice
from records.source import BuildError, Problems
from tests.records import photo_trees
from tests.records.photo_trees import voc_object, voc_xml
from tests.records.trees import read_records

CLASSES = "cat+dog+sofa"


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voc_drawings")
    return str(photo_trees.write_drawings(folder, "cat", "dog", "couch"))


@pytest.fixture
def tree(tmp_path):
    return photo_trees.voc_tree(tmp_path / "tree")


def build_voc(tree, records_dir, drawings, on_error="stop", **changed):
    arguments = {"classes": CLASSES, "drawings": drawings} | changed
    return build(
        "voc",
        str(records_dir),
        source_dir=str(tree),
        builder_args=arguments,
        on_error=on_error,
    )


def by_id(records_dir, split):
    return {r["image/id"].decode(): r for r in read_records(records_dir, split)}


def names_of(record):
    return [name.decode() for name in record["object/name"]]


def test_records_splits_and_difficult_ones(tree, drawings, tmp_path):
    info = build_voc(tree, tmp_path / "r", drawings)
    assert list(info["splits"]) == ["train", "val", "test"]
    assert info["knows"]["judged_as_voc"] and not info["knows"]["areas_of_coco"]
    found = by_id(tmp_path / "r", "test")
    # 000033 shows a difficult cat alone: there is nothing to ask.
    assert set(found) == {"VOC2007_000030", "VOC2007_000031", "VOC2007_000032"}
    cats = found["VOC2007_000030"]
    assert cats["object/difficult"].tolist() == [0, 1] and cats["object/crowd"].tolist() == [
        0,
        0,
    ]
    edges = cats["object/box"] * [40, 30, 40, 30]
    np.testing.assert_allclose(edges, [[4, 3, 14, 9], [19, 9, 40, 30]], atol=1e-5)
    assert np.isnan(cats["object/area"]).all()
    assert names_of(found["VOC2007_000031"]) == ["dog"]  # neither the person nor its head
    whole = found["VOC2007_000031"]["object/box"][0]
    assert whole.tolist() == [0, 0, 1, 1]
    floats = found["VOC2007_000032"]["object/box"][1] * [40, 30, 40, 30]
    np.testing.assert_allclose(floats, [1.5, 2, 9, 9], atol=1e-5)
    assert info["splits"]["test"]["images_per_class"] == {"cat": 2, "dog": 1}
    assert len(by_id(tmp_path / "r", "train")) == 8 and len(by_id(tmp_path / "r", "val")) == 2


def test_leak_free_and_the_same_bytes(tree, drawings, tmp_path):
    infos = [build_voc(tree, tmp_path / name, drawings, unseen="sofa") for name in "ab"]
    assert infos[0] == infos[1]
    train = by_id(tmp_path / "a", "train")
    assert set(train) == {f"VOC2007_{i:06d}" for i in (2, 4, 6, 8)}
    assert infos[0]["class_set"]["left_out_of"]["train"]["num_images_that_show_unseen"] == 4
    looser = build_voc(tree, tmp_path / "c", drawings, unseen="sofa", leak_free="false")
    assert looser["splits"]["train"]["num_images"] == 8
    assert all(names_of(r) == ["cat"] for r in by_id(tmp_path / "c", "train").values())


def test_2012_has_no_test_of_its_own(drawings, tmp_path):
    splits = {
        "train": {f"2008_{i:06d}": [voc_object("cat")] for i in range(20)},
        "val": {"2009_000001": [voc_object("dog")]},
    }
    tree = photo_trees.voc_tree(tmp_path / "VOCdevkit", "2012", splits).parent
    build_voc(tree, tmp_path / "r", drawings, val_share=0.3)
    found = {split: set(by_id(tmp_path / "r", split)) for split in ("train", "val", "test")}
    assert found["test"] == {"VOC2012_2009_000001"}
    assert len(found["train"]) + len(found["val"]) == 20 and len(found["val"]) > 1
    photo_trees.voc_tree(tmp_path / "VOCdevkit", "2007")
    info = build_voc(tree, tmp_path / "both", drawings, val_share=0.3)
    assert info["splits"]["test"]["num_images"] == 4
    only = build_voc(tree, tmp_path / "one", drawings, year="2007")
    assert only["splits"]["test"]["num_images"] == 3


FAULTS = [
    ("", "not XML"),
    (voc_xml(voc_object("cat"))[:-20], r"not XML .*cut off"),
    ("<html></html>", "expected <annotation>. Received: <html>"),
    ("<annotation></annotation>", "<size> is missing"),
    (voc_xml(width="x"), "<width> must be a number. Received: 'x'"),
    (voc_xml(width=0), "<width> must be a whole number above 0"),
    (voc_xml(voc_object("cat"), "<object/>"), r"object 2: <name> is missing"),
    (voc_xml(voc_object("cat")).replace("<name>cat</name>", "<name/>"), "<name> is empty"),
    (voc_xml(voc_object("tiger")), r"object 1 \(tiger\): <name> 'tiger' is no class of VOC"),
    (voc_xml(voc_object("cat", difficult=2)), r"\(cat\): <difficult> must be 0 or 1"),
    (voc_xml(voc_object("cat", (9, 9, 3, 12))), "<bndbox> ends before it begins"),
    (voc_xml(voc_object("cat", (9, 9, 99, 12))), "reaches out of the image of 40x30"),
    (voc_xml(voc_object("cat", ("nan", 9, 9, 12))), "<xmin> must be a number"),
    (voc_xml(voc_object("cat")).replace("bndbox", "box"), "<bndbox> is missing"),
    (voc_xml(voc_object("cat").replace("<xmin>5</xmin>", "")), "<xmin> is missing"),
    (voc_xml(voc_object("cat", more="<name>dog</name>")), "<name> is there 2 times"),
    ('<!DOCTYPE a [<!ENTITY b "c">]>' + voc_xml(), "XML with a DOCTYPE or with entities"),
]


@pytest.mark.parametrize(("text", "match"), FAULTS)
def test_faults_in_every_field(text, match):
    with pytest.raises(ValueError, match=match):
        read_annotation(text.encode(), NAMES)


def keys_of(tree, drawings, on_error, split="train"):
    builder = Voc(str(tree), drawings=drawings, classes=CLASSES)
    builder._choice = Choice(builder._class_set, set(builder._class_set.classes))
    problems = Problems(on_error, split)
    return {key for key, _ in builder.examples(split, problems)}, problems.notes


def test_a_fault_names_the_file_and_leaves_the_image_out(tree, drawings):
    path = tree / "VOC2007/Annotations/000003.xml"
    path.write_text(voc_xml(voc_object("cat"), voc_object("cat", difficult=7)))
    with pytest.raises(BuildError, match=r"VOC2007/Annotations/000003\.xml: object 2 \(cat\)"):
        keys_of(tree, drawings, "stop")
    keys, notes = keys_of(tree, drawings, "skip")
    assert len(keys) == 7 and "VOC2007_000003" not in keys and len(notes) == 1


def test_lists_that_do_not_fit(tree, drawings):
    (tree / "VOC2007/ImageSets/Main/val.txt").write_text("000020\n000001\n000099\n")
    with pytest.raises(BuildError, match=r"val\.txt:2: '000001' is also in .*train\.txt:1"):
        keys_of(tree, drawings, "stop", "val")
    keys, notes = keys_of(tree, drawings, "skip", "val")
    assert keys == {"VOC2007_000020"} and len(notes) == 2
    assert "there is no VOC2007/Annotations/000099.xml" in notes[1]["reason"]
    (tree / "VOC2007/ImageSets/Main/val.txt").write_text("000020  1\n")
    with pytest.raises(BuildError, match=r"val\.txt:1: expected the name of an image"):
        keys_of(tree, drawings, "stop")


def test_a_missing_photograph(tree, drawings):
    (tree / "VOC2007/JPEGImages/000003.jpg").unlink()
    with pytest.raises(BuildError, match=r"JPEGImages/000003\.jpg: there is no such file"):
        keys_of(tree, drawings, "stop")


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"year": "2012"}, r"lacks VOC2012, with Annotations"),
        ({"year": "2010"}, "`year` must be auto, 2007, 2012"),
        ({"classes": "cat+tiger"}, "`classes` names 'tiger', which VOC does not have"),
        ({"classes": "20"}, "no drawing of .*'person'"),
        ({"unseen": "E"}, "`unseen` must be .*not among the classes are E"),
    ],
)
def test_arguments_that_cannot_be(tree, drawings, tmp_path, changed, match):
    with pytest.raises(BuildError, match=match):
        build_voc(tree, tmp_path / "r", drawings, **changed)


def test_class_names():
    assert len(NAMES) == 20 and SETS["20"] == NAMES and len(SETS["17"]) == 17
    assert set(QUICKDRAW) < set(SETS["17"])


def test_an_empty_folder(tmp_path, drawings):
    with pytest.raises(BuildError, match="lacks VOC2007 and VOC2012"):
        build_voc(tmp_path, tmp_path / "r", drawings)


def test_what_dataset_info_says(tree, drawings, tmp_path):
    build_voc(tree, tmp_path / "r", drawings)
    found = read_info(tmp_path / "r")["class_set"]
    assert found["seen"] == ["cat", "dog", "sofa"] and found["unseen_name"] == "none"
