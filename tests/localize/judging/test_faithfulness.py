"""Boxes of a localizer that sees less, and AP against the number of cells."""

import numpy as np
import pytest

from hardvqa_tf.localize.judging.by_cells import format_by_cells, measure_by_cells
from hardvqa_tf.localize.judging.faithfulness import (
    ROWS,
    check_kept,
    format_faithfulness,
    found_again,
    measure_faithfulness,
)
from hardvqa_tf.localize.model import grid_fields
from tests.localize.judging.answered import answer
from tests.localize.judging.asked import FAR, FISH, FISH_2, FOUND, QUERIES, SUN, found

pytestmark = pytest.mark.usefixtures("eagerly")


def test_boxes_that_are_found_again():
    """Each box serves for one of those that were shown."""
    shown = [QUERIES[0], QUERIES[1], QUERIES[2]._replace(boxes=[SUN, SUN])]
    nudged = [FISH[0] + 2, *FISH[1:]]
    again = [found((nudged, 0.4), (FAR, 0.3)), found((SUN, 0.2)), found((SUN, 0.9))]
    assert found_again(shown, again) == pytest.approx(2 / 4)
    assert found_again(shown, [found((FISH, 0.9), (FISH_2, 0.8)), again[1], again[2]]) == 3 / 4
    assert found_again([QUERIES[1]], [again[1]]) is None


def test_kept_cells_that_give_other_scores_are_no_hard_attention():
    check_kept(QUERIES, FOUND, FOUND, 0.0)
    off = [FOUND[0], FOUND[1], found((FAR, 0.8), (SUN, 0.6))]
    check_kept(QUERIES, FOUND, off, 0.2)
    with pytest.raises(RuntimeError, match=r"\[0.8, 0.6\].*'sun' in the scene 'scene/1'"):
        check_kept(QUERIES, FOUND, off, 1e-3)
    with pytest.raises(RuntimeError, match="'fish' in the scene"):
        check_kept(QUERIES, FOUND, [found((FISH, 0.9)), *FOUND[1:]], 1e-3)


def test_a_model_that_sees_less(scene_records):
    model, data, answers = answer(scene_records)
    fields = grid_fields(model)
    measured = measure_faithfulness(model, data, answers, 0.0, fields)
    assert (measured["num_queries"], measured["num_cells"]) == (12, 5.0)
    assert measured["num_shown"] == 12 * 5
    rows = measured["rows"]
    assert rows.keys() == ROWS.keys()
    assert rows["model"]["found_again"] == rows["kept"]["found_again"] == 1.0
    assert rows["kept"]["AP"] == pytest.approx(rows["model"]["AP"], abs=1e-6)
    squares = (rows[name]["pixels"] for name in ("squares", "no_squares", "no_random"))
    some, rest, as_many = squares
    assert some + rest == pytest.approx(1) and abs(rest - as_many) < 0.1
    assert rows["fields"]["pixels"] > some and "pixels" not in rows["others"]
    lines = format_faithfulness(measured)
    assert len(lines) == 10 and "image: all that kept cells see" in lines[8]
    blind = measure_faithfulness(model, data, answers, 1.5, fields)  # above every score
    assert blind["num_shown"] == 0 and blind["rows"]["kept"]["found_again"] is None
    assert "          -" in format_faithfulness(blind)[2]


def test_a_mistake_in_the_attention_is_found(scene_records):
    model, data, answers = answer(scene_records)
    wrong = answers._replace(mask=np.roll(answers.mask, 1, axis=1))
    with pytest.raises(RuntimeError, match="find the same"):
        measure_faithfulness(model, data, wrong, 0.5, grid_fields(model))


def test_average_precision_by_cells(scene_records):
    model, data, answers = answer(scene_records)
    measured = measure_by_cells(model, data, answers)
    assert measured["num_queries"] == 12
    ways = [(row["by"], row["num_cells"]) for row in measured["rows"]]
    by_norm = [("norm", k) for k in (4, 5, 8, 12)]
    assert ways == [("own", 5), *by_norm, ("dense score", 5), ("random", 5)]
    own, same = measured["rows"][0], measured["rows"][2]
    assert own["AP50"] == pytest.approx(same["AP50"], abs=1e-6)
    lines = format_by_cells(measured)
    assert len(lines) == 8 and lines[1].startswith("its own choice")
    assert measure_by_cells(model, data, answers) == measured


@pytest.mark.parametrize("attention", ["adahan", "none"])
def test_of_models_without_a_number_of_cells(scene_records, attention):
    """AdaHAN's comparisons have as many cells of each query as it keeps."""
    model, data, answers = answer(scene_records, attention=attention)
    rows = measure_by_cells(model, data, answers)["rows"]
    ways = [(row["by"], row["num_cells"]) for row in rows]
    asked = [len(query.boxes) > 0 for query in answers.queries]
    mean = float(answers.num_cells[asked].mean())
    beside = [("dense score", mean), ("random", mean)] if attention == "adahan" else []
    assert ways == [("own", mean), *[("norm", k) for k in (4, 8, 12)], *beside]
    measured = measure_faithfulness(model, data, answers, 0.5, grid_fields(model))
    assert bool(measured) is (attention == "adahan")
