"""Doodles: every class draws, the same for a seed, as people do, and unlike other classes."""

import hashlib
import math

import numpy as np
import pytest

from benchmarks.doodles import agreement, collect, read_genuine, spread, statistics
from records.drawings.doodles import (
    NAMED,
    VERSION,
    class_names,
    draw,
    hand,
    random_class_name,
    shapes,
)
from records.drawings.doodles.random_classes import RELATIONS, program
from records.drawings.strokes import MAX_COORDINATE, normalize, pack

CLASSES = class_names(60)
RANDOM = CLASSES[len(NAMED) :]


def lists(strokes):
    return [stroke.tolist() for stroke in strokes]


@pytest.fixture(scope="module")
def drawings():
    """Twelve of each class, by name."""
    return {name: [draw(name, seed) for seed in range(12)] for name in CLASSES}


# --- Names.


def test_names():
    assert len(NAMED) == len(set(NAMED)) >= 60
    assert {"house", "tree", "sun", "fish", "cup", "key", "star", "umbrella"} <= {*NAMED}
    assert class_names() == NAMED
    assert class_names(2) == (*NAMED, "doodle 0000", "doodle 0001")
    assert random_class_name(12345) == "doodle 12345"
    assert draw("doodle 12345", 0)


@pytest.mark.parametrize(
    "name", ["hous", "", "doodle", "doodle 17", "doodle 00017", "doodle ²"]
)
def test_an_unknown_name_is_refused_with_those_that_are_known(name):
    with pytest.raises(ValueError, match="'doodle 0017', or one of: sun, moon, star") as error:
        draw(name, 0)
    assert repr(name) in str(error.value)


def test_random_classes_are_numbered_from_0():
    with pytest.raises(ValueError, match="Received: -1"):
        random_class_name(-1)


def test_a_seed_is_whole():
    with pytest.raises(TypeError):
        draw("sun", 0.5)
    assert lists(draw("sun", np.int64(7))) == lists(draw("sun", 7))


# --- Drawings.


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_draws_valid_drawings(name, drawings):
    for drawing in drawings[name]:
        pack(drawing)  # which refuses all but the canonical form
        assert all(stroke.dtype == np.int32 for stroke in drawing)
        assert max(stroke.max() for stroke in drawing) == MAX_COORDINATE
        assert lists(normalize(drawing)) == lists(drawing)


@pytest.mark.parametrize("name", CLASSES)
def test_every_seed_draws_another(name, drawings):
    assert len({str(lists(drawing)) for drawing in drawings[name]}) == 12


def test_a_drawing_depends_on_nothing_drawn_before(drawings):
    program.cache_clear()
    for name in reversed(CLASSES):
        assert lists(draw(name, 11)) == lists(drawings[name][11])


def test_the_same_strokes_on_every_machine(drawings):
    """Where they are others than before, raise the version, and write the new sums here."""
    sums = []
    for names in (NAMED, RANDOM):
        digest = hashlib.sha256()
        for name in names:
            for drawing in drawings[name]:
                for part in (*drawing, np.array([len(stroke) for stroke in drawing])):
                    digest.update(part.astype("<i4").tobytes())
        sums.append(digest.hexdigest()[:16])
    assert (VERSION, *sums) == ("2", "5b907976853ea2d0", "28c4065fdc0a2b09")


def test_sines_do_not_depend_on_the_last_bits_of_a_machine():
    """The table rounds; no sine lies so near to a border that an error could move it over."""
    exact = [math.sin(math.radians(i / 2)) * 2**20 for i in range(720)]
    to_border = min(abs(value % 1 - 0.5) for value in exact)
    assert to_border > 1e-5  # a last bit is 1e-10 here
    assert shapes.sin(30) == 0.5 and shapes.cos(180) == -1 and shapes.sin(-90) == -1


# --- As people draw.


def test_statistics_are_like_peoples():
    """QuickDraw's: strokes 4, 90 % 10; points 37, 90 % 71; width over height 0.39 to 3."""
    found = statistics([draw(name, seed) for name in NAMED for seed in range(100, 110)])
    _, strokes, many_strokes, _ = found["strokes"]
    _, points, many_points, _ = found["points"]
    narrow, _, _, wide = found["width/height"]
    assert 3 <= strokes <= 6 and 7 <= many_strokes <= 13
    assert 25 <= points <= 50 and 50 <= many_points <= 90
    assert 0.28 <= narrow <= 0.55 and 1.8 <= wide <= 3.8


@pytest.mark.parametrize("names", [NAMED, RANDOM], ids=["named", "random"])
def test_drawings_of_a_class_are_near_each_other(names, drawings):
    found, labels = collect([drawings[name] for name in names])
    assert agreement(found, labels) > 0.5  # chance: 1 of 60 or fewer
    # People's differ more within a class: 0.75 of what they differ between classes.
    assert 0.4 < spread(found, labels) < 0.8


def test_random_classes_differ_in_their_programs():
    programs = [program(name) for name in RANDOM]
    assert len(set(programs)) == len(RANDOM)
    used = {part.relation for parts in programs for part in parts}
    assert {*RELATIONS} <= used
    assert {len(parts) for parts in programs} == {2, 3, 4}


# --- The hand.


SHAPES = [[(0.0, 10.0 * i), (9.0, 10.0 * i)] for i in range(5)] + [
    [(5.0 * i, 60.0 + i * i) for i in range(8)]
]


def mistakes(count):
    return [hand.make_mistakes(SHAPES, hand.Numbers(f"mistakes {i}")) for i in range(count)]


def test_a_hand_forgets_and_adds_and_turns_strokes():
    made = mistakes(200)
    assert sum(drawn == SHAPES for drawn in made) > 5  # at times it makes no mistake
    lost = [
        drawn
        for drawn in made
        if any(s not in drawn and s[::-1] not in drawn for s in SHAPES[:5])
    ]
    assert 5 < len(lost) < 40
    assert all(SHAPES[0] in drawn or SHAPES[0][::-1] in drawn for drawn in made)  # comes first
    assert 20 < sum(SHAPES[1][::-1] in drawn for drawn in made) < 70
    assert any(len(drawn) > len(SHAPES) for drawn in made)
    firsts = {str(drawn[0]) for drawn in made}
    assert str(SHAPES[1]) in firsts  # another order


def test_a_lifted_pen_goes_on_where_it_was():
    lifted = 0
    for drawn in mistakes(200):
        pieces = [shape for shape in drawn if 2 <= len(shape) < 8 and shape[0][1] >= 60]
        ends = [set(shape) & set(SHAPES[5]) for shape in pieces]
        whole = [points for points in ends if points]
        if len(whole) == 2 and len(whole[0] | whole[1]) == 8:
            lifted += 1
            assert len(whole[0] & whole[1]) == 1
    assert lifted > 2


def test_points_on_a_line_are_left_out_but_not_ends_and_corners():
    points = np.array(
        [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0, 0.2], [0.1, 0.2], [0.2, 0.2], [9, 9]],
        float,
    )
    # Strokes of 5, 3 and 1 points.
    kept = hand.bends(points, np.array([0, 5, 8]))
    assert kept.tolist() == [1, 0, 1, 0, 1, 1, 1, 1, 1]


def test_a_hand_keeps_the_shape():
    square = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0), (0.0, 0.0)]
    for i in range(50):
        (stroke,) = hand.draw_by_hand([square], hand.Numbers(f"square {i}"))[:1]
        wide, high = stroke.max(axis=0) - stroke.min(axis=0)
        assert 0.4 < wide / high < 2.5
        assert np.abs(stroke[0] - stroke[-1]).max() < 0.3  # nearly closed


# --- The benchmark's figures.

FOUND, LABELS = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), np.array([0, 0, 1])


def test_agreement_and_spread_by_hand():
    # The first two are nearest to each other; the third, alone in its class, to the second.
    assert agreement(FOUND, LABELS) == pytest.approx(2 / 3)
    # Asked in a bank of two, (0.6, 0.8) is nearest to (0, 1).
    bank, of = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([7, 5])
    assert agreement(np.array([[0.6, 0.8]]), np.array([5]), bank, of) == 1
    assert agreement(np.array([[0.6, 0.8]]), np.array([7]), bank, of) == 0
    assert spread(FOUND, LABELS) == pytest.approx(0.2 / ((1 + 0.4) / 2))


def test_statistics_by_hand():
    wide = [np.array([[0, 0], [255, 127]]), np.array([[1, 1]])]
    assert {name: values[1] for name, values in statistics([wide]).items()} == {
        "strokes": 2,
        "points": 3,
        "width/height": 2,
    }


def test_genuine_drawings_are_those_of_named_classes(tmp_path):
    line = '{"word":"%s","key_id":"%d","drawing":[[[0,255],[0,9]]]}\n'
    for word in ("sun", "submarine"):
        lines = "".join(line % (word, key) for key in range(3))
        (tmp_path / f"{word}.ndjson").write_text(lines, encoding="utf-8")
    assert {name: len(found) for name, found in read_genuine([tmp_path], 2).items()} == {
        "sun": 2
    }
