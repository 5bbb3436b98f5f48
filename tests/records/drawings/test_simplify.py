"""Raw strokes → simplified ones, in QuickDraw's steps."""

import numpy as np
import pytest

from records.drawings.simplify import _farthest, fewer_points, peucker, resample, simplify


def test_resample_steps_along_the_line_and_keeps_its_end():
    found = resample(np.array([[0.0, 0], [0, 1.5], [3, 1.5], [3, 1.5]]))
    expected = [[0, 0], [0, 1], [0.5, 1.5], [1.5, 1.5], [2.5, 1.5], [3, 1.5]]
    np.testing.assert_allclose(found, expected)


def test_a_stroke_without_end_takes_no_memory_without_end():
    zigzag = np.array([[0.0, 0], [255, 255]] * 40_000)
    assert len(resample(zigzag)) <= 255_002


def test_resample_of_one_place():
    np.testing.assert_array_equal(resample(np.array([[2.0, 3], [2, 3]])), [[2, 3]])


def test_peucker_by_hand():
    stroke = np.array([[0, 0], [5, 2], [10, 0], [20, 0], [20, 9]])
    assert peucker(stroke, 2).tolist() == [[0, 0], [20, 0], [20, 9]]  # 2 is not above 2
    assert peucker(stroke, 1.9).tolist() == [[0, 0], [5, 2], [20, 0], [20, 9]]


def test_peucker_measures_to_the_line_and_not_to_the_segment():
    assert peucker(np.array([[0, 0], [-9, 1], [20, 0]]), 2).tolist() == [[0, 0], [20, 0]]


def test_peucker_of_a_closed_stroke():
    square = np.array([[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]])
    assert peucker(square, 2).tolist() == square.tolist()
    assert peucker(np.array([[5, 5]]), 2).tolist() == [[5, 5]]


def test_simplify_by_hand():
    raw = [[[10.0, 20], [10, 70.4], [61, 20]], [[40.5, 30]]]
    strokes = simplify([np.array(stroke) for stroke in raw])
    assert [s.tolist() for s in strokes] == [[[0, 0], [0, 252], [255, 0]], [[152, 50]]]
    assert strokes[0].dtype == np.int32


def test_simplify_of_one_place():
    assert [s.tolist() for s in simplify([np.array([[3, 3], [3, 3]])])] == [[[0, 0]]]


def test_a_saw_of_many_teeth_is_parted_few_times(monkeypatch):
    """Its first tooth is as far as all others: one by one, it would take a step for each."""
    steps = []
    monkeypatch.setattr(
        "records.drawings.simplify._farthest",
        lambda *args: steps.append(1) or _farthest(*args),
    )
    teeth = np.stack([np.arange(3000), 9 * (np.arange(3000) % 2)], axis=1)
    assert len(peucker(teeth, 0.5)) == 3000
    assert len(steps) < 160


def test_a_stroke_is_not_looked_at_without_end(monkeypatch):
    """A spiral loses a turn a step."""
    looks = []
    monkeypatch.setattr(
        "records.drawings.simplify._farthest",
        lambda points, first, last, epsilon: (
            looks.append((last - first).sum()) or _farthest(points, first, last, epsilon)
        ),
    )
    at = np.arange(99_000)
    turns = np.stack([at * np.cos(at / 50), at * np.sin(at / 50)], axis=1)
    assert len(peucker(turns, 2.0)) > 1000
    assert sum(looks) < 40 * len(turns)


@pytest.mark.parametrize("side", [0, 9])
def test_a_scribble_of_equal_turns_does_not_become_a_line(side):
    saw = np.stack([np.arange(3000), 100 * (np.arange(3000) % 2)], axis=1).astype(np.int32)
    dots = [np.array([[side, i]], np.int32) for i in range(50)]
    found, *others = fewer_points([saw, *dots], 512, "a saw")
    assert 400 < len(found) <= 462 and found[0].tolist() == [0, 0]
    assert found[-1].tolist() == [2999, 100]
    assert np.count_nonzero(np.diff(found[:, 1])) > 0.9 * len(found)  # from side to side
    assert [stroke.tolist() for stroke in others] == [stroke.tolist() for stroke in dots]
