"""The rows of one request: read, checked, run where they are good, and put together again.

A row that cannot be answered does not take the others down, where the model's answers have a
place to say so, the output `status`. There the row's other outputs are zeros and empty strings.
If no row can be answered, or the model has no `status`, the request is refused with the reason.
"""

import dataclasses
import math

import numpy as np

from hardvqa_tf.serving import protocol
from hardvqa_tf.serving.batching import Answers
from hardvqa_tf.serving.inputs import known_inputs
from hardvqa_tf.serving.logs import logger
from hardvqa_tf.serving.protocol import Problem
from hardvqa_tf.serving.refusals import BadRows, Refusal, shown, too_many_rows
from records.source import counted

OK = b"ok"
_TOO_LARGE = (
    "This one and those before it are together too large for one row. Make them smaller, or "
    "send several rows."
)


@dataclasses.dataclass
class Checked:
    """A request that was read and checked.

    Args:
      form: "instances" or "inputs".
      columns: {input: array}.
      weights: list of floats, what each row counts as within a batch.
      problems: {row: sentence}; these rows do not run.
      notes: {(row, item): sentence}, where each of a row's items has a status; they are made
        empty, and the row still runs.
      unseen: list of (input, place in its column) that are still to be looked at.
    """

    form: str
    signature: object
    columns: dict
    weights: list
    problems: dict
    notes: dict
    unseen: list

    @property
    def good_rows(self):
        return [row for row in range(len(self.weights)) if row not in self.problems]


def read(body, servable, limits, images):
    """Bytes of a request to a `Checked`, to be given to `look` if anything of it is `unseen`.

    Args:
      images: `ImageMemory`.

    Raises:
      Refusal: nothing of it can be answered.
    """
    name, form, value = protocol.parse_request(body, limits)
    if name not in servable.signatures:
        near = protocol.did_you_mean(name, servable.signatures)
        raise Refusal(
            400,
            f"Model {servable.name} has no signature {shown(name)}. {near}It has: "
            f"{', '.join(sorted(servable.signatures))}.",
        )
    signature = servable.signatures[name]
    known = known_inputs(signature)
    columns = protocol.read_columns(
        form, value, signature, known, _finder(images), limits.max_rows
    )
    size = len(next(iter(columns.values()))) if signature.is_joinable else 1
    checked = Checked(form, signature, columns, [1.0] * size, {}, {}, [])
    for name, column in columns.items():
        if name in known:
            _check(checked, name, known[name], limits)
        elif column.dtype == object:
            _refuse_unreadable(column)
    _refuse_if_all_bad(checked)
    return checked


def look(checked, is_over):
    """Looks at what is `unseen`, which takes as long as decoding: for a thread.

    Args:
      is_over: `threading.Event`, set when nobody waits any more.

    Raises:
      Refusal: nothing of it can be answered.
    """
    tables, bad = known_inputs(checked.signature), {}
    for name, index in checked.unseen:
        item = checked.columns[name][index]
        if item and not is_over.is_set() and index[0] not in checked.problems:
            try:
                tables[name].look(item)
            except ValueError as error:
                bad.setdefault(name, {})[index] = str(error)
            except Exception:
                bad.setdefault(name, {})[index] = _fault_of_ours(tables[name])
    for name, sentences in bad.items():
        _spoil(checked, name, tables[name], sentences)
    checked.unseen = []
    _refuse_if_all_bad(checked)


async def run(checked, batches, images, while_waiting):
    """Runs the rows that are good.

    Args:
      batches: `Batches`.
      images: `ImageMemory`.
      while_waiting: awaited with the futures of what runs; returns when they are done.

    Returns:
      {output: array}, with a row for every row of the request.
    """
    good, signature = checked.good_rows, checked.signature
    jobs = batches.submit(signature, _pieces(checked, good, batches.max_batch_size))
    try:
        if signature.gives_status:  # While the model is at work: checksums take their time.
            _remember(checked, good, images)
        await while_waiting(jobs)
    finally:
        for job in jobs:
            batches.forget(job)
    answers = [_answers_of(job) for job in jobs]
    if signature.gives_status:
        return _put_together(checked, good, jobs, answers)
    for answer in answers:
        for problem in answer.problems.values():
            raise _whole_request(problem)
    return _concatenate([answer.outputs for answer in answers])


def count_bad(signature, outputs):
    """How many answers have another status than "ok"."""
    if not signature.gives_status:
        return 0
    return outputs["status"].size - _count_ok(outputs["status"])


def _count_ok(status):
    return status.ravel().tolist().count(OK)


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


def _refuse_unreadable(column):
    for value in column.flat:
        if isinstance(value, Problem):
            raise Refusal(400, value.sentence)


def _check(checked, name, known, limits):
    """Checks every string of an input, of [N] or [N, ...], and weighs the rows.

    Args:
      known: `Input`.
    """
    column, bad = checked.columns[name], {}
    if column.size > limits.max_rows:
        raise too_many_rows(column.size, limits.max_rows)
    weights, heavy = [0.0] * len(column), [0.0] * len(column)
    for index, item in np.ndenumerate(column):
        weight = 1.0
        try:
            if item != b"" or column.ndim <= checked.signature.status_rank:
                weight = _weigh(item, known, limits)
                if known.must_look and known.must_look(item):
                    checked.unseen.append((name, index))
        except ValueError as error:
            bad[index] = str(error)
        except Exception:
            bad[index] = _fault_of_ours(known)
        weights[index[0]] += weight
        heavy[index[0]] += weight if weight > 1 else 0
        if weight > 1 and heavy[index[0]] > 1.001 * limits.max_batch_size:
            bad.setdefault(index, _TOO_LARGE)
    checked.weights = list(map(max, checked.weights, weights))
    _spoil(checked, name, known, bad)


def _spoil(checked, name, known, bad):
    """Says what is wrong with strings of an input, and leaves out what they spoil.

    That is what has a status of its own: the row, or one of its items, which becomes empty.

    Args:
      bad: {place in the column: sentence}.
    """
    column, rank = checked.columns[name], checked.signature.status_rank
    spoilt = {}
    for index, sentence in bad.items():
        spoilt.setdefault(index[:rank], _named(sentence, known, index, column.shape, rank))
    if column.ndim > rank:  # Empty strings fill up, but there must be one that is not.
        strings = column.reshape(*column.shape[:rank], -1)
        for index in np.ndindex(*column.shape[:rank]):
            if not any(strings[index]):
                spoilt.setdefault(index, known.none)
    for index, sentence in spoilt.items():
        if len(index) == 1:
            checked.problems.setdefault(index[0], sentence)
        else:
            column[index] = b""
            checked.notes.setdefault(index, sentence)
    if column.ndim > 1 and rank > 1:
        _spoil_rows(checked, column.shape[1:rank], known)


def _named(sentence, known, index, shape, rank):
    """With the number of the string, where several belong together."""
    if math.prod(shape[rank:]) < 2:
        return sentence
    number = 1 + np.ravel_multi_index(index[rank:], shape[rank:])
    return f"{known.title} {number}: {sentence}"


def _spoil_rows(checked, shape, known):
    """Rows of which no item is left, of items of that shape, are spoilt wholly."""
    for row in range(len(checked.weights)):
        said = [checked.notes.get((row, *item)) for item in np.ndindex(*shape)]
        if all(said):
            checked.problems.setdefault(row, next(iter(said), known.none))


def _fault_of_ours(known):
    """What is said of an exception for which the other rows must not pay."""
    logger.exception("A check failed. Wanted: %s", known.wants)
    return "The server failed at checking this row. Its log says why."


def _refuse_if_all_bad(checked):
    if not checked.good_rows:
        raise _nothing_to_answer(checked.problems[0], len(checked.weights))


def _weigh(item, known, limits):
    if isinstance(item, Problem):
        raise ValueError(item.sentence)
    return known.check(item, limits)


def _remember(checked, rows, images):
    for name, known in known_inputs(checked.signature).items():
        if known.is_remembered:
            for encoded in checked.columns[name][rows].flat:
                images.add(encoded)


def _nothing_to_answer(sentence, size):
    if size > 1:
        sentence = f"None of the {size} rows can be answered. The first: {sentence}"
    return Refusal(400, sentence[:1].upper() + sentence[1:])


# --- Running.


def _pieces(checked, good, max_weight):
    """Cuts the good rows into pieces, each of no more weight than a batch may have."""
    signature, columns = checked.signature, checked.columns
    if not signature.is_joinable:
        return [(columns, 1.0)]
    weights = [checked.weights[row] for row in good]
    if len(good) == len(checked.weights) and sum(weights) <= max_weight:
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


def _answers_of(job):
    error = job.done.exception()
    return (
        Answers({}, dict.fromkeys(range(job.num_rows), error)) if error else job.done.result()
    )


def _whole_request(problem):
    """What to raise for a problem that no status can tell."""
    if isinstance(problem, BadRows):
        return Refusal(400, f"The request cannot be answered: {problem}")
    return problem


def _put_together(checked, good, jobs, answers):
    problems, start, size = dict(checked.problems), 0, len(checked.weights)
    raised = [p for a in answers for p in a.problems.values() if not isinstance(p, BadRows)]
    if raised and not any(answer.outputs for answer in answers):
        raise raised[0]
    if raised:
        logger.error("The model failed at %s", counted(len(raised), "row"), exc_info=raised[0])
    for job, answer in zip(jobs, answers, strict=True):
        for row, problem in answer.problems.items():
            problems[good[start + row]] = _explain(job, row, problem)
        start += job.num_rows
    answered = [row for row in range(size) if row not in problems]
    if not answered:
        raise _nothing_to_answer(problems[0], size)
    outputs = _concatenate([answer.outputs for answer in answers if answer.outputs])
    if problems:
        outputs = {name: _spread(array, answered, size) for name, array in outputs.items()}
    if problems or checked.notes:
        outputs["status"] = _note(outputs["status"], problems, checked.notes)
    status = outputs["status"]
    if not _count_ok(status):
        first = next((s for s in status.flat if s), b"The model gives no reason.")
        raise _nothing_to_answer(first.decode("utf-8", errors="replace"), size)
    return outputs


def _explain(job, row, problem):
    """Why the graph did not take a row that had passed all checks."""
    if isinstance(problem, Refusal):
        return problem.sentence
    if not isinstance(problem, BadRows):
        return "The server failed at this row. Its log says why."
    for name, known in known_inputs(job.signature).items():
        for encoded in job.columns[name][row : row + 1].flat if known.explain else ():
            if said := known.explain(encoded):
                return said
    return f"This row cannot be answered: {problem}"


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
