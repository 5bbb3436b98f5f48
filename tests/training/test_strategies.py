"""Which devices a run uses."""

import json

import pytest
import tensorflow as tf

from hardvqa_tf.training import strategies


def test_virtual_devices_must_come_first():
    tf.config.list_logical_devices()
    with pytest.raises(ValueError, match="already split into 1 devices. .*=2. Ask for them"):
        strategies.make_strategy(2)


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "TF_CONFIG cannot be read. Received: {. Expected: .*or unset it"),
        ('{"task": {}, "task": {}}', "TF_CONFIG cannot be read"),
        ("[" * 100_000, "TF_CONFIG cannot be read"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "TF_CONFIG cannot be read"),
        (
            '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
            "TF_CONFIG cannot be read",
        ),
        (
            '{"cluster": {"ps": ["a:1"], "worker": ["b:1"]}, "task": {"type": "ps"}}',
            "machines train as equals. Received: ps.",
        ),
    ],
)
def test_a_wrong_tf_config(monkeypatch, text, message):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=message):
        strategies.make_strategy()


def test_one_host_is_the_chief(monkeypatch):
    def tell(task_type, index, cluster):
        task = {"type": task_type, "index": index}
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
        return strategies.num_hosts(), strategies.is_chief()

    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert (strategies.num_hosts(), strategies.is_chief()) == (1, True)
    assert tell("worker", 0, {"worker": ["a:1"]}) == (1, True)
    assert tell("worker", 0, {"worker": ["a:1", "b:1"]}) == (2, True)
    assert tell("worker", 1, {"worker": ["a:1", "b:1"]}) == (2, False)
    with_chief = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    assert tell("chief", 0, with_chief) == (3, True)
    assert tell("worker", 0, with_chief) == (3, False)
    with pytest.raises(ValueError, match="num_virtual_devices=2, and a TF_CONFIG of several"):
        strategies.make_strategy(2)
