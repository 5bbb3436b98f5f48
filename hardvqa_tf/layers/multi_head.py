"""What the attentions over all cells share: heads, softmax, mask, and the question's way in.

Letters: I cells that attend, J cells or words that are attended to, M heads, D width.
"""

import keras
from keras import ops

# A logit that no sum brings back: its weight is exactly zero. Not -inf, whose gradient is NaN
# where a whole row has nothing to attend to.
NEVER = -1e30


def attend(query, key, value, num_heads, scale, keep=None, drop=None, group_size=None):
    """softmax_J(scale · query_i · key_j) of every head, and what it takes from `value`.

    Args:
        query: float[..., I, Dk].
        key: float[..., J, Dk].
        value: float[..., J, Dv].
        num_heads: M; divides Dk and Dv.
        scale: of the logits.
        keep: bool, to be broadcast to [..., I, J], optional; False is never attended to. Where
            a row has nothing to attend to, the output is zero.
        drop: what is done to the weights before they are used, optional: a dropout.
        group_size: every so many of the J are attended to by themselves, and the weights of
            the groups averaged, but for those of which nothing is kept. None: all together.

    Returns:
        attended: float[..., I, Dv]; weights: float32[..., M, I, J], rows with sum 1 (or 0).
    """
    query, key, value = (_split_heads(x, num_heads) for x in (query, key, value))
    logits = ops.matmul(query * scale, ops.swapaxes(key, -2, -1))  # [..., M, I, J]
    # In float32 at least: weights of bfloat16 would not sum to one.
    logits = ops.cast(logits, keras.backend.result_type(logits.dtype, "float32"))
    if keep is not None:
        keep = keep[..., None, :, :]  # the same for every head
        logits = ops.where(keep, logits, ops.full_like(logits, NEVER))
    weights = _softmax(logits, keep, group_size)
    used = ops.cast(weights if drop is None else drop(weights), value.dtype)
    attended = ops.matmul(used, value)  # [..., M, I, Dv/M]
    attended = ops.swapaxes(attended, -3, -2)  # [..., I, M, Dv/M]
    shape = ops.shape(attended)
    return ops.reshape(attended, (*shape[:-2], shape[-2] * shape[-1])), weights


def _softmax(logits, keep, group_size):
    """float32[..., M, I, J], zero where `keep` is not; see `attend`."""
    if group_size is None:
        weights = ops.softmax(logits, axis=-1)
        return weights if keep is None else ops.where(keep, weights, ops.zeros_like(weights))
    shape = ops.shape(logits)
    logits = ops.reshape(logits, (*shape[:-1], -1, group_size))
    weights = ops.softmax(logits, axis=-1)
    if keep is None:
        return ops.reshape(weights / ops.cast(ops.shape(logits)[-2], weights.dtype), shape)
    keep = ops.reshape(keep, (*ops.shape(keep)[:-1], -1, group_size))
    weights = ops.where(keep, weights, ops.zeros_like(weights))
    groups = ops.sum(ops.cast(ops.any(keep, axis=-1), weights.dtype), axis=-1)
    weights = weights / ops.maximum(groups, 1.0)[..., None, None]
    return ops.reshape(weights, shape)


def dense(units, name, dtype, use_bias=True):
    """A linear layer that starts as the authors' do."""
    start = keras.initializers.RandomNormal(stddev=0.02)
    return keras.layers.Dense(
        units, use_bias=use_bias, kernel_initializer=start, dtype=dtype, name=name
    )


def question_projection(question_shape, units, dtype):
    """A built layer that lets the question into an attention that in its paper knows none.

    Zero at first, so that the layer begins as the paper's.
    """
    if question_shape is None:
        raise ValueError(
            "With `use_question` the layer needs a question. Received: question=None. "
            "Call it with `question`, float[N, Dq], or set use_question=False."
        )
    if len(question_shape) != 2:
        raise ValueError(
            "`question` must have the shape [N, Dq]. Received: question of shape "
            f"{tuple(question_shape)}. Give one vector for each row of `cells`."
        )
    projection = keras.layers.Dense(
        units,
        use_bias=False,
        kernel_initializer="zeros",
        dtype=dtype,
        name="question_projection",
    )
    projection.build(question_shape)
    return projection


def _split_heads(x, num_heads):
    """[..., J, D] -> [..., M, J, D/M]."""
    shape = ops.shape(x)
    x = ops.reshape(x, (*shape[:-1], num_heads, shape[-1] // num_heads))
    return ops.swapaxes(x, -3, -2)


def check_heads(num_heads, **widths):
    """Raises a `ValueError` unless the heads divide each of the named widths."""
    for name, width in widths.items():
        if width % num_heads:
            raise ValueError(
                f"`num_heads` must divide {name}, so that all heads are equally wide. "
                f"Received: num_heads={num_heads}, {name} = {width}. Use a divisor of {width}."
            )


def check_positive(**sizes):
    """Raises a `ValueError` unless each of the named arguments is a positive integer."""
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={size!r}. "
                "The class docstring says what it counts."
            )


def check_kernel(local_kernel):
    """Raises a `ValueError` unless it is the width of a kernel that has a middle, or 0."""
    if not isinstance(local_kernel, int) or (local_kernel != 0 and local_kernel % 2 != 1):
        raise ValueError(
            "`local_kernel` must be an odd number of cells, or 0 for no convolution. Received: "
            f"local_kernel={local_kernel!r}. The published models have 5."
        )
