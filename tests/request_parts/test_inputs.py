"""What every task's inputs are made of, and that their tables hold together."""

import pytest

from hardvqa_tf.request_parts import inputs
from hardvqa_tf.serving.limits import Limits
from hardvqa_tf.tasks import TASKS, requests_of
from tests.serving.tiny_models import png

ALL = [(task, name) for task in TASKS for name in requests_of(task).INPUTS]


def test_an_image_weighs_by_its_pixels():
    check = inputs.IMAGE.check
    assert check(png(7), Limits()) == 1
    assert check(png(7), Limits(max_pixels=48, max_batch_size=4)) == 2  # 24 pixels


@pytest.mark.parametrize("task, name", ALL)
def test_what_warms_a_model_up_passes_its_own_check(task, name):
    known = requests_of(task).INPUTS[name]
    assert known.check(known.example(), Limits()) == 1


def test_no_name_of_an_input_stands_for_two():
    for task in TASKS:
        table = requests_of(task).INPUTS
        names = [*table, *(other for known in table.values() for other in known.other_names)]
        assert len({*names}) == len(names)
