"""Full attention of a grid with a local convolution of its input: BiFormer's last stage.

Zhu et al. (CVPR 2023, https://arxiv.org/abs/2303.08810), AttentionLePE of the authors' code:

    [q; k; v] = W x                                   without a bias
    o_i = softmax_j(q_i · k_j / sqrt(Dh)) v_j         Dh: the width of one head
    y   = W_o (o + local(x)) + b_o                    local: a depthwise convolution

Not `BiLevelRoutingAttention` with one region: there the scale is that of the whole width, W has
a bias, and the convolution sees v.

Letters: N rows, H W grid, D width.
"""

import keras
from keras import ops

from hardvqa_tf.layers.bi_level_routing_attention import local_convolution
from hardvqa_tf.layers.multi_head import (
    attend,
    check_heads,
    check_kernel,
    check_positive,
    dense,
)
from hardvqa_tf.layers.shapes import check_rank


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class FullAttention(keras.layers.Layer):
    """Every cell attends to every cell.

    Args:
        num_heads: divides D. The published models have 8, whatever their width.
        local_kernel: side of the depthwise convolution, odd; 0 for none.

    Call arguments:
        cells: float[N, H, W, D]; H and W known when the layer is built.

    Returns:
        float[N, H, W, D].

    Attributes:
        qkv, out: the `Dense` layers W and W_o; local: the convolution, or None.

    Reference:
        Zhu et al., "BiFormer: Vision Transformer with Bi-Level Routing Attention",
        https://arxiv.org/abs/2303.08810.

    Example:
        >>> FullAttention(num_heads=2)(np.ones((3, 7, 7, 8))).shape
        (3, 7, 7, 8)
    """

    def __init__(self, num_heads=8, local_kernel=5, **kwargs):
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads)
        check_kernel(local_kernel)
        self.num_heads = num_heads
        self.local_kernel = local_kernel
        self.qkv = self.out = self.local = None

    def build(self, cells_shape):
        check_rank(cells_shape, "NHWD")
        d = cells_shape[-1]
        check_heads(self.num_heads, **{"the cells' width": d})
        self.qkv = dense(3 * d, "qkv", self.dtype_policy, use_bias=False)
        self.out = dense(d, "out", self.dtype_policy)
        self.qkv.build(cells_shape)
        self.out.build(cells_shape)
        if self.local_kernel:
            self.local = local_convolution(self.local_kernel, self.dtype_policy)
            self.local.build(cells_shape)
        self.built = True

    def call(self, cells):
        height, width, d = cells.shape[1:]
        qkv = ops.reshape(self.qkv(cells), (-1, height * width, 3 * d))
        query, key, value = ops.split(qkv, 3, axis=-1)  # [N, P, D]
        scale = (d // self.num_heads) ** -0.5
        attended, _ = attend(query, key, value, self.num_heads, scale)
        attended = ops.reshape(attended, (-1, height, width, d))
        if self.local is not None:
            attended = attended + self.local(cells)
        return self.out(attended)

    def field_branches(self):
        """From cells to cells without attention: in place, and through the convolution."""
        return [[]] if self.local is None else [[], [self.local]]

    def compute_output_shape(self, cells_shape):
        return cells_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "local_kernel": self.local_kernel,
        }
