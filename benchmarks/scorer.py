"""How long the official scorer takes, against reading the same annotations with `json`.

    python benchmarks/scorer.py
    python benchmarks/scorer.py --rows=v2_mscoco_val2014_annotations.json.gz

As many questions as VQA v2's validation split has, with ten answers each: drawn from a seed, or
the rows of an annotation file, repeated. Prints seconds of processor time, so that other
programs on the machine matter less, and the ratio to the reference.
"""

import argparse
import gzip
import json
import os
import platform
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from hardvqa_tf.vqa.judging import vqa_accuracy
from hardvqa_tf.vqa.judging.score_files import score_files
from hardvqa_tf.vqa.judging.vqa_accuracy import score

NUM_QUESTIONS = 214_354
NUM_ANSWERS = 30_000  # different ones, of which few are frequent
KINDS = (("yes/no", "is the"), ("number", "how many"), ("other", "what"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", help="annotation file (.json, .json.gz) to repeat")
    parser.add_argument("--num_questions", type=int, default=NUM_QUESTIONS)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        predictions, annotations = write_files(folder, args)
        megabytes = os.path.getsize(annotations) / 1e6
        reference, _ = timed(lambda: len(read_json(annotations)))
        seconds, result = timed(lambda: score_files(predictions, None, annotations))
        lines = [("score_files: reads, checks and scores", seconds)]
        clear_caches()
        said, people = read_pairs(predictions, annotations)
    for name, evaluator in (
        ("score, first time", 2021),
        ("score, again", 2021),
        ("score, evaluator of 2018, first time", 2018),
    ):
        lines.append((name, timed(lambda: score(said, people, evaluator))[0]))
    print(
        f"Python {platform.python_version()}, {len(said):,} questions, "
        f"{len(set(people)):,} different sets of answers, accuracy "
        f"{result['overall']['percent']:.2f} %"
    )
    print(f"{f'reference: json.load of annotations, {megabytes:.0f} MB':48} {reference:7.2f} s")
    for name, seconds in lines:
        print(f"{name:48} {seconds:7.2f} s  {seconds / reference:5.2f} x reference")


def write_files(folder, args):
    """Returns the paths of predictions and annotations, in VQA-CP's bare lists."""
    rng = random.Random(args.seed)
    rows = read_rows(args.rows) if args.rows else draw_rows(rng, args.num_questions)
    # Ids of shuffled images, so that no two rows share one.
    ids = rng.sample(range(args.num_questions), args.num_questions)
    annotations = [
        {**rows[i % len(rows)], "question_id": 1000 * number} for i, number in enumerate(ids)
    ]
    predictions = [
        {"question_id": a["question_id"], "answer": rng.choice(a["answers"])["answer"]}
        for a in annotations
    ]
    paths = [os.path.join(folder, name) for name in ("predictions.json", "annotations.json")]
    for path, content in zip(paths, (predictions, annotations), strict=True):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
    return paths


def read_pairs(predictions, annotations):
    said = [entry["answer"] for entry in read_json(predictions)]
    people = [
        (tuple(a["answer"] for a in row["answers"]), row["question_type"], row["answer_type"])
        for row in read_json(annotations)
    ]
    return said, people


def clear_caches():
    """As in a new process."""
    for function in (vqa_accuracy._normalize_stripped, vqa_accuracy._answer_sheet):
        function.cache_clear()


def timed(function):
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_rows(path):
    with (gzip.open if path.endswith(".gz") else open)(path) as file:
        content = json.load(file)
    return content["annotations"] if isinstance(content, dict) else content


def draw_rows(rng, num_rows):
    """Rows whose ten answers agree about as often as people's: mostly, or hardly."""
    words = [draw_answer(rng) for _ in range(NUM_ANSWERS)]
    return [draw_row(rng, words) for _ in range(num_rows)]


def draw_answer(rng):
    word = "".join(rng.choices("abcdefghijklmnoprstuvwy", k=rng.randint(2, 9)))
    forms = ("{0}", "{0}", "{0}", "{0} {1}", "the {0}", "{0}-{1}", "{0}, {1}", "{0}.", "{0}'s")
    return rng.choice(forms).format(word, word[::-1])


def draw_row(rng, words):
    answer_type, question_type = rng.choice(KINDS)
    # A power of a uniform number: the first words come up far more often than the last.
    own = [words[int(len(words) * rng.random() ** 4)] for _ in range(4)]
    if answer_type == "yes/no":
        own = rng.sample(("yes", "no"), 2)
    elif answer_type == "number":
        own = [str(int(20 * rng.random() ** 2)) for _ in range(3)]
    weights = (rng.choice((1, 5, 20, 1000)), *[1] * (len(own) - 1))
    return {
        "question_type": question_type,
        "answer_type": answer_type,
        "multiple_choice_answer": own[0],
        "image_id": rng.randrange(500_000),
        "answers": [
            {"answer": answer, "answer_confidence": "yes", "answer_id": i}
            for i, answer in enumerate(rng.choices(own, weights, k=10), start=1)
        ],
    }


if __name__ == "__main__":
    main()
