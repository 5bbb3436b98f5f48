"""Edges: how much an image changes at each pixel, by Sobel's two kernels.

Of all channels together, without a direction and without a sign, so that a dark line on a
bright ground, the border of a filled shape and a white stroke on black look alike:

    e = sqrt(sum_c (S_x * I_c)^2 + (S_y * I_c)^2)

Letters: B images, H W pixels, C channels.
"""

import keras
import numpy as np
from keras import ops

from hardvqa_tf.layers.shapes import check_rank

_SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], "float32") / 4


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class SobelEdges(keras.layers.Layer):
    """The strength of edges at each pixel. It has no weights.

    Beyond its borders an image is as at them: a border is no edge.

    Args:
        epsilon: added under the root, whose gradient at 0 is then a number.

    Call arguments:
        image: float[B, H, W, C].

    Returns:
        float[B, H, W, 1], not negative; 1 at a straight edge between 0 and 1 in one channel.

    Reference:
        Sobel and Feldman, "A 3x3 Isotropic Gradient Operator for Image Processing", 1968.

    Example:
        >>> SobelEdges()(np.ones((1, 4, 4, 3))).shape
        (1, 4, 4, 1)
    """

    def __init__(self, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        if not epsilon > 0:
            raise ValueError(
                f"`epsilon` must be above 0. Received: epsilon={epsilon!r}. Use e.g. 1e-6."
            )
        self.epsilon = epsilon

    def build(self, image_shape):
        check_rank(image_shape, "NHWD", "image")
        self.built = True

    def call(self, image):
        # The outermost pixels twice. Not by `ops.pad`, whose modes differ between backends.
        padded = ops.concatenate([image[:, :1], image, image[:, -1:]], axis=1)
        padded = ops.concatenate([padded[:, :, :1], padded, padded[:, :, -1:]], axis=2)
        across, down = (self._filter(padded, kernel) for kernel in (_SOBEL, _SOBEL.T))
        squares = ops.sum(ops.square(across) + ops.square(down), axis=-1, keepdims=True)
        # Less the root of epsilon: where nothing changes there is no edge.
        return ops.sqrt(squares + self.epsilon) - self.epsilon**0.5

    def _filter(self, padded, kernel):
        h, w = padded.shape[1] - 2, padded.shape[2] - 2
        return sum(
            float(kernel[i, j]) * padded[:, i : i + h, j : j + w]
            for i, j in np.ndindex(3, 3)
            if kernel[i, j]
        )

    def field_branches(self):
        """What it sees, for `encoders.fields`: the three by three pixels around each."""
        return [[keras.layers.DepthwiseConv2D(3, padding="same")]]

    def compute_output_shape(self, image_shape):
        return (*image_shape[:-1], 1)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
