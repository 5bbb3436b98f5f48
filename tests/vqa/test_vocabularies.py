"""Words and answers of records, and those that a model learns."""

import pytest

from hardvqa_tf.vqa import Vocabularies
from records import build
from tests.localize import tiny_records
from tests.records.trees import write_image, write_lines


def test_a_train_split_without_answers_is_refused(odd_records, tmp_path):
    write_image(tmp_path / "a.png")
    write_lines(tmp_path / "train.jsonl", {"image": "a.png", "question": "Is it?"})
    folder = str(tmp_path / "records")
    build.build("jsonl", folder, source_dir=str(tmp_path), num_processes=1)
    with pytest.raises(
        ValueError, match="needs answers .* min_answer_count=1 of 0 in the train"
    ):
        Vocabularies.from_records(folder)
    with pytest.raises(ValueError, match="num_answers=0, min_answer_count=1 of 4"):
        Vocabularies.from_records(odd_records, num_answers=0)


def test_rare_answers_can_be_left_out(ten_answers):
    found = Vocabularies.from_records(ten_answers[0], min_answer_count=2)
    assert found.answers.answers == ["no", "maybe", "yes"]
    with pytest.raises(ValueError, match="min_answer_count=241 of 4 in the train split"):
        Vocabularies.from_records(ten_answers[0], min_answer_count=241)


def test_records_without_questions_are_refused_with_the_data_set_to_name(tmp_path):
    folder = tiny_records.write(tmp_path)
    with pytest.raises(ValueError, match=r"no questions.*--dataset=sketch_scenes"):
        Vocabularies.from_records(folder)
