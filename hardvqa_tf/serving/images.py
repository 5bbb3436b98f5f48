"""Images that were seen, to be asked about again without being sent again."""

import collections
import hashlib
import threading


class ImageMemory:
    """Bytes of images by their SHA-256; what was not used longest goes first.

    Args:
      max_bytes: of all together.
    """

    def __init__(self, max_bytes):
        self.max_bytes = max_bytes
        self.num_bytes = 0
        self._images = collections.OrderedDict()
        self._lock = threading.Lock()  # Large requests are read in threads.

    def __len__(self):
        return len(self._images)

    def add(self, encoded):
        if len(encoded) > self.max_bytes:
            return
        key = hashlib.sha256(encoded).hexdigest()
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
                return
            self._images[key] = encoded
            self.num_bytes += len(encoded)
            while self.num_bytes > self.max_bytes:
                _, oldest = self._images.popitem(last=False)
                self.num_bytes -= len(oldest)

    def find(self, key):
        """Bytes, or None."""
        with self._lock:
            encoded = self._images.get(key.lower())
            if encoded is not None:
                self._images.move_to_end(key.lower())
            return encoded
