"""The rows of one request: read, checked, run where they are good, and put together again.

A row that cannot be answered does not take the others down, where the model's answers have a
place to say so, the output `status`. There the row's other outputs are zeros and empty strings.
If no row can be answered, or the model has no `status`, the request is refused with the reason.
"""

import dataclasses

import numpy as np

from hardvqa_tf.serving import checks, protocol
from hardvqa_tf.serving.protocol import Problem
from hardvqa_tf.serving.refusals import BadRows, Refusal, shown

OK = b"ok"


@dataclasses.dataclass
class Questioning:
    """A request that was read and checked.

    Args:
      form: "instances" or "inputs".
      columns: {input: array}.
      weights: list of floats, what each row counts as within a batch.
      problems: {row: sentence}; these rows do not run.
      notes: {(row, question): sentence}, of single questions about an image.
    """

    form: str
    signature: object
    columns: dict
    weights: list
    problems: dict
    notes: dict

    @property
    def good_rows(self):
        return [row for row in range(len(self.weights)) if row not in self.problems]


def read(body, servable, limits, images):
    """Bytes of a request to a `Questioning`.

    Args:
      images: `ImageMemory`.

    Raises:
      Refusal: nothing of it can be answered.
    """
    name, form, value = protocol.parse_request(body)
    if name not in servable.signatures:
        raise Refusal(
            400,
            f"Model {servable.name} has no signature {shown(name)}. It has: "
            f"{', '.join(sorted(servable.signatures))}.",
        )
    signature = servable.signatures[name]
    takes_images = signature.gives_status and "image" in signature.inputs
    find_image = _finder(images) if takes_images else None
    columns = protocol.read_columns(form, value, signature, find_image)
    size = len(next(iter(columns.values()))) if signature.is_joinable else 1
    questioning = Questioning(form, signature, columns, [1.0] * size, {}, {})
    if signature.gives_status:
        _check_questions(questioning, limits)
        _check_images(questioning, limits)
        if not questioning.good_rows:
            raise _nothing_to_answer(questioning.problems[0], size)
    else:
        _refuse_unreadable(columns)
    return questioning


async def run(questioning, batches, images, while_waiting):
    """Runs the rows that are good.

    Args:
      batches: `Batches`.
      images: `ImageMemory`.
      while_waiting: awaited with the futures of what runs; returns when they are done.

    Returns:
      {output: array}, with a row for every row of the request.
    """
    good, signature = questioning.good_rows, questioning.signature
    jobs = batches.submit(signature, _pieces(questioning, good, batches.max_batch_size))
    try:
        if signature.gives_status:  # While the model is at work: checksums take their time.
            _remember(questioning, good, images)
        await while_waiting(jobs)
    finally:
        for job in jobs:
            batches.forget(job)
    for error in [job.done.exception() for job in jobs]:  # Of all, lest asyncio complain.
        if isinstance(error, BadRows):
            raise Refusal(400, _sentence(error))
        if error:
            raise error
    answers = [job.done.result() for job in jobs]
    if not signature.gives_status:
        for answer in answers:
            if answer.problems:
                raise Refusal(400, _sentence(next(iter(answer.problems.values()))))
        return _concatenate([answer.outputs for answer in answers])
    return _put_together(questioning, good, jobs, answers)


def count_bad(signature, outputs):
    """How many answers have another status than "ok"."""
    if not signature.gives_status:
        return 0
    return outputs["status"].size - _count_ok(outputs["status"])


def _count_ok(status):
    return status.ravel().tolist().count(OK)


def _sentence(text):
    return f"The request cannot be answered: {text}"


# --- Reading.


def _finder(images):
    def find(key):
        encoded = images.find(key)
        if encoded is None:
            raise Refusal(
                404,
                f"No image with the SHA-256 {shown(key)} is remembered. Send its bytes, "
                'as {"b64": "..."}.',
            )
        return encoded

    return find


def _refuse_unreadable(columns):
    for column in columns.values():
        if column.dtype == object:
            for value in column.flat:
                if isinstance(value, Problem):
                    raise Refusal(400, value.sentence)


def _check_questions(questioning, limits):
    """Each question of [N] or [B, Q]; what cannot be asked becomes the empty question."""
    questions = questioning.columns.get("question")
    if questions is None or questions.dtype != object:
        return
    for index, question in np.ndenumerate(questions):
        problem = (
            question.sentence
            if isinstance(question, Problem)
            else checks.check_question(question, limits.max_question_length)
        )
        if problem:
            questions[index] = b""
            questioning.notes[index] = problem
    for row, asked in enumerate(questions.reshape(len(questions), -1)):
        questioning.weights[row] = max(1, asked.size)
        if not any(asked):
            first = questioning.notes.get((row, *(0,) * (questions.ndim - 1)))
            questioning.problems[row] = first or "There is no question. Ask one."


def _check_images(questioning, limits):
    column = questioning.columns.get("image")
    if column is None or column.dtype != object or column.ndim != 1:
        return
    for row, image in enumerate(column):
        if isinstance(image, Problem):
            questioning.problems[row] = image.sentence
            continue
        try:
            pixels = checks.count_pixels(image, limits.max_pixels)
        except ValueError as error:
            questioning.problems[row] = str(error)
            continue
        # The decoded images of a batch have no more pixels than one image may have.
        share = limits.max_batch_size * pixels / limits.max_pixels
        questioning.weights[row] = max(questioning.weights[row], share)


def _remember(questioning, rows, images):
    column = questioning.columns.get("image")
    if column is not None and column.dtype == object and column.ndim == 1:
        for row in rows:
            images.add(column[row])


def _nothing_to_answer(sentence, size):
    if size > 1:
        sentence = f"None of the {size} rows can be answered. The first: {sentence}"
    return Refusal(400, sentence[:1].upper() + sentence[1:])


# --- Running.


def _pieces(questioning, good, max_weight):
    """Cuts the good rows into pieces, each of no more weight than a batch may have."""
    signature, columns = questioning.signature, questioning.columns
    if not signature.is_joinable:
        return [(columns, 1.0)]
    weights = [questioning.weights[row] for row in good]
    if len(good) == len(questioning.weights) and sum(weights) <= max_weight:
        return [(columns, sum(weights))]
    pieces, rows, weight = [], [], 0.0
    for row, own in zip(good, weights, strict=True):
        if rows and weight + own > max_weight:
            pieces.append((rows, weight))
            rows, weight = [], 0.0
        rows.append(row)
        weight += own
    pieces.append((rows, weight))
    return [({n: c[rows] for n, c in columns.items()}, w) for rows, w in pieces]


def _concatenate(outputs):
    if len(outputs) == 1:
        return outputs[0]
    return {name: np.concatenate([o[name] for o in outputs]) for name in outputs[0]}


# --- Putting together.


def _put_together(questioning, good, jobs, answers):
    problems, start = dict(questioning.problems), 0
    for job, answer in zip(jobs, answers, strict=True):
        for row in answer.problems:
            problems[good[start + row]] = _explain(job, row)
        start += job.num_rows
    size = len(questioning.weights)
    answered = [row for row in range(size) if row not in problems]
    if not answered:
        raise _nothing_to_answer(problems[0], size)
    outputs = _concatenate([answer.outputs for answer in answers if answer.outputs])
    if problems:
        outputs = {name: _spread(array, answered, size) for name, array in outputs.items()}
    if problems or questioning.notes:
        outputs["status"] = _note(outputs["status"], problems, questioning.notes)
    status = outputs["status"]
    if not _count_ok(status):
        first = next((s for s in status.flat if s), b"the model gives no reason")
        raise _nothing_to_answer(first.decode("utf-8", errors="replace"), size)
    return outputs


def _explain(job, row):
    """Why the graph did not take a row that had passed all checks."""
    if "image" in job.columns and job.columns["image"].dtype == object:
        return checks.explain(job.columns["image"][row])
    return "The model cannot take this row."


def _spread(array, rows, size):
    """Puts an array's rows where they belong among `size` rows of zeros or empty strings."""
    shape = (size, *array.shape[1:])
    result = (
        np.full(shape, b"", object) if array.dtype == object else np.zeros(shape, array.dtype)
    )
    result[rows] = array
    return result


def _note(status, problems, notes):
    status = status.copy()
    for index, sentence in notes.items():
        status[index] = sentence.encode()
    for row, sentence in problems.items():
        status[row] = sentence.encode()
    return status
