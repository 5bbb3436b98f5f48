"""A photograph of a drawing on paper → its ink: light is uneven, and the sensor adds noise.

The ground is what the photograph shows around each place: medians of blocks, of which those
that a dark shape fills are taken from the blocks beside. Ink is what is darker by a share of it
(lighter, on a blackboard). What reaches the picture's edge, a table beside the paper say, is no
drawing, unless nothing else is there; nor are specks.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

_SIDE = 768  # Pixels of the longest side that are looked at: more have more noise.
UNEVEN = 6  # Grey levels between quartiles of the edge: drawn by a program, or scanned, less.
_BLOCK, _CLOSED = 32, 5  # Pixels of a block; blocks of the widest shape that is no ground.
_FAINT = 0.06  # Of the ground.
_STRONG = 99.7  # Per cent of places that are fainter than good ink.
_SPECK, _SPECK_SHARE = 6, 0.005  # Pixels, and of all ink.
LEAST_SIDE, _LEAST_LINE = 128, 40  # Pixels of a photograph, and of its largest piece of ink.


def is_photograph(grey, level=1):
    """Whether the edge of a picture is as uneven as only photographs are.

    Args:
      grey: numbers [H, W].
      level: what a grey level, of 255, is in them.
    """
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    low, high = np.percentile(edge, (25, 75))
    return min(grey.shape) >= LEAST_SIDE and high - low >= UNEVEN * level


def ink_of(grey):
    """Returns bool[h, w], smaller than the photograph, or None if nothing is drawn on it.

    Args:
      grey: float32[H, W], 0..255.
    """
    small = _shrunk(grey)
    darker, lighter = _darker(small), _darker(255 - small)
    is_dark = np.percentile(darker[0], _STRONG) >= np.percentile(lighter[0], _STRONG)
    levels, differs = darker if is_dark else (lighter[0], lighter[0] / 255)
    differs = np.where(
        levels > 6 * _noise(levels), differs, 0
    )  # Noise is most of what is dark.
    least = max(_FAINT, 6 * _noise(differs))
    # A table beside the paper may be darker than any line: how dark those are, the rest says.
    strongest = np.percentile(differs, _STRONG)
    inner = ~ndimage.binary_dilation(
        _at_edge(differs > max(least, strongest / 2)), iterations=3
    )
    strongest = np.percentile(differs[inner], _STRONG) if inner.any() else strongest
    ink = differs > max(least, strongest / 2)
    drawn = _without_specks(ink & ~_at_edge(ink))
    drawn = drawn if drawn.any() else _without_specks(ink)
    labels, _ = ndimage.label(drawn, np.ones((3, 3)))
    return drawn if np.bincount(labels[drawn], minlength=1).max() >= _LEAST_LINE else None


def _noise(values):
    return np.median(np.abs(values - np.median(values)))


def _shrunk(grey):
    height, width = grey.shape
    scale = min(1, _SIDE / max(height, width))
    size = [max(1, round(side * scale)) for side in (width, height)]
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))


def _darker(grey):
    """How much darker than its ground each place is: in grey levels, and as a share of it."""
    height, width = grey.shape
    rows, columns = (max(1, round(side / _BLOCK)) for side in (height, width))
    blocks = [
        [np.median(block) for block in np.array_split(row, columns, axis=1)]
        for row in np.array_split(grey, rows, axis=0)
    ]
    closed = ndimage.grey_closing(np.array(blocks, np.float32), (_CLOSED, _CLOSED))
    ground = Image.fromarray(closed).resize((width, height), Image.Resampling.BICUBIC)
    ground = np.maximum(np.asarray(ground), 1)
    return ground - grey, 1 - grey / ground


def _at_edge(ink):
    """What of it hangs together with the picture's edge."""
    labels, _ = ndimage.label(ink, np.ones((3, 3)))
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return ink & np.isin(labels, edge)


def _without_specks(ink):
    labels, number = ndimage.label(ink, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=number + 1)
    is_kept = sizes >= max(_SPECK, _SPECK_SHARE * np.count_nonzero(ink))
    is_kept[0] = False
    return is_kept[labels]
