"""The picture of where cells look: its numbers and its panels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from docs import fields_picture
from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.pictures import panels
from hardvqa_tf.vqa.cell_fields import cell_fields
from tests.small_models import build

FIELDS = Fields((10.5, 9.0), (16.0, 15.0), (31.0, 31.0), (75, 60), (5, 4))


def test_how_far_cells_look_from_their_parts():
    # Rows look at 10.5 to 74.5, their parts at 7.5 to 67.5: 5 of 16 pixels. Columns at 9 to
    # 54, their parts at 7.5 to 52.5: 1.5 of 15.
    assert fields_picture.distance(FIELDS) == pytest.approx([5 / 16, 0.1])


def test_what_kept_cells_see_lies_around_where_they_are_drawn():
    keras.utils.set_random_seed(0)
    model = build(attention_args={"num_cells": 1})
    pixels = np.random.default_rng(0).integers(0, 255, (16, 32, 3)).astype(np.uint8)
    mask, gradient = fields_picture.look(model, pixels, tf.constant([[2, 3, 0, 0, 0]]))
    ((row, column),) = np.argwhere(mask)
    top, left, bottom, right = map(int, cell_fields(model).field_box(row, column))
    assert gradient[top:bottom, left:right].max() > 0
    outside = gradient.copy()
    outside[top:bottom, left:right] = 0
    assert gradient.shape == (16, 32) and outside.max() == 0


def test_a_row_has_the_mask_before_and_after():
    mask = np.zeros((5, 4), bool)
    mask[1, 2] = True
    image = np.full((75, 60, 3), 200, np.uint8)
    picture = fields_picture.draw_row("small_cnn", image, "red?", FIELDS, mask, image[..., 0])
    assert picture.shape[1] == fields_picture.WIDTH
    top = fields_picture.MARGIN + 32 + 24
    large = fields_picture.fit_panel(image)
    expected = (
        panels.frame(large),
        panels.draw_mask(large, mask),
        panels.draw_mask(large, mask, FIELDS),
    )
    for i, panel in enumerate(expected):
        left = fields_picture.MARGIN + i * (fields_picture.COLUMN + fields_picture.GAP)
        found = picture[top : top + panel.shape[0], left : left + panel.shape[1]]
        np.testing.assert_array_equal(found, panel)
    assert not np.array_equal(expected[1], expected[2])
