"""Which GIFs an exported graph decodes: found out in the graph, from block to block.

What is taken, and why, is in `records.gif`, of which this is the twin for a batch. In each step
of a loop every GIF moves on: over a block's head, and over many parts of its data at once, of
which usually all but the last have the same length.

Letters: N strings, G of them GIFs.
"""

import numpy as np
import tensorflow as tf

from hardvqa_tf.data.byte_numbers import bytes_at, little, numbers_at
from records.gif import FRAMES_TO_IMAGE, table_size

_MAX_STEPS = 5_000  # about three a frame
_PARTS = 32  # that are looked at in a step
_TABLE_SIZES = np.array([table_size(flags) for flags in range(256)])
_AT_BLOCK, _IN_DATA, _WHOLE, _BROKEN, _REFUSED = range(5)
_BLOCK = {
    "kind": little(0, 1),
    "x": little(1, 2),
    "y": little(3, 2),
    "width": little(5, 2),
    "height": little(7, 2),
    "flags": little(9, 1),
}
_SCREEN = {"width": little(6, 2), "height": little(8, 2), "flags": little(10, 1)}


def of_gifs(encoded, length, is_gif, max_pixels):
    """Looks at the frames of GIFs.

    Args:
      encoded: string[N].
      length: int32[N], their bytes.
      is_gif: bool[N], by the first bytes.
      max_pixels: of an image; the frames of one together may have four times as many.

    Returns:
      height, width, whether the frames are such as are taken, and whether the GIF is whole:
      int64[N] each, 0 where it is none.
    """
    rows, number = tf.where(is_gif)[:, 0], tf.size(length)  # [G]
    found = _walk(tf.gather(encoded, rows), tf.gather(length, rows), max_pixels)
    # Sums of one number each, to put it where it belongs.
    return [
        tf.math.unsorted_segment_sum(tf.cast(value, tf.int64), rows, number) for value in found
    ]


def _walk(gifs, length, max_pixels):
    """As `of_gifs`, of [G] strings that are all GIFs."""
    screen = numbers_at(gifs, tf.zeros_like(length), _SCREEN)
    start = 13 + tf.cast(_table_size(screen["flags"]), tf.int32)

    def step(position, state, pixels):
        position, state = _skip_data(gifs, length, position, state)
        block = numbers_at(gifs, tf.minimum(position, length), _BLOCK)
        kind = tf.where(position < length, block["kind"], -1)
        at_block = state == _AT_BLOCK
        is_frame = at_block & (kind == 0x2C)
        is_extension = at_block & (kind == 0x21)
        before, pixels = pixels, pixels + tf.where(is_frame, _area(block), 0)
        is_good = _is_good(block, screen, before == 0)
        is_good &= pixels <= FRAMES_TO_IMAGE * max_pixels
        # To the data: behind a frame's colours and a byte about its code; an extension's kind.
        of_frame = tf.cast(11 + _table_size(block["flags"]), tf.int32)
        position += tf.where(is_frame, of_frame, tf.where(is_extension, 2, 0))
        for found, becomes in (
            (at_block, _BROKEN),
            (at_block & (kind == 0x3B) & (pixels > 0), _WHOLE),
            (is_frame | is_extension, _IN_DATA),
            (is_frame & ~is_good, _REFUSED),
        ):
            state = tf.where(found, becomes, state)
        return position, state, pixels

    _, state, _ = tf.while_loop(
        lambda _, state, __: tf.reduce_any(state <= _IN_DATA),
        step,
        (start, tf.zeros_like(length), tf.zeros_like(screen["width"])),
        maximum_iterations=_MAX_STEPS,
    )
    is_taken = (state == _WHOLE) | (state == _BROKEN)
    return screen["height"], screen["width"], is_taken, state == _WHOLE


def _skip_data(gifs, length, position, state):
    """Moves what is within data over parts of equal length, and out of it at its end."""
    in_data = state == _IN_DATA
    first = bytes_at(gifs, tf.minimum(position, length), 1)  # [G, 1]
    first = tf.cast(first, tf.int32)
    places = position[:, None] + (1 + first) * tf.range(_PARTS)  # [G, parts]
    clipped = tf.minimum(places, length[:, None])
    text = tf.strings.substr(gifs[:, None], clipped, tf.ones_like(clipped))
    parts = tf.io.decode_raw(tf.reshape(text, [-1]), tf.uint8, fixed_length=1)
    parts = tf.reshape(tf.cast(parts, tf.int32), tf.shape(places))
    is_same = (parts == first) & (first > 0) & (places < length[:, None])
    left = _PARTS - tf.range(_PARTS)
    number = _PARTS - tf.reduce_max(tf.where(is_same, 0, left), axis=1)
    # The part behind those: the last one, another length, or not looked at yet.
    parts = tf.concat([parts, tf.ones_like(first)], axis=1)
    following = tf.gather(parts, number, batch_dims=1)
    skipped = position + number * (1 + first[:, 0])
    has_ended = in_data & (following == 0) & (skipped < length)
    state = tf.where(in_data & (skipped >= length), _BROKEN, state)
    position = tf.where(in_data, skipped + tf.cast(has_ended, tf.int32), position)
    return position, tf.where(has_ended, _AT_BLOCK, state)


def _is_good(block, screen, is_first):
    fills = (block["width"] == screen["width"]) & (block["height"] == screen["height"])
    is_within = (block["x"] + block["width"] <= screen["width"]) & (
        block["y"] + block["height"] <= screen["height"]
    )
    return is_within & (fills | ~is_first)


def _area(block):
    return block["width"] * block["height"]


def _table_size(flags):
    """Bytes of a table of colours, int64[G]."""
    return tf.gather(_TABLE_SIZES, flags)
