"""On a phone of any width, no word and no number stands on two lines."""

import numpy as np
import pytest

from tests.serving.page_replies import (
    CARD,
    CELL_WEIGHTS,
    PRESENCE,
    ROUTES,
    ROW,
    WORD_WEIGHTS,
    ask,
    choose,
    encode,
    model,
    move_slider,
    picture,
)

# Those of phones that there are; and all, which takes a quarter of a minute for each model.
WIDTHS = [
    pytest.param((320, 344, 360, 375, 390, 393, 412, 430), id="usual"),
    pytest.param(range(320, 431), id="all", marks=pytest.mark.slow),
]

# Words that stand on more than one line though one would hold them, as they are shown.
BROKEN = """width => {
  if (window.innerWidth !== width) return [`[a window of ${window.innerWidth} pixels]`];
  layOut(); // What else happens a moment after the window has another size.
  const broken = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    const isRead = !element.closest('.unseen, script, style, option');
    if (!isRead || !element.checkVisibility()) continue;
    for (const { 0: word, index } of node.data.matchAll(/\\S+/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const boxes = [...range.getClientRects()].filter(({ width }) => width > 0);
      const [tops, bottoms] = [boxes.map(({ top }) => top), boxes.map(({ bottom }) => bottom)];
      if (Math.max(...tops) >= Math.min(...bottoms)) broken.push(word);
    }
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) broken.push(`[${scrollWidth} pixels wide]`);
  return broken;
}"""


def find_broken(page, widths):
    """{width: words} of what is shown now."""
    found = {}
    for width in widths:
        page.set_viewport_size({"width": width, "height": 740})
        if words := page.evaluate(BROKEN, width):
            found[width] = words
    return found


WEIGHTS = PRESENCE / PRESENCE.sum()
LONG_WORDS = [
    "what",
    "is",
    "semitransparent",
    "twenty-three-year-old",
    "and/or",
    "left",
    "?",
    "",
]
# What a model of each kind gives beside the others, and how its card names it.
MODELS = {
    "han": ({"attention": "han"}, {}),
    "adahan": ({"attention": "adahan", "aggregator": "relation"}, {}),
    "none": ({"attention": "none"}, {"mask": np.ones((3, 4), bool).tolist(), "num_cells": 12}),
    "soft": (
        {"attention": "soft", "aggregator": "pairwise"},
        {"mask": np.ones((3, 4), bool).tolist(), "weights": WEIGHTS.tolist(), "num_cells": 12},
    ),
    "additive": ({"mixer": "additive"}, {"cell_weights": (CELL_WEIGHTS * 1.234).tolist()}),
    "bilevel_routing": ({"mixer": "bilevel_routing"}, {"routes": ROUTES.tolist()}),
    "query_guided": (
        {"mixer": "query_guided"},
        {
            "word_weights": np.resize(WORD_WEIGHTS, (3, 4, 8)).tolist(),
            "words": LONG_WORDS,
        },
    ),
}


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("name", MODELS)
def test_no_word_stands_on_two_lines(open_page, replies, name, widths):
    of_card, of_row = MODELS[name]
    presence = (PRESENCE * 1234.567).tolist()
    probabilities = [1.0, 0.25, 0.0625, 0.03125, 0.0001]
    answers = ["photosynthesis", "twenty-three", "yes/no", "a traffic light", "no"]
    replies.row = {**ROW, "presence": presence, "answer": "photosynthesis", **of_row}
    replies.row.update(top_answers=answers, top_probabilities=probabilities)
    card = {**CARD, "name": name, "data": "sort_of_clevr", **of_card}
    replies.models = [model(name, card), model("another-model", card)]
    page = open_page(320, 740)
    page.wait_for_selector(".thumb")
    assert find_broken(page, widths) == {}
    page.click('.thumb[title="Example 2"]')
    ask(page, "What is right?")
    assert page.is_visible("#verdict")
    for at in range(int(page.get_attribute("#slider", "max")) + 1):
        move_slider(page, at)
        assert find_broken(page, widths) == {}, f"with the slider at {at}"


@pytest.mark.parametrize("widths", WIDTHS)
def test_no_word_of_a_problem_stands_on_two_lines(open_page, replies, widths):
    page = open_page(320, 740)
    choose(page, encode(picture(30, 30), "BMP"))  # with a note
    replies.fail = lambda route: route.fulfill(
        status=503, json={"error": "The server is busy."}
    )
    ask(page)
    assert page.is_visible("#note")
    assert find_broken(page, widths) == {}
    replies.models = []
    page.reload()
    page.wait_for_selector("#problem:not(:empty)")
    assert find_broken(page, widths) == {}
    replies.token = "secret"
    page.reload()
    page.wait_for_selector("#door[open]")
    assert find_broken(page, widths) == {}
    page.click("#door-cancel")
    page.wait_for_selector("#problem:not(:empty)")
    assert find_broken(page, widths) == {}
