import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.layers import BiLevelRoutingAttention, FullAttention

N, D, DQ = 2, 4, 3
DIVIDED, ODD = (6, 9), (5, 7)  # by three regions a side: 2x3 cells each; padded to 6x9
QUESTION = np.random.default_rng(9).normal(size=(N, DQ))


def _cells(size):
    return np.random.default_rng(0).normal(size=(N, *size, D))


def _layer(size=DIVIDED, dtype="float64", **arguments):
    layer = BiLevelRoutingAttention(
        **({"num_heads": 2, "num_regions": 3, "top_k": 4, "local_kernel": 3} | arguments),
        dtype=dtype,
    )
    layer(_cells(size), question=QUESTION)
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def _region(size, s=3):
    """The region of each cell: int[H, W]."""
    high, wide = (-(-n // s) for n in size)
    rows, columns = np.arange(size[0]) // high, np.arange(size[1]) // wide
    return rows[:, None] * s + columns[None]


def _reference(layer, cells, question=None):
    """Dense attention, one cell at a time, under the routes; padding does not exist."""
    w = {v.path.split("/", 1)[1]: np.array(v) for v in layer.variables}
    n, height, width, d = cells.shape
    qk = layer.qk_dim or d
    q, k, v = np.split(cells @ w["qkv/kernel"] + w["qkv/bias"], [qk, 2 * qk], axis=-1)
    if question is not None:
        q = q + (question @ w["question_projection/kernel"])[:, None, None]
    region = _region((height, width), layer.num_regions)
    exist = np.unique(region)
    r = layer.num_regions**2
    routes = np.zeros((n, r, r), bool)
    out = np.zeros((n, height, width, d))
    scale = qk**-0.5 if layer.scale is None else layer.scale
    for b in range(n):
        mean = {i: (q[b][region == i].mean(0), k[b][region == i].mean(0)) for i in exist}
        for i in exist:
            scores = {j: mean[i][0] @ mean[j][1] for j in exist}
            for j in sorted(exist, key=lambda j: -scores[j])[: layer.top_k]:
                routes[b, i, j] = True
        for y, x in np.ndindex(height, width):
            seen = routes[b, region[y, x]][region]  # bool[H, W]
            heads = np.split(np.arange(qk), layer.num_heads)
            values = np.split(np.arange(d), layer.num_heads)
            for head, part in zip(heads, values):
                logits = scale * k[b][seen][:, head] @ q[b, y, x, head]
                weights = np.exp(logits) / np.exp(logits).sum()
                out[b, y, x, part] = weights @ v[b][seen][:, part]
    out = out + _depthwise(v, w["local/kernel"][..., 0], w["local/bias"])
    return routes, out @ w["out/kernel"] + w["out/bias"]


def _depthwise(grid, kernel, bias):
    pad = kernel.shape[0] // 2
    padded = np.pad(grid, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    h, w = grid.shape[1:3]
    return bias + sum(
        padded[:, i : i + h, j : j + w] * kernel[i, j] for i, j in np.ndindex(kernel.shape[:2])
    )


@pytest.mark.parametrize("mode", ["gather", "mask"])
@pytest.mark.parametrize("size", [DIVIDED, ODD, (4, 2)], ids=str)
@pytest.mark.parametrize(
    "arguments", [{}, {"top_k": 1, "qk_dim": 6}, {"top_k": 9, "scale": 0.3}], ids=str
)
def test_it_is_dense_attention_under_the_routes(size, mode, arguments):
    layer, cells = _layer(size, mode=mode, **arguments), _cells(size)
    outputs = layer(cells)
    routes, expected = _reference(layer, cells)
    np.testing.assert_allclose(outputs["cells"], expected, atol=1e-10)
    exist = np.unique(_region(size))
    found = np.array(outputs["routes"])
    np.testing.assert_array_equal(found[:, exist], routes[:, exist])
    k = min(layer.top_k, len(exist))
    assert (found[:, exist].sum(-1) == k).all()
    if k < len(exist):
        # The choice is no matter of rounding.
        scores = -np.sort(-np.array(outputs["scores"])[:, exist], axis=-1)
        assert (scores[..., k - 1] - scores[..., k]).min() > 1e-6


@pytest.mark.parametrize("size", [DIVIDED, ODD], ids=str)
def test_all_regions_are_full_attention_and_the_local_convolution(size):
    """Against `FullAttention`, whose convolution sees its input: so it is left out there."""
    layer, cells = _layer(size, top_k=9, scale=2**-0.5), _cells(size)
    kernel, bias, local, local_bias, out, out_bias = layer.get_weights()
    layer.set_weights([kernel, 0 * bias, local, local_bias, out, out_bias])
    full = FullAttention(num_heads=2, local_kernel=0, dtype="float64")
    full(cells)
    full.set_weights([kernel, out, out_bias])
    value = (cells @ kernel)[..., 2 * D :]
    enhanced = _depthwise(value, local[..., 0], local_bias) @ out
    expected = np.array(full(cells)) + enhanced
    np.testing.assert_allclose(layer(cells)["cells"], expected, atol=1e-10)


@pytest.mark.parametrize("size", [DIVIDED, ODD], ids=str)
@pytest.mark.parametrize("mask_padding", [True, False])
def test_gather_and_mask_agree_in_outputs_and_gradients(size, mask_padding):
    cells = tf.constant(_cells(size))
    seen = []
    for mode in ("gather", "mask"):
        layer = _layer(size, mode=mode, mask_padding=mask_padding)
        with tf.GradientTape() as tape:
            tape.watch(cells)
            outputs = layer(cells)
            loss = tf.reduce_sum(tf.sin(outputs["cells"]))
        variables = [v.value for v in layer.trainable_variables]
        gradients = tape.gradient(loss, [cells, *variables])
        seen.append([outputs["cells"], *map(tf.convert_to_tensor, gradients)])
    for first, second in zip(*seen, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-9)


def test_regions_that_nobody_looks_at_get_no_gradient():
    """But through the convolution, which is left out here."""
    layer = _layer(top_k=1, local_kernel=0)
    cells = tf.constant(_cells(DIVIDED))
    with tf.GradientTape() as tape:
        tape.watch(cells)
        outputs = layer(cells)
        loss = tf.reduce_sum(outputs["cells"][:, 0, 0])  # of region 0 alone
    gradient = np.abs(tape.gradient(loss, cells)).sum(-1)
    for b in range(N):
        looked_at = np.flatnonzero(outputs["routes"][b, 0])
        expected = np.isin(_region(DIVIDED), looked_at)
        expected[0, 0] = True  # its own query
        np.testing.assert_array_equal(gradient[b] > 0, expected)


def test_masked_padding_does_not_matter_and_the_authors_does():
    """A region's padding: neither mean nor attention may see the bias that it would carry."""
    cells = _cells(ODD)
    masked, unmasked = (_layer(ODD, mask_padding=m)(cells)["cells"] for m in (True, False))
    assert np.abs(np.array(masked) - unmasked).max() > 1e-2
    exact = _cells(DIVIDED)
    masked, unmasked = (_layer(mask_padding=m)(exact)["cells"] for m in (True, False))
    np.testing.assert_array_equal(masked, unmasked)


def test_a_region_of_padding_alone_is_never_chosen():
    """Four rows in three regions: two, two, none."""
    layer, cells = _layer((4, 9), top_k=8), _cells((4, 9))
    routes = np.array(layer(cells)["routes"])
    assert not routes[:, :, 6:].any() and routes[:, :6, :6].all()


def test_the_question_steers_the_routes_and_starts_unheard():
    cells = _cells(DIVIDED)
    fresh = BiLevelRoutingAttention(2, 3, 4, use_question=True, dtype="float64")
    first = np.array(fresh(cells, question=QUESTION)["cells"])
    np.testing.assert_array_equal(fresh(cells, question=9 * QUESTION)["cells"], first)
    layer = _layer(use_question=True)
    routes, expected = _reference(layer, cells, QUESTION)
    outputs = layer(cells, question=QUESTION)
    np.testing.assert_allclose(outputs["cells"], expected, atol=1e-10)
    np.testing.assert_array_equal(outputs["routes"], routes)
    other = layer(cells, question=-QUESTION)["routes"]
    assert (np.array(other) != routes).any()


def test_of_equal_regions_the_first_are_chosen():
    layer = _layer(top_k=2)
    routes = np.array(layer(np.ones((1, *DIVIDED, D)))["routes"])
    assert routes[:, :, :2].all() and not routes[:, :, 2:].any()


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"top_k=10 of 3x3 regions \(9\). Use a smaller"):
        BiLevelRoutingAttention(num_regions=3, top_k=10)
    with pytest.raises(ValueError, match="Use a divisor of 4"):
        BiLevelRoutingAttention(num_heads=3, num_regions=3)(_cells(DIVIDED))
    with pytest.raises(ValueError, match="an odd number of cells, or 0"):
        BiLevelRoutingAttention(local_kernel=4)
    with pytest.raises(ValueError, match='Use "gather"; "mask" is the reference'):
        BiLevelRoutingAttention(mode="sparse")
    with pytest.raises(ValueError, match="or set use_question=False"):
        BiLevelRoutingAttention(2, 3, use_question=True)(_cells(DIVIDED))
    with pytest.raises(ValueError, match=r"shape \(2, 1, 3\). Give one vector for each row"):
        BiLevelRoutingAttention(2, 3, use_question=True)(_cells(DIVIDED), QUESTION[:, None])
