"""Both pages, and the pictures on them."""

import numpy as np

from hardvqa_tf.report_parts.pages import (
    Figure,
    Gallery,
    Section,
    Table,
    Tile,
    to_html,
    to_markdown,
)
from hardvqa_tf.report_parts.plots import Series, draw_panels
from tests.report.written_pages import check_page


def test_text_from_outside_is_shown_as_it_is(tmp_path):
    png = draw_panels([("a $1", [Series("b", [(1, 0.5)])])], "x", "y")
    pixels = np.zeros((4, 6, 3), np.uint8)
    blocks = [
        Table("<caption>", ["run", "a|b"], [["<b>x</b>", "1 & 2"]]),
        Figure("plot", "c", 'the "plot"', png),
        Gallery("tiles", "d", ["q", "m"], [("<q>?", [Tile(pixels, "<alt>", "<yes>")])], png),
    ]
    sections = [Section("One <two>", "", blocks)]
    (tmp_path / "page.html").write_text(to_html("<t>", "i", sections), encoding="utf-8")
    page = check_page(tmp_path / "page.html")
    assert {"<t>", "<caption>", "<b>x</b>", "1 & 2", "<q>?", "<yes>"} <= set(page.texts)
    assert [image["alt"] for image in page.all("img")] == ['the "plot"', "<alt>"]
    markdown, files = to_markdown("<t>", "i", sections)
    assert "| run | a\\|b |\n|---|---:|\n" in markdown
    assert set(files) == {"plot.png", "tiles.png"}


def test_a_plot_is_as_wide_as_a_narrow_screen_at_most():
    """No part of the page that scrolls sideways holds it."""
    png = draw_panels([("", [Series("one", [(1, 0.5), (2, 0.7)])])] * 3, "x", "y")
    section = Section("Plots", "", [Figure("plot", "caption", "alt", png)])
    page = to_html("Title", "", [section])
    assert "<figure><img " in page
    assert "figure img { max-width: 100%; height: auto; }" in page
