"""How much the server takes, of one request and of all together."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """See the flags of the same names in command_line/flags.py.

    Args:
      max_batch_size: rows that run together; a large image counts as several.
      batch_wait_ms: how long a row waits for others although a thread is free.
      batch_threads: batches that run at the same time.
      max_queue: rows that wait; beyond it requests are refused with 503.
      deadline_seconds: from a request's head to its answer.
      max_request_mb: of a request's body, in MiB.
      max_pixels: of one image, by its header.
      max_text_length: of one text, in characters.
      max_points: of one drawing's strokes.
      image_memory_mb: of images that are kept to be asked about again, in MiB.
      max_connections: that are open at the same time.
    """

    max_batch_size: int = 32
    batch_wait_ms: float = 0.0
    batch_threads: int = 1
    max_queue: int = 256
    deadline_seconds: float = 30.0
    max_request_mb: float = 16.0
    max_pixels: int = 25_000_000  # A phone's photo has 12 to 24 million.
    max_text_length: int = 1000
    max_points: int = 20_000  # What a program records of a person's drawing has some thousands.
    image_memory_mb: float = 64.0
    max_connections: int = 1000

    @property
    def max_request_bytes(self):
        return int(self.max_request_mb * 2**20)

    @property
    def max_rows(self):
        """Of a request; the queue never has room for more."""
        return max(self.max_queue, self.max_batch_size)

    # Reading JSON stops all threads: these many end well within half a second.

    @property
    def max_values(self):
        """Of a body, by its commas."""
        return max(10_000, self.max_request_bytes // 16)

    @property
    def max_lists(self):
        """Of a body, objects and keys as well: each costs as much as many numbers."""
        return max(1_000, self.max_request_bytes // 256)

    @property
    def max_bytes_at_once(self):
        """Of all bodies that are being received, parsed or waited for."""
        return 8 * self.max_request_bytes

    @property
    def image_memory_bytes(self):
        return int(self.image_memory_mb * 2**20)
