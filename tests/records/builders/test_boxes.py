"""Your own boxes: JSON lines, and exports of YOLO, CVAT, Label Studio and in COCO's form."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from records.box_exports import cvat, label_studio, lines, yolo
from records.build import build
from records.builders.boxes import Boxes
from records.class_set import Choice
from records.source import BuildError, Problems
from tests.records import photo_trees
from tests.records.trees import read_records, write_image, write_json, write_lines
from tests.shared_data import shared

# The box that every fixture gives, of an image of 40x30.
EDGES = [4, 3, 14, 9]
SHARES = [0.1, 0.1, 0.35, 0.3]


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("box_drawings")
    return str(photo_trees.write_drawings(folder, "cat", "dog"))


def line(image, *labels, box=EDGES, **more):
    return {"image": image, "boxes": [box] * len(labels), "labels": [*labels]} | more


def jsonl_tree(root):
    rows = {
        "train": [line(f"p/{i}.png", "cat", *(["dog"] if i % 2 else [])) for i in range(4)],
        "val": [line("p/10.png", "dog", "cat")],
        "test": [line("p/11.png", "cat", areas=[7.5], crowd=[0])],
    }
    for split, of_split in rows.items():
        root.mkdir(exist_ok=True)
        write_lines(root / f"{split}.jsonl", *of_split)
    draw(root, *(row["image"] for of_split in rows.values() for row in of_split))
    return root


def draw(root, *images):
    for image in images:
        write_image(root / image, 40, 30)


def yolo_tree(root):
    for split in ("train", "val", "test"):
        for number, text in enumerate(("0 0.225 0.2 0.25 0.2\n1 .5 .5 1 1\n", "1 .5 .5 .5 .5")):
            draw(root, f"images/{split}/{split}{number}.jpg")
            path = root / f"labels/{split}/{split}{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    draw(root, "images/train/empty.jpg")
    (root / "classes.txt").write_text("cat\ndog\n")
    return root


def cvat_xml(*images):
    return f"<annotations><version>1.1</version><meta/>{''.join(images)}</annotations>"


def cvat_image(name, *shapes, subset="Train", width=40):
    shapes = shapes or (cvat_box(), cvat_box("dog"), '<tag label="night"/>')
    return (
        f'<image id="0" name="{name}" subset="{subset}" width="{width}" height="30">'
        f"{''.join(shapes)}</image>"
    )


def cvat_box(label="cat", box=EDGES, more=""):
    corners = zip(("xtl", "ytl", "xbr", "ybr"), box, strict=True)
    attributes = " ".join(f'{name}="{value}"' for name, value in corners)
    return f'<box label="{label}" occluded="0" {attributes} z_order="0" {more}></box>'


def cvat_tree(root):
    images = [cvat_image(f"{s}.png", subset=s) for s in ("Train", "Validation", "Test")]
    draw(root, "images/Train/Train.png", "images/Validation.png", "Test.png")
    (root / "annotations.xml").write_text(cvat_xml(*images))
    return root


def studio_result(label="cat", **changed):
    value = {"x": 10, "y": 10, "width": 25, "height": 20, "rotation": 0}
    value["rectanglelabels"] = [label]
    value |= changed.pop("value", {})
    sizes = {"original_width": 40, "original_height": 30, "image_rotation": 0}
    return {"type": "rectanglelabels", "value": value} | sizes | changed


def studio_task(number, *results, split="train", **changed):
    results = results or (studio_result(), studio_result("dog"), {"type": "choices"})
    image = f"/data/local-files/?d=mine/{number}.png"
    annotation = {"id": number, "was_cancelled": False, "result": [*results]}
    task = {"id": number, "data": {"image": image, "split": split}}
    return task | {"annotations": [annotation]} | changed


def studio_tree(root):
    tasks = [studio_task(i, split=s) for i, s in enumerate(("train", "valid", "test"), 1)]
    draw(root, "1.png", "images/2.png", "mine/3.png")
    write_json(root / "project-1.json", tasks)
    return root


def coco_tree(root):
    for split in ("train", "valid", "test"):
        content = photo_trees.instances({1: photo_trees.TRAIN[21]})
        content["images"][0]["file_name"] = f"{split}.jpg"
        write_json(root / split / "_annotations.coco.json", content)
        draw(root, f"{split}/{split}.jpg")
    return root


TREES = {
    "jsonl": (jsonl_tree, {"train": 4, "val": 1, "test": 1}),
    "yolo": (yolo_tree, {"train": 2, "val": 2, "test": 2}),
    "cvat": (cvat_tree, {"train": 1, "val": 1, "test": 1}),
    "label_studio": (studio_tree, {"train": 1, "val": 1, "test": 1}),
    "coco": (coco_tree, {"train": 1, "val": 1, "test": 1}),
}


@pytest.mark.parametrize("kind", TREES)
def test_every_format_gives_the_same_box(kind, drawings, tmp_path):
    make, sizes = TREES[kind]
    tree = make(tmp_path / "tree")
    arguments = {"format": kind, "drawings": drawings, "classes": "cat+dog"}
    info = build("boxes", tmp_path / "r", source_dir=str(tree), builder_args=arguments)
    found = {split: of_split["num_images"] for split, of_split in info["splits"].items()}
    assert found == sizes and info["test_splits"] == ["test"]
    assert info["class_set"]["seen"] == ["cat", "dog"] and info["num_skipped"] == 0
    for split in sizes:
        boxes = [
            box.tolist()
            for record in read_records(tmp_path / "r", split)
            for name, box in zip(record["object/name"], record["object/box"], strict=True)
            if name == b"cat"
        ]
        assert boxes
        for box in boxes:
            np.testing.assert_allclose(box, SHARES, atol=1e-6)


def test_turned_photographs(drawings, tmp_path):
    """Boxes are of the image as people see it."""
    tree = jsonl_tree(tmp_path / "tree")
    exif = Image.Exif()
    exif[0x0112] = 6  # by 90 degrees clockwise
    Image.new("RGB", (30, 40), (9, 9, 99)).save(tree / "p/11.png", exif=exif)
    arguments = {"drawings": drawings}
    info = build("boxes", tmp_path / "r", source_dir=str(tree), builder_args=arguments)
    (record,) = read_records(tmp_path / "r", "test")
    assert info["knows"]["turns_by_exif"] and record["image/orientation"] == 6
    np.testing.assert_allclose(record["object/box"], [SHARES], atol=1e-6)
    assert record["object/area"].tolist() == [7.5]


def keys_of(tree, drawings, on_error="stop", **changed):
    """{split: keys}, notes; without building a store."""
    builder = Boxes(str(tree), **{"drawings": drawings} | changed)
    builder._choice = Choice(builder._class_set, set(builder._class_set.classes))
    problems, found = Problems(on_error), {}
    for split in builder.splits():
        problems.split = split
        found[split] = {key for key, _ in builder.examples(split, problems)}
    return found, problems.notes


def test_images_without_a_split_are_dealt_out(drawings, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    rows = [line(f"p/{i}.png", "cat", "dog") for i in range(60)]
    write_lines(tree / "data.jsonl", *rows)
    draw(tree, *(row["image"] for row in rows))
    found, _ = keys_of(tree, drawings)
    assert sum(map(len, found.values())) == 60 and all(map(len, found.values()))
    # Another image moves no other one.
    write_lines(tree / "data.jsonl", line("p/99.png", "cat", "dog"), *rows)
    draw(tree, "p/99.png")
    again, _ = keys_of(tree, drawings)
    assert {split: keys - {"p/99.png"} for split, keys in again.items()} == found
    larger, _ = keys_of(tree, drawings, test_share=0.5)
    assert larger["test"] > again["test"]


LINES = [
    (line("p/0.png", "cat") | {"boxes": [[1, 2, 3]]}, "'boxes' must be lists of four finite"),
    (line("p/0.png", "cat") | {"boxes": [[1, 2, 3, "4"]]}, "four finite numbers"),
    (line("p/0.png", "cat", box=[10, 10, 5, 5]), "no area.*not .x, y, width, height"),
    (line("p/0.png", "cat") | {"labels": []}, "must have one entry for each object.*1, 0"),
    (line("p/0.png", 7), "'labels' must be strings.*7"),
    (line("p/0.png", " "), "'labels' must be strings that are not empty"),
    (line("p/0.png", "cat", areas=[-1]), "'areas' must be numbers of at least 0"),
    (line("p/0.png", "cat", areas=[1e300]), "'areas' must be"),
    (line("p/0.png", "cat", crowd=[2]), "'crowd' must be 0 or 1"),
    (line("p/0.png", "cat", split="holdout"), "'split' must be one of train, val"),
    (line("p/0.png", "cat", split="val"), "'split' is 'val' in the file of 'train'"),
    (line("../0.png", "cat"), "outside the folder"),
    (line("p/0.png", "cat", name="x"), "unknown key 'name'"),
    ('{"image": "p/0.png", "image": "p/1.png"}', "is there twice"),
    ("{", "not JSON"),
    ("", "an empty line"),
    ("[]", "not a JSON object"),
    ({"boxes": [], "labels": []}, "'image' is missing"),
]


@pytest.mark.parametrize(("row", "match"), LINES)
def test_faults_of_lines(drawings, tmp_path, row, match):
    tree = jsonl_tree(tmp_path / "tree")
    write_lines(tree / "train.jsonl", line("p/1.png", "cat", "dog"), row)
    with pytest.raises(BuildError, match=rf"train\.jsonl:2: .*{match}"):
        keys_of(tree, drawings)
    found, notes = keys_of(tree, drawings, "skip")
    assert found["train"] == {"p/1.png"} and [n["where"] for n in notes] == ["train.jsonl:2"]


def test_a_box_outside_its_image_is_found_when_that_is_read(drawings, tmp_path):
    tree = jsonl_tree(tmp_path / "tree")
    write_lines(tree / "val.jsonl", line("p/10.png", "cat", "dog", box=[4, 3, 44, 9]))
    arguments = {"drawings": drawings}
    with pytest.raises(
        BuildError, match="p/10.png: object 'cat': its box reaches out of .*40x30"
    ):
        build("boxes", tmp_path / "r", source_dir=str(tree), builder_args=arguments)


def test_images_twice_missing_and_half_of_the_splits(drawings, tmp_path):
    tree = jsonl_tree(tmp_path / "tree")
    write_lines(tree / "val.jsonl", line("p/10.png", "dog", "cat"), line("p/1.png", "cat"))
    with pytest.raises(BuildError, match=r"val\.jsonl:2: image 'p/1.png' is also in train"):
        keys_of(tree, drawings)
    write_lines(tree / "val.jsonl", line("p/10.png", "dog", "cat"), line("P/1.png", "cat"))
    with pytest.raises(
        BuildError, match=r"val\.jsonl:2: there is no file 'P/1.png'. .*capitals"
    ):
        keys_of(tree, drawings)
    for split in ("train", "val", "test"):
        (tree / f"{split}.jsonl").unlink()
    rows = [line("p/0.png", "cat", "dog", split="train"), line("p/1.png", "dog")]
    write_lines(tree / "data.jsonl", *rows)
    with pytest.raises(BuildError, match=r"data\.jsonl:2: nothing says its split"):
        keys_of(tree, drawings)


YOLO = [
    ("0 .5 .5 .5", "five numbers. Received: 4"),
    ("0 .1 .1 .2 .1 .2 .2", "outline: export boxes"),
    ("2 .5 .5 .1 .1", "a number from 0 to 1, of 2 names. Received: '2'"),
    ("cat .5 .5 .1 .1", "a number from 0 to 1"),
    ("0 x .5 .1 .1", "cx must be a number. Received: 'x'"),
    ("0 20 12 8 6", "shares of the image, in 0..1.*pixels"),
    ("0 .5 .5 -.1 .1", "must be at least 0"),
    ("0 .9 .5 .5 .1", "reaches out of the image"),
]


@pytest.mark.parametrize(("text", "match"), YOLO)
def test_faults_of_yolo(drawings, tmp_path, text, match):
    tree = yolo_tree(tmp_path / "tree")
    (tree / "labels/val/val0.txt").write_text("0 .5 .5 .1 .1\n" + text)
    with pytest.raises(BuildError, match=rf"labels/val/val0\.txt:2: .*{match}"):
        keys_of(tree, drawings, format="yolo")
    found, _ = keys_of(tree, drawings, "skip", format="yolo")
    assert found["val"] == {"images/val/val1.jpg"}


def test_names_and_places_of_yolo(drawings, tmp_path):
    tree = yolo_tree(tmp_path / "tree")
    (tree / "labels/val/lost.txt").write_text("0 .5 .5 .1 .1")
    with pytest.raises(BuildError, match=r"labels/val/lost\.txt: there is no image for it"):
        keys_of(tree, drawings, format="yolo")
    (tree / "classes.txt").write_text("cat\n\ndog\n")
    with pytest.raises(BuildError, match=r"classes\.txt:2: empty"):
        yolo.read(str(tree))
    (tree / "classes.txt").unlink()
    with pytest.raises(BuildError, match=r"no names of classes.*data\.yaml"):
        yolo.read(str(tree))
    side = tmp_path / "side"
    draw(side, "1.jpg", "2.jpg")
    (side / "1.txt").write_text("0 .5 .5 .1 .1\n1 .5 .5 0 .1\n")
    (side / "obj.names").write_text("cat\ndog\n")
    found = yolo.read(str(side))
    assert [(of.image, len(of.objects), of.empty) for of in found.images] == [
        ("1.jpg", 1, ("dog",)),
        ("2.jpg", 0, ()),
    ]


CVAT = [
    (
        cvat_image("1.png", '<polygon label="cat" points="1,2"/>'),
        "shape 0 .*<polygon>, not a box",
    ),
    (cvat_image("1.png", cvat_box(more='rotation="9.5"')), "is turned, by 9.5 degrees"),
    (cvat_image("1.png", cvat_box("")), "'label' is missing or empty"),
    (cvat_image("1.png", cvat_box(box=[9, 3, 4, 9])), "ends before it begins"),
    (cvat_image("1.png", cvat_box(box=[4, 3, 99, 9])), "reaches out of the image of 40x30"),
    (cvat_image("1.png", cvat_box(box=[4, "a", 9, 9])), "ytl must be a number"),
    (cvat_image("1.png", width=0), "'width' must be a whole number above 0"),
    (cvat_image("1.png", width=""), "'width' is missing or empty"),
    (cvat_image(""), "'name' is missing"),
    (cvat_image("../1.png"), "outside the folder"),
]


@pytest.mark.parametrize(("image", "match"), CVAT)
def test_faults_of_cvat(drawings, tmp_path, image, match):
    tree = cvat_tree(tmp_path / "tree")
    text = (tree / "annotations.xml").read_text()
    (tree / "annotations.xml").write_text(
        text.replace("</annotations>", f"{image}</annotations>")
    )
    with pytest.raises(BuildError, match=rf"annotations\.xml: image .*{match}"):
        keys_of(tree, drawings, format="cvat")
    found, notes = keys_of(tree, drawings, "skip", format="cvat")
    assert len(notes) == 1 and len(found["train"]) == 1


def test_other_xml_than_cvats(tmp_path):
    for text, match in (
        ("<annotations><track/></annotations>", "tracks of a video"),
        ("<a/>", "Received: <a>"),
        ("<a", "not XML"),
    ):
        (tmp_path / "a.xml").write_text(text)
        with pytest.raises(BuildError, match=rf"a\.xml: .*{match}"):
            cvat.read(str(tmp_path))


def changed_value(**value):
    return studio_task(4, studio_result(value=value))


STUDIO = [
    (changed_value(rotation=30), "result 0 .*is turned, by 30 degrees"),
    (changed_value(x=None), "'x' must be a finite number. Received: null"),
    (changed_value(width=-4), "width or height below 0"),
    (changed_value(width=95), "reaches out of the image"),
    (changed_value(rectanglelabels=[]), "must have one label"),
    (changed_value(rectanglelabels=["cat", "dog"]), "must have one label"),
    (studio_task(4, studio_result(original_width=0)), "'original_width' must be above 0"),
    (
        studio_task(4, studio_result(type="polygonlabels")),
        "type 'polygonlabels', not a labelled",
    ),
    (studio_task(4, studio_result(), studio_result(original_width=9)), "several sizes"),
    (studio_task(4, annotations=[]), "nobody has annotated it yet"),
    (studio_task(4) | {"annotations": studio_task(4)["annotations"] * 2}, "has 2 annotations"),
    (studio_task(4, split="holdout"), "'split' of 'data' must be one of"),
    ({"id": 4, "image": "4.png", "label": []}, "not as 'JSON-MIN'"),
    (studio_task(4) | {"data": {"image": ""}}, "'image' is empty"),
]


@pytest.mark.parametrize(("task", "match"), STUDIO)
def test_faults_of_label_studio(drawings, tmp_path, task, match):
    tree = studio_tree(tmp_path / "tree")
    photo_trees.change(tree / "project-1.json", lambda tasks: tasks.append(task))
    with pytest.raises(BuildError, match=rf"project-1\.json: task 4: .*{match}"):
        keys_of(tree, drawings, format="label_studio")
    found, notes = keys_of(tree, drawings, "skip", format="label_studio")
    assert len(notes) == 1 and len(found["train"]) == 1


def test_an_annotation_that_was_cancelled_is_none(tmp_path):
    task = studio_task(1)
    task["annotations"].append({"was_cancelled": True, "result": [{}]})
    write_json(tmp_path / "p.json", [task])
    assert len(label_studio.read(str(tmp_path)).images[0].objects) == 2


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"format": "voc"}, "`format` must be one of jsonl, yolo, cvat, label_studio, coco"),
        ({"classes": "cat+cow"}, "`classes` names 'cow', of which there is no box"),
        ({"val_share": 0.5, "test_share": 0.5}, "below 1 together"),
        ({"format": "yolo"}, "no names of classes"),
        ({"format": "cvat"}, "no .xml file"),
        ({"format": "label_studio"}, "no .json file"),
        ({"format": "coco"}, "no .json file of annotations"),
        ({"unseen": "cat+dog"}, "all 2 classes are unseen"),
    ],
)
def test_arguments_that_cannot_be(drawings, tmp_path, changed, match):
    with pytest.raises(BuildError, match=match):
        keys_of(jsonl_tree(tmp_path / "tree"), drawings, **changed)


def test_folders_that_say_nothing(drawings, tmp_path):
    with pytest.raises(BuildError, match=r"no .jsonl file.*format=yolo, cvat"):
        lines.read(str(tmp_path))
    draw(tmp_path, "1.png")
    write_lines(tmp_path / "data.jsonl", line("1.png", "cat"))
    with pytest.raises(BuildError, match="boxes of one class alone, 'cat'.*at least"):
        keys_of(tmp_path, drawings)
    write_lines(tmp_path / "data.jsonl", "{")
    with pytest.raises(BuildError, match=r"no image with boxes.*data\.jsonl:1: not JSON"):
        keys_of(tmp_path, drawings)


def test_the_genuine_photographs_as_they_lie(tmp_path):
    """An export in COCO's form without splits; nothing of it is copied or changed."""
    source, drawings = shared("coco_ccby"), shared("quickdraw")
    arguments = {"format": "coco", "drawings": str(drawings), "without_drawings": "leave_out"}
    arguments["drawn_as"] = "tv=television+potted plant=house plant"
    info = build("boxes", tmp_path / "r", source_dir=str(source), builder_args=arguments)
    found = info["class_set"]
    assert {"tv", "potted plant", "toilet"} <= {*found["seen"]}
    assert "bottle" in found["left_out"] and info["num_skipped"] == 0
    content = json.loads((source / "instances.json").read_text())
    assert sum(s["num_images"] for s in info["splits"].values()) <= len(content["images"])
    shutil.rmtree(tmp_path / "r")
