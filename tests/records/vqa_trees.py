"""Tiny trees of VQA's official files: entries, annotations and images under COCO's names."""

import gzip
import zipfile

from tests.invented_rows import invented_vqa
from tests.records.trees import write_image, write_json
from tests.shared_data import shared_vqa


def ask(image, number, text="Is it raining?", **changes):
    """One question; `number` counts those of an image, as in the release."""
    return {"image_id": image, "question_id": image * 1000 + number, "question": text} | changes


def annotate(question, *answers, confidence="yes", kind="is it", answer_type="yes/no"):
    """The annotation of a question: one answer for all ten people, or ten."""
    answers = answers * 10 if len(answers) == 1 else answers
    return {
        "question_id": question["question_id"],
        "image_id": question["image_id"],
        "question_type": kind,
        "answer_type": answer_type,
        "multiple_choice_answer": answers[0],
        "answers": [
            {"answer": answer, "answer_confidence": confidence, "answer_id": place}
            for place, answer in enumerate(answers, 1)
        ],
    }


def questions_name(split):
    return f"v2_OpenEnded_mscoco_{split}_questions.json"


def annotations_name(split):
    return f"v2_mscoco_{split}_annotations.json"


def write_v2(root, split, questions, annotations=None):
    """Writes one split's files, wrapped as in the release, and draws its images."""
    write_json(root / questions_name(split), {"info": {}, "questions": questions})
    if annotations is not None:
        write_json(root / annotations_name(split), {"info": {}, "annotations": annotations})
    draw_images(root, split, {question["image_id"] for question in questions})


def draw_images(root, coco_split, numbers):
    coco_split = coco_split.replace("test-dev2015", "test2015")
    for i in numbers:
        path = root / coco_split / f"COCO_{coco_split}_{i:012d}.jpg"
        write_image(path, width=9 + i % 4, height=6, color=(i % 256, 90, 30))


def v2_tree(root, num_images=12):
    """Two questions about each of `num_images` train images, two about val2014's and test's."""
    train = [ask(i, n) for i in range(1, num_images + 1) for n in (0, 1)]
    write_v2(root, "train2014", train, [annotate(q, "no") for q in train])
    val = [ask(500, 0, "How many?"), ask(501, 0)]
    how_many = annotate(
        val[0], *"2222222334", confidence="maybe", kind="how many", answer_type="number"
    )
    write_v2(root, "val2014", val, [how_many, annotate(val[1], "yes")])
    write_v2(root, "test-dev2015", [ask(800, 0)])
    write_v2(root, "test2015", [ask(800, 0), ask(801, 0)])
    return root


def write_cp(root, part, questions, annotations, version=2):
    """Writes one part of VQA-CP: bare lists. Images are drawn by each `coco_split`."""
    write_json(root / f"vqacp_v{version}_{part}_questions.json", questions)
    write_json(root / f"vqacp_v{version}_{part}_annotations.json", annotations)
    for question in questions:
        draw_images(root, question["coco_split"], [question["image_id"]])


def compress(path):
    """Replaces a file by its .gz."""
    with gzip.open(f"{path}.gz", "wb") as file:
        file.write(path.read_bytes())
    path.unlink()


def pack(archive, paths, inside=""):
    """Moves files into a new zip."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in paths:
            file.write(path, inside + path.name)
            path.unlink()


def invented_sample():
    """{"train" | "valid": {"questions", "annotations"}} of rows that nobody asked."""
    return {"train": invented_vqa(45), "valid": invented_vqa(15, first_image=601, seed=1)}


def genuine_sample():
    """The same of real rows; skips the test where they are not at hand."""
    return {"train": shared_vqa("train", 1000, 45), "valid": shared_vqa("valid", 500, 15)}


SAMPLES = (invented_sample, genuine_sample)
