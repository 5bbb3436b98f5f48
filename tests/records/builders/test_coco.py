"""COCO from its official files: what a record holds, who is asked, faults in every field."""

import json
import pickle
import shutil

import numpy as np
import pytest

import hardvqa_tf.command_line.build
from records import beam
from records.build import build, read_info
from records.builders import coco_classes, photographs
from records.builders.coco import Coco
from records.class_set import Choice
from records.drawings.stored_drawings import StoredDrawings
from records.source import BuildError, Problems
from tests.records import photo_trees
from tests.records.trees import files_of, read_records
from tests.shared_data import shared

ARGUMENTS = {"classes": "cat+dog+apple", "unseen": "dog", "val_share": "0.3"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("coco")
    photo_trees.write_drawings(root / "drawings", "cat", "dog", "apple", "anvil")
    return photo_trees.coco_tree(root)


@pytest.fixture
def own_tree(tree, tmp_path):
    return shutil.copytree(tree, tmp_path / "tree")


def build_coco(tree, records_dir, on_error="stop", write_shards=None, **changed):
    arguments = ARGUMENTS | {"drawings": str(tree / "drawings")} | changed
    return build(
        "coco",
        str(records_dir),
        source_dir=str(tree),
        builder_args=arguments,
        on_error=on_error,
        write_shards=write_shards,
    )


@pytest.fixture(scope="module")
def built(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "records"
    build_coco(tree, folder)
    return folder


def by_id(records_dir, *splits):
    found = [r for split in splits for r in read_records(records_dir, split)]
    return {record["image/id"].decode(): record for record in found}


def names_of(record):
    return [name.decode() for name in record["object/name"]]


def test_what_a_record_holds(built):
    record = by_id(built, "test")[f"{500:012d}"]
    assert names_of(record) == ["cat", "cat", "dog"]
    boxes = record["object/box"] * [40, 30, 40, 30]
    np.testing.assert_allclose(boxes[0], [4, 3, 14, 9], atol=1e-5)
    np.testing.assert_allclose(boxes[1], [20, 10, 40, 30], atol=1e-5)  # to the very edge
    assert record["object/area"].tolist() == [41.5] * 3  # the segment's, not the box's
    crowded = by_id(built, "test")[f"{501:012d}"]
    assert names_of(crowded) == ["dog", "apple"]
    assert crowded["object/crowd"].tolist() == [0, 1]
    assert crowded["image/width"] == 40 and not len(crowded["question/id"])


def test_splits_and_what_is_left_out(built):
    info = read_info(built)
    train, val = (set(by_id(built, split)) for split in ("train", "val"))
    assert train and val and not train & val
    assert train | val == {f"{i:012d}" for i in range(1, 21)}
    # 503 has a crowd alone, 502 an apple beside a person.
    assert set(by_id(built, "test")) == {f"{i:012d}" for i in (500, 501, 502)}
    found = info["class_set"]
    assert (found["name"], found["unseen_name"], found["leak_free"]) == (
        "listed",
        "listed",
        True,
    )
    assert (found["seen"], found["unseen"], found["left_out"]) == (
        ["apple", "cat"],
        ["dog"],
        [],
    )
    left = [found["left_out_of"][split] for split in ("train", "val", "test")]
    assert sum(of["num_images_that_show_unseen"] for of in left) == 4
    assert left[2]["num_images_without_a_class"] == 1
    assert info["test_splits"] == ["test"] and info["parts"] == ["drawings"]
    assert info["splits"]["test"]["images_per_class"] == {"apple": 1, "cat": 1, "dog": 2}


def test_no_training_image_shows_an_unseen_class(built):
    """Not by a crowd, and not by a box without an area either."""
    for record in by_id(built, "train", "val").values():
        assert "dog" not in names_of(record)
        assert int(record["image/id"]) <= 20


def test_the_looser_protocol_drops_boxes_alone(tree, tmp_path):
    info = build_coco(tree, tmp_path / "r", leak_free="false")
    found = by_id(tmp_path / "r", "train", "val")
    assert set(found) == {f"{i:012d}" for i in range(1, 25)}
    assert all("dog" not in names_of(record) for record in found.values())
    assert info["class_set"]["leak_free"] is False


def test_no_class_is_unseen(tree, tmp_path):
    info = build_coco(tree, tmp_path / "r", unseen="none")
    names = {
        name for r in by_id(tmp_path / "r", "train", "val").values() for name in names_of(r)
    }
    assert names == {"cat", "dog", "apple"} and info["class_set"]["unseen"] == []
    counts = info["class_set"]["left_out_of"].values()
    assert sum(of["num_boxes_without_area"] for of in counts) == 1  # image 24's dog


def test_drawings_are_those_of_the_classes(built):
    stored = StoredDrawings(str(built / "drawings"))
    assert set(stored.class_names) == {"cat", "dog", "apple"}
    assert stored.classes("test_unseen") == ["dog"] and stored.classes("train") == [
        "apple",
        "cat",
    ]


def test_2014_zipped_gives_the_same_records_as_2014(tree, tmp_path):
    """With annotations and images as they are downloaded."""
    plain = photo_trees.coco_tree(tmp_path / "plain", year="2014")
    drawings = str(tree / "drawings")
    build_coco(plain, tmp_path / "r", drawings=drawings)
    packed = photo_trees.coco_tree(tmp_path / "packed", year="2014")
    photo_trees.zipped(packed, "annotations", "annotations_trainval2014")
    photo_trees.zipped(packed, "train2014")
    build_coco(packed, tmp_path / "z", drawings=drawings)
    for name, data in files_of_records(tmp_path / "r").items():
        assert files_of_records(tmp_path / "z")[name] == data
    assert set(by_id(tmp_path / "z", "test")) == {
        f"COCO_val2014_{i:012d}" for i in (500, 501, 502)
    }


def files_of_records(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.tfrecord-*")}


def test_the_same_bytes_twice_and_after_a_stop(tree, built, own_tree, tmp_path, monkeypatch):
    broken = own_tree / "val2017" / photo_trees.coco_name(502, "val")
    image = broken.read_bytes()
    broken.write_bytes(b"no image".ljust(len(image)))
    with pytest.raises(BuildError, match=rf"val2017/{502:012d}\.jpg.*1 object"):
        build_coco(own_tree, tmp_path / "r", drawings=str(own_tree / "drawings"))
    broken.write_bytes(image)
    build_coco(own_tree, tmp_path / "r")
    there, again = read_info(built), read_info(tmp_path / "r")
    assert files_of_records(tmp_path / "r") == files_of_records(built)
    assert files_of(tmp_path / "r" / "drawings") == files_of(built / "drawings")
    again["arguments"]["drawings"] = there["arguments"]["drawings"]
    assert again == there


@pytest.mark.skipif(beam.beam is None, reason="apache-beam is not installed")
def test_a_pipeline_writes_the_same_records(tree, built, tmp_path):
    build_coco(tree, tmp_path / "r", write_shards=beam.shard_writer(["--runner=DirectRunner"]))
    assert files_of_records(tmp_path / "r") == files_of_records(built)


def test_examples_can_be_sent_to_other_processes(tree):
    """What a pipeline and processes of this machine need."""
    builder = Coco(str(tree), **ready(tree))
    builder._choice = Choice(builder._class_set, set(builder._class_set.classes))
    _, example = next(iter(builder.examples("train", Problems())))
    again = pickle.loads(pickle.dumps(example))
    assert again.load_image() == example.load_image() and again.objects == example.objects


def test_it_is_verified_with_its_drawings(built, capsys):
    hardvqa_tf.command_line.build._verify(str(built))
    said = capsys.readouterr().out
    assert f"{built}: 23 images" in said and f"{built / 'drawings'}: 18 drawings" in said


# Faults: of annotation 2, image 1's apple, unless said otherwise.


def of_annotation(**changed):
    def edit(content):
        content["annotations"][1].update(changed)

    return edit


def without(key):
    return lambda content: content["annotations"][1].pop(key)


def of_image(**changed):
    return lambda content: content["images"][0].update(changed)


FAULTS = [
    (of_annotation(bbox=[1, 2, 3]), "annotation 2: 'bbox' must be four finite numbers"),
    (of_annotation(bbox="1 2 3 4"), "annotation 2: 'bbox' must be a list"),
    (of_annotation(bbox=[1, 2, True, 4]), "annotation 2: 'bbox' must be four"),
    (of_annotation(bbox=[1, 2, -3, 4]), "annotation 2: 'bbox' has a width or height below 0"),
    (
        of_annotation(bbox=[1, 2, 43, 4]),
        "annotation 2: its box reaches out of the image of 40x30",
    ),
    (of_annotation(bbox=[-9, 2, 3, 4]), "annotation 2: its box reaches out"),
    (of_annotation(area=-1), "annotation 2: 'area' must be a number of at least 0.*-1"),
    (of_annotation(area=1300), "annotation 2: 'area'.*not above the image's.*1300"),
    (of_annotation(area=None), "annotation 2: 'area'.*null"),
    (without("area"), "annotation 2: 'area'.*nothing"),
    (of_annotation(iscrowd=2), "annotation 2: 'iscrowd' must be 0 or 1"),
    (of_annotation(iscrowd=True), "annotation 2: 'iscrowd' must be an integer"),
    (without("iscrowd"), "annotation 2: 'iscrowd' is missing"),
    (of_annotation(category_id=2), "annotation 2: 'category_id' 2 is that of no category"),
    (of_annotation(image_id=77), "annotation 2: 'image_id' 77 is that of no image"),
    (without("image_id"), "annotation 2: 'image_id' is missing"),
    (without("id"), r"annotation at place 1 \(from 0\): 'id' is missing"),
    (of_annotation(id=1), "annotation 1: has the id of an earlier entry"),
    (of_image(width=0), "image 1: 'width' and 'height' must be above 0"),
    (of_image(height="30"), "image 1: 'height' must be an integer"),
    (of_image(file_name=7), "image 1: 'file_name' must be a string"),
    (
        of_image(file_name=f"{2:012d}.jpg"),
        "image 2: 'file_name' .* is that of an earlier entry",
    ),
    (of_image(id=2), "image 2: has the id of an earlier entry"),
]


@pytest.mark.parametrize(("edit", "match"), FAULTS)
def test_faults_are_named_with_file_and_id(own_tree, edit, match):
    photo_trees.change(own_tree / "annotations/instances_train2017.json", edit)
    builder = Coco(str(own_tree), **ready(own_tree))
    with pytest.raises(
        BuildError, match=f"(?s)instances_train2017.json: {match}.*on_error=skip"
    ):
        list(examples_of(builder, "train", "stop"))


def ready(tree, **changed):
    arguments = {"classes": "cat+dog+apple", "unseen": "dog", "val_share": 0.0}
    return arguments | {"drawings": str(tree / "drawings")} | changed


def examples_of(builder, split, on_error):
    """Without a store: the choice of classes is what it leaves."""
    builder._choice = Choice(builder._class_set, set(builder._class_set.classes))
    problems = Problems(on_error, split)
    for key, _ in builder.examples(split, problems):
        yield key
    examples_of.notes = problems.notes


@pytest.mark.parametrize("place", [0, 6, 13, 17])
def test_a_fault_that_is_skipped_leaves_its_image_out(own_tree, place):
    """Half of its boxes would teach that there is nothing else."""
    edit, _ = FAULTS[place]
    photo_trees.change(own_tree / "annotations/instances_train2017.json", edit)
    keys = set(examples_of(Coco(str(own_tree), **ready(own_tree)), "train", "skip"))
    left = {f"{i:012d}" for i in range(2, 21)}
    assert keys == left
    assert [note["split"] for note in examples_of.notes] == ["train"]


def test_a_fault_of_another_class_leaves_the_image_in(own_tree):
    def edit(content):
        of_people = [a for a in content["annotations"] if a["category_id"] == 1]
        of_people[0]["bbox"] = [0, 0, -1, 5]

    photo_trees.change(own_tree / "annotations/instances_train2017.json", edit)
    keys = set(examples_of(Coco(str(own_tree), **ready(own_tree)), "train", "skip"))
    assert len(keys) == 20 and "below 0" in examples_of.notes[0]["reason"]


def test_a_box_may_reach_a_rounding_over_the_edge(own_tree):
    photo_trees.change(
        own_tree / "annotations/instances_train2017.json",
        of_annotation(bbox=[-0.4, 10, 40.7, 20.3]),
    )
    builder = Coco(str(own_tree), **ready(own_tree))
    assert len(set(examples_of(builder, "train", "stop"))) == 20


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"images": [], "annotations": []}, "no list 'categories'"),
        ([], "expected COCO's instances"),
        ({"images": [], "annotations": [], "categories": [{"id": 1}]}, "category 1: 'name'"),
        (
            {"images": [], "annotations": [], "categories": []},
            "no category 'apple', 'cat', 'dog'",
        ),
    ],
)
def test_other_files_under_the_name(own_tree, content, match):
    (own_tree / "annotations/instances_train2017.json").write_text(json.dumps(content))
    with pytest.raises(BuildError, match=f"instances_train2017.json.*{match}"):
        list(examples_of(Coco(str(own_tree), **ready(own_tree)), "train", "skip"))


def test_a_missing_image(own_tree, tmp_path):
    (own_tree / "train2017" / photo_trees.coco_name(3, "train")).unlink()
    with pytest.raises(BuildError, match=rf"{3:012d}\.jpg: the image is missing in train2017"):
        build_coco(own_tree, tmp_path / "r")
    info = build_coco(own_tree, tmp_path / "s", on_error="skip")
    assert info["num_skipped"] == 1 and f"{3:012d}" not in by_id(tmp_path / "s", "train", "val")
    # Nobody misses an image that is asked for nothing.
    (own_tree / "train2017" / photo_trees.coco_name(25, "train")).unlink()
    assert build_coco(own_tree, tmp_path / "t", on_error="skip")["num_skipped"] == 1


def test_an_image_of_another_size(own_tree, tmp_path):
    path = own_tree / "train2017" / photo_trees.coco_name(3, "train")
    photo_trees.write_image(path, 20, 15)
    with pytest.raises(BuildError, match="annotations are of an image of 40x30.*has 20x15"):
        build_coco(own_tree, tmp_path / "r")


def test_missing_files_are_listed_together(tree, tmp_path):
    with pytest.raises(
        BuildError, match=r"(?s)instances_train2017\.json.*trainval2017.*train2017/"
    ):
        build_coco(tmp_path, tmp_path / "r", drawings=str(tree / "drawings"))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"drawings": ""}, "needs drawings to ask with: --builder_args=drawings=FOLDER"),
        ({"classes": "57"}, "`classes` must be the name of a set .56, 27, 62."),
        ({"classes": "cat+cat"}, "names 'cat' twice"),
        (
            {"unseen": "Z"},
            "`unseen` must be the name of a set .L, B, .*not among the classes are Z",
        ),
        ({"unseen": "cat+dog+apple"}, "all 3 classes are unseen"),
        ({"classes": "cat+dog+cow", "unseen": "none"}, "no category 'cow'"),
        ({"year": "2015"}, "`year` must be one of auto, 2017, 2014"),
        ({"without_drawings": "no"}, "`without_drawings` must be one of stop, leave_out"),
        ({"drawn_as": "cat"}, "`drawn_as` must be CLASS=DRAWING"),
        ({"drawn_as": "cow=cat"}, "`drawn_as` names 'cow', which is not among"),
        ({"drawings_per_class": 2}, "`drawings_per_class` must be 0, for all, or at least 3"),
        ({"val_share": 1.0}, "`val_share` must be"),
    ],
)
def test_arguments_that_cannot_be(tree, tmp_path, changed, match):
    if "cow" in changed.get("classes", ""):
        photo_trees.write_drawings(tmp_path / "d", "cat", "dog", "cow")
        changed = changed | {"drawings": str(tmp_path / "d")}
    with pytest.raises(BuildError, match=match):
        build_coco(tree, tmp_path / "r", **changed)


def test_classes_without_drawings(tree, tmp_path):
    drawings = photo_trees.write_drawings(tmp_path / "d", "cat", "house", "Apple_")
    with pytest.raises(BuildError, match=r"no drawing of 1 of 3 classes: 'dog'.*of: house"):
        build_coco(tree, tmp_path / "r", drawings=str(drawings))
    info = build_coco(
        tree, tmp_path / "s", drawings=str(drawings), without_drawings="leave_out"
    )
    found = info["class_set"]
    assert (found["seen"], found["unseen"], found["left_out"]) == (
        ["apple", "cat"],
        [],
        ["dog"],
    )
    # Still no training image shows it: it is of the unseen set.
    assert found["left_out_of"]["train"]["num_images_that_show_unseen"] > 0
    info = build_coco(tree, tmp_path / "t", drawings=str(drawings), drawn_as="dog=house")
    assert info["class_set"]["unseen"] == ["dog"]


def test_the_sets_of_the_papers():
    sets, unseen = coco_classes.SETS, coco_classes.UNSEEN
    assert {name: len(of) for name, of in sets.items()} == {"56": 56, "27": 27, "62": 62}
    assert all(len(set(of)) == 14 and set(of) <= set(sets["56"]) for of in unseen.values())
    folds = [unseen[f"fold{i}"] for i in range(4)]
    assert sorted(name for fold in folds for name in fold) == sorted(sets["56"])
    assert unseen["E"] == unseen["fold1"]
    assert len({frozenset(unseen[name]) for name in "LBE"}) == 3
    assert unseen["L"][:3] == ("elephant", "bus", "bed") and "stop sign" in unseen["B"]
    assert set(sets["27"]) - set(sets["56"]) == {"motorcycle"}
    assert set(sets["62"]) - set(sets["56"]) == {*coco_classes.QUICKDRAW, "teddy bear"}


def test_the_genuine_photographs(tmp_path):
    """26 of them, under the names of the official files; asked with people's drawings."""
    source, drawings = shared("coco_ccby"), shared("quickdraw")
    content = json.loads((source / "instances.json").read_text())
    for part, of_part in (("train", content["images"][:18]), ("val", content["images"][18:])):
        ids = {image["id"] for image in of_part}
        own = [a for a in content["annotations"] if a["image_id"] in ids]
        folder = tmp_path / "tree" / f"{part}2017"
        folder.mkdir(parents=True)
        (tmp_path / f"tree/instances_{part}2017.json").write_text(
            json.dumps(content | {"images": of_part, "annotations": own})
        )
        for image in of_part:
            shutil.copy(source / "images" / image["file_name"], folder)
    build(
        "coco",
        str(tmp_path / "r"),
        source_dir=str(tmp_path / "tree"),
        builder_args={
            "drawings": str(drawings),
            "classes": "62",
            "unseen": "L",
            "val_share": 0,
        },
    )
    info, test = read_info(tmp_path / "r"), by_id(tmp_path / "r", "test")
    unseen = set(coco_classes.UNSEEN["L"])
    assert len(info["class_set"]["seen"]) == 48 and set(info["class_set"]["unseen"]) == unseen
    train = by_id(tmp_path / "r", "train")
    assert train and not unseen & {name for r in train.values() for name in names_of(r)}
    categories = {c["id"]: c["name"] for c in content["categories"]}
    wanted = set(coco_classes.SETS["62"])
    queries = {
        (f"{a['image_id']:012d}", categories[a["category_id"]])
        for a in content["annotations"]
        if not a["iscrowd"] and categories[a["category_id"]] in wanted
    }
    asked = {(i, name) for i, record in test.items() for name in names_of(record)}
    assert asked == {(i, name) for i, name in queries if i in test} and len(test) > 4
    record = test[max(test)]
    first = next(a for a in content["annotations"] if f"{a['image_id']:012d}" == max(test))
    assert first["area"] == pytest.approx(record["object/area"][0])


def test_our_own_doodles(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(photographs, "_DOODLES_PER_CLASS", 4)
    changed = {"drawings": "doodles", "classes": "cat+apple", "unseen": "none"}
    info = build_coco(tree, tmp_path / "r", **changed)
    assert info["class_set"]["seen"] == ["apple", "cat"]
