"""Tiny trees of the official files of photographs with boxes, and drawings to ask for them."""

import json
import zipfile

from tests.records.drawings import files
from tests.records.trees import write_image, write_json

WIDTH, HEIGHT = 40, 30  # of every image
CATEGORIES = {1: "person", 17: "cat", 18: "dog", 53: "apple"}
_BY_NAME = {name: number for number, name in CATEGORIES.items()}


def write_drawings(folder, *words, number=6):
    """QuickDraw's files of some classes; every drawing is another one."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, word in enumerate(words):
        lines = [
            files.line(key=str(i), word=word, drawing=files.other(100 * place + i))
            for i in range(number)
        ]
        (folder / f"{word}.ndjson").write_text("".join(lines))
    return folder


def thing(name, box=(4, 3, 10, 6), area=41.5, crowd=0):
    """An annotation without its ids: `box` is [x, y, width, height]."""
    return {
        "category_id": _BY_NAME[name],
        "bbox": list(box),
        "area": area,
        "iscrowd": crowd,
        "segmentation": [[4.0, 3.0, 14.0, 3.0, 14.0, 9.0]],
    }


def instances(images, year="2017", first=1):
    """COCO's content for {image number: list of `thing`s}."""
    entries, annotations = [], []
    for number, things in images.items():
        entries.append(
            {
                "id": number,
                "file_name": coco_name(number, "val" if number >= 500 else "train", year),
                "width": WIDTH,
                "height": HEIGHT,
                "license": 4,
            }
        )
        for one in things:
            place = first + len(annotations)
            annotations.append({"id": place, "image_id": number} | one)
    categories = [
        {"supercategory": "x", "id": number, "name": name}
        for number, name in CATEGORIES.items()
    ]
    return {
        "info": {},
        "licenses": [],
        "images": entries,
        "annotations": annotations,
        "categories": categories,
    }


def coco_name(number, part, year="2017"):
    prefix = "" if year == "2017" else f"COCO_{part}2014_"
    return f"{prefix}{number:012d}.jpg"


# 1-20: cats and apples, a person in each third; 21-24: a dog; 25: nothing of the set.
TRAIN = {
    i: [
        thing("cat", area=40.25 + i),
        *([thing("apple", (20.5, 10, 8, 9))] if i % 2 else []),
        *([thing("person")] if i % 3 else []),
    ]
    for i in range(1, 21)
}
TRAIN |= {i: [thing("dog"), thing("cat")] for i in (21, 22)}
TRAIN |= {23: [thing("dog", crowd=1), thing("cat")], 24: [thing("dog", (9, 9, 0, 4))]}
TRAIN[24].append(thing("apple"))
TRAIN[25] = [thing("person")]
VAL = {
    500: [thing("cat"), thing("cat", (20, 10, 20, 20)), thing("dog", (1, 1, 5, 5))],
    501: [thing("dog"), thing("apple", (10, 10, 30, 20), crowd=1)],
    502: [thing("apple"), thing("person", (0, 0, 40, 30))],
    503: [thing("cat", crowd=1)],
}


def coco_tree(root, year="2017", train=None, val=None):
    """The official files; returns the folder."""
    for part, images in (("train", train or TRAIN), ("val", val or VAL)):
        content = instances(images, year, first=1 if part == "train" else 1001)
        write_json(root / "annotations" / f"instances_{part}{year}.json", content)
        for number in images:
            path = root / f"{part}{year}" / coco_name(number, part, year)
            write_image(path, WIDTH, HEIGHT, (number % 256, 90, 30))
    return root


def zipped(root, folder, target=None):
    """Packs a folder of the tree as the official zips are, and removes it."""
    paths = sorted((root / folder).rglob("*"))
    with zipfile.ZipFile(root / f"{target or folder}.zip", "w") as archive:
        for path in paths:
            archive.write(path, path.relative_to(root))
    for path in paths:
        path.unlink()
    (root / folder).rmdir()


def change(path, edit):
    """Rewrites a JSON file as `edit` changes its content, in place."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def voc_object(name, bounds=(5, 4, 14, 9), difficult=0, more=""):
    """An <object>; `bounds` are xmin, ymin, xmax, ymax, from 1, the last included."""
    xmin, ymin, xmax, ymax = bounds
    return (
        f"<object><name>{name}</name><pose>Left</pose><truncated>0</truncated>"
        f"<difficult>{difficult}</difficult><bndbox><xmax>{xmax}</xmax><xmin>{xmin}</xmin>"
        f"<ymin>{ymin}</ymin><ymax>{ymax}</ymax></bndbox>{more}</object>"
    )


def voc_xml(*objects, width=WIDTH, height=HEIGHT):
    return (
        f"<annotation><folder>VOC2007</folder><size><width>{width}</width>"
        f"<height>{height}</height><depth>3</depth></size>{''.join(objects)}</annotation>"
    )


PART = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax>"
PART += "<ymax>2</ymax></bndbox></part>"
# {split: {image: objects}}
VOC = {
    "train": {
        f"{i:06d}": [voc_object("cat"), *([voc_object("sofa")] if i % 2 else [])]
        for i in range(1, 9)
    },
    "val": {"000020": [voc_object("cat")], "000021": [voc_object("sofa")]},
    "test": {
        "000030": [voc_object("cat"), voc_object("cat", (20, 10, 40, 30), 1)],
        "000031": [voc_object("person", more=PART), voc_object("dog", (1, 1, 40, 30))],
        "000032": [voc_object("sofa", difficult=1), voc_object("cat", (2.5, 3, " 9 ", 9))],
        "000033": [voc_object("cat", difficult=1)],
    },
}


def voc_tree(root, year="2007", splits=None):
    """A year of VOC as it is unpacked; returns the folder that holds it."""
    folder = root / f"VOC{year}"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    for split, images in (splits or VOC).items():
        (folder / f"ImageSets/Main/{split}.txt").write_text("".join(f"{i}\n" for i in images))
        for place, (image, objects) in enumerate(images.items()):
            (folder / f"Annotations/{image}.xml").write_text(voc_xml(*objects))
            write_image(
                folder / f"JPEGImages/{image}.jpg", WIDTH, HEIGHT, (place % 256, 90, 30)
            )
    return root
