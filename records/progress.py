"""How far the encoding of images is: a bar on a terminal, plain lines elsewhere."""

import sys
import time

import tqdm

_SECONDS_BETWEEN_LINES = 30  # where no terminal shows a bar
# The first batch compiles. Then so much is measured before the time of the whole is told.
_SECONDS_MEASURED, _BATCHES_MEASURED = 5.0, 3


class EncodingProgress:
    """A bar with images per second and time left on a terminal, elsewhere a line at times."""

    def __init__(self, num_images, report):
        self._num_images, self._report = num_images, report
        self._done, self._batches = 0, 0
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(total=num_images, unit=" images", disable=not self._is_terminal)
        self._started = self._last_line = time.perf_counter()
        self._warm = None  # (when, images done) after the first batch
        self._told = False

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._bar.close()
        if kind is None:
            seconds = time.perf_counter() - self._started
            self._report(
                f"{self._done:,} images encoded in {format_seconds(seconds)}, "
                f"{self._done / max(seconds, 1e-9):,.1f} images/s"
            )

    def add(self, count):
        if not count:
            return
        self._done += count
        self._batches += 1
        self._bar.update(count)
        now = time.perf_counter()
        if self._warm is None:
            self._warm = now, self._done
            return
        since = now - self._warm[0]
        is_measured = self._batches > _BATCHES_MEASURED and since >= _SECONDS_MEASURED
        if is_measured and not self._told:
            self._tell("All {total:,} images will take about {whole} at {rate:,.1f} images/s.")
        elif self._told and not self._is_terminal:
            if now - self._last_line >= _SECONDS_BETWEEN_LINES:
                self._tell("{done:,} of {total:,} images, {rate:,.1f} images/s, {left} left")

    def _tell(self, line):
        now = time.perf_counter()
        rate = (self._done - self._warm[1]) / (now - self._warm[0])
        self._told, self._last_line = True, now
        self._bar.clear()
        self._report(
            line.format(
                done=self._done,
                total=self._num_images,
                rate=rate,
                whole=format_seconds(self._num_images / rate),
                left=format_seconds((self._num_images - self._done) / rate),
            )
        )
        self._bar.refresh()


def format_seconds(seconds):
    """Returns e.g. "3 h 20 min", "12 min 5 s" or "0.8 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"
