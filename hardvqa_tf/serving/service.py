"""What the routes of one server share."""

import asyncio
import concurrent.futures
import contextlib

from hardvqa_tf.serving.batching import Batches
from hardvqa_tf.serving.bodies import Bodies
from hardvqa_tf.serving.images import ImageMemory
from hardvqa_tf.serving.limits import Limits
from hardvqa_tf.serving.logs import logger
from hardvqa_tf.serving.measures import Measures
from hardvqa_tf.serving.pages import page_of


class Service:
    """What the routes share.

    Args:
      registry: `registry.Registry` of loaded models.
      token: bytes that a request must bear, or None.
      hosts: `hosts.Hosts` that a request may ask for; None: any.
      poll_seconds: how often folders are looked at; None: never.
    """

    def __init__(self, registry, limits=None, token=None, hosts=None, poll_seconds=None):
        self.registry, self.limits = registry, limits or Limits()
        self.token, self.hosts, self.poll_seconds = token, hosts, poll_seconds
        self.measures = Measures()
        self.images = ImageMemory(self.limits.image_memory_bytes)
        self.batches = Batches(
            self.limits.batch_threads,
            self.limits.max_batch_size,
            self.limits.batch_wait_ms / 1000,
            self.limits.max_queue,
            self.measures.batch,
        )
        self.bodies = Bodies(self.limits)
        self.readers = concurrent.futures.ThreadPoolExecutor(1, "read")
        self.lookers = concurrent.futures.ThreadPoolExecutor(1, "look")  # Nobody else waits.
        serving = [model for model in registry.models.values() if model.serving]
        self.page = page_of([model.find().task for model in serving])

    @contextlib.asynccontextmanager
    async def run(self, _):
        """While the application lives."""
        self.batches.start()
        polling = asyncio.create_task(self._poll()) if self.poll_seconds else None
        try:
            yield
        finally:
            if polling:
                polling.cancel()
            self.batches.stop()
            self.readers.shutdown(wait=False)
            self.lookers.shutdown(wait=False)

    async def _poll(self):
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(1, "poll") as thread:
            while True:
                await asyncio.sleep(self.poll_seconds)
                try:
                    await loop.run_in_executor(thread, self.registry.poll)
                except Exception:  # The next look may go better, and what serves goes on.
                    logger.exception("Models could not be looked for")
