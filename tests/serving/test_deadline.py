"""A block ends with TimeoutError when its time is over, and only then."""

import asyncio

import pytest

from hardvqa_tf.serving.deadline import Deadline


def test_a_block_that_takes_longer_is_ended():
    async def wait():
        with Deadline(0.01):
            await asyncio.sleep(5)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())


def test_a_block_that_is_done_in_time_leaves_no_timer():
    async def wait():
        with Deadline(0.02):
            await asyncio.sleep(0)
        with pytest.raises(KeyError), Deadline(0.02):
            raise KeyError
        await asyncio.sleep(0.06)
        return "not cancelled"

    assert asyncio.run(wait()) == "not cancelled"


def test_whoever_else_cancels_is_not_taken_for_the_deadline():
    async def wait():
        with Deadline(5):
            await asyncio.sleep(5)

    async def cancel():
        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
