"""The page in headless Chromium, against answers of the protocol that are typed here.

The browser's requests are answered by `page_replies.Replies`, all of them: one that goes
elsewhere fails its test. Our server itself answers in `test_the_real_server`.
"""

import base64
import contextlib
import hashlib
import io
import json
import pathlib
import re
import socket
import subprocess
import sys
import threading
import urllib.parse

import numpy as np
import pytest
import uvicorn
from PIL import Image

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.pictures import panels
from hardvqa_tf.serving.app import make_app
from hardvqa_tf.vqa.pictures import looks
from tests.serving.fakes import make_service
from tests.serving.page_replies import (
    ADDRESS,
    CARD,
    CELL_WEIGHTS,
    FRAME,
    IMAGE,
    MASK,
    PAGE,
    PNG,
    PRESENCE,
    ROUTES,
    ROW,
    WORD_WEIGHTS,
    WORDS,
    ask,
    choose,
    encode,
    model,
    move_slider,
    picture,
    read_canvas,
    text,
)
from tests.serving.tiny_models import GRID

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def to_pixels(cells, shape):
    rows = np.diff(panels.cell_edges(shape[0], cells.shape[0]))
    columns = np.diff(panels.cell_edges(shape[1], cells.shape[1]))
    return cells.repeat(rows, axis=0).repeat(columns, axis=1)


def widen(mask, by):
    """bool[H, W], True up to `by` pixels beside and above and below what is True."""
    height, width = mask.shape
    padded, wide = np.pad(mask, by), np.zeros_like(mask)
    for dy in range(2 * by + 1):
        for dx in range(2 * by + 1):
            wide |= padded[dy : dy + height, dx : dx + width]
    return wide


# Asking.


def test_an_uploaded_image_is_asked_about(open_page, replies):
    page = open_page()
    choose(page)
    ask(page, "  What is <b>left</b>?  ".strip())
    assert replies.bodies == [
        {
            "instances": [
                {
                    "image": {"b64": base64.b64encode(PNG).decode()},
                    "question": "What is <b>left</b>?",
                }
            ]
        }
    ]
    assert text(page, "#asked") == "What is <b>left</b>?"
    assert text(page, "#said") == "circle"
    assert page.locator("#best li").all_inner_texts() == [
        "circle\n62.5 %",
        "square\n25.0 %",
        "no\n6.3 %",
        "yes\n3.1 %",
    ]
    widths = page.eval_on_selector_all(
        ".track span",
        "bars => bars.map(b => b.offsetWidth / b.parentElement.clientWidth)",
    )
    np.testing.assert_allclose(widths, ROW["top_probabilities"][:4], atol=0.02)
    looked, took = text(page, "#looked").split(" · ")
    assert looked == "Looked at 5 of 12 cells"
    assert took.startswith("answered in ") and took.endswith(" ms")
    assert text(page, "#spoken") == "circle, 62.5 %. Looked at 5 of 12 cells."


def test_asking_again_sends_no_image(open_page, replies):
    page = open_page()
    choose(page)
    for question in ("one", "two"):
        ask(page, question)
    replies.seen.clear()  # as a server that was started anew, or has seen many others since
    ask(page, "three")
    ask(page, "four")
    whole = {"b64": base64.b64encode(PNG).decode()}
    named = {"sha256": hashlib.sha256(PNG).hexdigest()}
    asked = [body["instances"][0] for body in replies.bodies]
    assert [(row["question"], row["image"]) for row in asked] == [
        ("one", whole),
        ("two", named),
        ("three", named),
        ("three", whole),
        ("four", named),
    ]
    assert text(page, "#problem") == ""


def test_the_digest_is_right_without_the_browsers_help(open_page, replies):
    """On plain http, other than loopback, there is no crypto.subtle."""
    page = open_page()
    page.evaluate("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    choose(page)
    ask(page, "one")
    ask(page, "two")
    image = replies.bodies[1]["instances"][0]["image"]
    assert image == {"sha256": hashlib.sha256(PNG).hexdigest()}


def test_an_example_shows_its_questions_and_whether_the_answer_is_right(open_page, replies):
    page = open_page()
    page.click('.thumb[title="Example 2"]')
    assert page.locator("#questions dt").all_inner_texts() == ["shape", "yes/no"]
    page.click("text=What is right?")
    page.wait_for_selector("#reply:not([hidden])")
    assert text(page, "#verdict") == "✗ circle is wrong, square is right"
    page.click('.thumb[title="Example 1"]')
    assert page.is_hidden("#reply")
    page.click("text=What is left?")
    page.wait_for_selector("#reply:not([hidden])")
    assert text(page, "#verdict") == "✓ circle is right"
    sent = base64.b64decode(replies.bodies[-1]["instances"][0]["image"]["b64"])
    assert sent == encode(picture(20, 20, 0))


def test_about_an_own_image_it_suggests_a_question_of_each_type(open_page):
    page = open_page()
    choose(page)
    assert page.locator("#questions dt").all_inner_texts() == ["shape", "count", "yes/no"]
    assert page.locator("#questions button").count() == 3
    ask(page)
    assert page.is_hidden("#verdict")  # The examples' answers say nothing about this image.


PUT_FILE = """([selector, kind, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "put.png", {type: "image/png"}));
  const options = {bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data};
  const event = kind === "drop" ? new DragEvent(kind, options)
    : new ClipboardEvent(kind, options);
  return !document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.mark.parametrize(["selector", "kind"], [["#facts", "drop"], ["#question", "paste"]])
def test_an_image_can_be_dropped_and_pasted_anywhere(open_page, selector, kind):
    page = open_page()
    page.evaluate(PUT_FILE, [selector, kind, list(PNG)])
    page.wait_for_selector('.thumb[aria-pressed="true"][title="put.png"]')
    assert page.is_visible("#view")


DROP_BESIDE = """([selector, bytes, others]) => {
  const data = new DataTransfer();
  for (const [name, type] of others) {
    if (name) data.items.add(new File(["no picture"], name, {type}));
    else data.setData(type, "What is left?");
  }
  data.items.add(new File([new Uint8Array(bytes)], "put.png", {type: "image/png"}));
  const options = {bubbles: true, cancelable: true, dataTransfer: data};
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", options));
}"""


@pytest.mark.parametrize(
    "others",
    [
        [["", "text/plain"]],
        [["notes.txt", "text/plain"]],
        [["a.pdf", "application/pdf"], ["b", ""]],
    ],
)
def test_of_text_and_an_image_the_image_is_taken(open_page, others):
    page = open_page()
    page.wait_for_selector(".thumb")
    page.evaluate(DROP_BESIDE, ["#question", list(PNG), others])
    page.wait_for_selector('.thumb[aria-pressed="true"][title="put.png"]')
    assert text(page, "#problem") == ""


# Drawing.

WIDTH = 995  # of a window in which IMAGE is drawn ten times as large: cells of whole pixels


def test_it_draws_as_the_overlay_does(open_page):
    """Image, mask and presence, on canvas pixels; between them they blend."""
    page = open_page(WIDTH)
    choose(page)
    ask(page)
    assert page.input_value("#slider") == "1"
    masked = read_canvas(page)
    move_slider(page, 0)
    image = read_canvas(page)
    kept = to_pixels(MASK, image.shape)
    assert image.shape == (360, 480, 3)
    np.testing.assert_array_equal(image, IMAGE.repeat(10, axis=0).repeat(10, axis=1))

    near = widen(kept, FRAME) & ~kept
    np.testing.assert_array_equal(masked[kept], image[kept])
    assert (masked != image).any(axis=-1)[~kept].all()
    np.testing.assert_array_equal(masked[near], np.full((near.sum(), 3), (255, 150, 0)))
    dim = panels.dim_dropped(image.astype(np.uint8), MASK)
    far = ~kept & ~near
    np.testing.assert_allclose(masked[far], dim[far], atol=1)

    move_slider(page, 2)
    presence = read_canvas(page)
    heat = to_pixels(panels.heat(PRESENCE), image.shape)
    np.testing.assert_allclose(presence[~near], heat[~near], atol=1)
    assert (presence[near] == 255).all()
    assert (text(page, "#low"), text(page, "#high")) == ("0.25", "6")

    move_slider(page, 0.4)
    blend = 0.6 * image + 0.4 * masked
    np.testing.assert_allclose(read_canvas(page)[~near], blend[~near], atol=2)
    move_slider(page, 1.25)
    blend = 0.75 * masked + 0.25 * presence
    np.testing.assert_allclose(read_canvas(page)[~near], blend[~near], atol=2)


# Cells of 3 x 4 that look lower and further right than an equal division of 36 x 48 pixels has
# them: drawn ten times as large, from row 65 and column 47.5 (to even: 48) on.
FIELDS = Fields((12.0, 10.25), (11.0, 11.0), (31.0, 31.0), (36, 48), (3, 4))


def with_fields(replies, values):
    replies.models = [model("shapes", CARD | {"fields": values})]


def test_cells_are_drawn_where_the_card_says_that_they_look(open_page, replies):
    """As the overlay draws them; what no cell is drawn at stays dim."""
    with_fields(replies, FIELDS.to_json())
    page = open_page(WIDTH)
    choose(page)
    ask(page)
    masked = read_canvas(page)
    move_slider(page, 0)
    image = read_canvas(page)
    kept = panels.to_pixels(MASK, image.shape[:2], FIELDS)
    assert not kept[:65].any() and not kept[:, :48].any()
    near = widen(kept, FRAME) & ~kept
    np.testing.assert_array_equal(masked[kept], image[kept])
    np.testing.assert_array_equal(masked[near], np.full((near.sum(), 3), (255, 150, 0)))
    dim = panels.dim_dropped(image.astype(np.uint8), MASK, FIELDS)
    far = ~kept & ~near
    np.testing.assert_allclose(masked[far], dim[far], atol=1)
    move_slider(page, 2)
    presence = read_canvas(page)
    colors = panels.heat(PRESENCE)
    heat = panels.on_cells(panels.dim(image.astype(np.uint8)), colors, FIELDS)
    np.testing.assert_allclose(presence[~near], heat[~near], atol=1)


@pytest.mark.parametrize(
    "values",
    [
        None,
        {},
        FIELDS.to_json() | {"grid": [4, 3]},
        FIELDS.to_json() | {"origin": ["a", 1]},
        FIELDS.to_json() | {"pitch": 11},
    ],
    ids=["null", "empty", "another grid", "text", "a number"],
)
def test_fields_that_cannot_be_used_leave_an_equal_division(open_page, replies, values):
    with_fields(replies, values)
    page = open_page(WIDTH)
    choose(page)
    ask(page)
    masked = read_canvas(page)
    move_slider(page, 0)
    image = read_canvas(page)
    kept = to_pixels(MASK, image.shape)
    np.testing.assert_array_equal(masked[kept], image[kept])
    assert (masked != image).any(axis=-1)[~kept].all()


def test_regions_are_chosen_where_they_are_drawn(open_page, replies):
    with_fields(replies, FIELDS.to_json())
    replies.row["routes"] = ROUTES.tolist()
    page = open_page(WIDTH)
    choose(page)
    ask(page)
    move_slider(page, 3)
    cells = page.locator("#cells [role=gridcell]")
    view = page.locator("#view").bounding_box()
    regions = looks.region_of_cells(2, (3, 4))
    rows, columns = panels.all_edges((360, 480), (3, 4), FIELDS)
    for number in range(cells.count()):
        box = cells.nth(number).bounding_box()
        inside = np.argwhere(regions == number)
        (top, left), (bottom, right) = inside.min(axis=0), inside.max(axis=0) + 1
        assert box["y"] - view["y"] - FRAME == pytest.approx(rows[top], abs=1)
        assert box["x"] - view["x"] - FRAME == pytest.approx(columns[left], abs=1)
        assert box["height"] == pytest.approx(rows[bottom] - rows[top], abs=1)
        assert box["width"] == pytest.approx(columns[right] - columns[left], abs=1)
    assert cells.count() == 4


@pytest.mark.parametrize(
    ["low", "high", "ends"],
    [
        (11.2000001, 11.2000004, ("11.2000001", "11.2000004")),
        (11.2, 11.24, ("11.20", "11.24")),
        (1234567, 1234568, ("1234567", "1234568")),
        (-0.00001, 0.00001, ("-0.00001", "0.00001")),
        (0.25, 6, ("0.25", "6")),
    ],
)
def test_the_ends_of_a_legend_tell_them_apart(open_page, replies, low, high, ends):
    presence = np.linspace(low, high, MASK.size).reshape(MASK.shape)
    replies.row["presence"] = presence.tolist()
    page = open_page()
    choose(page)
    ask(page)
    move_slider(page, 2)
    shown = text(page, "#low"), text(page, "#high")
    assert shown[0] != shown[1]
    assert [float(end) for end in shown] == [float(end) for end in ends]


def test_a_legend_of_one_number_says_it_once(open_page, replies):
    replies.row["presence"] = np.full(MASK.shape, 11.2).tolist()
    replies.row["cell_weights"] = np.zeros(MASK.shape).tolist()
    page = open_page()
    choose(page)
    ask(page)
    move_slider(page, 2)
    assert text(page, "#meaning") == "norm of each cell: all are 11.2"
    assert page.is_hidden("#low") and page.is_hidden("#ramp") and page.is_hidden("#high")
    move_slider(page, 3)
    assert text(page, "#meaning").endswith(": all are 0")


def test_weights_of_soft_attention_dim_by_degrees(open_page, replies):
    weights = np.array([[0.5, 0.25, 0.0], [0.125, 0.125, 0.0]])
    replies.row.update(
        mask=np.ones((2, 3), bool).tolist(),
        weights=weights.tolist(),
        presence=weights.tolist(),
        num_cells=6,
    )
    page = open_page(WIDTH)
    choose(page)
    ask(page)
    masked = read_canvas(page)
    move_slider(page, 0)
    dim = panels.dim_dropped(read_canvas(page).astype(np.uint8), weights)
    np.testing.assert_allclose(masked, dim, atol=2)
    assert text(page, "#looked").startswith("Looked at 6 of 6 cells, weighted")


def press_look(page, name):
    page.click(f"#stops button:text-is('{name}')")
    assert page.input_value("#slider") == "3"
    assert page.get_attribute("#slider", "aria-valuetext") == name.lower()


def check_look(page, clear, asking):
    """The image where bool[3, 4] `clear`, dim elsewhere, and orange around `asking`."""
    seen, image = read_canvas(page), IMAGE.repeat(10, axis=0).repeat(10, axis=1)
    expected = panels.dim_dropped(image, clear)
    asking = to_pixels(asking, image.shape)
    near = widen(asking, FRAME) & ~asking
    assert (seen[near] == (255, 150, 0)).all()
    np.testing.assert_allclose(seen[~near], expected[~near], atol=1)


def check_routes(page, region):
    regions = looks.region_of_cells(2, (3, 4))
    check_look(page, ROUTES[region][regions], regions == region)
    selected = page.locator("#cells [aria-selected=true]")
    assert selected.get_attribute("aria-label").startswith(
        f"Region in row {region // 2 + 1}, column {region % 2 + 1}, looks at 2: row"
    )


def test_a_region_shows_the_regions_it_looks_at(open_page, replies):
    replies.row["routes"] = ROUTES.tolist()
    page = open_page(WIDTH)
    choose(page)
    ask(page)
    assert page.input_value("#slider") == "1"  # The mask, as ever.
    press_look(page, "Routes")
    check_routes(page, 2)  # Cell (2, 0) has the greatest presence of those that were kept.
    label = page.locator("#cells [aria-selected=true]").get_attribute("aria-label")
    assert label.endswith("looks at 2: row 1, column 2; row 2, column 1")
    # By a click, also while something else is shown.
    move_slider(page, 0)
    page.click("#view", position={"x": 3 + 350, "y": 3 + 150}, force=True)
    check_routes(page, 1)
    assert page.input_value("#slider") == "3"
    # By keys: one place for Tab among them, and arrows end at the border.
    page.focus("#choose")
    assert page.locator("#cells [tabindex='0']").count() == 1
    page.locator("#cells [tabindex='0']").focus()
    for key, region in (("ArrowDown", 3), ("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowUp", 0)):
        page.keyboard.press(key)
        check_routes(page, region)
        assert page.evaluate("document.activeElement.ariaSelected") == "true"
    assert page.get_attribute("#cells", "role") == "grid"


def test_the_keyboard_reaches_the_regions(open_page, replies):
    replies.row["routes"] = ROUTES.tolist()
    page = open_page()
    choose(page)
    ask(page)
    page.focus("#slider")
    assert page.get_attribute("#slider", "aria-label").endswith("mask, presence or routes")
    page.keyboard.press("End")
    assert page.get_attribute("#slider", "aria-valuetext") == "routes"
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#slider", "aria-valuetext") == "90 % from presence to routes"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.get_attribute("#slider", "aria-valuetext") == "routes"
    width = "getComputedStyle(document.activeElement).outlineWidth"
    assert page.evaluate(width) == "3px"
    # A model without a mixer, or another image, has nothing of it.
    del replies.row["routes"]
    ask(page, "And now?")
    assert page.get_attribute("#slider", "aria-valuetext") == "presence"
    assert page.is_hidden("#cells") and page.locator("#stops button").count() == 3


def test_weights_of_cells_are_a_view_beside_presence(open_page, replies):
    replies.row["cell_weights"] = CELL_WEIGHTS.tolist()
    page = open_page(WIDTH)
    choose(page)
    ask(page)
    press_look(page, "Weights")
    seen = read_canvas(page)
    kept = to_pixels(MASK, seen.shape)
    near = widen(kept, FRAME) & ~kept
    limits = looks.weight_limits(CELL_WEIGHTS)
    heat = to_pixels(panels.heat(CELL_WEIGHTS, limits), seen.shape)
    np.testing.assert_allclose(seen[~near], heat[~near], atol=1)
    assert (seen[near] == 255).all()
    assert (text(page, "#low"), text(page, "#high")) == ("-0.5", "0.5")
    assert "0 in the middle" in text(page, "#meaning")
    assert page.is_hidden("#cells") and page.is_hidden("#words")
    move_slider(page, 2.25)
    presence = to_pixels(panels.heat(PRESENCE), seen.shape)
    blend = 0.75 * presence + 0.25 * seen
    np.testing.assert_allclose(read_canvas(page)[~near], blend[~near], atol=2)


def test_a_cell_shows_the_words_it_looks_at(open_page, replies):
    replies.row.update(word_weights=WORD_WEIGHTS.tolist(), words=WORDS)
    page = open_page(WIDTH)
    choose(page)
    ask(page)

    def bars():
        return page.eval_on_selector_all(
            "#words .bar", "bars => bars.map(b => b.getBoundingClientRect().height / 40)"
        )

    assert page.locator("#words li").all_text_contents() == [
        "what 25.0 %",
        "is 12.5 %",
        "left 50.0 %",
        "? 12.5 %",
    ]
    np.testing.assert_allclose(bars(), [0.5, 0.25, 1, 0.25], atol=0.02)
    press_look(page, "Words")
    cell = np.zeros((3, 4), bool)
    cell[2, 0] = True
    check_look(page, cell, cell)
    page.locator("#cells [tabindex='0']").focus()
    page.keyboard.press("ArrowUp")
    np.testing.assert_allclose(bars(), [0, 1 / 3, 0, 1], atol=0.02)
    check_look(page, np.roll(cell, -1, axis=0), np.roll(cell, -1, axis=0))
    assert page.evaluate("document.activeElement.ariaLabel") == (
        "Cell in row 2, column 1, looks at ?, 75.0 %; is, 25.0 %; what, 0.0 %"
    )
    page.click("#view", position={"x": 3 + 350, "y": 3 + 20}, force=True)
    np.testing.assert_allclose(bars(), [0, 1, 0, 0], atol=0.02)
    page.set_viewport_size({"width": 320, "height": 640})
    page.wait_for_function(f"() => {OVERFLOW} <= 0")  # when it has been drawn anew


def test_the_canvas_says_which_cells_were_kept(open_page):
    page = open_page()
    choose(page)
    ask(page)
    assert page.get_attribute("#view", "aria-label") == (
        "mine.png. Looked at 5 of 12 cells. row 1: column 2, 3; row 2: column 3; "
        "row 3: column 1, 4."
    )


def sent_image(replies):
    content = base64.b64decode(replies.bodies[-1]["instances"][0]["image"]["b64"])
    return Image.open(io.BytesIO(content))


def test_a_turned_photograph_is_sent_upright(open_page, replies):
    exif = Image.Exif()
    exif[0x112] = 6  # the camera was held upright: shown turned by 90 degrees clockwise
    half = np.repeat(np.array([[20, 240]], np.uint8), 20, axis=1).repeat(30, axis=0)
    content = encode(np.stack([half] * 3, -1), "JPEG", exif=exif, quality=95)
    page = open_page()
    choose(page, content, "photo.jpg")
    ask(page)
    image = sent_image(replies)
    assert image.size == (30, 40)
    top, bottom = (
        np.asarray(image.convert("L"))[rows].mean() for rows in (slice(18), slice(22, 40))
    )
    assert top < 30 and bottom > 230
    assert text(page, "#note") == "The model gets the image as it is shown: turned upright."
    ask(page, "again")
    sha256 = hashlib.sha256(base64.b64decode(replies.bodies[0]["instances"][0]["image"]["b64"]))
    assert replies.bodies[1]["instances"][0]["image"] == {"sha256": sha256.hexdigest()}


def test_what_the_model_cannot_decode_is_sent_as_it_is_shown(open_page, replies):
    page = open_page()
    see_through = np.dstack([IMAGE, np.full(IMAGE.shape[:2], 0, np.uint8)])
    choose(page, encode(see_through, "WEBP", lossless=True), "logo.webp")
    ask(page)
    image = sent_image(replies)
    assert image.format == "PNG" and (np.asarray(image.convert("RGB")) == 255).all()
    assert text(page, "#note").endswith("on a white ground, in another format.")


def test_a_large_image_is_sent_smaller(open_page, replies):
    page = open_page()
    choose(page, encode(picture(4100, 12)), "wide.png")
    ask(page)
    assert sent_image(replies).size == (2048, 6)
    assert text(page, "#note").endswith(": smaller.")


# What can go wrong.


def test_what_is_no_image_is_told(open_page):
    page = open_page()
    page.set_input_files(
        "#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"not an image"}
    )
    page.wait_for_selector("#problem:not(:empty)")
    assert "no image that can be shown" in text(page, "#problem")


def test_a_question_without_words_is_not_sent(open_page, replies):
    page = open_page()
    page.wait_for_selector(".thumb")
    ask(page, "   ")
    assert text(page, "#problem") == "Type a question first."
    assert replies.bodies == []


def answer_error(status, error):
    return lambda route: route.fulfill(status=status, json={"error": error})


def answer_row(**values):
    return lambda route: route.fulfill(json={"predictions": [{**ROW, **values}]})


FAILURES = [
    (answer_error(503, "too many requests wait"), "Too many requests wait."),
    (answer_row(answer="", status="truncated <image>"), "Truncated <image>."),
    (
        lambda route: route.fulfill(status=500, body="<p>"),
        "The server answered with status 500",
    ),
    (lambda route: route.abort(), "The server does not answer."),
    (lambda route: route.fulfill(json={"predictions": [0.5]}), "which the model did not give."),
]


def test_an_error_is_a_sentence_by_the_form(open_page, replies):
    page = open_page()
    choose(page)
    ask(page, "works")
    for fail, sentence in FAILURES:
        replies.fail = fail
        ask(page, f"fails: {sentence}")
        assert sentence in text(page, "#problem")
        assert page.is_hidden("#reply") and page.is_disabled("#slider")
    assert page.get_attribute("#problem", "role") == "alert"
    replies.fail = None
    ask(page, "works again")
    assert text(page, "#problem") == "" and text(page, "#said") == "circle"


def test_what_a_model_says_is_never_markup(open_page, replies):
    evil = "<img src=x onerror=alert(1)>"
    replies.row.update(answer=evil, top_answers=[evil] * 5)
    replies.models[0] = model("shapes", json.loads(json.dumps(CARD).replace("shape", evil)))
    page = open_page()
    choose(page)
    ask(page, evil)
    assert text(page, "#said") == evil
    assert page.locator("#reply img, #try img, #facts img").count() == 0


def test_a_server_may_ask_for_a_token(open_page, replies):
    replies.token = "tell me"
    page = open_page()
    page.wait_for_selector("#door[open]")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('#door-problem').textContent.includes('accept')"
    )
    page.keyboard.type("tell me")
    page.keyboard.press("Enter")
    page.wait_for_selector(".thumb")
    assert page.is_hidden("#door")
    choose(page)
    ask(page)
    assert text(page, "#said") == "circle"
    assert replies.tokens[:2] == [None, "Bearer wrong"]
    assert set(replies.tokens[2:]) == {"Bearer tell me"}
    # It is kept for the tab, and nowhere else.
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    asked = len(replies.tokens)
    page.reload()
    page.wait_for_selector(".thumb")
    assert set(replies.tokens[asked:]) == {"Bearer tell me"}


def test_who_has_no_token_is_told_what_to_do(open_page, replies):
    replies.token = "secret"
    page = open_page()
    page.wait_for_selector("#door[open]")
    page.click("#door-cancel")
    page.wait_for_selector("#problem:not(:empty)")
    assert text(page, "#problem") == (
        "This server answers only with a token. Ask the person who runs it for one, then "
        "reload this page and enter it."
    )
    page.reload()
    page.wait_for_selector("#door[open]")
    page.keyboard.type("ключ")  # No header can hold these letters as they are.
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('#door-problem').textContent.includes('accept')"
    )
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    page.wait_for_selector(".thumb")
    assert text(page, "#problem") == ""


# Models.


def test_models_are_switched_and_those_on_maps_are_kindly_refused(open_page, replies):
    replies.models = [
        model("shapes", CARD),
        model("maps", {**CARD, "name": "maps", "input": "features", "image_size": None}),
        model("a/foreign one"),
    ]
    page = open_page()
    page.wait_for_selector(".thumb")
    assert "5 answers" not in text(page, "#facts")
    assert text(page, "#facts") == (
        "shapes · trained on sort_of_clevr · hard attention (HAN) · sum pooling · "
        "3 × 4 cells of an image of 75 × 75 pixels · 11 answers"
    )
    choose(page)
    ask(page)
    page.select_option("#model", "maps")
    page.wait_for_selector("#problem:not(:empty)")
    assert text(page, "#problem").startswith("Maps answers about feature maps")
    assert page.is_disabled("#send") and page.is_hidden("#reply") and page.is_hidden("#try")
    page.select_option("#model", "a/foreign one")
    page.wait_for_selector("#send:enabled")
    ask(page, "again")  # the image is still there
    assert text(page, "#said") == "circle"
    assert replies.paths[-1] == "/v1/models/a%2Fforeign%20one:predict"
    assert "sha256" in replies.bodies[-1]["instances"][0]["image"]


def test_a_model_of_another_task_is_kindly_refused(open_page, replies):
    """It comes first, with examples of its own kind; the page begins with one that it asks."""
    queries = [{"class": "cat", "sketch": "examples/0_0.json", "boxes": [[0, 0, 9, 9]]}]
    examples = [{"image": "examples/0.png", "queries": queries}]
    card = {"name": "finder", "task": "localize", "grid": [3, 4], "examples": examples}
    replies.models = [
        {**model("finder", card), "task": "localize"},
        {**model("shapes", CARD), "task": "vqa"},
    ]
    page = open_page()
    page.wait_for_selector(".thumb")
    assert page.input_value("#model") == "shapes"
    choose(page)
    ask(page)
    page.select_option("#model", "finder")
    page.wait_for_selector("#problem:not(:empty)")
    assert text(page, "#problem").startswith("Finder is not asked with a question")
    assert "docs/serving.md" in text(page, "#problem")
    assert page.is_disabled("#send") and page.is_hidden("#reply") and page.is_hidden("#try")
    page.select_option("#model", "shapes")
    page.wait_for_selector("#send:enabled")
    ask(page, "again")
    assert text(page, "#said") == "circle"


def test_one_model_needs_no_switch(open_page):
    page = open_page()
    page.wait_for_selector(".thumb")
    assert page.is_hidden("#model")


def test_a_server_without_models_says_so(open_page, replies):
    replies.models = []
    page = open_page()
    page.wait_for_selector("#problem:not(:empty)")
    assert text(page, "#problem") == "This server has no model to ask yet."
    assert page.is_disabled("#send")


# The real server.


@contextlib.contextmanager
def serve(servable):
    """Gives the address of our server with a model."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = make_app(make_service(servable))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(tiny_servable):
    """With the tiny model, which answers with the colour an image has most of."""
    with serve(tiny_servable) as address:
        yield address


def test_the_real_server(tab, address):
    pixels = np.full((40, 60, 3), (10, 10, 230), np.uint8)
    pixels[:20, :20] = (10, 250, 250)  # in the first cell of the grid, the one with the most
    with tab.expect_response(address) as response:
        tab.goto(address)
    assert "default-src 'none'" in response.value.headers["content-security-policy"]
    tab.requests.clear()
    tab.said.clear()
    tab.click("text=What color is it?")
    tab.wait_for_selector("#reply:not([hidden])")
    assert text(tab, "#verdict") == "✓ red is right"
    choose(tab, encode(pixels))
    ask(tab, "Which one?")
    assert text(tab, "#said") == "blue"
    ask(tab, "And now?")
    assert text(tab, "#looked").startswith("Looked at 1 of 6 cells")

    masked = read_canvas(tab)
    move_slider(tab, 0)
    differ = (masked != read_canvas(tab)).any(axis=-1)
    dropped = to_pixels(np.arange(6).reshape(GRID) > 0, differ.shape)
    np.testing.assert_array_equal(differ, dropped)

    asked = [r.post_data_json["instances"][0]["image"] for r in tab.requests if r.post_data]
    assert asked[1:] == [
        {"b64": base64.b64encode(encode(pixels)).decode()},
        {"sha256": hashlib.sha256(encode(pixels)).hexdigest()},
    ]
    hosts = {urllib.parse.urlsplit(request.url).netloc for request in tab.requests}
    assert hosts - {""} == {urllib.parse.urlsplit(address).netloc}  # blob: has none
    assert tab.said == []
    tab.goto("about:blank")


LOOK_NAMES = {"additive": "Weights", "bilevel_routing": "Routes", "query_guided": "Words"}


@pytest.mark.slow
@pytest.mark.parametrize("mixer", LOOK_NAMES)
def test_the_real_server_and_a_model_with_a_mixer(tab, tmp_path, mixer):
    """The grid has 3 x 3 cells, in 2 x 2 regions."""
    from hardvqa_tf.export.savedmodel import write_saved_model
    from hardvqa_tf.serving.models import Servable
    from hardvqa_tf.vqa.signatures import make_signatures
    from tests.export import test_savedmodel

    keras_model = test_savedmodel.build_mixed(mixer)
    signatures = make_signatures(keras_model, test_savedmodel.VOCABULARIES)
    write_saved_model(str(tmp_path), keras_model, *signatures)
    pixels = test_savedmodel.read_images([PNG])
    expected = test_savedmodel.answers_of_keras(keras_model, pixels, [["is the GRÖSSE 1?"]])
    with serve(Servable("mixed", 1, str(tmp_path))) as address:
        tab.said.clear()
        tab.emulate_media(reduced_motion="reduce")
        tab.goto(address)
        choose(tab)
        with tab.expect_response("**/*:predict") as response:
            ask(tab, "is the GRÖSSE 1?")
        (row,) = response.value.json()["predictions"]
        for name in {*looks.LOOKS} & set(expected):
            np.testing.assert_allclose(row[name], expected[name][0, 0], atol=1e-5)
        cells = tab.locator("#cells [role=gridcell]")
        press_look(tab, LOOK_NAMES[mixer])
        if mixer == "additive":
            assert cells.count() == 0
        elif mixer == "bilevel_routing":
            assert cells.count() == 4
            for cell in cells.all():  # As many as top_k of the mixer.
                assert "looks at 3: " in cell.get_attribute("aria-label")
        else:
            assert row["words"] == ["is", "the", "grösse", "1", "?"]
            assert cells.count() == 9 and tab.locator("#words li").count() == 5
        assert tab.said == []
        tab.goto("about:blank")


@pytest.mark.slow
def test_the_script_photographs_the_page(browser, address, tmp_path):
    script, path = DOCS / "page_screenshot.py", tmp_path / "page.png"
    command = [sys.executable, str(script), f"--address={address}", f"--output={path}"]
    done = subprocess.run(
        [*command, "--width=600"], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    shot = Image.open(path)
    assert shot.width == 600 and shot.height > 600
    assert (255, 150, 0) in shot.convert("RGB").get_flattened_data()  # the mask's outline
    command = [*command[:-2], f"--address={address}none", f"--output={path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode and "The page gave no answer" in done.stderr


# For everyone.


def test_the_keyboard_is_enough(open_page, tmp_path):
    path = tmp_path / "mine.png"
    path.write_bytes(PNG)
    page = open_page()
    page.wait_for_selector(".thumb")

    def focused(key):
        page.keyboard.press(key)
        width = "getComputedStyle(document.activeElement).outlineWidth"
        assert page.evaluate(width) == "3px"  # One sees where one is.
        return page.evaluate("document.activeElement.id || document.activeElement.title")

    assert focused("Tab") == "choose"
    assert focused("Tab") == "Example 1"
    assert focused("Tab") == "Example 2"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.title") == "Example 2"
    assert [focused("Shift+Tab") for _ in range(2)] == ["Example 1", "choose"]
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(path)
    page.wait_for_selector('.thumb[aria-pressed="true"][title="mine.png"]')
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.type("What is left?")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reply:not([hidden])")
    stops = [focused("Shift+Tab") for _ in range(4)]
    assert stops[-1] == "slider"

    def place(key):
        page.keyboard.press(key)
        return page.get_attribute("#slider", "aria-valuetext")

    assert place("ArrowLeft") == "90 % from image to mask"
    assert [place("ArrowRight"), place("ArrowUp")] == ["mask", "10 % from mask to presence"]
    assert [place("End"), place("Home")] == ["presence", "image"]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the name below the slider's middle
    assert page.get_attribute("#slider", "aria-valuetext") == "mask"


OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("width", [360, 320])
def test_a_phone_needs_no_scrolling_sideways(open_page, replies, width):
    long = "Donaudampfschifffahrtsgesellschaftskapitän" * 2
    replies.row.update(answer=long, top_answers=[long, "no", long, "yes", "1"])
    replies.models = [model(long, CARD), model("maps")]
    page = open_page(width, 640)
    page.wait_for_selector(".thumb")
    assert page.evaluate(OVERFLOW) <= 0
    for i in range(4):
        choose(page, encode(picture(30 + i, 200, i)), f"{i}.png")
    ask(page, long)
    assert page.evaluate(OVERFLOW) <= 0
    box = page.locator("#said").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert page.locator("#send").bounding_box()["height"] >= 44


# Every element that has words of its own: its colour over the ground it stands on.
COLORS = """() => [...document.querySelectorAll('body *')].flatMap(element => {
  const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!own || !element.checkVisibility() || element.disabled) return [];
  let behind = element;
  const ground = e => getComputedStyle(e).backgroundColor;
  while (behind && ground(behind) === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
  return [[element.id || element.className || element.tagName,
    getComputedStyle(element).color, ground(behind)]];
})"""


def luminance(color):
    channels = [int(c) / 255 for c in color.removeprefix("rgb(").rstrip(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))  # WCAG 2.2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_ground(open_page, replies, scheme):
    page = open_page(scheme=scheme)
    page.click('.thumb[title="Example 2"]')
    page.click("text=What is right?")
    page.wait_for_selector("#reply:not([hidden])")
    colors = page.evaluate(COLORS)
    replies.fail = answer_error(400, "no")
    ask(page, "fails")
    colors += page.evaluate(COLORS)
    names = {name for name, *_ in colors}
    assert {"said", "verdict", "looked", "problem", "send", "percent", "facts"} <= names
    grounds = {luminance(ground) < 0.2 for name, _, ground in colors if name == "facts"}
    assert grounds == {scheme == "dark"}
    for name, color, ground in colors:
        low, high = sorted([luminance(color), luminance(ground)])
        assert (high + 0.05) / (low + 0.05) >= 4.5, (name, color, ground)


def test_motion_comes_only_to_those_who_do_not_mind(open_page):
    """Without the wish for less of it, the mask fades in."""
    page = open_page(motion="no-preference")
    choose(page)
    page.evaluate(
        "window.places = []; new MutationObserver(() => places.push(slider.value))"
        ".observe(slider, {attributeFilter: ['aria-valuetext']})"
    )
    ask(page)
    page.wait_for_function("() => document.querySelector('#slider').value === '1'")
    assert len(set(page.evaluate("places"))) > 3
    still = open_page()
    choose(still)
    ask(still)
    assert still.input_value("#slider") == "1"


def test_a_browser_without_javascript_gets_a_sentence(browser, replies):
    page = browser.new_page(java_script_enabled=False)
    page.route("**/*", replies)
    page.goto(ADDRESS)
    assert page.inner_text("body").startswith("This page needs JavaScript")
    assert page.is_hidden("#page")
    assert replies.paths == ["/"]
    page.close()


def test_the_page_is_one_document_that_names_no_other_host():
    addresses = set(re.findall(r"\w+://[\w./]+", PAGE))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, asked of nobody
    assert "innerHTML" not in PAGE and " src=" not in PAGE and "stylesheet" not in PAGE
    # Each part is there once, and none ends the element that it is put into.
    assert PAGE.count('"use strict";') == PAGE.count("<script>") == PAGE.count("</script>") > 5
    assert PAGE.count("<style>") == PAGE.count("</style>") == 1
