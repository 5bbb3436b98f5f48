"""Rows wait together, run together, and are taken apart where they fail."""

import asyncio

import numpy as np
import pytest

from hardvqa_tf.serving.batching import Batches
from hardvqa_tf.serving.refusals import BadRows, Refusal
from tests.serving.fakes import FakeSignature


def rows(*questions, image=b"good"):
    images = [image] * len(questions)
    return {
        "image": np.array(images, object),
        "question": np.array([q.encode() for q in questions], object),
    }


def with_batches(test, **options):
    """Runs `test(batches)` in an event loop."""

    async def run():
        defaults = {"num_threads": 1, "max_batch_size": 4, "wait_seconds": 0, "max_queue": 9}
        batches = Batches(**defaults | options)
        batches.start()
        try:
            return await asyncio.wait_for(test(batches), 120)
        finally:
            batches.stop()

    return asyncio.run(run())


async def entered(signature):
    await asyncio.get_running_loop().run_in_executor(None, signature.entered.wait, 60)


async def submit_while_busy(batches, signature, *jobs):
    """Submits jobs while another one is being run; opens the gate, returns their answers."""
    signature.gate.clear()
    (first,) = batches.submit(signature, [(rows("first"), 1)])
    await entered(signature)
    submitted = [batches.submit(signature, [job])[0] for job in jobs]
    signature.gate.set()
    await first.done
    return await asyncio.gather(*(job.done for job in submitted), return_exceptions=True)


def reasons(result):
    return {row: str(problem) for row, problem in result.problems.items()}


def answers(result):
    return result.outputs["answer"].tolist()


def test_what_waits_joins_up_to_the_size_of_a_batch():
    signature = FakeSignature()

    async def test(batches):
        jobs = [(rows("a", "b"), 2), (rows("c"), 1), (rows("d", "e"), 2), (rows("f"), 1)]
        return await submit_while_busy(batches, signature, *jobs)

    results = with_batches(test)
    assert signature.batches == [["first"], ["a", "b", "c"], ["d", "e", "f"]]
    assert [answers(r) for r in results] == [[b"A", b"B"], [b"C"], [b"D", b"E"], [b"F"]]


def test_an_empty_queue_is_not_waited_for():
    signature = FakeSignature()

    async def test(batches):
        for _ in range(5):
            (job,) = batches.submit(signature, [(rows("a"), 1)])
            assert batches.waiting == 0 and not job.is_waiting  # It has begun.
            await job.done

    with_batches(test)
    assert len(signature.batches) == 5


def test_rows_wait_for_others_if_they_are_told_to():
    signature = FakeSignature()

    async def test(batches):
        jobs = [batches.submit(signature, [(rows(q), 1)])[0] for q in "ab"]
        assert batches.waiting == 2
        jobs += [batches.submit(signature, [(rows(q), 1)])[0] for q in "cde"]
        await asyncio.gather(*(job.done for job in jobs[:4]))
        assert batches.waiting == 1  # Four fill a batch before the time is over.
        batches.forget(jobs[4])

    with_batches(test, wait_seconds=3600)
    assert signature.batches == [["a", "b", "c", "d"]]

    async def test_alone(batches):
        (job,) = batches.submit(signature, [(rows("f"), 1)])
        assert batches.waiting == 1
        await job.done

    with_batches(test_alone, wait_seconds=0.05)
    assert signature.batches[1:] == [["f"]]


def test_other_signatures_and_other_shapes_run_by_themselves():
    first, second = FakeSignature(), FakeSignature()
    pairs = {
        "image": np.array([b"x"], object),
        "question": np.array([[b"p", b"q"]], object),
    }

    async def test(batches):
        first.gate.clear()
        jobs = batches.submit(first, [(rows("busy"), 1)])
        await entered(first)
        jobs += batches.submit(first, [(rows("a"), 1)])
        jobs += batches.submit(second, [(rows("b"), 1)])
        jobs += batches.submit(first, [(rows("c"), 1)])
        assert jobs[1].key == jobs[3].key != jobs[2].key
        (other,) = batches.submit(first, [(pairs, 2)])
        assert other.key != jobs[1].key
        batches.forget(other)
        first.gate.set()
        await asyncio.gather(*(job.done for job in jobs))

    with_batches(test)
    assert first.batches == [["busy"], ["a", "c"]] and second.batches == [["b"]]


def test_two_threads_run_two_batches_at_once():
    signature = FakeSignature()

    async def test(batches):
        signature.gate.clear()
        jobs = [batches.submit(signature, [(rows(q), 1)])[0] for q in "abcd"]
        while len(signature.batches) < 2:
            await asyncio.sleep(0.001)
        signature.gate.set()
        await asyncio.gather(*(job.done for job in jobs))

    with_batches(test, num_threads=2)
    assert sorted(signature.batches) == [["a"], ["b"], ["c", "d"]]


def test_a_bad_row_is_found_and_the_others_are_answered():
    signature = FakeSignature()

    async def test(batches):
        bad = {
            name: np.concatenate([a, b])
            for (name, a), b in zip(
                rows("x").items(), rows("y", image=b"bad").values(), strict=True
            )
        }
        return await submit_while_busy(
            batches, signature, (rows("a"), 1), (bad, 2), (rows("b"), 1)
        )

    first, second, third = with_batches(test)
    assert answers(first) == [b"A"] and answers(third) == [b"B"]
    assert answers(second) == [b"X"]
    assert reasons(second) == {1: "bad image in the batch"}
    # Halves: a x | y b, then y | b.
    assert signature.batches[1:] == [["a", "x", "y", "b"], ["a", "x"], ["y", "b"], ["y"], ["b"]]


def test_a_request_to_a_model_without_status_stays_whole():
    signature = FakeSignature(gives_status=False)

    async def test(batches):
        bad = {
            "image": np.array([b"good", b"bad"], object),
            "question": rows("x", "y")["question"],
        }
        return await submit_while_busy(batches, signature, (rows("a"), 1), (bad, 2))

    first, second = with_batches(test)
    assert answers(first) == [b"A"]
    assert second.outputs == {}
    assert reasons(second) == dict.fromkeys((0, 1), "bad image in the batch")


def test_a_signature_that_cannot_be_shared_runs_alone():
    signature = FakeSignature(gives_status=False, is_joinable=False)

    async def test(batches):
        jobs = [(rows("a"), 1), (rows("b"), 1), (rows("c", image=b"bad"), 1)]
        return await submit_while_busy(batches, signature, *jobs)

    results = with_batches(test)
    assert signature.batches[1:] == [["a"], ["b"], ["c"]]
    assert answers(results[1]) == [b"B"] and isinstance(results[2], BadRows)


def test_outputs_that_do_not_follow_the_rows_are_noticed():
    class Total(FakeSignature):
        def __call__(self, columns):
            return {"answer": super().__call__(columns)["answer"][:1]}

    signature = Total(gives_status=False)

    async def test(batches):
        return await submit_while_busy(batches, signature, (rows("a"), 1), (rows("b"), 1))

    assert [answers(r) for r in with_batches(test)] == [[b"A"], [b"B"]]
    assert not signature.is_joinable
    assert signature.batches[1:] == [["a", "b"], ["a"], ["b"]]


def test_an_error_reaches_all_who_wait_and_the_next_batch_runs():
    signature = FakeSignature()
    signature.error = RuntimeError("broken graph")

    async def test(batches):
        results = await submit_while_busy_after_error(batches)
        signature.error = None
        (job,) = batches.submit(signature, [(rows("z"), 1)])
        return results, await job.done

    async def submit_while_busy_after_error(batches):
        jobs = [batches.submit(signature, [(rows(q), 1)])[0] for q in "ab"]
        return await asyncio.gather(*(job.done for job in jobs), return_exceptions=True)

    failed, answer = with_batches(test)
    assert [reasons(result) for result in failed] == [{0: "broken graph"}] * 2
    assert answers(answer) == [b"Z"]


def test_a_full_queue_refuses():
    signature = FakeSignature()

    async def test(batches):
        signature.gate.clear()
        jobs = batches.submit(signature, [(rows("a"), 1)])
        await entered(signature)
        jobs += batches.submit(signature, [(rows("b"), 3)])
        jobs += batches.submit(signature, [(rows("c"), 5)])
        with pytest.raises(Refusal, match="8 rows are waiting. Try again later") as refusal:
            batches.submit(signature, [(rows("d"), 2)])
        assert refusal.value.code == 503
        assert int(refusal.value.headers["Retry-After"]) >= 1
        jobs += batches.submit(signature, [(rows("e"), 1)])  # 9 are allowed
        assert batches.waiting == 9
        signature.gate.set()
        await asyncio.gather(*(job.done for job in jobs))
        assert batches.waiting == 0

    with_batches(test)
    assert not any("d" in batch for batch in signature.batches)


def test_a_request_that_never_fits_is_told_so():
    async def test(batches):
        with pytest.raises(Refusal, match="count as 10, at most 9 are taken") as refusal:
            batches.submit(FakeSignature(), [(rows("a"), 6), (rows("b"), 4)])
        assert refusal.value.code == 413

    with_batches(test)


def test_what_nobody_waits_for_does_not_run():
    signature = FakeSignature()

    async def test(batches):
        signature.gate.clear()
        (first,) = batches.submit(signature, [(rows("a"), 1)])
        await entered(signature)
        gone, kept = (batches.submit(signature, [(rows(q), 1)])[0] for q in "bc")
        batches.forget(gone)
        assert batches.waiting == 1
        signature.gate.set()
        await asyncio.gather(first.done, kept.done)

    with_batches(test)
    assert signature.batches == [["a"], ["c"]]
