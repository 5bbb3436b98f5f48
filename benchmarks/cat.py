"""What the benchmarks hold their speed against: reading the same files with `cat`."""

import subprocess
import time


def run_cat(paths):
    """Reads the files to /dev/null."""
    subprocess.run(["cat", *paths], check=True, stdout=subprocess.DEVNULL)


def time_cat(paths):
    """Seconds in which `cat` reads the files; the best of three."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        run_cat(paths)
        times.append(time.perf_counter() - started)
    return min(times)
