"""What GET /metrics shows, in Prometheus' form."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hardvqa_tf.serving import registry

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Measures:
    """Counts; labels come from us, never from a request, so that their number is bounded."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self):
        own = self._registry = CollectorRegistry()
        self._requests = Counter(
            "hardvqa_requests", "Requests answered.", ("route", "code"), registry=own
        )
        self._seconds = Histogram(
            "hardvqa_request_seconds",
            "From a request's head to its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=own,
        )
        self._batch_rows = Histogram(
            "hardvqa_batch_rows", "Rows of a batch.", buckets=_ROWS, registry=own
        )
        self._batch_seconds = Histogram(
            "hardvqa_batch_seconds",
            "Time in the model of a batch.",
            buckets=_SECONDS,
            registry=own,
        )
        self._bad_answers = Counter(
            "hardvqa_bad_answers",
            "Answers with another status than ok, in requests answered with 200.",
            registry=own,
        )
        self._queue = Gauge("hardvqa_queue_rows", "Rows that wait.", registry=own)
        self._bytes = Gauge("hardvqa_request_bytes", "Bytes of requests held.", registry=own)
        self._images = Gauge(
            "hardvqa_image_memory_bytes", "Bytes of images remembered.", registry=own
        )
        self._versions = Gauge(
            "hardvqa_model_version",
            "1 for the state that a version is in.",
            ("model", "version", "state"),
            registry=own,
        )
        self._children = {}

    def request(self, route, code, seconds):
        key = (route, code)
        if key not in self._children:  # Looking labels up costs more than counting.
            self._children[key] = (
                self._requests.labels(route, str(code)),
                self._seconds.labels(route),
            )
        count, histogram = self._children[key]
        count.inc()
        histogram.observe(seconds)

    def batch(self, rows, seconds):
        self._batch_rows.observe(rows)
        self._batch_seconds.observe(seconds)

    def bad_answers(self, number):
        if number:
            self._bad_answers.inc(number)

    def page(self, models, waiting, held_bytes, image_bytes):
        """Bytes of the page.

        Args:
          models: list of `registry.Model`.
        """
        self._queue.set(waiting)
        self._bytes.set(held_bytes)
        self._images.set(image_bytes)
        self._versions.clear()
        for model in models:
            for number, own, _ in model.states():
                for state in registry.STATES:
                    self._versions.labels(model.name, str(number), state).set(own == state)
        return generate_latest(self._registry)
