"""The picture of doodles: every drawing stands in its place."""

import numpy as np

from docs import doodles_picture
from docs.doodles_picture import COLUMN_GAP, GAP, NAME, SIZE
from records.drawings.doodles import draw
from records.drawings.rasterize import rasterize_strokes

NAMES = ("house", "sun", "doodle 0003")


def test_a_sheet_has_every_drawing():
    sheet = doodles_picture.draw_sheet(NAMES, num_drawings=2, num_columns=2)
    wide = NAME + 2 * (SIZE + GAP) + COLUMN_GAP
    assert sheet.shape == (2 * (SIZE + GAP) + GAP, 2 * wide, 3)
    # Two rows in the first column, one in the second.
    places = {"house": (0, 0), "sun": (1, 0), "doodle 0003": (0, 1)}
    for name, (row, column) in places.items():
        for seed in range(2):
            top, left = GAP + row * (SIZE + GAP), column * wide + NAME + seed * (SIZE + GAP)
            found = sheet[top : top + SIZE, left : left + SIZE, 1]
            expected = 255 - 255 * rasterize_strokes(draw(name, seed), SIZE)
            np.testing.assert_array_equal(found, expected.astype(np.uint8))
        assert sheet[top : top + SIZE, column * wide : column * wide + NAME].min() < 100
    assert sheet[GAP + SIZE + 2 * GAP :, wide:].min() == 255  # no fourth class
