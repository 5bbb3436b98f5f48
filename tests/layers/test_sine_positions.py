import numpy as np
import pytest

from hardvqa_tf.layers import SinePositions


def test_it_is_the_equation():
    found = np.asarray(SinePositions(2, 3, temperature=100.0)(np.zeros((4, 6, 8))))
    assert found.shape == (4, 6, 8)
    y, x = 2, 3  # the last cell; waves of n = 4 features: 1, 1, 100^(1/2), 100^(1/2)
    row = [np.sin(y), np.cos(y), np.sin(y / 10), np.cos(y / 10)]
    column = [np.sin(x), np.cos(x), np.sin(x / 10), np.cos(x / 10)]
    np.testing.assert_allclose(found[1, 5], row + column, atol=1e-6)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize(("h", "w", "n"), [(3, 5, 3), (1, 8, 1), (20, 33, 48), (7, 2, 10)])
def test_every_feature_of_every_cell(h, w, n, normalized):
    """Written again, feature by feature; also of an odd number for each axis."""
    found = np.asarray(
        SinePositions(h, w, 2 * n, normalized=normalized)(np.zeros((2, h * w, 1)))
    )
    assert found.shape == (2, h * w, 2 * n)
    for row, column in np.ndindex(h, w):
        expected = []
        for place, size in ((row + 1, h), (column + 1, w)):
            if normalized:
                place = (place - 0.5) / (size + 1e-6) * 2 * np.pi
            for j in range(n):
                phase = place / 10_000 ** (2 * (j // 2) / n)
                expected.append(np.cos(phase) if j % 2 else np.sin(phase))
        np.testing.assert_allclose(found[1, row * w + column], expected, atol=1e-6)


def test_normalized_places_are_the_same_in_grids_of_any_size():
    small = np.asarray(SinePositions(3, 5, 4, normalized=True)(np.zeros((1, 15, 1))))
    large = np.asarray(SinePositions(9, 15, 4, normalized=True)(np.zeros((1, 135, 1))))
    small, large = small.reshape(3, 5, 4), large.reshape(9, 15, 4)
    np.testing.assert_allclose(large[1::3, 1::3], small, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"height": 0, "width": 3}, (1, 0, 4), "`height` must be a positive integer"),
        ({"height": 2, "width": 3}, (1, 5, 4), "must hold height·width = 2·3 = 6"),
        ({"height": 2, "width": 3}, (1, 6, 5), "`dim` must be an even number"),
        ({"height": 2, "width": 3, "dim": 7}, (1, 6, 4), "`dim` must be an even number"),
        ({"height": 2, "width": 3, "temperature": 0}, (1, 6, 4), "must be above 0"),
    ],
)
def test_errors(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        SinePositions(**arguments)(np.zeros(shape))
