"""A localizer asked again with other cells, and with parts of the images."""

import numpy as np
import pytest

from hardvqa_tf.localize.judging.other_cells import (
    find_in_parts,
    find_with_cells,
    greatest,
    random_masks,
)
from hardvqa_tf.localize.judging.queries import random_of
from tests.localize.judging.answered import answer
from tests.localize.judging.asked import QUERIES

pytestmark = pytest.mark.usefixtures("eagerly")


CHANGED = {
    "han": {},
    "han_of_all": {"han__num_cells": 12},
    "dense_score": {"selection": "dense_score"},
    "adahan": {"attention": "adahan"},
    "none": {"attention": "none"},
    "three_levels": {"decoder__num_levels": 3, "guidance__where": "after"},
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_the_models_own_cells_find_what_it_found(scene_records, changed):
    """Of every second query, so that rows of a batch are left out."""
    model, data, answers = answer(scene_records, **changed)
    rows = np.arange(1, len(answers.queries), 2)
    sizes = np.array([answers.queries[row].size for row in rows])
    masks = {"own": answers.mask[rows], "all": np.ones_like(answers.mask[rows])}
    again = find_with_cells(model, data, rows, sizes, masks)
    assert [len(of.scores) for of in again["all"]] == [12] * len(rows)
    for row, of in zip(rows, again["own"], strict=True):
        assert len(of.scores) == answers.num_cells[row]
        np.testing.assert_allclose(of.scores, answers.found[row].scores, atol=1e-5)
        np.testing.assert_allclose(of.boxes, answers.found[row].boxes, atol=1e-3)
    assert not model.get_layer("attention").__dict__.get("keep_all", False)


def test_only_the_cells_that_are_given_count(scene_records):
    """Two queries' cells are changed, and what the others find stays as it is."""
    model, data, answers = answer(scene_records)
    rows = np.arange(6)
    sizes = np.array([answers.queries[row].size for row in rows])
    masks = {"one": answers.mask[rows], "other": answers.mask[rows].copy()}
    masks["other"][[1, 4]] = np.roll(masks["other"][[1, 4]], 1, axis=2)
    found = find_with_cells(model, data, rows, sizes, masks)
    same = [
        np.allclose(one.boxes, other.boxes, atol=1e-3)
        for one, other in zip(found["one"], found["other"], strict=True)
    ]
    assert same == [True, False, True, True, False, True]


def test_a_few_rows_at_a_time_find_the_same(scene_records, monkeypatch):
    model, data, answers = answer(scene_records, attention="adahan")
    rows = np.arange(len(answers.queries))
    sizes = np.array([query.size for query in answers.queries])
    monkeypatch.setattr("hardvqa_tf.localize.judging.other_cells.MAX_PAIRS", 1)
    again = find_with_cells(model, data, rows, sizes, {"own": answers.mask})["own"]
    for one, other in zip(answers.found, again, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


def test_whole_images_find_what_the_model_found_and_empty_ones_do_not(scene_records):
    model, data, answers = answer(scene_records)
    rows = np.array([2, 3, 9])
    sizes = np.array([answers.queries[row].size for row in rows])
    whole = {"whole": lambda row: np.ones((24, 32), bool)}
    empty = {"empty": lambda row: np.zeros((24, 32), bool)}
    top = {"top": lambda row: np.arange(24)[:, None].repeat(32, axis=1) < 6}
    found, shares = find_in_parts(model, data, rows, sizes, whole | empty | top)
    assert shares == {"whole": 1.0, "empty": 0.0, "top": 0.25}
    for row, of, other in zip(rows, found["whole"], found["empty"], strict=True):
        np.testing.assert_allclose(of.scores, answers.found[row].scores, atol=1e-4)
        same = zip(other, answers.found[row], strict=True)  # boxes, scores
        assert not all(np.allclose(a, b, rtol=0, atol=1e-6) for a, b in same)


def test_the_greatest_cells_and_random_ones():
    values = np.array([[[3.0, 1.0, 3.0], [2.0, 3.0, 0.0]], [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]])
    assert greatest(values, 2).astype(int).tolist() == [
        [[1, 0, 1], [0, 0, 0]],
        [[0, 0, 0], [0, 1, 1]],
    ]
    counts = greatest(values, np.array([1, 4]))
    assert counts.sum(axis=(1, 2)).tolist() == [1, 4]

    def draw(queries, seed=3):
        return random_masks(counts[: len(queries)], [random_of(q, seed) for q in queries])

    drawn = draw(QUERIES[:2])
    assert drawn.sum(axis=(1, 2)).tolist() == [1, 4]
    np.testing.assert_array_equal(drawn[:1], draw(QUERIES[:1]))
    assert any(not np.array_equal(drawn, draw(QUERIES[:2], seed)) for seed in range(4, 9))
