"""The best boxes, of any shapes: against the rule, written again in NumPy."""

import numpy as np
import pytest

from hardvqa_tf.localize.postprocess import postprocess

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("n", "k", "classes", "most"), [(2, 5, 3, 100), (3, 40, 4, 100), (1, 7, 1, 4), (2, 1, 1, 1)]
)
def test_it_is_the_rule(n, k, classes, most):
    # In steps, so that no two are as good.
    logits = RNG.permutation(n * k * classes).reshape(n, k, classes).astype("float32") / 50 - 2
    boxes = RNG.uniform(-0.2, 1.2, (n, k, 4)).astype("float32")
    sizes = RNG.integers(20, 700, (n, 2))
    found = {name: np.asarray(v) for name, v in postprocess(logits, boxes, sizes, most).items()}
    number = min(most, k * classes)
    for i in range(n):
        places = sorted(np.ndindex(k, classes), key=lambda p: -logits[i][p])[:number]
        scores = [1 / (1 + np.exp(-logits[i][p].astype("float64"))) for p in places]
        np.testing.assert_allclose(found["scores"][i], scores, atol=1e-6)
        np.testing.assert_array_equal(found["predictions"][i], [p for p, _ in places])
        np.testing.assert_array_equal(found["labels"][i], [c for _, c in places])
        cx, cy, w, h = boxes[i, [p for p, _ in places]].astype("float64").T
        height, width = sizes[i]
        corners = np.stack(
            [
                (cx - w / 2) * width,
                (cy - h / 2) * height,
                (cx + w / 2) * width,
                (cy + h / 2) * height,
            ],
            axis=-1,
        )
        np.testing.assert_allclose(found["boxes"][i], corners, atol=1e-3)


def test_one_class_needs_no_axis():
    logits, boxes = RNG.normal(size=(2, 6)).astype("float32"), RNG.uniform(size=(2, 6, 4))
    without = postprocess(logits, boxes, [[10, 20], [30, 40]])
    with_axis = postprocess(logits[..., None], boxes, [[10, 20], [30, 40]])
    for name, value in without.items():
        np.testing.assert_array_equal(value, with_axis[name], err_msg=name)
    assert (np.asarray(without["labels"]) == 0).all()
