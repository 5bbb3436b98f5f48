"""The Keras model as ONNX, run by onnxruntime."""

import json
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver

from hardvqa_tf import runs
from hardvqa_tf.configs import base
from hardvqa_tf.export.onnx import export_onnx, static_model
from hardvqa_tf.training.optimizers import precision
from hardvqa_tf.vqa import Vocabularies
from hardvqa_tf.vqa.task import build_model

VOCABULARIES = Vocabularies(["what", "is", "red"], ["yes", "no", "two"], max_words=6)
COMBINATIONS = [
    ("han", "pairwise", {}),
    ("adahan", "relation", {"question_norm_scale": 0.1}),
    ("adahan", "sum", {"image_encoder": "none"}),
    ("soft", "sum", {}),
    ("none", "relation", {}),
    ("han", "relation", {"image_encoder": "features"}),
    ("han", "sum", {"mixer": "additive"}),
    ("han", "sum", {"mixer": "bilevel_routing"}),
]


def test_without_the_converter_it_says_what_to_install(exported_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)  # As if it were not installed.
    with pytest.raises(ValueError, match="pip install -r requirements-onnx.txt"):
        export_onnx(exported_run)


def write_run(folder, attention, aggregator, changed, dtype="float32"):
    config = base.get_config()
    config.image_size = (20, 24)
    config.model.update({"attention": attention, "aggregator": aggregator, **changed})
    config.model.small_cnn = {"filters": (4, 5), "strides": (4, 3)}
    config.model.han.num_cells = 3  # of a grid of 2 x 2
    config.model.question_lstm.update({"embedding_dim": 3, "units": 5})
    size = (2, 3, 4) if config.model.image_encoder == "features" else None
    with precision(dtype):
        model = build_model(config, VOCABULARIES, input_shape=size)
    runs.start_run(str(folder), config, VOCABULARIES)
    runs.save_model(str(folder), model)
    return model


def test_the_weights_that_a_run_began_from_may_be_gone(tmp_path):
    encoder = "swiftformer_xs"
    model = write_run(tmp_path, "han", "sum", {"image_encoder": encoder, encoder: {"stage": 1}})
    path = tmp_path / "config.json"
    stored = json.loads(path.read_text())
    stored["model"][encoder]["weights"] = "gone.pth"
    path.write_text(json.dumps(stored))
    static = static_model(runs.load_run(str(tmp_path)))
    assert not [layer for layer in static.layers if layer.name == "distinct_questions"]
    rng = np.random.default_rng(0)
    picture = rng.random((2, *model.inputs[0].shape[1:])).astype("float32")
    tokens = rng.integers(1, 5, (2, 3, 6)).astype("int32")
    inputs = {"image": picture, "question_tokens": tokens}
    np.testing.assert_allclose(static(inputs)["logits"], model(inputs)["logits"], atol=1e-5)


def check(model, path, tolerance=1e-5):
    """Asks both with other numbers of images, questions and words."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    for b, q, t in ((2, 3, 6), (1, 2, 4)):
        rng = np.random.default_rng(0)
        picture = rng.random((b, *model.inputs[0].shape[1:])).astype(model.inputs[0].dtype)
        tokens = rng.integers(1, 5, (b, q, t)).astype(np.int32)
        tokens[0, 0, 2:] = 0
        inputs = {model.inputs[0].name: picture, "question_tokens": tokens}
        expected = model(inputs)
        names = [output.name for output in session.get_outputs()]
        assert set(names) == set(expected)
        for name, value in zip(names, session.run(None, inputs), strict=True):
            np.testing.assert_allclose(
                value.astype(float), tf.cast(expected[name], float), atol=tolerance, rtol=1e-5
            )


@pytest.mark.slow
@pytest.mark.parametrize("attention, aggregator, changed", COMBINATIONS)
def test_onnx_gives_the_numbers_of_the_model(attention, aggregator, changed, tmp_path):
    model = write_run(tmp_path, attention, aggregator, changed)
    check(model, export_onnx(str(tmp_path)))


def test_what_the_converter_cannot_is_refused(tmp_path):
    write_run(tmp_path, "han", "sum", {"mixer": "query_guided"})
    with pytest.raises(ValueError, match="Use the SavedModel, --export_format=savedmodel"):
        export_onnx(str(tmp_path))
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.slow
def test_a_model_in_bfloat16_becomes_one_in_float32(tmp_path):
    model = write_run(tmp_path, "soft", "sum", {}, "mixed_bfloat16")
    # Eight bits of mantissa, in several layers after one another.
    check(model, export_onnx(str(tmp_path)), tolerance=0.05)


@pytest.mark.slow
def test_the_mode(door, exported_run, tmp_path, capsys):
    shutil.copytree(exported_run, tmp_path / "run")
    given = {"mode": "export", "export_format": "onnx", "workdir": str(tmp_path / "run")}
    with flagsaver.as_parsed(**given):
        door.main(["main.py"])
    assert f"{tmp_path}/run/model.onnx" in capsys.readouterr().out
    check(runs.load_run(str(tmp_path / "run")).model, str(tmp_path / "run" / "model.onnx"))
