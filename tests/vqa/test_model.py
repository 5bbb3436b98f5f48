"""The whole model: every attention with every aggregator, and what holds for all of them."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.vqa.model import AGGREGATORS, ATTENTIONS, build_vqa_model, grid_fields
from tests import small_models
from tests.small_models import HEIGHT, WIDTH, A, B, Q, T, V, assert_close, inputs, numpy

ATTENTION_ARGS = {
    "none": {},
    "soft": {"num_hops": 2, "hidden_dim": 6, "rescale": True},
    "han": {"num_cells": 3},
    "adahan": {"max_cells": 5},
}
AGGREGATOR_ARGS = {"sum": {}, "pairwise": {"units": 10}, "relation": {"units": (9, 12)}}
ALL = list(itertools.product(ATTENTIONS, AGGREGATORS))


def build(attention="han", aggregator="sum", **changed):
    arguments = {
        "attention": attention,
        "attention_args": ATTENTION_ARGS[attention],
        "aggregator": aggregator,
        "aggregator_args": AGGREGATOR_ARGS[aggregator],
        "classifier_units": (13, 14),
    }
    return small_models.build(**(arguments | changed))


@pytest.fixture(scope="module", params=ALL, ids="-".join)
def model(request):
    keras.utils.set_random_seed(5)
    return build(*request.param)


def test_all_parts_are_tested():
    assert ATTENTION_ARGS.keys() == ATTENTIONS.keys()
    assert AGGREGATOR_ARGS.keys() == AGGREGATORS.keys()
    assert len(ALL) == 12


def test_names_shapes_and_dtypes(model):
    for b, q, t in ((B, Q, T), (3, 1, 2)):
        outputs = numpy(model(inputs(b, q, t)))
        found = {name: (value.shape, value.dtype.name) for name, value in outputs.items()}
        mask_dtype = "bool" if outputs["mask"].dtype == bool else "float32"
        assert found == {
            "logits": ((b, q, A), "float32"),
            "mask": ((b, q, HEIGHT, WIDTH), mask_dtype),
            "presence": ((b, q, HEIGHT, WIDTH), "float32"),
            "num_cells": ((b, q), "int32"),
        }
        symbolic = {name: (tensor.shape, tensor.dtype) for name, tensor in model.output.items()}
        assert symbolic == {
            "logits": ((None, None, A), "float32"),
            "mask": ((None, None, HEIGHT, WIDTH), mask_dtype),
            "presence": ((None, None, HEIGHT, WIDTH), "float32"),
            "num_cells": ((None, None), "int32"),
        }
    assert [tensor.name for tensor in model.inputs] == ["image", "question_tokens"]


def test_a_training_step_changes_every_weight(model):
    before = model.get_weights()
    gradients = small_models.gradients_of_a_step(model)
    keras.optimizers.Adam(1e-3).apply(gradients, model.trainable_variables)
    for old, variable in zip(before, model.weights, strict=True):
        # Those that are not trained are the moving statistics of batch normalisation.
        assert np.abs(old - variable.numpy()).max() > 0, variable.path


def test_saves_and_loads(model, tmp_path):
    small_models.check_saving(model, tmp_path)


def test_a_question_does_not_depend_on_its_neighbours(model):
    batch = inputs()
    batch["question_tokens"][0, 2] = batch["question_tokens"][0, 0]  # encoded once
    expected = numpy(model(batch))
    order = np.array([2, 0, 1])
    turned = {"image": batch["image"][::-1], "question_tokens": batch["question_tokens"][::-1]}
    turned["question_tokens"] = turned["question_tokens"][:, order]
    found = numpy(model(turned))
    assert_close(found, {name: value[::-1][:, order] for name, value in expected.items()})
    found = numpy(model(small_models.one_question(batch)))
    assert_close(found, {n: value[:1, 1:2] for n, value in expected.items()})


def test_padding_does_not_move_the_outputs(model):
    batch, longer = small_models.with_longer_padding(inputs())
    assert_close(numpy(model(longer)), numpy(model(batch)))


def test_what_is_looked_at():
    """The number of cells, and the mask in the geometry of the grid."""
    batch = inputs()
    seen = {name: numpy(build(name)(batch)) for name in ATTENTIONS}
    assert seen["none"]["mask"].all() and (seen["none"]["num_cells"] == 8).all()
    assert (seen["han"]["num_cells"] == 3).all()
    assert (seen["soft"]["num_cells"] == 8).all()
    np.testing.assert_allclose(seen["soft"]["mask"].sum((2, 3)), 1, atol=1e-6)
    assert ((seen["adahan"]["num_cells"] >= 1) & (seen["adahan"]["num_cells"] <= 5)).all()
    for name in ("han", "adahan"):
        mask, presence = seen[name]["mask"], seen[name]["presence"]
        np.testing.assert_array_equal(mask.sum((2, 3)), seen[name]["num_cells"])
        for b, q in np.ndindex(B, Q):
            assert presence[b, q][mask[b, q]].min() > presence[b, q][~mask[b, q]].max()


def test_the_mask_has_the_geometry_of_the_image():
    """Only the cell over the one patch that is not black has a presence of its own."""
    model = build("han", image_encoder_args={"filters": (4,), "strides": (8,)})
    image = np.full((1, 16, 32, 3), 0.5, np.float32)  # 0.5 is zero for the encoder
    image[0, 8:16, 16:24] = [0.0, 1.0, 0.3]
    # "same" padding: with stride 8 a kernel of 3 stays within its patch.
    batch = {"image": image, "question_tokens": np.ones((1, 1, 2), np.int32)}
    presence = numpy(model(batch))["presence"][0, 0]
    others = np.ones((HEIGHT, WIDTH), bool)
    others[1, 2] = False
    assert np.ptp(presence[others]) < 1e-5  # float32 rounding
    assert abs(presence[1, 2] - presence[0, 0]) > 1e-3


@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("attention", ["han", "adahan"])
def test_what_is_dropped_gets_exactly_no_gradient(attention, aggregator):
    keras.utils.set_random_seed(5)
    model = build(attention, aggregator)
    cells = model.get_layer("fusion").output
    model = keras.Model(model.inputs, {"cells": cells, **model.output})
    with tf.GradientTape() as tape:
        outputs = model(inputs())
        loss = tf.reduce_sum(tf.square(outputs["logits"]))
    gradient = tape.gradient(loss, outputs["cells"]).numpy()  # [B·Q, P, D]
    mask = outputs["mask"].numpy().reshape(B * Q, HEIGHT * WIDTH)
    assert (~mask).any() and gradient.shape == (B * Q, HEIGHT * WIDTH, 8)
    assert (gradient[~mask] == 0).all()
    assert (np.abs(gradient[mask]).max(-1) > 0).all()


def test_the_image_is_encoded_once_however_many_questions(monkeypatch):
    rows = []
    convolve = keras.layers.Conv2D.call

    def call(self, inputs):
        if inputs.shape[0] is not None:
            rows.append(int(inputs.shape[0]))
        return convolve(self, inputs)

    monkeypatch.setattr(keras.layers.Conv2D, "call", call)
    build()(inputs(2, 7))
    assert rows == [2, 2, 2]  # three convolutions of two images; fourteen questions


def test_where_the_cells_of_a_stored_model_look(tmp_path):
    model = build(mixer="bilevel_routing", mixer_args={"num_heads": 2, "num_regions": 2})
    model.save(tmp_path / "model.keras")
    # Three convolutions with a stride of 2 on even sides: 1 + 2 + 4 pixels down and right.
    expected = Fields((7.5, 7.5), (8, 8), (15, 15), (16, 32), (2, 4))
    assert grid_fields(model) == expected
    assert grid_fields(keras.saving.load_model(tmp_path / "model.keras")) == expected
    blind = {"image_encoder": "none", "image_encoder_args": {}}
    assert grid_fields(build(**blind, attention_args={"num_cells": 1})) is None
    maps = build(image_size=(2, 4, 7), image_encoder="features", image_encoder_args={})
    assert grid_fields(maps) is None


def test_stored_feature_maps():
    model = build(
        image_encoder="features", image_size=(HEIGHT, WIDTH, 6), image_encoder_args=None
    )
    assert [tensor.name for tensor in model.inputs] == ["features", "question_tokens"]
    maps = np.random.default_rng(0).random((B, HEIGHT, WIDTH, 6)).astype(np.float16)
    outputs = model({"features": maps, "question_tokens": inputs()["question_tokens"]})
    assert outputs["logits"].shape == (B, Q, A) and outputs["logits"].dtype == tf.float32
    assert outputs["mask"].shape == (B, Q, HEIGHT, WIDTH)


@pytest.fixture
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"], indirect=True)
@pytest.mark.parametrize("attention, aggregator", [("none", "sum"), ("soft", "pairwise")])
def test_mixed_precision_is_close_to_float32(policy, attention, aggregator):
    mixed = build(attention, aggregator)
    keras.config.set_dtype_policy("float32")
    plain = build(attention, aggregator)
    plain.set_weights(mixed.get_weights())
    found, expected = numpy(mixed(inputs())), numpy(plain(inputs()))
    # bfloat16 has 8 bits: a relative error of some percent after several layers.
    scale = np.abs(expected["logits"]).max()
    assert_close(
        {"logits": found["logits"] / scale}, {"logits": expected["logits"] / scale}, atol=0.05
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16"], indirect=True)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_mixed_precision_keeps_the_dtypes_outside(policy, attention, tmp_path):
    model = build(attention, "relation")
    assert all(variable.dtype == "float32" for variable in model.trainable_variables)
    with tf.GradientTape() as tape:
        outputs = model(inputs(), training=True)
        loss = tf.reduce_sum(tf.square(outputs["logits"]))
    assert outputs["logits"].dtype == outputs["presence"].dtype == tf.float32
    assert outputs["mask"].dtype == (tf.float32 if attention == "soft" else tf.bool)
    assert outputs["num_cells"].dtype == tf.int32
    for gradient in tape.gradient(loss, model.trainable_variables):
        gradient = tf.convert_to_tensor(gradient)
        assert gradient.dtype == tf.float32 and np.isfinite(gradient).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_close(numpy(loaded(inputs())), numpy(model(inputs())))


def test_compile_and_fit():
    """In a notebook, without our loop; answers outside the vocabulary count nothing."""
    model = build()
    before = model.get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    # Eagerly: the graph that fit() would trace takes seconds.
    model.compile("adam", loss={"logits": loss}, run_eagerly=True)
    answers = np.array([[0, 1, 2], [3, -1, 1]], np.int32)
    history = model.fit(inputs(), {"logits": answers}, batch_size=B, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    "slot, name, known",
    [
        ("image_encoder", "resnet", "small_cnn, resnet101, swiftformer_xs"),
        ("mixer", "add", "none, additive, bilevel_routing, query_guided"),
        ("attention", "hann", "none, soft, han, adahan"),
        ("aggregator", "rn", "sum, pairwise, relation"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(slot, name, known):
    slots = {"attention": "none", slot: name}
    with pytest.raises(ValueError, match=f"Received: {slot}='{name}'. Use one of: {known}"):
        build_vqa_model(image_size=(16, 32), vocabulary_size=V, num_answers=A, **slots)


def test_questions_are_normalised_over_the_distinct_ones():
    model = build(question_norm_scale=0.25)
    batch = inputs()
    batch["question_tokens"][1] = batch["question_tokens"][0, 2]  # four equal questions of six
    rows = keras.Model(model.inputs, model.get_layer("question_rows").output)(batch).numpy()
    questions = keras.Model(model.inputs, model.get_layer("question_norm").output)
    distinct = rows[:3]
    expected = 0.25 * (rows - distinct.mean(0)) / np.sqrt(distinct.var(0) + 0.001)
    np.testing.assert_allclose(questions(batch, training=True), expected, atol=1e-5)
    assert "question_norm" not in [layer.name for layer in build().layers]


def test_layers_that_others_look_up_have_the_names_of_stored_models():
    assert {layer.name for layer in build().layers} >= {
        *("cells", "fusion", "questions_of_batch", "coordinates"),
        *("attention", "aggregator", "classifier_logits"),
    }
