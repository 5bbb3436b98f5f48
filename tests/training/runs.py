"""What tests of training share: what a run left, and ways to disturb one."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from hardvqa_tf.vqa import task

ROOT = pathlib.Path(__file__).parents[2]


def read_metrics(workdir):
    lines = pathlib.Path(workdir, "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def final_weights(workdir):
    """Those of the newest checkpoint, with optimizer and random generators."""
    reader = tf.train.load_checkpoint(f"{workdir}/checkpoints")
    names = [name for name in reader.get_variable_to_shape_map() if "VARIABLE_VALUE" in name]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def check_equal_runs(found, expected):
    """To the last bit."""
    found_weights, weights = final_weights(found), final_weights(expected)
    assert found_weights.keys() == weights.keys() and len(weights) > 30
    for name in weights:
        np.testing.assert_array_equal(found_weights[name], weights[name], err_msg=name)
    timing = ("seconds", "questions_per_second", "input_wait")
    for a, b in zip(read_metrics(found), read_metrics(expected), strict=True):
        assert a.keys() == b.keys()
        assert {n: a[n] for n in a if n not in timing} == {
            n: b[n] for n in b if n not in timing
        }


def without_pictures(monkeypatch):
    """They take a second and change nothing."""
    monkeypatch.setattr(task, "open_gallery", lambda *args: NoGallery())


class NoGallery:
    def for_board(self):
        return {}, {}
