"""Which page a server shows."""

import pytest

from hardvqa_tf.serving import pages
from records import formats

VQA, LOCALIZE = pages.read_page("vqa"), pages.read_page("localize")


@pytest.mark.parametrize(
    "found, page",
    [
        ([], VQA),
        ([None], VQA),  # of before there were tasks, or a SavedModel of others
        (["vqa"], VQA),
        (["localize"], LOCALIZE),
        (["localize", "vqa"], VQA),
        (["vqa", "localize"], VQA),
        (["drawn"], None),
        (["drawn", "localize"], LOCALIZE),
    ],
)
def test_the_page_is_one_that_asks_if_any_does(found, page):
    assert pages.page_of(found) == page


def test_a_page_that_asks_nothing_says_how_to():
    assert b"curl" in LOCALIZE and b'"sketch": "[[[' in LOCALIZE and b"<script" not in LOCALIZE


def test_the_page_names_the_formats_that_are_read():
    page = " ".join(pages.read_page("vqa").decode().split())
    assert f"Choose a {formats.ONE_OF_THEM}" in page.replace('" + "', "")
