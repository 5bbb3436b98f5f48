"""Drawings in their canonical form, packed and padded."""

import numpy as np
import pytest

from records.drawings.strokes import checked, normalize, pack, pad, unpack


def lists(strokes):
    return [stroke.tolist() for stroke in strokes]


def test_normalize_moves_and_scales():
    strokes = normalize([[[10, 5], [20, 25]], [[15, 10]]])
    assert lists(strokes) == [[[0, 0], [128, 255]], [[64, 64]]]
    assert all(stroke.dtype == np.int32 for stroke in strokes)


def test_normalize_of_real_numbers_and_huge_places():
    assert lists(normalize([[[0.25, 1e8], [0.75, 1e8]]])) == [[[0, 0], [255, 0]]]
    assert lists(normalize([[[-1e9, 1e9], [1e9, 1e9 - 1]]])) == [[[0, 0], [255, 0]]]


def test_normalize_of_one_place():
    assert lists(normalize([[[7, 9], [7, 9]], [[7, 9]]])) == [[[0, 0]], [[0, 0]]]


def test_normalize_leaves_out_points_that_repeat():
    assert lists(normalize([[[0, 0], [0, 0], [0.001, 0], [255, 0], [255, 0]]])) == [
        [[0, 0], [255, 0]]
    ]


def test_normalize_twice_is_once():
    rng = np.random.default_rng(3)
    for _ in range(50):
        once = normalize([rng.normal(size=(rng.integers(1, 9), 2)) for _ in range(5)])
        assert max(stroke.max() for stroke in once) == 255
        assert lists(normalize(once)) == lists(once)


def test_normalize_keeps_512_points_and_the_shape():
    angle = np.linspace(0, 2 * np.pi, 2000)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    (stroke,) = normalize([1000 * circle])
    assert 20 < len(stroke) <= 512
    distance = np.sqrt(np.square(stroke - 127.5).sum(axis=1))
    np.testing.assert_allclose(distance, 127.5, atol=1)
    noise = np.random.default_rng(0).integers(0, 256, (40, 100, 2))
    strokes = normalize(list(noise))
    assert len(strokes) == 40 and sum(map(len, strokes)) <= 512
    assert max(stroke.max() for stroke in strokes) == 255


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        ([], "cat.ndjson:3: it has no strokes"),
        ([[]], "cat.ndjson:3, stroke 0: it has no points"),
        ([[[0, 1]], np.zeros((0, 2))], "stroke 1: it has no points"),
        ([[[0, 1, 2]]], r"stroke 0: expected points \[x, y\] of numbers. Received"),
        ([[[0, 1], [2]]], "expected points"),
        ([[0, 1]], "expected points"),
        ([[["a", "b"]]], "expected points"),
        ([[[True, False]]], "expected points"),
        ([[[None, 1]]], "expected points"),
        ([[[10**400, 1]]], "expected points"),
        ([[[1j, 1]]], "expected points"),
        ([[[0, float("nan")]]], "coordinates must be finite"),
        ([[[0, 1]], [[0, float("inf")]]], "stroke 1: coordinates must be finite"),
        ([[[0, 2e9]]], "at most 1e[+]09 in size"),
        ([[[0, -(2**63)]]], "at most 1e[+]09 in size"),
        ([[[i, 0]] for i in range(513)], "513 strokes, at most 512 are read"),
    ],
)
def test_what_is_no_drawing_is_refused_by_name(strokes, message):
    with pytest.raises(ValueError, match=message):
        normalize(strokes, "cat.ndjson:3")


def test_checked_changes_nothing():
    assert lists(checked([[[1.5, -2]]])) == [[[1.5, -2]]]


def test_pack_and_unpack():
    strokes = normalize([[[0, 0], [255, 7]], [[3, 4]], [[9, 9], [8, 8], [9, 9]]])
    points, lengths = pack(strokes)
    assert points == bytes([0, 0, 255, 7, 3, 4, 9, 9, 8, 8, 9, 9]) and lengths == [2, 1, 3]
    assert lists(unpack(points, np.array(lengths))) == lists(strokes)
    assert unpack(points, lengths)[0].dtype == np.int32


@pytest.mark.parametrize(
    "strokes",
    [[[[0, 256]]], [[[-1, 0]]], [[[0.0, 1.0]]], [[[i % 200, 0] for i in range(513)]]],
)
def test_only_the_canonical_form_is_packed(strokes):
    with pytest.raises(ValueError, match="drawing 5: only drawings in the canonical form"):
        pack(strokes, "drawing 5")


@pytest.mark.parametrize(
    ("points", "lengths"), [(b"abc", [1]), (b"ab", []), (b"ab", [2]), (b"abcd", [2, 0])]
)
def test_what_does_not_fit_is_not_unpacked(points, lengths):
    with pytest.raises(ValueError, match="drawing 5: its . bytes of points do not fit"):
        unpack(points, lengths, "drawing 5")


def test_pad():
    points, stroke = pad([[np.array([[1, 2], [3, 4]]), np.array([[5, 6]])], [], [[[7, 8]]]], 4)
    assert points.dtype == stroke.dtype == np.int32
    assert points.tolist() == [
        [[1, 2], [3, 4], [5, 6], [0, 0]],
        [[0, 0]] * 4,
        [[7, 8], [0, 0], [0, 0], [0, 0]],
    ]
    assert stroke.tolist() == [[0, 0, 1, -1], [-1] * 4, [0, -1, -1, -1]]
    assert pad([[[[7, 8]]]])[0].shape == (1, 1, 2) and pad([])[0].shape == (0, 1, 2)


def test_pad_refuses_too_few_points():
    with pytest.raises(ValueError, match="num_points=1, and drawing 1 has 2 points"):
        pad([[[[7, 8]]], [[[7, 8], [1, 2]]]], 1)


def test_too_many_strokes_are_refused_before_any_is_looked_at():
    with pytest.raises(ValueError, match="it has 90,000 strokes, at most 512 are read"):
        checked([None] * 90_000, "a drawing")
