"""Losses against their equations in NumPy, and by hand."""

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.localize import losses

RNG = np.random.default_rng(0)
B, Q, K, G, E = 2, 3, 5, 2, 4


def test_focal_loss_by_hand():
    logits = np.array([0.0, 0.0, 40.0, -40.0, 200.0, -200.0], "float32")
    found = np.asarray(losses.focal_loss(logits, np.array([1, 0, 1, 0, 0, 1], "float32")))
    half = np.log(2) / 4
    np.testing.assert_allclose(found[:4], [0.25 * half, 0.75 * half, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found[4:], [0.75 * 200, 0.25 * 200], rtol=1e-5)


def _level(seed=1):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(B, Q, K)).astype("float32"),
        rng.uniform(0.2, 0.8, size=(B, Q, K, 4)).astype("float32"),
        rng.uniform(0.2, 0.8, size=(B, Q, G, 4)).astype("float32"),
        np.array([[[3, 1], [0, -1], [-1, -1]], [[-1, 2], [4, 0], [2, 3]]], "int32"),
    )


def test_losses_of_a_level():
    logits, boxes, targets, matched = _level()
    found = losses.set_losses(logits, boxes, targets, matched)
    for b, q in np.ndindex(B, Q):
        labels, l1 = np.zeros(K), 0.0
        for g, k in enumerate(matched[b, q]):
            if k >= 0:
                labels[k] = 1
                l1 += np.abs(boxes[b, q, k] - targets[b, q, g]).sum()
        p = 1 / (1 + np.exp(-logits[b, q].astype("float64")))
        focal = np.where(labels, -0.25 * (1 - p) ** 2 * np.log(p), 0)
        focal += np.where(labels, 0, -0.75 * p**2 * np.log(1 - p))
        np.testing.assert_allclose(found["focal"][b, q], focal.sum(), rtol=1e-5)
        np.testing.assert_allclose(found["l1"][b, q], l1, rtol=1e-5)
    assert (np.asarray(found["giou"]) >= 0).all() and found["giou"][0, 2] == 0
    total = 2 * found["focal"] + 5 * found["l1"] + 2 * found["giou"]
    np.testing.assert_allclose(found["loss"], total, rtol=1e-6)


@pytest.mark.parametrize("padding", [0.0, 1e9, np.nan])
def test_padding_does_not_move_a_loss_or_a_gradient(padding):
    logits, boxes, targets, matched = _level()

    def run(targets):
        x = tf.constant(logits), tf.constant(boxes)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = losses.set_losses(*x, targets, matched)["loss"]
        return loss, *tape.gradient(loss, x)

    padded = np.where((matched < 0)[..., None], np.float32(padding), targets)
    for found, expected in zip(run(padded), run(targets), strict=True):
        np.testing.assert_array_equal(found, expected)
    _, _, gradient = run(targets)
    for b, q, k in np.ndindex(B, Q, K):  # a box learns where it is somebody's
        assert (np.abs(gradient[b, q, k]).max() > 0) == (k in matched[b, q])


def _contrast_inputs():
    queries, cells = RNG.normal(size=(B, Q, E)), RNG.normal(size=(B, 6, E))
    queries /= np.linalg.norm(queries, axis=-1, keepdims=True)
    cells /= np.linalg.norm(cells, axis=-1, keepdims=True)
    targets = RNG.uniform(0.01, 0.99, size=(B, Q, G, 4))
    valid = np.array([[[1, 1], [1, 0], [0, 0]], [[0, 1], [1, 1], [1, 0]]]) > 0
    classes = np.array([[7, 4, 9], [4, 7, -1]])
    return (
        queries.astype("float32"),
        cells.astype("float32"),
        targets.astype("float32"),
        valid,
        classes,
    )


def test_contrast_is_the_equation():
    queries, cells, targets, valid, classes = _contrast_inputs()
    h, w = 2, 3
    asked = [i for i in np.ndindex(B, Q) if valid[i].any() and classes[i] >= 0]
    shown = [(b, q, g) for b, q, g in np.ndindex(B, Q, G) if valid[b, q, g] and (b, q) in asked]
    assert len(asked) == 4 and len(shown) == 6
    place = {
        o: int(targets[o][1] * h) * w + int(targets[o][0] * w) for o in shown
    }  # the cell at the centre
    logits = np.array(
        [[12 * queries[i] @ cells[o[0], place[o]] for o in shown] for i in asked], "float64"
    )
    same = np.array([[classes[i] == classes[o[:2]] for o in shown] for i in asked])
    by_query = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    by_object = logits - np.log(np.exp(logits).sum(0, keepdims=True))
    expected = np.zeros((B, Q))
    for column, o in enumerate(shown):
        row = asked.index(o[:2])
        expected[o[:2]] -= by_query[row][same[row]].mean()
        expected[o[:2]] -= by_object[same[:, column], column].mean()
    found = losses.contrast(queries, cells, targets, valid, classes, (h, w))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert found[0, 2] == 0 and found[1, 2] == 0  # no object; an unknown class


def test_contrast_of_nothing_is_zero_and_has_a_gradient():
    queries, cells, targets, valid, classes = _contrast_inputs()
    queries = tf.constant(queries)
    with tf.GradientTape() as tape:
        tape.watch(queries)
        loss = losses.contrast(queries, cells, targets, valid & False, classes, (2, 3))
    assert (np.asarray(loss) == 0).all()
    assert (np.asarray(tape.gradient(loss, queries)) == 0).all()


def test_contrast_is_least_where_embeddings_agree():
    queries, cells, targets, valid, classes = _contrast_inputs()
    targets = np.full_like(targets, 0.1)  # all in the first cell
    right = np.stack([queries[:, 0], *[queries[:, 1]] * 5], axis=1)
    valid = valid & False
    valid[:, 0, 0] = True
    classes = np.array([[1, 2, 3], [4, 5, 6]])
    near = np.asarray(losses.contrast(queries, right, targets, valid, classes, (2, 3)))
    wrong = np.asarray(losses.contrast(queries, right[::-1], targets, valid, classes, (2, 3)))
    assert (near[:, 0] < wrong[:, 0]).all()
