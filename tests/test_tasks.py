"""Every task has the names by which the rest of the house knows it."""

import inspect

import pytest
from ml_collections import ConfigDict

from hardvqa_tf import tasks
from hardvqa_tf.configs import base


@pytest.mark.parametrize("name", tasks.TASKS)
def test_a_task_has_every_name(name):
    task = tasks.task_of({"task": name})
    missing = {wanted for wanted in tasks.NAMES if not hasattr(task, wanted)}
    assert missing == (set() if task.EXPORTS else set(tasks.EXPORT_NAMES))


@pytest.mark.parametrize("name", tasks.TASKS)
def test_what_is_exported_says_what_it_is_asked_with(name):
    if tasks.task_of({"task": name}).EXPORTS:
        requests = tasks.requests_of(name)
        assert all(hasattr(requests, wanted) for wanted in tasks.REQUEST_NAMES)


@pytest.mark.parametrize("name", tasks.TASKS)
def test_a_task_takes_the_arguments_that_are_written(name):
    """Those that its line in NAMES lists; what it takes beyond them must have a default."""
    task, checked = tasks.task_of({"task": name}), 0
    for wanted, text in tasks.NAMES.items():
        if wanted in tasks.EXPORT_NAMES and not task.EXPORTS:
            continue
        if not callable(getattr(task, wanted)) or not text.startswith("("):
            continue
        listed = text[1 : text.index(")")]
        if "`" in listed or "'" in listed or "result of" in listed:  # in words
            continue
        required, _, optional = listed.partition(", *, ")
        found = inspect.signature(getattr(task, wanted)).parameters.values()
        assert [p.name for p in found if p.default is p.empty] == required.split(", ")
        for option in filter(None, optional.split(", ")):
            if option.startswith("and "):  # those that the task lists
                own = getattr(task, option.removeprefix("and "))
                names = [p.name for p in found if p.default is not p.empty]
                assert set(own) <= set(names)
            else:
                assert option in [p.name for p in found if p.default is not p.empty]
        checked += 1
    assert checked >= 6


def test_a_config_of_before_there_were_tasks_is_of_vqa():
    expected = "hardvqa_tf.vqa.task"
    for config in ({}, {"task": None}, {"task": "vqa"}, ConfigDict(), base.get_config()):
        assert tasks.task_of(config).__name__ == expected
        assert tasks.name_of_task(config) == "vqa"


def test_an_unknown_task_lists_the_known_ones():
    with pytest.raises(ValueError, match="config.task='vqq'. Use one of: vqa"):
        tasks.task_of({"task": "vqq"})


def test_a_task_has_a_table_of_values():
    assert base.TABLES.keys() == tasks.TASKS.keys()
    assert [*base.COMMON["task"].choices] == [*base.TABLES]
