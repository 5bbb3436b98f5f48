"""How masks of two questions overlap, beside cells that are drawn blindly."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.vqa.judging import mask_dependence
from hardvqa_tf.vqa.judging.mask_dependence import (
    chance,
    choose_pairs,
    format_dependence,
    measure_dependence,
    overlaps,
)
from hardvqa_tf.vqa.judging.metrics import Answers
from hardvqa_tf.vqa.text import QuestionTokenizer

WORDS = ["red", "green", "blue", "what"]
TOKENIZER = QuestionTokenizer(WORDS, max_words=3)
# Batches of two images with up to three questions each; the last image of the second is
# padding. An image is a single number.
BATCHES = [
    ([0, 1], [["red", "green", ""], ["blue", "red", "what red"]]),
    ([2, 3], [["green", "", ""], ["", "", ""]]),
]
TEXTS = ["red", "green", "blue", "red", "what red", "green"]
IMAGES = ["0", "0", "1", "1", "1", "2"]


class Data:
    """The batches of a split; counts how often one is read."""

    def __init__(self):
        self.num_read = 0

    def in_order(self):
        for images, questions in BATCHES:
            self.num_read += 1
            flat = TOKENIZER([text for row in questions for text in row])
            yield {
                "image": tf.constant(images, tf.float32)[:, None],
                "question_tokens": tf.reshape(flat, (2, 3, 3)),
                "is_question": tf.constant(np.array(questions) != ""),
            }


def ask_by(mask_of):
    """A model whose mask is what a function makes of (image, [token, ...])."""

    def ask(batch):
        images, tokens = batch["image"].numpy(), batch["question_tokens"].numpy()
        assert len(images) == len(tokens)
        masks = [
            [mask_of(int(image[0]), question.tolist()) for question in row]
            for image, row in zip(images, tokens, strict=True)
        ]
        return {"mask": tf.constant(np.array(masks))}

    return ask


def answer_all(ask):
    masks = [
        ask(batch)["mask"].numpy()[batch["is_question"].numpy()] for batch in Data().in_order()
    ]
    nothing = np.zeros(len(TEXTS), int)
    return Answers(
        *(nothing,) * 7,
        answer_text=nothing,
        mask=np.concatenate(masks),
        image_id=np.array(IMAGES, object),
    )


def measure(mask_of, **changed):
    ask, data = ask_by(mask_of), Data()
    answers = answer_all(ask)
    answers.question_text = np.array(TEXTS, object)
    return measure_dependence(ask, data, TOKENIZER, answers, **changed), data


def column(i):
    """bool[2, 4]: two of eight cells."""
    mask = np.zeros((2, 4), bool)
    mask[:, i % 4] = True
    return mask


# Two of eight cells twice: both overlap in 1 of 28 draws, one of them in 12.
TWO_OF_EIGHT = (1 + 12 / 3) / 28


def test_a_mask_of_the_image_alone():
    found, _ = measure(lambda image, _: column(image))
    assert found["num_questions"] == 6
    assert found["other_question"] == {"overlap": 1.0, "chance": pytest.approx(TWO_OF_EIGHT)}
    assert found["other_image"] == {"overlap": 0.0, "chance": pytest.approx(TWO_OF_EIGHT)}


def test_a_mask_of_the_question_alone():
    found, _ = measure(lambda _, tokens: column(sum(tokens)))
    assert found["other_image"]["overlap"] == 1.0
    # The sums of these words' ids are 2, 3, 4, 2, 7 and 3: other words, mostly another column.
    assert found["other_question"]["overlap"] < 0.5


def test_weights_are_cut_to_the_greatest():
    def weights(image, _):
        return np.array([[0.4, 0.3, 0.2, 0.1], [0.0, 0.0, 0.0, 0.0]]) + 0.1 * image

    found, _ = measure(weights, num_cells=2)
    assert found["other_question"]["overlap"] == found["other_image"]["overlap"] == 1.0
    assert found["other_image"]["chance"] == pytest.approx(TWO_OF_EIGHT)


def test_the_first_questions_need_the_first_batch_alone():
    found, data = measure(lambda image, _: column(image), among=2)
    assert found["num_questions"] == 2 and data.num_read == 1
    found, data = measure(lambda image, _: column(image), max_questions=3)
    assert found["num_questions"] == 3


def test_a_model_that_looks_at_all_is_not_measured():
    assert measure(lambda *_: np.ones((2, 4), bool))[0] == {}


def test_pairs_differ_in_words_and_image_and_are_the_same_every_time():
    answers = answer_all(ask_by(lambda *_: column(0)))
    answers.question_text = np.array(TEXTS, object)
    rows, others = choose_pairs(answers, 100)
    assert rows.tolist() == [0, 1, 2, 3, 4, 5]
    for row, other in zip(rows, others, strict=True):
        assert TEXTS[row] != TEXTS[other] and IMAGES[row] != IMAGES[other]
    np.testing.assert_array_equal(others, choose_pairs(answers, 100)[1])
    drawn = {tuple(choose_pairs(answers, 100, seed=seed)[1]) for seed in range(20)}
    assert len(drawn) > 10
    rows, others = choose_pairs(answers, 3)
    assert len(rows) == 3 and (np.diff(rows) > 0).all()


def test_a_split_of_one_question_or_one_image_has_no_pairs():
    answers = answer_all(ask_by(lambda *_: column(0)))
    answers.question_text = np.array(["red"] * 6, object)
    assert [len(side) for side in choose_pairs(answers, 100)] == [0, 0]
    answers.question_text, answers.image_id = np.array(TEXTS), np.array(["7"] * 6)
    assert [len(side) for side in choose_pairs(answers, 100)] == [0, 0]


def test_overlap_is_intersection_over_union():
    a = np.array([[[1, 1, 0, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 0]], [[1, 1, 1, 1]]], bool)
    b = np.array([[[0, 1, 1, 1]], [[0, 1, 0, 0]], [[0, 0, 0, 0]], [[1, 1, 1, 1]]], bool)
    assert overlaps(a, b).tolist() == [1 / 4, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(("a", "b"), itertools.product(range(6), repeat=2))
def test_chance_is_the_mean_over_all_sets_of_cells(a, b):
    sets = [
        {
            number: set(chosen)
            for number, chosen in enumerate(itertools.combinations(range(5), n))
        }
        for n in (a, b)
    ]
    mean = np.mean(
        [
            len(x & y) / len(x | y) if x | y else 1.0
            for x in sets[0].values()
            for y in sets[1].values()
        ]
    )
    masks = [np.arange(5).reshape(1, 1, 5) < n for n in (a, b)]
    assert chance(*masks) == pytest.approx(mean)


def test_chance_on_a_large_grid_is_finite():
    masks = np.zeros((1, 40, 40), bool)
    masks[0, :20] = True
    # Half of the cells twice share a quarter on average, which is a third of their union.
    assert chance(masks, masks) == pytest.approx(1 / 3, abs=1e-3)


def test_the_table():
    found, _ = measure(lambda image, _: column(image))
    lines = format_dependence(found, mask_cells=2)
    assert lines[0].startswith("overlap of masks, the 2 greatest weights, 6 pairs")
    assert lines[1].split()[-4:] == ["100.00", "%", "17.86", "%"]
    assert lines[2].startswith(mask_dependence.OVERLAPS["other_image"])
    assert lines[2].split()[-4:] == ["0.00", "%", "17.86", "%"]
    assert len({len(line) for line in lines}) == 1
