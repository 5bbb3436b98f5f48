"""The localizer on full maps: image and sketch encoders of every family, and a whole run."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import encoders
from hardvqa_tf.evaluate import evaluate_run, format_evaluation
from hardvqa_tf.localize.judging.other_cells import find_with_cells
from hardvqa_tf.localize.model import build_localizer
from hardvqa_tf.localize.predicting import first_try
from hardvqa_tf.predict import predict_image
from hardvqa_tf.runs import load_run
from hardvqa_tf.training.loop import train_model
from tests.localize import small, tiny_records
from tests.localize.judging.answered import answer
from tests.localize.test_map_model import MAPS, SHAPES
from tests.localize.test_model import assert_close, gradients_of_a_step, numpy

HEADS = {"guidance__num_heads": 1, "sketch__pixels": 64}


def check(tmp_path, **changed):
    """Builds, trains a step, saves and loads."""
    keras.utils.set_random_seed(4)
    config, batch = small.config(**MAPS, **HEADS, **changed), small.inputs()
    if config.model.image_encoder == "resnet50":  # takes no smaller images
        config.image_size = (32, 32)
        batch["image"] = np.pad(batch["image"], ((0, 0), (0, 8), (0, 0), (0, 0)))
    model = build_localizer(config)
    small.spread_norms(model)
    gradients = gradients_of_a_step(model, batch)
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        assert gradient is not None, variable.path
    keras.optimizers.SGD(1e-3).apply(gradients, model.trainable_variables)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_close(numpy(loaded(batch)), numpy(model(batch)), 1e-4)
    return model


IMAGE_ENCODERS = {
    "small_cnn": {},
    "resnet50": {"resnet50__weights": "random"},
    "swiftformer_xs": {"swiftformer_xs__stage": 2},
    "biformer_t": {"biformer_t__stage": 2, "biformer_t__num_regions": 2},
}


SOME_SLOW = [
    "small_cnn",
    "swiftformer_xs",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("resnet50", "biformer_t")),
]


@pytest.mark.parametrize("name", SOME_SLOW)
def test_image_encoders(name, tmp_path):
    where = {"resnet50": "before", "swiftformer_xs": "after"}.get(name, "last")
    check(tmp_path, image_encoder=name, guidance__where=where, **IMAGE_ENCODERS[name])


@pytest.mark.parametrize("name", SOME_SLOW)
def test_sketch_encoders(name, tmp_path):
    """Drawings have a tower of their own, which may be of the image's kind."""
    arguments = {} if name == "resnet50" else IMAGE_ENCODERS[name]
    image = name if name == "swiftformer_xs" else "edge_cnn"
    model = check(tmp_path, sketch__encoder=name, image_encoder=image, **arguments)
    assert len(model.trainable_variables) > 40
    # Drawings become tokens as wide as the maps.
    assert model.get_layer("sketch_project").kernel.shape[-1] == 8


@pytest.mark.parametrize(
    "name, memory",
    [("edge_cnn", "kept"), ("small_cnn", "maps"), ("swiftformer_xs", "maps")],
)
def test_weights_of_a_sketch_encoder_are_read(name, memory, tmp_path):
    config = small.config(**MAPS, **HEADS, sketch__shared=False, sketch__encoder=name)
    config.model.decoder_memory = memory
    config.model.swiftformer_xs.stage = 2
    if memory == "kept":
        config.model.decoder.num_heads = 1
    channels = {"channels": 1} if name == "edge_cnn" else {}
    arguments = {k: v for k, v in config.model[name].items() if v is not None}
    given = getattr(encoders, name)((64, 64), **arguments, **channels)
    given.save_weights(tmp_path / "sketch.weights.h5")
    config.model.sketch.weights = str(tmp_path / "sketch.weights.h5")
    config.model.sketch.trainable = False
    model = build_localizer(config)
    frozen = {v.path: np.asarray(v) for v in model.variables if not v.trainable}
    for weight in given.weights:
        same = [v for path, v in frozen.items() if v.shape == weight.shape]
        assert any(np.array_equal(weight, v) for v in same), weight.path
    # A run's own weights replace them: the file need not be there any more.
    config.model.sketch.weights = str(tmp_path / "gone.weights.h5")
    other = build_localizer(config, pretrained=False)
    assert other.count_params() == model.count_params()
    with pytest.raises(ValueError, match=r"gone.weights.h5', which is no file"):
        build_localizer(config)


def test_mixed_precision_is_near_float32():
    keras.utils.set_random_seed(2)
    wide = build_localizer(small.config(**MAPS))
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = build_localizer(small.config(**MAPS))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    mixed.set_weights(wide.get_weights())
    found, expected = numpy(mixed(small.inputs())), numpy(wide(small.inputs()))
    for name in ("boxes", "logits", "presence", "dense_boxes", "dense_logits"):
        assert found[name].dtype == "float32", name
    # All cells begin with one norm: which of them are kept is rounding; not what the head says.
    np.testing.assert_allclose(found["dense_boxes"], expected["dense_boxes"], atol=0.02)
    np.testing.assert_allclose(found["dense_logits"], expected["dense_logits"], atol=0.2)


@pytest.mark.parametrize("attention", [pytest.param("han", marks=pytest.mark.slow), "adahan"])
def test_the_decoder_alone_finds_the_same_again(attention, scene_records):
    model, data, answers = answer(scene_records, attention=attention, **MAPS)
    assert answers.mask.shape[1:] == (64, 1)
    rows = np.arange(len(answers.queries))
    sizes = np.array([query.size for query in answers.queries])
    found = find_with_cells(model, data, rows, sizes, {"own": answers.mask})["own"]
    for one, other in zip(found, answers.found, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)


def test_a_run_is_trained_evaluated_and_asked(scene_records, tmp_path):
    config, lines = tiny_records.config_of(scene_records, **MAPS), []
    config.train.epochs = 1
    workdir = str(tmp_path / "run")
    tf.config.run_functions_eagerly(True)
    try:
        train_model(config, workdir, report=lines.append)
        result = evaluate_run(workdir, "test")
        asked = first_try(load_run(workdir).config, str(tmp_path))
        found = predict_image(
            workdir, asked["image"], str(tmp_path / "found.png"), sketch=[asked["sketch"]]
        )
    finally:
        tf.config.run_functions_eagerly(False)
    assert "2 decoder levels over full maps" in lines[0]
    assert result["total_cells"] == sum(h * w for h, w in SHAPES)
    assert result["num_cells"] == 5
    text = format_evaluation(result)
    for row in ("5.0 of 64 cells kept", "decoder: the kept cells", "by norm", "overlap: 3"):
        assert row in text
    assert "image: where kept cells look" not in text  # of several maps, which have no one grid
    assert (found["num_cells"], found["total_cells"]) == (5, 64)
