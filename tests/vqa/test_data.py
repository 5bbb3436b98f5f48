"""Batches: every question once, with its own answer, in an order that a seed decides."""

import collections
import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.vqa import Vocabularies
from hardvqa_tf.vqa.data import VqaData
from records import build
from records.decode import decode_image
from tests.batches import batches, equal_batches
from tests.records.trees import read_records, write_lines

NUM_TRAIN, PER_IMAGE = 24, 6
IN_FOURS = {"image_size": (75, 75), "questions_per_image": 4, "with_strings": True}


def open_data(records_dir, vocabularies, split="train", **changed):
    arguments = {"image_size": (15, 10), "batch_size": 5, "seed": 7}
    return VqaData(records_dir, split, vocabularies, **(arguments | changed))


def flat(dataset, name, only="weights"):
    """One value of every counted question of a dataset or of its batches, in order."""
    found = dataset if isinstance(dataset, list) else batches(dataset)
    return [value for b in found for value in b[name][b[only].astype(bool)]]


def truth(records_dir, split="train"):
    """{question id: (image id, text, type, first answer)} straight from the records."""
    return {
        id_: (record["image/id"], text, type_, answers[0])
        for record in read_records(records_dir, split)
        for id_, text, type_, answers in zip(
            record["question/id"],
            record["question/text"],
            record["question/type"],
            record["answer/text"],
            strict=True,
        )
    }


@pytest.fixture(scope="module")
def data(records_dir, vocabularies):
    """The train split in groups of four questions: four and two of an image's six."""
    return open_data(records_dir, vocabularies, **IN_FOURS)


@pytest.fixture(scope="module")
def epochs(data):
    """Read once, because a new epoch takes TensorFlow most of a second to trace."""
    return [batches(data.training_epoch(epoch)) for epoch in (0, 1)]


@pytest.fixture(scope="module")
def in_order(data):
    return batches(data.in_order())


def test_names_shapes_and_dtypes(records_dir, vocabularies, in_order):
    longest = vocabularies.tokenizer.max_words
    assert longest == 13  # "What is the shape of the object furthest from the red object?"
    data = open_data(records_dir, vocabularies, questions_per_image=4, image_size=(75, 75))
    batch = next(data.training_epoch(0).as_numpy_iterator())
    numbers = {
        "image": ((5, 75, 75, 3), "float32"),
        "question_tokens": ((5, 4, 13), "int32"),
        "answers": ((5, 4), "int32"),
        "weights": ((5, 4), "float32"),
    }
    assert {n: (v.shape, v.dtype.name) for n, v in batch.items()} == numbers
    strings = {
        name: ((5, 4), "object")  # NumPy's name for strings of any length
        for name in ("question_id", "question_text", "question_type", "image_id", "answer_text")
    }
    for batch in in_order:
        found = {n: (v.shape, v.dtype.name) for n, v in batch.items()}
        assert found == numbers | strings | {"is_question": ((5, 4), "bool")}


def check_every_question_once(data, found, expected):
    assert len(found) == data.steps_per_epoch
    assert all(len(batch["image"]) == 5 for batch in found)
    for only in ("is_question", "weights"):
        assert sorted(flat(found, "question_id", only)) == sorted(expected)
    assert sum(batch["weights"].sum() for batch in found) == 144


def test_every_question_once_an_epoch(records_dir, data, epochs, in_order):
    assert (data.num_images, data.num_questions, data.num_items) == (24, 144, 48)
    assert data.steps_per_epoch == 10
    for found in (*epochs, in_order):
        check_every_question_once(data, found, truth(records_dir))


def test_an_epoch_of_fewer_steps(records_dir, data, epochs, vocabularies):
    short = open_data(
        records_dir, vocabularies, questions_per_image=4, steps_per_epoch=3, with_strings=True
    )
    for epoch, whole in enumerate(epochs):
        found = batches(short.training_epoch(epoch))
        assert len(found) == short.training_epoch(epoch).cardinality() == 3
        assert flat(found, "question_id") == flat(whole[:3], "question_id")
        (third,) = batches(short.training_epoch(epoch, start_step=2))
        np.testing.assert_array_equal(third["image"], found[2]["image"])
    assert flat(epochs[0][:3], "question_id") != flat(epochs[1][:3], "question_id")
    # Evaluation reads all, and a split that has fewer batches gives what it has.
    assert len(batches(short.in_order())) == 10
    assert open_data(records_dir, vocabularies, steps_per_epoch=99).steps_per_epoch == 5
    with pytest.raises(ValueError, match="Leave it out for all batches"):
        open_data(records_dir, vocabularies, steps_per_epoch=0)


def test_the_spec_of_a_batch_is_that_of_the_batches(data):
    batch = next(iter(data.training_epoch(0)))
    assert tf.nest.map_structure(tf.type_spec_from_value, batch) == data.batch_spec


@pytest.mark.parametrize("per_image, items", [(2, 72), (9, 24)])
def test_whatever_the_number_of_questions_per_image(
    records_dir, vocabularies, per_image, items
):
    """Q dividing their number, and more than there are."""
    data = open_data(
        records_dir, vocabularies, questions_per_image=per_image, with_strings=True
    )
    assert (data.num_items, data.steps_per_epoch) == (items, -(-items // 5))
    check_every_question_once(data, batches(data.training_epoch(0)), truth(records_dir))


def test_in_order_is_the_order_of_the_records(records_dir, in_order):
    assert flat(in_order, "question_id") == list(truth(records_dir))


def test_padding_counts_nothing(in_order):
    first, last = in_order[0], in_order[-1]
    # Six questions in groups of four: the second group of each image has two.
    np.testing.assert_array_equal(first["weights"].sum(1), [4, 2, 4, 2, 4])
    np.testing.assert_array_equal(first["weights"][1], [1, 1, 0, 0])
    np.testing.assert_array_equal(first["answers"][1, 2:], [-1, -1])
    assert (first["question_tokens"][1, 2:] == 0).all()
    assert (first["question_id"][1, 2:] == b"").all()
    # 48 items in batches of 5: the last has three, which are repeated with weight 0.
    np.testing.assert_array_equal(last["weights"].sum(1), [2, 4, 2, 0, 0])
    np.testing.assert_array_equal(last["is_question"].sum(1), [2, 4, 2, 0, 0])
    np.testing.assert_array_equal(last["image"][3:], last["image"][:2])


def test_every_question_has_its_own_image_and_answer(records_dir, vocabularies, epochs):
    """The law of scoring, in shuffled training batches: no answer moves to another question."""
    expected = truth(records_dir)
    pictures = {
        record["image/id"]: np.asarray(Image.open(io.BytesIO(record["image/encoded"])))
        for record in read_records(records_dir, "train")
    }
    answers, tokenize = vocabularies.answers.answers, vocabularies.tokenizer
    checked = 0
    for batch in epochs[1]:
        np.testing.assert_array_equal(
            tokenize(batch["question_text"].ravel()),
            batch["question_tokens"].reshape(-1, tokenize.max_words),
        )
        for b, q in np.argwhere(batch["is_question"]):
            image_id, text, type_, answer = expected[batch["question_id"][b, q]]
            assert batch["image_id"][b, q] == image_id
            assert batch["question_text"][b, q] == text
            assert batch["question_type"][b, q] == type_
            assert batch["answer_text"][b, q] == answer
            assert answers[batch["answers"][b, q]].encode() == answer
            # Equal to the last bit: the PNG's bytes, divided by 255 in float32.
            pixels = pictures[image_id] / np.float32(255)
            np.testing.assert_array_equal(batch["image"][b], pixels)
            checked += 1
    assert checked == NUM_TRAIN * PER_IMAGE


def test_the_order_is_a_function_of_seed_and_epoch(records_dir, vocabularies, data, epochs):
    equal_batches(batches(data.training_epoch(0)), epochs[0])  # not what was read before
    anew = open_data(records_dir, vocabularies, **IN_FOURS)
    equal_batches(batches(anew.training_epoch(1)), epochs[1])  # nor the object
    other = open_data(records_dir, vocabularies, **IN_FOURS | {"seed": 8})
    orders = [flat(found, "question_id") for found in (*epochs, other.training_epoch(0))]
    assert len({tuple(ids) for ids in [*orders, truth(records_dir)]}) == 4


def test_images_and_the_questions_of_an_image_change_places(epochs):
    first, second = (flat(found, "question_id") for found in epochs)
    images = [[id_.rsplit(b"-", 1)[0] for id_ in ids] for ids in (first, second)]
    assert images[0] != images[1]
    within = collections.defaultdict(list)
    for id_ in first:
        within[id_.rsplit(b"-", 1)[0]].append(id_[-2:])
    assert len({tuple(numbers) for numbers in within.values()}) > NUM_TRAIN // 2


def test_starting_later_skips_batches(records_dir, vocabularies, epochs):
    # Opened anew, as after an interruption: nothing is cached yet.
    data = open_data(records_dir, vocabularies, **IN_FOURS)
    equal_batches(batches(data.training_epoch(1, start_step=4)), epochs[1][4:])


def test_streamed_equals_cached(records_dir, vocabularies, data, epochs, in_order, monkeypatch):
    monkeypatch.setattr("hardvqa_tf.data.batches.CACHE_BYTES", 24 * 75 * 75 * 3 - 1)
    streamed = open_data(records_dir, vocabularies, **IN_FOURS)
    assert data.cached and not streamed.cached
    equal_batches(batches(streamed.in_order()), in_order)
    equal_batches(batches(streamed.training_epoch(1)), epochs[1])


def test_a_streamed_split_is_shuffled_in_a_small_buffer(records_dir, vocabularies, monkeypatch):
    monkeypatch.setattr("hardvqa_tf.data.batches.CACHE_BYTES", 0)
    monkeypatch.setattr("hardvqa_tf.data.batches.SHUFFLE_ITEMS", 3)
    data = open_data(records_dir, vocabularies, with_strings=True)
    assert (data.questions_per_image, data.num_items, data.steps_per_epoch) == (6, 24, 5)
    found = flat(data.training_epoch(0), "question_id")
    assert sorted(found) == sorted(truth(records_dir)) and found != list(truth(records_dir))


def test_images_are_resized_within_0_and_1(records_dir, vocabularies):
    data = open_data(records_dir, vocabularies, "val", image_size=(30, 25))
    image = batches(data.in_order())[0]["image"]
    assert image.shape == (5, 30, 25, 3) and image.dtype == np.float32
    assert image.min() >= 0 and image.max() == 1  # the background is white
    first = read_records(records_dir, "val")[0]["image/encoded"]
    expected = scale_pixels(decode_image(first, (30, 25)))
    np.testing.assert_array_equal(image[0], expected)


def test_an_unknown_split_names_the_known_ones(records_dir, vocabularies):
    with pytest.raises(ValueError, match="split='tset'. Use one of: train, val, test"):
        open_data(records_dir, vocabularies, "tset")


def test_vocabularies_of_the_records(records_dir):
    stored = json.load(open(f"{records_dir}/vocabularies.json"))
    few = Vocabularies.from_records(records_dir, max_words=3, num_answers=2)
    assert few.to_json() == {
        "words": [word for word, _ in stored["words"]],
        "answers": [answer for answer, _ in stored["answers"][:2]],
        "max_words": 3,
    }
    data = open_data(records_dir, few, "test", with_strings=True)
    batch = batches(data.in_order())[0]
    assert batch["question_tokens"].shape == (5, 6, 3)
    # An answer outside the vocabulary: no class, but the question counts.
    outside = ~np.isin(batch["answer_text"], [a.encode() for a in few.answers.answers])
    assert outside.any()
    np.testing.assert_array_equal(batch["answers"] == -1, outside)
    assert (batch["weights"] == 1).all()


def by_id(data, *names):
    found = {}
    for batch in batches(data.in_order()):
        for b, q in np.argwhere(batch["is_question"]):
            id_ = batch["question_id"][b, q].decode()
            assert id_ not in found
            found[id_] = tuple(batch[name][b, q] for name in names)
    return found


@pytest.mark.parametrize("per_image, groups", [(None, 3), (2, 5)])
def test_unanswered_questions_are_asked_but_do_not_count(odd_records, per_image, groups):
    vocabularies = Vocabularies.from_records(odd_records)
    answers = vocabularies.answers.answers
    assert set(answers) == {"no", "yes", "2", "red"}
    data = open_data(
        odd_records, vocabularies, questions_per_image=per_image, with_strings=True
    )
    assert data.num_items == groups
    found = by_id(data, "weights", "answers", "answer_text")
    assert found == {
        "a0": (1, answers.index("red"), b"red"),
        "a1": (1, answers.index("yes"), b"no"),  # most said yes; the first said no
        "b0": (0, -1, b""),
        "c0": (1, answers.index("no"), b"no"),
        "c1": (0, -1, b""),
        "c2": (1, answers.index("2"), b"2"),
        "c3": (1, answers.index("2"), b"2"),
        "c4": (1, answers.index("no"), b"no"),
    }


def test_a_split_with_hidden_answers(odd_records):
    data = open_data(
        odd_records, Vocabularies.from_records(odd_records), "test", with_strings=True
    )
    assert by_id(data, "weights", "answers") == {"d0": (0, -1)}


def targets_of(data, epoch):
    """The target of each "Is it?", of "Why?", and of padding, in the one batch of an epoch."""
    (batch,) = batches(data.training_epoch(epoch))
    (name,) = batch.keys() & {"answer_scores", "sampled_answers"}
    target, known = batch[name][0], batch["answers"][0] == 0
    padding = batch["weights"][0] == 0
    assert (known.sum(), padding.sum()) == (40, 3)
    return target[known], target[~known & ~padding], target[padding]


def open_ten(ten_answers, target):
    return open_data(*ten_answers, target=target, batch_size=1, questions_per_image=44)


def test_soft_targets(ten_answers):
    asked, unknown, padding = targets_of(open_ten(ten_answers, "answer_scores"), epoch=0)
    np.testing.assert_allclose(asked, [[1.0, 0.6]] * 40, atol=1e-6)
    np.testing.assert_array_equal(unknown, [[0.0, 0.0]])
    np.testing.assert_array_equal(padding, [[0.0, 0.0]] * 3)


def test_sampled_targets_are_drawn_anew_every_epoch(ten_answers):
    data = open_ten(ten_answers, "sampled_answers")
    first, unknown, padding = targets_of(data, epoch=0)
    # Six of eight known people said "no": 30 of 40 on average, 5 standard deviations are 14.
    assert 16 <= (first == 0).sum() <= 39 and set(first) == {0, 1}
    assert unknown.tolist() == [-1] and padding.tolist() == [-1] * 3
    np.testing.assert_array_equal(targets_of(data, epoch=0)[0], first)
    assert (targets_of(data, epoch=1)[0] != first).any()


def test_an_unknown_target_lists_the_known_ones(records_dir, vocabularies):
    with pytest.raises(ValueError, match="target='soft'. Use one of: answers, sampled_answers"):
        open_data(records_dir, vocabularies, target="soft")


def test_training_images_are_augmented_and_a_resumed_run_sees_the_same(
    records_dir, vocabularies
):
    augmentation = {"shift": 3, "rotation": 0.1, "fill": 1.0}
    plain = open_data(records_dir, vocabularies)
    data = open_data(records_dir, vocabularies, augmentation=augmentation)
    epoch = batches(data.training_epoch(1))
    equal_batches(batches(data.training_epoch(1, start_step=2)), epoch[2:])
    for found, expected in zip(epoch, batches(plain.training_epoch(1)), strict=True):
        assert (found.pop("image") != expected.pop("image")).any()
        equal_batches([found], [expected])
    equal_batches(batches(data.in_order()), batches(plain.in_order()))


@pytest.mark.parametrize("cached", [True, False])
def test_own_photographs_are_turned_by_their_exif(tmp_path, monkeypatch, cached):
    monkeypatch.setattr("hardvqa_tf.data.batches.CACHE_BYTES", 2**31 if cached else 0)
    pixels = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3) * 10  # seen 2 high, 4 wide
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    line = {"image": "turned.png", "question": "Is it?", "answer": "no"}
    write_lines(tmp_path / "train.jsonl", *(line | {"id": number} for number in (1, 2)))
    records_dir = str(tmp_path / "records")
    build.build("jsonl", records_dir, source_dir=str(tmp_path), num_processes=1)
    vocabularies = Vocabularies.from_records(records_dir)
    data = open_data(records_dir, vocabularies, "train", image_size=(2, 4), batch_size=1)
    expected = scale_pixels(np.rot90(pixels, -1))
    for batch in (*batches(data.in_order()), *batches(data.training_epoch(0))):
        np.testing.assert_array_equal(batch["image"], [expected])
        assert "orientation" not in batch
