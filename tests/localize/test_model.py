"""The whole localizer: every guidance with every attention, and what holds for all of them."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import layers
from hardvqa_tf.localize import layer_names, losses, matching, slots
from hardvqa_tf.localize.decoder import NO_CELL
from hardvqa_tf.localize.model import build_localizer, grid_fields
from tests.localize import small
from tests.localize.small import HEIGHT, WIDTH, B, D, Q, S

P = HEIGHT * WIDTH
# float32 sums of another length or order, through a dozen layers; also relative to each number.
TOLERANCE = 2e-5


def build(seed=5, shake=True, **changed):
    """A model whose layers that start at zero do not, so that all of it is seen."""
    keras.utils.set_random_seed(seed)
    model = build_localizer(small.config(**changed))
    if shake:
        rng = np.random.default_rng(seed)
        for variable in model.trainable_variables:
            noise = rng.normal(size=variable.shape, scale=0.1).astype("float32")
            variable.assign_add(noise)
    return model


def numpy(outputs):
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


def assert_close(found, expected, atol=TOLERANCE):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=atol, atol=atol, err_msg=name)


@pytest.fixture(scope="module", params=small.PAIRS, ids=small.name_of_pair)
def model(request):
    guidance, attention = request.param
    return build(guidance__where=guidance, attention=attention)


def gradients_of_a_step(model, batch=None, contrast_weight=2.0):
    batch = batch or small.inputs()
    boxes, valid, classes = small.targets(*batch["sketch_valid"].shape[:2])
    with tf.GradientTape() as tape:
        outputs = model(batch, training=True)
        loss = losses.localizer_loss(
            outputs, boxes, tf.constant(valid), matching.match, classes, contrast_weight
        )["loss"]
        total = tf.reduce_sum(loss) / valid.sum()
    assert loss.shape == valid.shape[:2] and np.isfinite(loss).all()
    return tape.gradient(total, model.trainable_variables)


def test_names_shapes_and_dtypes(model):
    for b, q, s in ((B, Q, S), (3, 1, 1)):
        outputs = numpy(model(small.inputs(b, q, s)))
        k = outputs["logits"].shape[2]
        found = {name: (value.shape, value.dtype.name) for name, value in outputs.items()}
        assert found == {
            "boxes": ((b, q, k, 4), "float32"),
            "logits": ((b, q, k), "float32"),
            "mask": ((b, q, HEIGHT, WIDTH), "bool"),
            "presence": ((b, q, HEIGHT, WIDTH), "float32"),
            "similarity": ((b, q, HEIGHT, WIDTH), "float32"),
            "num_cells": ((b, q), "int32"),
            "dense_logits": ((b, q, P), "float32"),
            "dense_boxes": ((b, q, P, 4), "float32"),
            **{f"level_{i}_logits": ((b, q, k), "float32") for i in (0, 1)},
            **{f"level_{i}_boxes": ((b, q, k, 4), "float32") for i in (0, 1)},
            "query_embeddings": ((b, q, 6), "float32"),
            "cell_embeddings": ((b, P, 6), "float32"),
        }
        for name, tensor in model.output.items():
            assert tensor.dtype == outputs[name].dtype.name, name
            for size, declared in zip(outputs[name].shape, tensor.shape, strict=True):
                assert declared in (None, size), name
    assert [tensor.name for tensor in model.inputs] == ["image", "sketch", "sketch_valid"]


def test_a_step_changes_every_weight(model):
    before = model.get_weights()
    # Of many scenes, that every unit of the small layers is active in one.
    gradients = gradients_of_a_step(model, small.inputs(b=6))
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.apply(gradients, model.trainable_variables)
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, model.get_weights()))
    model.set_weights(before)


def test_saves_and_loads(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.count_params() == model.count_params()
    assert_close(numpy(loaded(small.inputs())), numpy(model(small.inputs())), 1e-6)


def test_a_query_does_not_depend_on_its_neighbours(model):
    batch = small.inputs()
    expected = numpy(model(batch))
    order = np.array([2, 0, 1])
    turned = {"image": batch["image"][::-1]}
    turned |= {n: batch[n][::-1][:, order] for n in ("sketch", "sketch_valid")}
    found = numpy(model(turned))
    cells = found.pop("cell_embeddings")
    np.testing.assert_allclose(
        cells, expected.pop("cell_embeddings")[::-1], atol=TOLERANCE
    )  # of images
    assert_close(found, {name: value[::-1][:, order] for name, value in expected.items()})


def test_the_order_of_drawings_changes_nothing(model):
    batch = small.inputs(s=3)
    turned = dict(batch)
    for name in ("sketch", "sketch_valid"):
        turned[name] = batch[name][:, :, [2, 0, 1]]
    assert_close(numpy(model(turned)), numpy(model(batch)))


def test_all_drawings_doubled_change_nothing(model):
    batch = small.inputs()
    doubled = dict(batch)
    for name in ("sketch", "sketch_valid"):
        doubled[name] = np.concatenate([batch[name]] * 2, axis=2)
    assert_close(numpy(model(doubled)), numpy(model(batch)))


def test_one_drawing_is_the_same_model_whatever_stands_in_the_padding(model):
    batch = small.inputs(s=1)
    padded = dict(small.inputs(s=3, seed=9), image=batch["image"])
    padded["sketch"][:, :, 1:2] = batch["sketch"]
    padded["sketch_valid"] = np.zeros((B, Q, 3), bool)
    padded["sketch_valid"][:, :, 1] = True
    assert_close(numpy(model(padded)), numpy(model(batch)))


def test_a_query_without_a_drawing_has_numbers(model):
    batch = small.inputs()
    batch["sketch_valid"][0, 1] = False  # padding
    outputs = numpy(model(batch))
    assert all(np.isfinite(value).all() for value in outputs.values())
    assert (outputs["similarity"][0, 1] == 0).all()
    assert all(np.isfinite(g).all() for g in gradients_of_a_step(model, batch))


def test_the_drawing_matters(model):
    batch = small.inputs()
    other = dict(batch, sketch=small.inputs(seed=7)["sketch"])
    found, expected = numpy(model(other)), numpy(model(batch))
    for name in ("dense_logits", "dense_boxes", "similarity", "presence"):
        assert np.abs(found[name] - expected[name]).max() > 1e-3, name


@pytest.mark.parametrize(
    "fusion, where",
    [
        ("maximum", "last"),
        ("attention", "after"),
        ("attention", "none"),
        pytest.param("maximum", "after", marks=pytest.mark.slow),
        pytest.param("maximum", "none", marks=pytest.mark.slow),
        pytest.param("attention", "last", marks=pytest.mark.slow),
    ],
)
def test_fusions_of_several_drawings(fusion, where, tmp_path):
    tokens = build(guidance__where=where)
    fused = build(guidance__where=where, sketch__fusion=fusion)
    assert [v.shape for v in fused.weights] == [v.shape for v in tokens.weights]
    # The same model where a query has one drawing, whatever stands in the padding.
    batch = small.inputs()
    one = {n: batch[n][:, :, :1] for n in ("sketch", "sketch_valid")} | {
        "image": batch["image"]
    }
    alone = numpy(fused(one))
    assert_close(alone, numpy(tokens(one)))
    padded = batch | {"sketch_valid": batch["sketch_valid"] & [[[True, False]]]}
    assert_close(numpy(fused(padded)), alone)
    # Order and doubles change nothing, and it is not what tokens side by side are.
    both = batch | {"sketch_valid": np.ones_like(batch["sketch_valid"])}
    found = numpy(fused(both))
    turned = both | {"sketch": batch["sketch"][:, :, ::-1]}
    assert_close(numpy(fused(turned)), found)
    twice = {n: np.concatenate([both[n]] * 2, axis=2) for n in ("sketch", "sketch_valid")}
    assert_close(numpy(fused(both | twice)), found)
    differs = np.abs(found["dense_logits"] - numpy(tokens(both))["dense_logits"]).max()
    # Without guidance no cell looks at a drawing: the mean of nothing is nothing.
    assert differs > 1e-3 or (fusion, where) == ("attention", "none")
    none = both | {"sketch_valid": np.zeros_like(batch["sketch_valid"])}
    assert all(np.isfinite(value).all() for value in numpy(fused(none)).values())
    assert all(np.isfinite(g).all() for g in gradients_of_a_step(fused, both))
    fused.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_close(numpy(loaded(both)), found, 1e-6)


def test_without_refinement(tmp_path):
    model, refined = build(decoder__refine=False), build()
    gone = {v.path for v in refined.weights} - {v.path for v in model.weights}
    assert gone and all("/objects/" in path or "/tokens/" in path for path in gone)
    gradients = gradients_of_a_step(model, small.inputs(b=6))
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_close(numpy(loaded(small.inputs())), numpy(model(small.inputs())), 1e-6)
    # The drawing still matters, by the score and by the similarity.
    other = small.inputs() | {"sketch": small.inputs(seed=9)["sketch"]}
    differs = numpy(model(other))["logits"] - numpy(model(small.inputs()))["logits"]
    assert np.abs(differs).max() > 1e-3


@pytest.mark.parametrize("attention", ["han", "adahan"])
def test_kept_cells_have_the_greatest_presence(attention):
    outputs = numpy(build(attention=attention)(small.inputs()))
    assert not outputs["mask"].all()
    for b, q in np.ndindex(B, Q):
        mask, presence = outputs["mask"][b, q], outputs["presence"][b, q]
        assert presence[mask].min() > presence[~mask].max()
        assert outputs["num_cells"][b, q] == mask.sum()


def test_by_dense_score_the_cells_of_the_greatest_logits_are_kept():
    model = build(selection="dense_score")
    outputs = numpy(model(small.inputs()))
    for b, q in np.ndindex(B, Q):
        logits, mask = outputs["dense_logits"][b, q], outputs["mask"][b, q].reshape(-1)
        assert mask.sum() == 5 and logits[mask].min() > logits[~mask].max()
    by_presence = build()
    by_presence.set_weights(model.get_weights())  # of the same shapes: selection has none
    np.testing.assert_allclose(
        numpy(by_presence(small.inputs()))["presence"], outputs["presence"], atol=TOLERANCE
    )


@pytest.mark.parametrize("selection", slots.SELECTIONS)
@pytest.mark.parametrize("attention", ["han", "adahan"])
def test_gathering_equals_masking(attention, selection, monkeypatch):
    """The same objects, in another order, and rows that are no cell."""
    model = build(attention=attention, selection=selection)
    gathered = numpy(model(small.inputs()))
    name = slots.LOCALIZER_ATTENTIONS[attention][0]
    of_mask = functools.partial(getattr(layers, name), mode="mask")
    monkeypatch.setattr(layers, name, of_mask)
    other = build(attention=attention, selection=selection)
    assert other.get_layer(layer_names.ATTENTION).mode == "mask"
    masked = numpy(other(small.inputs()))
    assert masked["logits"].shape[2] == P
    np.testing.assert_array_equal(masked["mask"], gathered["mask"])
    for level in (0, 1):
        for b, q in np.ndindex(B, Q):
            objects = []
            for outputs in (gathered, masked):
                logits = outputs[f"level_{level}_logits"][b, q]
                boxes = outputs[f"level_{level}_boxes"][b, q]
                order = np.argsort(logits)[logits[np.argsort(logits)] > NO_CELL]
                objects.append((logits[order], boxes[order]))
            assert len(objects[0][0]) == gathered["num_cells"][b, q]
            for one, other in zip(*objects, strict=True):
                np.testing.assert_allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("attention", ["han", "adahan"])
def test_a_dropped_cell_gets_exactly_no_gradient_from_the_decoder(attention):
    """It gets one through the dense head alone, which learns at every cell."""
    model = build(attention=attention)
    guided = model.get_layer(layer_names.GUIDED).output
    model = keras.Model(model.inputs, {"guided": guided, **model.output})
    with tf.GradientTape(persistent=True) as tape:
        outputs = model(small.inputs())
        decoded = sum(
            tf.reduce_sum(tf.square(outputs[f"level_{i}_{name}"]))
            for i in (0, 1)
            for name in ("logits", "boxes")
        )
        dense = tf.reduce_sum(tf.square(outputs["dense_logits"]))
    mask = outputs["mask"].numpy().reshape(B * Q, P)
    gradient = tape.gradient(decoded, outputs["guided"]).numpy()  # [N, P, D]
    assert gradient.shape == (B * Q, P, D) and (~mask).any()
    assert (gradient[~mask] == 0).all()
    assert (np.abs(gradient[mask]).max(-1) > 0).all()
    gradient = tape.gradient(dense, outputs["guided"]).numpy()
    assert (np.abs(gradient).max(-1) > 0).all()


def test_the_presence_learns_from_the_dense_head():
    """The logit reads the norm: of cells that are equally similar, longer ones score higher."""
    model = build(shake=False)
    guided = model.get_layer(layer_names.GUIDED).output
    model = keras.Model(model.inputs, {"guided": guided, **model.output})
    with tf.GradientTape() as tape:
        outputs = model(small.inputs())
        logits = tf.reduce_sum(outputs["dense_logits"])
    gradient = tape.gradient(logits, outputs["guided"])
    # 4 / sqrt(D) in the direction of the cell.
    direction = outputs["guided"] / tf.norm(outputs["guided"], axis=-1, keepdims=True)
    np.testing.assert_allclose(gradient, 4 / D**0.5 * direction, atol=1e-4)
    outputs = numpy(outputs)
    of_norm = outputs["dense_logits"] - 0.3 * outputs["similarity"].reshape(B, Q, P)
    expected = 4 * outputs["presence"].reshape(B, Q, P) / D**0.5 - 7
    np.testing.assert_allclose(of_norm, expected, atol=1e-4)


def test_the_image_is_encoded_once_with_guidance_behind_it(monkeypatch):
    rows, convolve = [], keras.layers.Conv2D.call

    def call(self, inputs):
        rows.append((self.name, int(inputs.shape[0])))
        return convolve(self, inputs)

    expected = {"last": {"edge_cnn_2_0_conv": [B, B * Q * S]}}
    expected["after"] = {"edge_cnn_2_0_conv": [B, B * Q * S, B * Q]}
    for where, convolutions in expected.items():
        model = build(guidance__where=where)
        monkeypatch.setattr(keras.layers.Conv2D, "call", call)
        rows.clear()
        model(small.inputs())
        monkeypatch.setattr(keras.layers.Conv2D, "call", convolve)
        for name, sizes in convolutions.items():
            assert sorted(n for conv, n in rows if conv == name) == sorted(sizes)


@pytest.mark.parametrize("where", slots.GUIDANCES)
@pytest.mark.parametrize("encoder", ["small_cnn", "swiftformer_xs"])
def test_other_image_encoders(encoder, where, tmp_path):
    """With a tower of its own for the drawing, whose width is another one."""
    changed = {"guidance__where": where, "edge_cnn__filters": (4, 6, 6)}
    if encoder == "swiftformer_xs":
        changed |= {"guidance__num_heads": 1, "decoder__num_heads": 2}
        changed |= {"swiftformer_xs__stage": 2}
    model = build(image_encoder=encoder, **changed)
    gradients = gradients_of_a_step(model)  # This moves the statistics of small_cnn, too.
    assert all(g is not None for g in gradients)
    outputs = numpy(model(small.inputs()))
    assert all(np.isfinite(value).all() for value in outputs.values())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_close(numpy(loaded(small.inputs())), outputs, 1e-5)


def test_a_tower_of_its_own_for_the_drawing():
    shared, own = build(), build(sketch__shared=False)
    tower = sum(np.prod(w.shape) for w in own.weights if "sketch_cnn" in w.path)
    embedding = sum(np.prod(w.shape) for w in own.weights if "embed_image" in w.path)
    assert own.count_params() == shared.count_params() + tower + embedding
    assert tower > 0 and embedding > 0


def test_mixed_precision_keeps_boxes_and_scores_exact():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = build_localizer(small.config())
    finally:
        keras.mixed_precision.set_global_policy("float32")
    outputs = numpy(model(small.inputs()))
    for name in ("boxes", "logits", "dense_boxes", "dense_logits", "presence", "similarity"):
        assert outputs[name].dtype == np.float32, name
    # At first boxes are the cells' own: in bfloat16 they would be off by 1e-3.
    centre = outputs["dense_boxes"][0, 0, :, :2].reshape(HEIGHT, WIDTH, 2)
    np.testing.assert_allclose(centre[1, 2], [2.5 / 4, 1.5 / 3], atol=1e-6)
    assert all(np.isfinite(g).all() for g in gradients_of_a_step(model))


def test_static_shapes_change_nothing():
    model = build(attention="adahan")
    fixed = build_localizer(small.config(attention="adahan"), static_shapes=True)
    fixed.set_weights(model.get_weights())
    assert fixed(small.inputs())["logits"].shape == (B, Q, P)
    one, other = numpy(model(small.inputs())), numpy(fixed(small.inputs()))
    np.testing.assert_array_equal(one["mask"], other["mask"])
    for b, q in np.ndindex(B, Q):
        a, c = (np.sort(x["logits"][b, q])[::-1] for x in (one, other))
        k = one["num_cells"][b, q]
        np.testing.assert_allclose(a[:k], c[:k], rtol=TOLERANCE, atol=TOLERANCE)


def test_where_cells_look():
    fields = grid_fields(build_localizer(small.config()))
    assert fields.grid == (HEIGHT, WIDTH) and fields.pitch == (8, 8)
    np.testing.assert_allclose(fields.origin, 4, atol=0.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"attention": "soft"}, "Unknown attention.*Use one of: none, han, adahan"),
        ({"guidance__where": "first"}, "Unknown where.*Use one of: last, after, before, none"),
        ({"selection": "random"}, "Unknown selection.*Use one of: presence, dense_score"),
        ({"image_encoder": "no_cnn"}, "Unknown image_encoder.*Use one of: edge_cnn"),
        ({"sketch__pixels": 24}, "config.model.sketch.pixels must divide 64"),
        ({"guidance__num_heads": 3}, "`num_heads` must divide"),
        ({"decoder__num_heads": 3}, "`num_heads` must divide"),
        ({"edge_cnn__num_groups": 3}, "`num_groups` must divide each of `filters`"),
        ({"han__num_cells": 13}, "num_cells=13 for a grid of 12 cells"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        build_localizer(small.config(**changed))
