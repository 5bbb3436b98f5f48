"""The picture of one answer as TensorBoard shows it before anybody enlarges it.

    question, in letters as large as its length allows
    ✓ right: circle                             (or ✗ wrong: said square, right is circle)
    image with the mask over it | presence of each cell | five best answers
    how many cells              | least and greatest    |

and between presence and answers, in smaller panels, what the mixer looked at, of a model that
has one.

TensorBoard 2.21 draws a picture 350 pixels wide on its "Images" page and 215 pixels high on
"Time series", whatever its size, and leaves out or repeats pixels to get there. So a picture of
exactly this size is the one whose letters are shown on both pages as they were drawn.
`overlay` draws the large picture.

Letters: H W image in pixels, h w grid in cells.
"""

import numpy as np
from PIL import Image

from hardvqa_tf.pictures import panels
from hardvqa_tf.pictures.paper import Paper
from hardvqa_tf.vqa.best_answers import NUM_BEST

WIDTH, HEIGHT = 350, 215
_MARGIN, _GAP = 5, 7  # in pixels, as all lengths here
# Side of the square that each of two and of three panels must fit into, frames included: both
# leave the answers the same room.
_PANEL, _PANEL_OF_THREE = 116, 75
_QUESTION_HEIGHT = 50
# (letter, line, lines): the first that holds the whole question is taken.
_QUESTION_SIZES = ((16, 20, 2), (13, 16, 3), (11, 13, 4))
_SMALL, _BAND_HEIGHT = 12, 18
_CAPTION_LINE, _MAX_CAPTION_LINES = 14, 3
_ANSWER_HEIGHT = 23
_RIGHT_BAND = (218, 240, 224)  # light, and the one of a wrong answer dark: seen in greyscale


def draw_board_picture(
    image, mask, presence, *, question, predictions, answer=None, look=None, fields=None
):
    """Draws one question's picture.

    Args:
      image: uint8[H, W, 3].
      mask: bool[h, w], True = looked at; or float[h, w], weights of soft attention.
      presence: float[h, w], the norm of each cell.
      question: str.
      predictions: list of (answer, probability), best first; the first five are drawn.
      answer: the right answer; None where it is not known.
      look: `looks.Look`, what a mixer looked at; None leaves its panel out.
      fields: `encoders.fields.Fields`, where cells look; None: see `panels`.

    Returns:
      uint8[215, 350, 3].

    Raises:
      ValueError: if image, mask or presence have another shape or dtype.
    """
    image, mask = panels.check_image(image), panels.check_grid("mask", mask)
    presence = panels.check_grid("presence", presence)
    texts = [question, answer or "", *(text for text, _ in predictions)]
    page = Paper(WIDTH, " ".join(texts + ([look.caption] if look else [])))
    page.y = _MARGIN - 2
    _draw_question(page, question)
    _draw_verdict(page, predictions, answer)
    side = _PANEL_OF_THREE if look else _PANEL
    small = _scale(image, side - 2 * panels.FRAME)
    shown = [
        (panels.draw_mask(small, mask, fields), _count_cells(mask)),
        (
            panels.draw_presence(small, presence, mask, fields),
            _describe_presence(page.font, presence, side),
        ),
    ]
    if look:
        shown.append((look.draw(small), look.caption))
    x = _MARGIN
    for panel, caption in shown:
        page.paste(x, page.y, panel, grow=False)
        _draw_caption(page, x, page.y + panel.shape[0] + 2, caption, side)
        x += side + _GAP
    _draw_answers(page, x, predictions[:NUM_BEST], answer)
    page.y = HEIGHT
    return page.finish(0)


def _draw_caption(page, x, y, caption, width):
    """In one line below one of two panels, below which there is no room for more."""
    lines = [page.font.shorten(caption, _SMALL, width)]
    if width < _PANEL:
        lines = page.font.wrap(caption, _SMALL, width, _MAX_CAPTION_LINES)
    for i, line in enumerate(lines):
        page.text(x, y + i * _CAPTION_LINE, line, _SMALL, panels.FAINT)


def _scale(image, side):
    """Makes the longer side as long as asked; not by whole factors, which would waste room."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def _describe_presence(font, presence, width):
    low, high = panels.format_range(*panels.finite_range(presence), digits=2)
    if low == high:
        return f"presence {low}"
    caption = f"presence {low}-{high}"
    # Near ones have many digits, which are worth more than the word.
    fits = width < _PANEL or font.length(caption, _SMALL) <= width
    return caption if fits else f"{low}-{high}"


def _count_cells(mask):
    if mask.dtype == bool:
        return f"{np.count_nonzero(mask)} of {mask.size} cells"
    return f"weights to {panels.format_number(panels.finite_range(mask)[1])}"


def _draw_question(page, question):
    room = WIDTH - 2 * _MARGIN
    for size, height, num_lines in _QUESTION_SIZES:
        lines = page.font.wrap(question, size, room, num_lines + 1)
        if len(lines) <= num_lines:
            break
    else:
        lines = page.font.wrap(question, size, room, num_lines)
    # In the middle of its room, so that the rest stands at the same place in every picture.
    top = page.y + (_QUESTION_HEIGHT - height * len(lines)) // 2
    for i, line in enumerate(lines):
        page.text(_MARGIN, top + i * height, line, size, panels.TEXT)
    page.y += _QUESTION_HEIGHT + 3


def _draw_verdict(page, predictions, answer):
    """A band with a sign and a word: light for a right answer, dark for a wrong one."""
    if answer is None or not predictions:
        background, color, text = panels.LINE, panels.TEXT, "The right answer is not known."
    else:
        said = predictions[0][0]
        is_right = said == answer
        background, color = (
            (_RIGHT_BAND, panels.RIGHT) if is_right else (panels.WRONG, panels.WHITE)
        )
        half = (WIDTH - 150) // 2  # Shortened apart, so that two long answers are both seen.
        said, answer = (page.font.shorten(t, _SMALL, half) for t in (said, answer))
        text = f"right: {said}" if is_right else f"wrong: said {said}, right is {answer}"
    page.box(0, page.y, WIDTH, _BAND_HEIGHT, background)
    x = _MARGIN
    if answer is not None and predictions:
        page.sign(x, page.y + 3, is_right, color, size=12)
        x += 17
    page.text(x, page.y + 1, text, _SMALL, color)
    page.y += _BAND_HEIGHT + 4


def _draw_answers(page, x, predictions, answer):
    """One row each: answer and probability, a bar below; a sign behind the right one."""
    room = WIDTH - _MARGIN - x
    for i, (text, probability) in enumerate(predictions):
        y = page.y + i * _ANSWER_HEIGHT
        share = min(max(float(np.nan_to_num(probability)), 0.0), 1.0)
        percent = f"{100 * probability:.0f}%"
        left = x + room - page.font.length(percent, _SMALL)
        page.text(left, y, percent, _SMALL, panels.TEXT)
        label = left - x - 4 - 14 * (text == answer)
        text_shown = page.font.shorten(text, _SMALL, label)
        page.text(x, y, text_shown, _SMALL, panels.TEXT)
        if text == answer:
            after = x + page.font.length(text_shown, _SMALL) + 4
            page.sign(after, y + 3, True, panels.RIGHT, size=10)
        page.box(x, y + 16, room, 4, panels.LINE)
        page.box(x, y + 16, round(share * room), 4, panels.BAR)
