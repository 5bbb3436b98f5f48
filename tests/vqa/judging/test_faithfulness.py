"""The model asked again with other cells: on models whose answers are known, cell by cell."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.vqa.judging import faithfulness
from hardvqa_tf.vqa.judging.asking import answer_split, make_ask
from hardvqa_tf.vqa.judging.faithfulness import (
    answer_again,
    check_kept,
    format_faithfulness,
    measure_faithfulness,
    random_masks,
    split_at_attention,
)
from hardvqa_tf.vqa.model import build_vqa_model

HEIGHT, WIDTH, D, T = 2, 3, 5, 2
P = HEIGHT * WIDTH


def build(attention="han", aggregator="sum", attention_args=None, **changed):
    arguments = {
        "image_size": (HEIGHT, WIDTH, D),
        "vocabulary_size": 9,
        "num_answers": 3,
        "image_encoder": "features",
        "question_encoder_args": {"embedding_dim": 3, "units": 4},
        "attention": attention,
        "attention_args": attention_args,
        "aggregator": aggregator,
        "classifier_units": (),
    }
    return build_vqa_model(**(arguments | changed))


class Batches:
    """Stands for `VqaData`: 7 images with 4, 3, 4, 3, ... questions, in batches of 3 x 4."""

    questions = 4 + 3 + 4 + 3 + 4 + 3 + 4

    def __init__(self, maps, answers):
        """maps: [7, HEIGHT, WIDTH, D]; answers: the right class of each image."""
        numbers = np.arange(7 * 4).reshape(7, 4)
        is_question = (numbers % 4 < 3) | (numbers % 8 < 4)
        text = np.vectorize(str)(numbers).astype("S")
        self.batches = []
        for rows in ([0, 1, 2], [3, 4, 5], [6, 6, 6]):  # the last image, and filling
            batch = {
                "features": np.asarray(maps)[rows].astype(np.float16),
                "question_tokens": np.tile(numbers[rows, :, None] % 8 + 1, T).astype(np.int32),
                "answers": np.repeat(np.array(answers)[rows, None], 4, 1).astype(np.int32),
                "weights": is_question[rows].astype(np.float32),
                "is_question": is_question[rows],
            }
            batch["is_question"][1:] &= rows[0] != rows[1]
            batch |= {
                name: text[rows]
                for name in ("question_id", "question_text", "question_type", "answer_text")
            }
            batch["image_id"] = text[rows]
            self.batches.append({n: tf.constant(v) for n, v in batch.items()})

    def in_order(self):
        return iter(self.batches)


def judge(answers):
    return answers


PLACES = [0, 5, 3, 1, 4, 2, 5]  # of each image's one cell that says something
ANSWERS = [0, 1, 1, 0, 1, 0, 0]  # what it says


@pytest.fixture(scope="module")
def one_cell():
    """(model, data, answers): class 0 or 1 if the cell is seen that says so, else class 2."""
    model = build(attention_args={"num_cells": 1})
    kernel, bias = (np.zeros(w.shape) for w in model.get_layer("classifier_logits").weights)
    kernel[0, 0] = kernel[1, 1] = 1  # The question's part of a cell does not count.
    bias[2] = 5
    model.get_layer("classifier_logits").set_weights([kernel, bias])
    maps = np.zeros((7, P, D))
    maps[range(7), PLACES, ANSWERS] = 9
    data = Batches(maps.reshape(7, HEIGHT, WIDTH, D), ANSWERS)
    return model, data, answer_split(make_ask(model), data)


def test_removing_the_one_cell_destroys_the_answer(one_cell):
    model, data, answers = one_cell
    assert len(answers.prediction) == data.questions and answers.correct.all()
    measured = measure_faithfulness(model, data, answers, judge)
    assert (measured["num_questions"], measured["num_cells"]) == (25, 1.0)
    assert measured["model"] == {"accuracy": 1.0, "same_answer": 1.0}
    assert measured["kept"] == {"accuracy": 1.0, "same_answer": 1.0}
    assert measured["removed"] == {"accuracy": 0.0, "same_answer": 0.0}
    assert 0 < measured["random"]["accuracy"] < 0.5  # a sixth of 25, by chance
    assert measured == measure_faithfulness(model, data, answers, judge)


def test_each_question_gets_its_own_cells(one_cell, eagerly):
    model, data, _ = one_cell
    places = [place for i, place in enumerate(PLACES) for _ in range(4 - i % 2)]
    rows = np.arange(1, 25, 2)  # in every batch, and of every image
    seen = np.zeros((len(rows), P), bool)
    seen[range(len(rows)), np.array(places)[rows]] = True
    seen[[2, 11]] = ~seen[[2, 11]]
    found = answer_again(model, data, rows, {"seen": seen, "nothing": np.zeros_like(seen)})
    said = [a for i, a in enumerate(ANSWERS) for _ in range(4 - i % 2)]
    expected = np.array(said)[rows]
    expected[[2, 11]] = 2
    assert found["seen"].argmax(1).tolist() == expected.tolist()
    assert found["nothing"].tolist() == [[0, 0, 5]] * len(rows)


def test_a_sample_of_the_questions_that_have_answers(one_cell, monkeypatch, eagerly):
    model, data, answers = one_cell
    monkeypatch.setattr(faithfulness, "MAX_QUESTIONS", 6)
    has_answer = np.arange(25) % 3 == 0
    some = dataclasses.replace(answers, has_answer=has_answer)
    asked = []
    measured = measure_faithfulness(model, data, some, lambda a: asked.append(a) or a)
    assert measured["num_questions"] == 6 and measured["kept"]["accuracy"] == 1.0
    ids = asked[0].question_id.tolist()
    assert len(set(ids)) == 6 and set(ids) <= set(answers.question_id[has_answer])
    assert all(a.question_id.tolist() == ids for a in asked)
    hidden = dataclasses.replace(answers, has_answer=np.zeros(25, bool))
    measured = measure_faithfulness(model, data, hidden, judge)
    assert measured["num_questions"] == 6
    assert measured["removed"] == {"accuracy": None, "same_answer": 0.0}


def test_large_grids_are_asked_less_and_in_pieces(one_cell, monkeypatch, eagerly):
    model, data, answers = one_cell
    whole = measure_faithfulness(model, data, answers, judge)
    monkeypatch.setattr(faithfulness, "PAIRS_AT_ONCE", 7 * P**2)
    assert measure_faithfulness(model, data, answers, judge) == whole
    monkeypatch.setattr(faithfulness, "MAX_PAIRS", 11 * P**2)
    monkeypatch.setattr(faithfulness, "MIN_QUESTIONS", 9)
    assert measure_faithfulness(model, data, answers, judge)["num_questions"] == 11
    monkeypatch.setattr(faithfulness, "MIN_QUESTIONS", 12)
    assert measure_faithfulness(model, data, answers, judge)["num_questions"] == 12


def test_an_answer_that_the_kept_cells_do_not_give_is_a_mistake(one_cell, eagerly):
    model, data, answers = one_cell
    wrong = dataclasses.replace(answers, prediction=answers.prediction.copy())
    wrong.prediction[[7, 9]] = 2
    expected = r"class 1 instead of 2 for question '8', the first of 2 of 25.*please report"
    with pytest.raises(RuntimeError, match=expected):
        measure_faithfulness(model, data, wrong, judge)


def test_logits_that_are_as_good_as_equal_may_trade_places(one_cell):
    answers = one_cell[2].take(np.array([0, 4, 8]))  # classes 0, 1, 1
    logits = np.array([[5.0, 1.0], [-2e-4, -2.5e-4], [2000.1, 2000.0]], np.float32)
    assert logits.argmax(axis=1).tolist() == [0, 0, 0]
    check_kept(answers, logits, rounding=1e-4)
    for first_row in ([5.0, 5.1], [1.0, np.nan]):
        logits[0] = first_row
        with pytest.raises(RuntimeError, match="'0', the first of 1 of 3"):
            check_kept(answers, logits, rounding=1e-4)


ATTENTIONS = {
    "han": {"num_cells": 2},
    "adahan": {"norm": "squared"},
    "soft": {"num_hops": 2, "hidden_dim": 6, "rescale": True},
}
AGGREGATORS = {
    "sum": ("sum", {}),
    "pairwise": ("pairwise", {"units": 7, "pair_value": "both"}),
    "relation": ("relation", {"units": (8, 5)}),
    "unordered": ("relation", {"units": (8,), "pairs": "unordered", "pool": "mean"}),
    "padded": ("relation", {"units": (8,), "flat": False}),
}


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_the_models_own_cells_give_its_own_logits(attention, aggregator, eagerly):
    """Gathered cells or masked ones, all cells after soft attention: only rounding differs."""
    keras.utils.set_random_seed(1)
    name, arguments = AGGREGATORS[aggregator]
    model = build(
        attention, name, ATTENTIONS[attention], aggregator_args=arguments, classifier_units=(6,)
    )
    rng = np.random.default_rng(2)
    batch = {
        "features": rng.normal(size=(3, HEIGHT, WIDTH, D)).astype(np.float16),
        "question_tokens": rng.integers(1, 9, (3, 4, T)).astype(np.int32),
    }
    outputs = model(batch, training=False)
    take_in, answer = split_at_attention(model)
    mask = np.asarray(outputs["mask"]).reshape(12, P)
    seen = mask if attention != "soft" else np.ones((12, P), bool)
    parts = take_in(batch)
    expected = np.asarray(outputs["logits"]).reshape(12, 3)
    np.testing.assert_allclose(answer(parts, seen), expected, atol=1e-5)
    if not seen.all():
        assert not np.allclose(answer(parts, ~seen), expected, atol=1e-3)


def test_soft_attention_is_cut_and_not_expected_to_answer_the_same(eagerly):
    keras.utils.set_random_seed(3)
    model = build("soft", attention_args=ATTENTIONS["soft"])
    data = Batches(np.random.default_rng(4).normal(size=(7, HEIGHT, WIDTH, D)), ANSWERS)
    answers = answer_split(make_ask(model), data)
    answers.prediction[:5] = 2 - answers.prediction[:5]  # whatever it said
    measured = measure_faithfulness(model, data, answers, judge, num_cells=4)
    assert measured["num_cells"] == 4.0 and measured["kept"]["same_answer"] < 1
    everything = measure_faithfulness(model, data, answers, judge, num_cells=P)
    assert everything["random"] == everything["kept"]


def test_lower_precision_is_no_mistake():
    keras.utils.set_random_seed(5)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build("adahan", "relation", aggregator_args={"units": (8, 5)})
    finally:
        keras.config.set_dtype_policy("float32")
    data = Batches(np.random.default_rng(6).normal(size=(7, HEIGHT, WIDTH, D)), ANSWERS)
    answers = answer_split(make_ask(model), data)
    assert measure_faithfulness(model, data, answers, judge)["num_questions"] == 25


def test_where_there_is_nothing_to_choose(one_cell):
    _, data, answers = one_cell
    assert measure_faithfulness(build("none"), data, answers, judge) == {}
    single = dataclasses.replace(answers, mask=np.ones((25, 1, 1), bool))
    assert measure_faithfulness(one_cell[0], data, single, judge) == {}


def test_random_masks_keep_as_many():
    masks = np.zeros((3000, 5), bool)
    masks[::2, 0] = masks[1::2, 1:4] = True
    drawn = random_masks(masks, np.random.default_rng(0))
    assert drawn.sum(axis=1).tolist() == [1, 3] * 1500
    # 1500 draws each: the standard deviation of a share is 0.013 at most.
    np.testing.assert_allclose(drawn[::2].mean(axis=0), [1 / 5] * 5, atol=0.05)
    np.testing.assert_allclose(drawn[1::2].mean(axis=0), [3 / 5] * 5, atol=0.05)


def test_the_table():
    measured = {
        "num_questions": 1000,
        "num_cells": 6.0,
        "model": {"accuracy": 1.0, "same_answer": 1.0},
        "kept": {"accuracy": 0.925, "same_answer": 0.9},
        "removed": {"accuracy": 0.05, "same_answer": 0.0625},
        "random": {"accuracy": None, "same_answer": 0.5},
    }
    assert format_faithfulness(measured, mask_cells=6) == [
        "seen, in 1,000 questions  accuracy  same answer",
        "what the model sees       100.00 %     100.00 %",
        "the 6 greatest weights     92.50 %      90.00 %",
        "all but these               5.00 %       6.25 %",
        "random ones, as many        hidden      50.00 %",
    ]
    assert format_faithfulness(measured)[2].startswith("the kept cells   ")
