"""Which page a server shows."""

import pytest

from hardvqa_tf.serving import pages
from records import formats


@pytest.mark.parametrize("cards", [[], [None], [{}], [{"task": "vqa"}, {"task": "drawn"}]])
def test_the_page_is_that_of_the_task_of_the_first_model(cards):
    """A model of before there were tasks, and a SavedModel of others, are of vqa."""
    assert pages.page_of(cards) == pages.read_page("vqa")


def test_a_task_of_its_own_has_its_own_page_or_none(monkeypatch):
    assert pages.page_of([{"task": "drawn"}]) is None
    monkeypatch.setitem(pages.PAGES, "drawn", "vqa")
    assert pages.page_of([{"task": "drawn"}]) == pages.read_page("vqa")


def test_the_page_names_the_formats_that_are_read():
    page = " ".join(pages.read_page("vqa").decode().split())
    assert f"Choose a {formats.ONE_OF_THEM}" in page.replace('" + "', "")
