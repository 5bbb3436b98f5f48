"""Iterative box refinement: a level of a decoder corrects the boxes of the level before it.

Zhu et al., "Deformable DETR" (ICLR 2021, https://arxiv.org/abs/2010.04159):

    box = sigmoid(W_3 relu(W_2 relu(W_1 h)) + inverse_sigmoid(reference))

of an object's vector h and a reference that is a box (cx, cy, w, h), or a point (x, y), which
corrects the centre only. The last layer is zero at first, so that the box is the reference.

Letters: N rows, K objects, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers.multi_head import check_positive
from hardvqa_tf.layers.shapes import check_rank

# How near to 0 and 1 the inverse of the sigmoid looks.
EPSILON = 1e-5


def inverse_sigmoid(x, epsilon=EPSILON):
    """log(x / (1 - x)); both are at least `epsilon`, so that 0 and 1 have finite values.

    Args:
        x: float of any shape; what is below 0 or above 1 counts as 0 or 1.
    """
    x = ops.clip(x, 0.0, 1.0)
    return ops.log(ops.maximum(x, epsilon)) - ops.log(ops.maximum(1.0 - x, epsilon))


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class BoxRefinement(keras.layers.Layer):
    """Corrects boxes by the objects' vectors.

    Boxes are in float32 even where the layer computes in bfloat16, whose eight bits of mantissa
    are half a pixel of a hundred.

    Args:
        hidden_dim: width of the hidden layers.
        num_layers: linear layers, the last one included.
        size: width and height at which boxes start, as a share of the image, where the
            reference is a point.

    Call arguments:
        objects: float[N, K, D].
        reference: float[N, K, 4 or 2] in [0, 1]. Its gradient is the caller's business: between
            levels it is stopped.

    Returns:
        float32[N, K, 4] (float64 for float64): cx, cy, w, h in (0, 1).

    Reference:
        Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection",
        https://arxiv.org/abs/2010.04159.

    Example:
        >>> BoxRefinement()(np.ones((1, 1, 8)), [[[0.5, 0.4, 0.2, 0.1]]])[0, 0]
        [0.5, 0.4, 0.2, 0.1]
    """

    def __init__(self, hidden_dim=256, num_layers=3, size=0.5, **kwargs):
        # autocast off: references keep their precision.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        check_positive(hidden_dim=hidden_dim, num_layers=num_layers)
        if not 0 < size < 1:
            raise ValueError(
                "`size` must be a share of the image's sides in (0, 1). Received: "
                f"size={size!r}. Pass e.g. 0.3."
            )
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.size = size
        self.denses = [
            keras.layers.Dense(
                hidden_dim, activation="relu", dtype=self.dtype_policy, name=f"hidden_{i}"
            )
            for i in range(num_layers - 1)
        ]
        self.out_dense = keras.layers.Dense(
            4, kernel_initializer="zeros", dtype=self.dtype_policy, name="out"
        )

    def build(self, objects_shape, reference_shape):
        check_rank(objects_shape, "NPD", "objects")
        if reference_shape[-1] not in (2, 4):
            raise ValueError(
                "`reference` must hold boxes (cx, cy, w, h) or points (x, y). Received: "
                f"reference of shape {tuple(reference_shape)}. Pass 4 or 2 numbers an object."
            )
        shape = tuple(objects_shape)
        for dense in self.denses:
            dense.build(shape)
            shape = (*shape[:-1], self.hidden_dim)
        self.out_dense.build(shape)
        self.built = True

    def call(self, objects, reference):
        hidden = objects
        for dense in self.denses:
            hidden = dense(hidden)
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        change = ops.cast(self.out_dense(hidden), wide)  # [N, K, 4]
        start = inverse_sigmoid(ops.cast(reference, wide))
        if reference.shape[-1] == 2:
            size = inverse_sigmoid(ops.full_like(start, self.size))
            start = ops.concatenate([start, size], axis=-1)
        return ops.sigmoid(change + start)

    def compute_output_spec(self, objects, reference):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        return keras.KerasTensor((*objects.shape[:-1], 4), dtype=wide)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "size": self.size,
        }
