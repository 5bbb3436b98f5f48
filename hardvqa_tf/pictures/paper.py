"""A white sheet to paste pictures on and to write below them, in any language's characters."""

import itertools
import math
import re
import unicodedata

import numpy as np
from PIL import Image, ImageDraw

from hardvqa_tf.pictures import system_fonts

LEFT_OUT = "[…]"  # in the place of letters that no font has
_NOWHERE = "\uffff"  # no character: stands for one that no font has
# Characters that Unicode does not decompose into plain ones.
_PLAIN = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "ø": "o",
        "Ø": "O",
        "–": "-",
        "—": "-",
        "−": "-",
        "×": "x",
    }
)


class Paper:
    """A white sheet that grows downwards; `y` is where the next line goes.

    Args:
      width: of the sheet, in pixels.
      sample: str, what is going to be written, to choose the font by.
    """

    def __init__(self, width, sample):
        self.width, self.y, self.font = width, 0, Font(sample)
        self._image = Image.new("RGB", (width, 4 * width + 1000), "white")
        self._draw = ImageDraw.Draw(self._image)

    def text(self, x, y, text, size, color):
        """Writes one line whose base line is `size` below `y`, whatever the font."""
        for piece, font in self.font.pieces(text, size):
            self._draw.text((x, y + size), piece, color, font, anchor="ls")
            x += font.getlength(piece)

    def paste(self, x, y, pixels, grow=True):
        self._image.paste(Image.fromarray(pixels), (x, y))
        if grow:
            self.y = max(self.y, y + pixels.shape[0])

    def box(self, x, y, width, height, color):
        if width > 0:
            self._draw.rectangle((x, y, x + width - 1, y + height - 1), fill=color)

    def sign(self, x, y, right, color, size=16):
        """A check mark or a cross, `size` wide; drawn large and made smaller: smooth."""
        mask = Image.new("L", (64, 64), 0)
        draw = ImageDraw.Draw(mask)
        strokes = (
            [((8, 34), (26, 52), (56, 12))]
            if right
            else [((12, 12), (52, 52)), ((52, 12), (12, 52))]
        )
        for stroke in strokes:
            draw.line(stroke, fill=255, width=10, joint="curve")
        mask = mask.resize((size, size), Image.Resampling.LANCZOS)
        self._image.paste(color, (x, y), mask)

    def finish(self, margin):
        """uint8[H, W, 3], down to `margin` below the last line."""
        return np.asarray(self._image.crop((0, 0, self.width, self.y + margin)))


class Font:
    """The font that a page is written in, and what it makes of characters that it lacks.

    Pillow's own font where it has all characters of the sample, else the common font of this
    system that lacks the fewest. A character that it lacks loses its accents, or comes from any
    other font of this system; one that none has becomes a question mark, several LEFT_OUT.

    Args:
      sample: str, the text that is going to be written.
    """

    def __init__(self, sample):
        self._name = min(_font_names(), key=lambda name: len(_lacking(name, sample)))

    def write(self, text):
        """The text in characters that a font has."""
        lacking = _lacking(self._name, text)
        text = "".join(self._replace(c) if c in lacking else c for c in text)
        text = re.sub(rf"{_NOWHERE}([^\w{_NOWHERE}]*{_NOWHERE})+", LEFT_OUT, text)
        return text.replace(_NOWHERE, "?")

    def leaves_out(self, text):
        """Whether this system has no font for some of it."""
        return any(self._replace(c) == _NOWHERE for c in _lacking(self._name, text))

    def pieces(self, text, size):
        """list of (text, font), to be drawn one after the other."""
        text = self.write(text)
        lacking = _lacking(self._name, text)
        names = [system_fonts.font_with(c) if c in lacking else self._name for c in text]
        groups = itertools.groupby(zip(names, text, strict=True), lambda pair: pair[0])
        return [
            ("".join(c for _, c in group), system_fonts.load_font(name, size))
            for name, group in groups
        ]

    def length(self, text, size):
        return math.ceil(sum(font.getlength(text) for text, font in self.pieces(text, size)))

    def start(self, text, size, width):
        """As much of the text's start as fits, one character at least."""
        low, high = 1, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.length(text[:middle], size) <= width
            low, high = (middle, high) if fits else (low, middle - 1)
        return text[:low]

    def shorten(self, text, size, width):
        """The text, or as much of its start as fits with an ellipsis."""
        if self.length(text, size) <= width:
            return text
        return self.start(text, size, width - self.length("…", size)).rstrip() + "…"

    def wrap(self, text, size, width, max_lines):
        """Cuts into lines at spaces; a word longer than a line is cut anywhere.

        What `max_lines` lines cannot hold ends in an ellipsis.
        """
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if self.length(longer, size) <= width:
                lines[-1] = longer
                continue
            if lines[-1]:
                lines.append("")
            while self.length(word, size) > width:
                start = self.start(word, size, width)
                lines[-1:] = [start, ""]
                word = word[len(start) :]
            lines[-1] = word
        if len(lines) > max_lines:
            rest = " ".join(lines[max_lines - 1 :])
            lines[max_lines - 1 :] = [self.shorten(rest, size, width)]
        return lines

    def _replace(self, character):
        if not character.isprintable():
            return " "
        plain = unicodedata.normalize("NFKD", character.translate(_PLAIN))
        plain = "".join(c for c in plain if not unicodedata.combining(c))
        if plain and not _lacking(self._name, plain):
            return plain
        if system_fonts.font_with(character):
            return character
        return "" if unicodedata.combining(character) else _NOWHERE


def _font_names():
    return system_fonts.common_fonts()


def _lacking(name, text):
    """The set of characters of a text that a font lacks."""
    return {c for c in set(text) if not system_fonts.has(name, c)}
