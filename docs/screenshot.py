"""Makes a picture of a TensorBoard page, as a browser shows it, with nothing set by hand.

    python docs/screenshot.py --logdir=runs/sort_of_clevr --output=docs/images/tensorboard.png

Starts TensorBoard and headless Chromium (or Chrome), and ends both. On Debian and Ubuntu
Chromium comes with `apt install chromium`.
"""

import argparse
import contextlib
import io
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import numpy as np
from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAGES = ("images", "scalars", "histograms", "text", "hparams")
# Chromium's clock, in ms, runs ahead by this much while the page asks for its data.
LOADING_MS = 30_000


def take_screenshot(logdir, output, page="images", size=(1600, 1400)):
    """Writes a PNG file of one of TensorBoard's pages.

    Args:
      logdir: of a run, or of a folder above several.
      output: path of the PNG file.
      page: a name in PAGES.
      size: (width, height) of the window; empty space at the bottom is cut off.

    Raises:
      SystemExit: says what is missing.
    """
    browser = find_browser()
    with serve(logdir) as address:
        png = _run_browser(browser, f"{address}/#{page}", size)
    save(crop(read_png(png)), output)


def find_browser():
    """Returns the path of a browser; without one, says what to install and exits."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(
            f"No browser was found. Expected one of {', '.join(BROWSERS)} on PATH. Install "
            "one, e.g. `apt install chromium`."
        )
    return browser


def read_png(png):
    """Returns a picture of the bytes of a PNG file."""
    return Image.open(io.BytesIO(png)).convert("RGB")


def save(picture, output):
    """Writes a PNG file of 256 colours: enough for what is shown, and a third of the bytes."""
    picture.quantize(256, dither=Image.Dither.NONE).save(output, optimize=True)


@contextlib.contextmanager
def serve(logdir, timeout=120):
    """Runs TensorBoard on a free port; gives its address once it has read the logs."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", f"--logdir={logdir}", f"--port={port}"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        address = f"http://localhost:{port}"
        try:
            deadline = time.monotonic() + timeout
            while not _has_data(address):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    said = log.read().decode("utf-8", "replace")[-2000:]
                    sys.exit(
                        f"TensorBoard shows nothing of {logdir}. Expected a folder of event "
                        f"files (a run's `logs`). What it said:\n{said}"
                    )
                time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            process.wait()


def crop(picture):
    """Cuts off rows at the bottom that are all like the last one."""
    pixels = np.asarray(picture)
    differing = np.flatnonzero((pixels != pixels[-1]).any(axis=(1, 2)))
    bottom = min(differing[-1] + 16, len(pixels)) if len(differing) else len(pixels)
    return picture.crop((0, 0, picture.width, int(bottom)))


def _has_data(address):
    try:
        with urllib.request.urlopen(f"{address}/data/runs", timeout=5) as response:
            return bool(json.load(response))
    except (urllib.error.URLError, OSError):
        return False


def _run_browser(browser, url, size):
    """Returns the bytes of a PNG file."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/page.png"
        done = subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",  # Containers have no rights to make one; the page is our own.
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--window-size={size[0]},{size[1]}",
                f"--virtual-time-budget={LOADING_MS}",
                f"--screenshot={path}",
                url,
            ],
            capture_output=True,
            text=True,
            timeout=180,
        )
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            sys.exit(f"{browser} wrote no picture of {url}. It said:\n{done.stderr[-2000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", required=True, help="what TensorBoard is to show")
    parser.add_argument("--output", required=True, help="path of the PNG file")
    parser.add_argument("--page", choices=PAGES, default="images")
    parser.add_argument("--width", type=int, default=1600, help="of the window, in pixels")
    parser.add_argument("--height", type=int, default=1400)
    flags = parser.parse_args()
    take_screenshot(flags.logdir, flags.output, flags.page, (flags.width, flags.height))
    print(f"Wrote {flags.output}.")


if __name__ == "__main__":
    main()
