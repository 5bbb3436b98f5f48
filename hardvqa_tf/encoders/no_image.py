"""The encoder that sees nothing: for a model of the question alone.

What such a model reaches is what an image model must beat (beside the blind baselines, which
only know whole questions and question types).

Letters: B images, H W pixels.
"""

import keras
from keras import ops


def no_image(image_size, name="no_image"):
    """Builds the encoder.

    Args:
        image_size: (H, W) in pixels.
        name: of the model.

    Returns:
        A `keras.Model`: `image` float32[B, H, W, 3] -> grid float[B, 1, 1, 1] of zeros.

    Example:
        >>> no_image((75, 75)).output_shape
        (None, 1, 1, 1)
    """
    image = keras.Input((*image_size, 3), name="image")
    return keras.Model(image, Nothing(name="grid")(image), name=name)


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class Nothing(keras.layers.Layer):
    """float[B, H, W, D] -> float[B, 1, 1, 1] of zeros, whatever came in."""

    def call(self, inputs):
        return ops.zeros((ops.shape(inputs)[0], 1, 1, 1), dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, 1, 1)
