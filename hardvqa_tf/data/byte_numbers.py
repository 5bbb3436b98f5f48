"""Numbers out of the bytes of strings, in the graph.

What this costs is not bytes but calls of small operations. So each group of bytes of all
strings of a batch becomes all of its numbers in one product.

Letters: N strings.
"""

import numpy as np
import tensorflow as tf


def numbers_at(encoded, position, columns):
    """Reads numbers from the bytes that begin at `position`, int32[N], not beyond the end.

    Args:
      columns: {name: from `big` or `little`}.

    Returns:
      {name: int64[N]}; where the string ends, as if zeros followed.
    """
    weights = np.zeros((40, len(columns)), np.int64)  # as far as any number reaches
    for i, places in enumerate(columns.values()):
        for byte, weight in places:
            weights[byte, i] = weight
    numbers = tf.matmul(bytes_at(encoded, position, len(weights)), weights)
    return dict(zip(columns, tf.unstack(numbers, axis=1), strict=True))


def bytes_at(encoded, position, number):
    text = tf.strings.substr(encoded, position, tf.zeros_like(position) + number)
    return tf.cast(tf.io.decode_raw(text, tf.uint8, fixed_length=number), tf.int64)


def big(first, number):
    """Where a number's bytes are, the most significant first, and what each counts."""
    # Eight bytes are a signed number: 2^63 and more wrap around, here as in `number`.
    places = 256 ** np.arange(number, dtype=np.int64)[::-1]
    return list(zip(range(first, first + number), places, strict=True))


def little(first, number):
    """The same with the least significant byte first."""
    return list(
        zip(range(first, first + number), 256 ** np.arange(number, dtype=np.int64), strict=True)
    )


def number(text):
    """Bytes as `big` reads them."""
    return int.from_bytes(text, "big", signed=len(text) == 8)
