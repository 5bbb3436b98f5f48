"""The route that predicts: a body, its rows, and the wait for their answers."""

import asyncio
import contextlib
import threading

import anyio
from starlette.requests import ClientDisconnect

from hardvqa_tf.serving import response, rows
from hardvqa_tf.serving.answers import json_bytes
from hardvqa_tf.serving.refusals import Refusal
from hardvqa_tf.serving.routes import find_servable

_LARGE_BODY = 256 * 1024  # Longer ones are read in a thread: others need not wait for them.


async def predict(request):
    service = request.app.state.service
    servable = find_servable(request)
    servable.users += 1
    try:
        with anyio.fail_after(service.limits.deadline_seconds):
            return await _predict(request, service, servable)
    except TimeoutError:
        raise _too_late(request, service.limits.deadline_seconds) from None
    finally:
        servable.users -= 1


def _too_late(request, seconds):
    if not getattr(request.state, "has_body", False):
        sentence = f"The body did not come within {seconds:g} seconds. Send it faster."
        return Refusal(408, sentence, {"Connection": "close"})
    return Refusal(
        504,
        f"The answer took longer than {seconds:g} seconds. Send fewer rows, or again when the "
        "server is less busy.",
    )


async def _predict(request, service, servable):
    body = await service.bodies.receive(request)
    is_over = threading.Event()
    try:
        request.state.has_body = True
        arguments = (body.content, servable, service.limits, service.images)
        run_in_executor = asyncio.get_running_loop().run_in_executor
        if len(body.content) < _LARGE_BODY:
            checked = rows.read(*arguments)
        else:
            checked = await run_in_executor(service.readers, rows.read, *arguments)
        if checked.unseen:
            await run_in_executor(service.lookers, rows.look, checked, is_over)
        outputs = await rows.run(
            checked, service.batches, service.images, lambda jobs: _wait(jobs, request)
        )
    finally:
        is_over.set()
        service.bodies.release(body)
    service.measures.bad_answers(rows.count_bad(checked.signature, outputs))
    return json_bytes(response.write_response(checked.form, outputs))


async def _wait(jobs, request):
    """Returns when all are done; ends when the client goes before they began."""
    futures = [job.done for job in jobs]
    if not any(job.is_waiting for job in jobs):
        await (asyncio.wait(futures) if len(futures) > 1 else _settled(futures[0]))
        return
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        waiting = set(futures)
        while waiting and not gone.done():
            await asyncio.wait({*waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            waiting = {future for future in waiting if not future.done()}
        if waiting:
            raise ClientDisconnect
    finally:
        gone.cancel()


async def _settled(future):
    with contextlib.suppress(Exception):  # It is looked at later.
        await future


async def _disconnected(request):
    while (await request.receive())["type"] != "http.disconnect":
        pass
