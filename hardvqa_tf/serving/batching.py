"""Rows of different requests run as one batch.

Nobody waits while a thread is free: a row that comes alone runs alone, at once. What comes
while batches run waits, and the next batch takes as much of it as it may, the oldest first. So
batches grow with the load by themselves. (`wait_seconds` lets a row wait for company all the
same.)

All state belongs to the event loop's thread; only `run_together` is executed elsewhere.
"""

import asyncio
import collections
import dataclasses
import itertools
import math
import queue
import threading
import time

import numpy as np

from hardvqa_tf.serving.refusals import Refusal, too_many_rows


@dataclasses.dataclass(eq=False)
class Job:
    """Rows of one request that run together.

    Attributes:
      weight: what they count as within a batch.
      done: a future of `Answers`.
    """

    signature: object
    columns: dict
    weight: float
    done: asyncio.Future
    arrived: float
    is_waiting: bool = True

    @property
    def num_rows(self):
        return len(next(iter(self.columns.values()))) if self.signature.is_joinable else 1

    @property
    def key(self):
        """Jobs of equal keys can share a batch."""
        if not self.signature.is_joinable:
            return id(self)
        shapes = tuple(column.shape[1:] for column in self.columns.values())
        return (id(self.signature), shapes)


@dataclasses.dataclass(frozen=True)
class Answers:
    """Of the rows of a job.

    Args:
      outputs: {output: array}, of the rows that could be answered.
      problems: {row: what the model raised}, of those that could not; `BadRows` if it lies in
        the row.
    """

    outputs: dict
    problems: dict


class Batches:
    """Runs jobs.

    Args:
      num_threads: batches that run at the same time.
      max_batch_size: weight of a batch; a job that is heavier runs alone.
      wait_seconds: how long a job waits for others although a thread is free.
      max_queue: weight of all that wait.
      on_batch: called with the rows and the seconds of every batch.
    """

    def __init__(self, num_threads, max_batch_size, wait_seconds, max_queue, on_batch=None):
        self.max_batch_size, self._wait_seconds = max_batch_size, wait_seconds
        self._max_queue, self._on_batch = max_queue, on_batch
        self._queues = collections.OrderedDict()  # key → jobs, the oldest first
        self._free_threads = num_threads
        self._timer = None
        self._rate = 0.0  # rows per second of the batches of late
        self._work = queue.SimpleQueue()
        self.waiting = 0.0
        self._threads = [
            threading.Thread(target=self._serve_thread, daemon=True) for _ in range(num_threads)
        ]

    def start(self):
        """To be called in the event loop."""
        self._loop = asyncio.get_running_loop()
        for thread in self._threads:
            thread.start()

    def stop(self):
        for _ in self._threads:
            self._work.put(None)

    def submit(self, signature, pieces):
        """Queues the rows of one request.

        Args:
          pieces: list of (columns, weight).

        Returns:
          List of `Job`.

        Raises:
          Refusal: 503, the queue is full; 413, it never will be empty enough.
        """
        total = sum(weight for _, weight in pieces)
        most = max(self._max_queue, self.max_batch_size)
        if total > most:
            raise too_many_rows(math.ceil(total), most)
        if self.waiting and self.waiting + total > self._max_queue:
            seconds = math.ceil(self.waiting / self._rate) if self._rate else 1
            raise Refusal(
                503,
                f"The server is busy: {math.ceil(self.waiting):,} rows are waiting. "
                "Try again later.",
                {"Retry-After": str(min(max(seconds, 1), 60))},
            )
        now = time.perf_counter()
        jobs = [
            Job(signature, columns, weight, self._loop.create_future(), now)
            for columns, weight in pieces
        ]
        for job in jobs:
            self._queues.setdefault(job.key, collections.deque()).append(job)
            self.waiting += job.weight
        self._start_batches()
        return jobs

    def forget(self, job):
        """Nobody waits for this job any more: if it has not begun, it does not run."""
        job.done.cancel()
        self._leave_queue(job)

    def _leave_queue(self, job):
        if job.is_waiting:
            job.is_waiting = False
            self.waiting -= job.weight

    def _start_batches(self):
        while self._free_threads and self._queues:
            key, ready_in = self._next_key()
            if ready_in > 0:
                self._start_later(ready_in)
                return
            jobs = self._take(key)
            if jobs:
                self._free_threads -= 1
                self._work.put(jobs)

    def _next_key(self):
        """The queue to take from, and in how many seconds."""
        oldest = min(self._queues, key=lambda key: self._queues[key][0].arrived)
        if not self._wait_seconds:
            return oldest, 0
        for key, jobs in self._queues.items():
            if sum(job.weight for job in jobs if job.is_waiting) >= self.max_batch_size:
                return key, 0
        waited = time.perf_counter() - self._queues[oldest][0].arrived
        return oldest, self._wait_seconds - waited

    def _start_later(self, seconds):
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._on_timer)

    def _on_timer(self):
        self._timer = None
        self._start_batches()

    def _take(self, key):
        jobs, weight, waiting = [], 0.0, self._queues[key]
        while waiting:
            if waiting[0].is_waiting:
                weight += waiting[0].weight
                if jobs and weight > self.max_batch_size:
                    break
                self._leave_queue(waiting[0])
                jobs.append(waiting[0])
            waiting.popleft()
        if not waiting:
            del self._queues[key]
        return jobs

    def _serve_thread(self):
        while (jobs := self._work.get()) is not None:
            started = time.perf_counter()
            results = run_together(jobs)
            seconds = time.perf_counter() - started
            self._loop.call_soon_threadsafe(self._finish, jobs, results, seconds)
            del jobs, results  # Not kept while waiting for more.

    def _finish(self, jobs, results, seconds):
        self._free_threads += 1
        rows = sum(job.num_rows for job in jobs)
        self._start_batches()
        for job, result in zip(jobs, results, strict=True):
            if job.done.done():
                continue
            if isinstance(result, Answers):
                job.done.set_result(result)
            else:
                job.done.set_exception(result)
        self._rate = 0.8 * self._rate + 0.2 * rows / max(seconds, 1e-6)
        if self._on_batch:
            self._on_batch(rows, seconds)


def run_together(jobs):
    """Runs jobs as one batch; where it fails, halves of it, until what spoils it is alone.

    Returns:
      Per job its `Answers`, or what was raised if that is not for its rows to answer for.
    """
    signature = jobs[0].signature
    ends = list(itertools.accumulate(job.num_rows for job in jobs))
    try:
        if not signature.is_joinable:
            return [Answers(signature(jobs[0].columns), {})]
        columns = _join([job.columns for job in jobs])
        # Our models answer some rows of a request and say of others what was wrong; in
        # another's answer there is no place for that, so that a request stays whole.
        cuts = range(ends[-1] + 1) if signature.gives_status else [0, *ends]
        parts = _run_apart(signature, columns, cuts)
        starts = [0, *ends[:-1]]
        return [_answers_of(parts, a, b) for a, b in zip(starts, ends, strict=True)]
    except _NotJoinable:
        signature.is_joinable = signature.gives_status = False
        return [run_together([job])[0] for job in jobs]
    except Exception as error:  # Whatever it is, those who wait must hear of it.
        return [error] * len(jobs)


class _NotJoinable(Exception):
    """The model's outputs do not follow the rows of its inputs."""


def _join(columns):
    if len(columns) == 1:
        return columns[0]
    return {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}


def _run_apart(signature, columns, cuts):
    """Runs the rows from the first cut to the last.

    Args:
      cuts: rows between which the batch may be divided.

    Returns:
      List of (first row, end, outputs or what was raised).
    """
    first, end = cuts[0], cuts[-1]
    try:
        outputs = signature({name: c[first:end] for name, c in columns.items()})
    except Exception as error:  # Whatever a decoder raises, other rows need not pay for it.
        if len(cuts) == 2:
            return [(first, end, error)]
        middle = len(cuts) // 2
        left = _run_apart(signature, columns, cuts[: middle + 1])
        return left + _run_apart(signature, columns, cuts[middle:])
    if any(not o.ndim or len(o) != end - first for o in outputs.values()):
        raise _NotJoinable
    return [(first, end, outputs)]


def _answers_of(parts, first, end):
    """Of the rows from `first` to `end`."""
    found, problems = [], {}
    for a, b, outputs in parts:
        a, b, start, whole = max(a, first), min(b, end), a, b
        if a >= b:
            continue
        if isinstance(outputs, Exception):
            problems |= {row - first: outputs for row in range(a, b)}
        elif first <= start and whole <= end:  # The usual case of one request alone.
            found.append(outputs)
        else:
            found.append({name: o[a - start : b - start] for name, o in outputs.items()})
    return Answers(_join(found) if found else {}, problems)
