"""A picture of a drawing → its raster: what is ink, how large, how wide.

Photographs are turned by their EXIF orientation. Transparent pixels lie on white paper; or on
black, if white shows nothing. Where light is uneven, a photograph, `photographs` finds the ink.
Else the ground is the median of the picture's edge: ink is what is
darker, or lighter, than it. Ink fills the canvas as strokes do, and lines that are thinner than
those of strokes are widened to their width. A filled shape stays filled: its pixels do not say
what was line.
"""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from records.drawings import photographs
from records.drawings.rasterize import SIZE
from records.formats import MAX_PIXELS

_SAMPLES = 4  # A side of a pixel of the raster.
_MARGIN = 2  # Pixels of the raster at each side, as of strokes.
_WIDTH = 2 * _SAMPLES  # Of a line of strokes, in samples.
_AT_ONCE = 2**18  # Pixels that are looked at together.
GREY = np.array([299, 587, 114], np.int32)  # Thousandths of red, green and blue.
# Greys are whole numbers, in units of a level of 255: an alpha's 255 by those thousandths.
LEVEL = 255 * int(GREY.sum())
FAINT = 24 * LEVEL  # Ink that differs less from the ground is none.


def raster_of(encoded, size=SIZE):
    """Returns the raster of a drawing in a PNG or JPEG file.

    Args:
      encoded: the file's bytes.
      size: pixels of a side.

    Returns:
      uint8[size, size], how many of a pixel's 16 samples are ink: divided by 16, a raster as
      those of strokes.

    Raises:
      ValueError: it cannot be decoded, or nothing is drawn on it.
    """
    ink = _ink(_decoded(encoded))
    canvas = _widened(_fitted(ink, size))
    samples = canvas.reshape(size, _SAMPLES, size, _SAMPLES)
    return samples.sum(axis=(1, 3), dtype=np.uint8)


def _decoded(encoded):
    """Returns greys int32[H, W], 0..255 `LEVEL`, on white or black paper."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(encoded), formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ValueError(
                        f"too large: {image.width}x{image.height} pixels, at most "
                        f"{MAX_PIXELS:,} are taken. Make it smaller."
                    )
                image = ImageOps.exif_transpose(_eight_bits(image)).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(
            f"too large: at most {MAX_PIXELS:,} pixels are taken. Make it smaller."
        ) from None
    except Image.UnidentifiedImageError:  # It says an address in memory.
        raise ValueError(
            "the picture cannot be decoded (its header cannot be read). Save it again."
        ) from None
    except (OSError, SyntaxError, Warning) as error:
        raise ValueError(f"the picture cannot be decoded ({error}). Save it again.") from None
    on_white = _on_paper(image, 255)
    return on_white if np.ptp(on_white) >= FAINT else _on_paper(image, 0)


def _on_paper(image, paper):
    """int32[H, W]: greys of an RGBA image on paper of one, by rows, which take less memory."""
    levels = np.empty((image.height, image.width), np.int32)
    rows = max(1, _AT_ONCE // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        colours = np.asarray(image.crop(box)).astype(np.int32)
        alpha = colours[..., 3]
        blank = paper * int(GREY.sum()) * (255 - alpha)
        levels[top : top + rows] = colours[..., :3] @ GREY * alpha + blank
    return levels


def _eight_bits(image):
    """Of pictures with 16 bits a pixel, Pillow's conversions cut off instead of scaling."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float64)
        return Image.fromarray((values / max(values.max(), 1) * 255).astype(np.uint8))
    return image


def _ink(grey):
    """Returns bool[h, w], cut to what is drawn."""
    if photographs.is_photograph(grey, LEVEL):
        return _cut(photographs.ink_of(grey.astype(np.float32) / np.float32(LEVEL)))
    edge = np.sort(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    # Twice the median, and all else twice, too: so all is whole.
    ground = edge[(len(edge) - 1) // 2] + edge[len(edge) // 2]
    # What is drawn with is farther from the ground than paper and shadows are.
    is_dark = ground - 2 * grey.min() >= 2 * grey.max() - ground
    differs = ground - 2 * grey if is_dark else 2 * grey - ground
    strongest = differs.max()
    return _cut(2 * differs > strongest if strongest >= 2 * FAINT else None)


def _cut(ink):
    """Ink, None if there is none, cut to what is drawn."""
    if ink is None:
        raise ValueError(
            "nothing is drawn on it, or in the colour of its ground. Draw dark on light, or "
            "light on dark, or on a transparent ground."
        )
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(ink, size):
    """Ink of any size → bool[R, R], R = 4 size, centred, aspect kept."""
    fit, side = _SAMPLES * (size - 2 * _MARGIN), _SAMPLES * size
    height, width = ink.shape
    # Lines reach half their width beyond the points that they join, which fill the canvas.
    longest, line = max(height, width), _line_width(ink)
    if line * (fit + _WIDTH) < longest * _WIDTH:
        scale = fit / (longest - line)
    else:
        scale = (fit + _WIDTH) / longest
    new = [max(1, round(length * scale)) for length in (width, height)]
    kind = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    # Along rows, then along columns: of both at once, versions of Pillow differ in the order.
    resized = Image.fromarray(ink.astype(np.uint8) * 255).resize((new[0], height), kind)
    resized = resized.resize(new, kind)
    # Made smaller, a line of one pixel covers but a part of a sample, and must not vanish.
    at_least = min(0.2, line * scale / 2)
    share = np.asarray(resized) / 255 >= min(0.5, max(at_least, scale / 2))
    if not share.any():
        raise ValueError(
            f"its lines are too fine for a drawing of {width}x{height} pixels: shrunk to "
            f"{size}x{size}, nothing is left of them. Draw them wider."
        )
    canvas = np.zeros((side, side), bool)
    top, left = (side - new[1]) // 2, (side - new[0]) // 2
    canvas[top : top + new[1], left : left + new[0]] = share
    return canvas


def _widened(canvas):
    """Widens thin lines to the width of those of strokes."""
    radius = int(np.clip(round((_WIDTH - _line_width(canvas)) / 2), 0, _WIDTH // 2))
    wide = np.zeros_like(canvas)
    padded = np.pad(canvas, radius)
    side = len(canvas)
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            if (dx - radius) ** 2 + (dy - radius) ** 2 <= radius * (radius + 1):
                wide |= padded[dy : dy + side, dx : dx + side]
    return wide


def _line_width(ink):
    """How wide the lines of bool[h, w] are, about: twice the area by the edges' length."""
    around = np.pad(ink, 1)
    edges = sum(np.count_nonzero(around != np.roll(around, 1, axis)) for axis in (0, 1))
    # Steps of a slanting edge are longer than it, by 4/π on the average of all directions.
    return 2 * np.count_nonzero(ink) / (edges * np.pi / 4)
