"""What the signatures of all tasks share: a table of outputs, and rows that cannot be answered.

Letters: B images, Q queries or questions of an image.
"""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Output:
    """What stands in a name that a signature gives.

    Attributes:
      name: of the output.
      dtype: "string", "bool", "float32" or "int32".
      axes: those behind the rows': letters or numbers.
      meaning: in a few words.
    """

    name: str
    dtype: str
    axes: tuple
    meaning: str

    def kind(self, *rows, **sizes):
        """Its type and shape in words, e.g. "bool[N, 5, 5]".

        Args:
          *rows: the axes in front, e.g. "N".
          **sizes: numbers of letters.
        """
        axes = [str(sizes.get(axis, axis)) for axis in (*rows, *self.axes)]
        return self.dtype + (f"[{', '.join(axes)}]" if axes else "")


def replace_unusable(rows, usable):
    """Puts a usable row in the place of each that is not.

    A blank row would be answered, too, and might ask for more cells than any other.
    """
    number = tf.shape(rows)[0]
    first = tf.argmax(usable, output_type=tf.int32)  # 0 if none is usable
    return tf.gather(rows, tf.where(usable, tf.range(number), first))


def blank_unless(is_ok, values):
    """[B, Q, ...], zeros or "" where not `is_ok`, bool[B, Q]."""
    is_ok = tf.reshape(is_ok, [*tf.unstack(tf.shape(is_ok)), *[1] * (values.shape.rank - 2)])
    nothing = "" if values.dtype == tf.string else tf.zeros([], values.dtype)
    return tf.where(is_ok, values, nothing)
