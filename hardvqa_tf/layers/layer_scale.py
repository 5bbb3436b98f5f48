"""A learned factor for every feature of a residual branch, small at first.

Touvron et al., "Going deeper with Image Transformers" (ICCV 2021,
https://arxiv.org/abs/2103.17239): y = x + scale * branch(x). This layer is the product.

Letters: D width.
"""

import keras


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class LayerScale(keras.layers.Layer):
    """[..., D] times D learned factors.

    Args:
        start: what every factor starts at.

    Example:
        >>> LayerScale(0.5)(np.array([[2.0, 4.0]]))
        [[1., 2.]]
    """

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, inputs_shape):
        initializer = keras.initializers.Constant(self.start)
        self.factor = self.add_weight(
            shape=(inputs_shape[-1],), initializer=initializer, name="factor"
        )
        self.built = True

    def call(self, inputs):
        return inputs * self.factor

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "start": self.start}
