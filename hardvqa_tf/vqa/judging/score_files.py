"""Scores a result file of the VQA challenge against the official annotations.

Reads, plain or gzipped, VQA v2's files ({"questions": [...]}, {"annotations": [...]}) and
VQA-CP's, which are bare lists; and predictions [{"question_id", "answer"}, ...], such as the
predictions_<split>.json that an evaluation leaves. The ids of predictions and annotations must
be the same; the official evaluator checks that, too, but lets one id come twice.
"""

from hardvqa_tf.vqa.judging.question_ids import as_number
from hardvqa_tf.vqa.judging.vqa_accuracy import Annotation, score
from records.source import field, read_plain_or_gzip_json, shown

# What `hardvqa_tf.score_files` asks of a scorer, beside `score_files` and `format_scores`.
FORM = '{"question_id", "answer"} (VQA)'
OPTIONS = {"questions": None, "evaluator": 2021}

_CONTENTS = ("predictions", "annotations", "questions")
_NUM_SHOWN = 3  # ids in an error message
_NUM_PEOPLE = 10


def recognises(content):
    """Whether the content of a JSON file is VQA's: predictions, questions or annotations."""
    if isinstance(content, dict):
        content = next((content[name] for name in _CONTENTS if name in content), None)
    entries = content if isinstance(content, list) else []
    return any(isinstance(entry, dict) and "question_id" in entry for entry in entries)


def score_files(predictions, questions, annotations, evaluator=2021):
    """Scores a file of predictions.

    An id may be written as a number in one file and as a string of its digits in another.

    Args:
      predictions: path; [{"question_id", "answer"}, ...]. An empty answer is an answer.
      questions: path, or None. Only its ids are used: each annotation must have its question.
      annotations: path.
      evaluator: 2021 or 2018, see `vqa_accuracy`.

    Returns:
      A dict that JSON can hold: `evaluator`; `overall`, {"accuracy": in 0..1, not rounded,
      "percent": as the official evaluator prints it, "num_questions"}; `answer_types` and
      `question_types`, dicts of the same by name, in alphabetical order;
      `num_other_than_ten`, the questions to which not exactly ten people answered.

    Raises:
      ValueError: for files that cannot be read or do not belong together; names file and ids.
    """
    people = _read_annotations(annotations)
    if questions is not None:
        known = _read_entries(questions, "questions", lambda entry: None)
        _refuse_ids(people.keys() - known.keys(), annotations, f"no question in {questions}")
    said = _read_entries(predictions, "predictions", lambda entry: field(entry, "answer", str))
    _refuse_ids(said.keys() - people.keys(), predictions, f"no annotation in {annotations}")
    _refuse_ids(people.keys() - said.keys(), annotations, f"no prediction in {predictions}")
    order = _evaluator_order(people)
    scores = score([said[i] for i in order], [people[i] for i in order], evaluator)
    return {
        "evaluator": evaluator,
        "overall": _as_json(scores["overall"]),
        "answer_types": {k: _as_json(v) for k, v in scores["by_answer_type"].items()},
        "question_types": {k: _as_json(v) for k, v in scores["by_question_type"].items()},
        "num_other_than_ten": sum(len(a.answers) != _NUM_PEOPLE for a in people.values()),
    }


def format_scores(result):
    """The result of `score_files` as a table for a terminal."""
    rows = [("all", result["overall"])]
    for title, name in (("answer type", "answer_types"), ("question type", "question_types")):
        rows += [("", None), (title, None)]
        rows += [(f"  {kind}", value) for kind, value in result[name].items()]
    width = max(len(name) for name, _ in rows)
    lines = [f"{'':{width}}  questions  accuracy"]
    for name, value in rows:
        numbers = f"{value['num_questions']:9,}  {value['percent']:8.2f}" if value else ""
        lines.append(f"{name:{width}}  {numbers}".rstrip())
    lines += ["", f"VQA accuracy in per cent, evaluator of {result['evaluator']}."]
    if result["num_other_than_ten"]:
        lines.append(
            "Questions with more or fewer than ten answers: "
            f"{result['num_other_than_ten']:,}. The same formula is followed with their number."
        )
    return "\n".join(lines)


def _read_annotations(path):
    """Returns a dict from question id to `Annotation`, in the order of the file."""

    def parse(entry):
        types = field(entry, "question_type", str), field(entry, "answer_type", str)
        return Annotation(_texts_of(field(entry, "answers", list)), *types)

    return _read_entries(path, "annotations", parse)


def _texts_of(answers):
    """[{"answer": "yes", ...}, ...] -> ("yes", ...)"""
    try:
        texts = tuple([answer["answer"] for answer in answers])
    except (KeyError, TypeError):
        texts = ()
    # All at once: a split has millions of them.
    if set(map(type, texts)) != {str}:
        raise ValueError(
            "'answers' must hold objects with a string 'answer', one at least. Received: "
            f"{shown(answers)}. Correct it, or leave the question out of all files."
        )
    return texts


def _read_entries(path, content, parse):
    """Reads a list of objects, bare or under the key `content`.

    Returns:
      A dict from question id to what `parse` makes of the object, in the order of the file.
    """
    entries = read_plain_or_gzip_json(path)
    if isinstance(entries, dict):
        entries = entries.get(content)
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f"{path}: expected {content}, a JSON list with one entry at least, or an object "
            f'that holds it as "{content}". Received something else. Is it the right file?'
        )
    result, twice = {}, []
    for number, entry in enumerate(entries):
        where = f"entry {number}"
        try:
            question_id = _read_id(entry)
            where = f"question_id {question_id}"
            value = parse(entry)
        except ValueError as error:
            raise ValueError(f"{path}, {where}: {error}") from None
        if question_id in result:
            twice.append(question_id)
        result[question_id] = value
    _refuse_ids(twice, path, "more than one entry")
    return result


def _read_id(entry):
    """An int, or a str that is not one's digits: 12 and "12" are the same question."""
    question_id = entry.get("question_id") if isinstance(entry, dict) else None
    if isinstance(question_id, str):
        return as_number(question_id)
    return field(entry, "question_id", int)


def _refuse_ids(ids, path, fault):
    if not ids:
        return
    ids = sorted(set(ids), key=lambda i: (isinstance(i, str), i))  # numbers first
    shown = ", ".join(map(str, ids[:_NUM_SHOWN])) + (", ..." if len(ids) > _NUM_SHOWN else "")
    count = f"{len(ids):,} question id" + ("s" if len(ids) > 1 else "")
    raise ValueError(
        f"{path}: {count} with {fault}. Received: {shown}. Expected every id once in each "
        "file: use files of the same split, and predict each question once."
    )


def _as_json(value):
    return {
        "accuracy": value.accuracy,
        "percent": value.percent,
        "num_questions": value.count,
    }


def _evaluator_order(ids):
    """Question ids in the order in which the evaluator goes through its dict, Python 2's.

    In which order accuracies are added can decide the last printed digit, see
    `vqa_accuracy._sum`. A dict of Python 2.7 is a table in which a number's place is its last
    bits or, if that is taken, one found by the rule below (Objects/dictobject.c, `lookdict`);
    at two thirds full it grows. Where there are ids that are not plain numbers, the order is
    that of the file.
    """
    if not all(isinstance(i, int) and 0 <= i < 2**63 for i in ids):
        return list(ids)
    table = [None] * 8
    for num_used, question_id in enumerate(ids, start=1):
        _insert(table, question_id)
        if 3 * num_used >= 2 * len(table):
            size, wanted = 8, num_used * (2 if num_used > 50_000 else 4)
            while size <= wanted:
                size *= 2
            old, table = table, [None] * size
            for earlier in old:
                if earlier is not None:
                    _insert(table, earlier)
    return [i for i in table if i is not None]


def _insert(table, number):
    mask = len(table) - 1
    place = perturb = number
    while table[place & mask] is not None:
        place = 5 * place + perturb + 1
        perturb >>= 5
    table[place & mask] = number
