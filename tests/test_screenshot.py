"""The script that photographs TensorBoard for the documentation."""

import importlib.util
import pathlib

import numpy as np
import pytest
from PIL import Image

PATH = pathlib.Path(__file__).parent.parent / "docs" / "screenshot.py"


@pytest.fixture(scope="module")
def screenshot():
    spec = importlib.util.spec_from_file_location("screenshot", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_empty_space_at_the_bottom_is_cut_off(screenshot):
    page = np.full((90, 40, 3), 240, np.uint8)
    page[:, :10] = 255  # a sidebar as high as the page
    page[20:31, 15:30] = 0
    cropped = screenshot.crop(Image.fromarray(page))
    np.testing.assert_array_equal(np.asarray(cropped), page[: 30 + 16])


def test_a_page_that_is_full_or_empty_stays(screenshot):
    full = np.random.default_rng(0).integers(0, 255, (12, 8, 3)).astype(np.uint8)
    assert screenshot.crop(Image.fromarray(full)).size == (8, 12)
    assert screenshot.crop(Image.new("RGB", (8, 12), "white")).size == (8, 12)


def test_without_a_browser_it_says_which_to_install(screenshot, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="apt install chromium"):
        screenshot.take_screenshot("logs", "x.png")


def test_a_folder_without_logs_is_named_and_tensorboard_is_ended(screenshot, tmp_path):
    started = []
    popen = screenshot.subprocess.Popen

    def start(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    screenshot.subprocess.Popen = start
    try:
        with pytest.raises(SystemExit, match="shows nothing of .*nothing-here"):
            with screenshot.serve(tmp_path / "nothing-here", timeout=0):
                pass
    finally:
        screenshot.subprocess.Popen = popen
    assert started[0].poll() is not None
