"""The localizer whose decoder looks at full maps."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import layers
from hardvqa_tf.layers import DeformableAttention
from hardvqa_tf.localize import layer_names, losses, map_rows, slots
from hardvqa_tf.localize.decoder import NO_CELL
from hardvqa_tf.localize.model import build_localizer, fields_of_maps, grid_fields
from hardvqa_tf.localize.phases import look_at_every_cell
from hardvqa_tf.localize.score import Score
from tests.localize import small
from tests.localize.small import B, G, Q, S
from tests.localize.test_model import (
    TOLERANCE,
    assert_close,
    gradients_of_a_step,
    numpy,
)

MAPS = {  # of images of 24x32 pixels, by an encoder of three halvings, and one more
    "decoder_memory": "maps",
    "pyramid": {"stages": (1, 2), "extra_maps": 1, "width": 8, "num_groups": 2},
    "decoder__num_points": 2,
}
SHAPES = [(6, 8), (3, 4), (2, 2)]
P, K = 64, 5
ONE_OF_EACH = [("last", "han"), ("after", "adahan"), ("before", "none")]


def build(seed=5, **changed):
    """A model whose layers that start at zero do not, so that all of it is seen."""
    keras.utils.set_random_seed(seed)
    model = build_localizer(small.config(**MAPS, **changed))
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        noise = rng.normal(size=variable.shape, scale=0.1).astype("float32")
        variable.assign_add(noise)
    return model


@pytest.fixture(scope="module", params=small.PAIRS, ids=small.name_of_pair)
def model(request):
    guidance, attention = request.param
    return build(guidance__where=guidance, attention=attention)


@pytest.fixture(scope="module", name="default")
def _default():
    return build()


def test_names_shapes_and_dtypes(model):
    for b, q, s in ((B, Q, S), (3, 1, 1)):
        outputs = numpy(model(small.inputs(b, q, s)))
        k = outputs["logits"].shape[2]
        found = {name: (value.shape, value.dtype.name) for name, value in outputs.items()}
        dtypes = {"mask": "bool", "presence": "float32", "similarity": "float32"}
        assert found == {
            "boxes": ((b, q, k, 4), "float32"),
            "logits": ((b, q, k), "float32"),
            **{name: ((b, q, *SHAPES[0]), dtype) for name, dtype in dtypes.items()},
            **{
                f"{name}_map_{i}": ((b, q, *shape), dtype)
                for name, dtype in dtypes.items()
                for i, shape in enumerate(SHAPES)
            },
            "num_cells": ((b, q), "int32"),
            "map_of_object": ((b, q, k), "int32"),
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


def test_it_learns_and_is_saved_and_loaded(model, tmp_path):
    before = model.get_weights()
    # Of many scenes, that every unit of the small layers is active in one.
    gradients = gradients_of_a_step(model, small.inputs(b=6))
    for gradient, variable in zip(gradients, model.trainable_variables, strict=True):
        greatest = np.abs(tf.convert_to_tensor(gradient)).max()
        assert np.isfinite(greatest) and greatest > 0, variable.path
    keras.optimizers.Adam(1e-3).apply(gradients, model.trainable_variables)
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, model.get_weights()))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.count_params() == model.count_params()
    assert_close(numpy(loaded(small.inputs())), numpy(model(small.inputs())), 1e-6)
    model.set_weights(before)


@pytest.mark.parametrize(
    "guidance, attention, fusion",
    [
        *((*pair, "tokens") for pair in ONE_OF_EACH),
        ("last", "adahan", "maximum"),
        ("after", "han", "attention"),
    ],
)
def test_order_doubling_and_padding_of_drawings_change_nothing(guidance, attention, fusion):
    model = build(guidance__where=guidance, attention=attention, sketch__fusion=fusion)
    batch = small.inputs()
    expected, names = numpy(model(batch)), ("sketch", "sketch_valid")
    turned = {name: batch[name][:, :, ::-1] for name in names}
    assert_close(numpy(model(batch | turned)), expected)
    doubled = {name: np.concatenate([batch[name]] * 2, axis=2) for name in names}
    assert_close(numpy(model(batch | doubled)), expected)
    batch["sketch_valid"][0, 1] = False  # a query without a drawing
    assert all(np.isfinite(value).all() for value in numpy(model(batch)).values())


@pytest.mark.parametrize("guidance, attention", ONE_OF_EACH)
def test_a_query_does_not_depend_on_its_neighbours(guidance, attention):
    model = build(guidance__where=guidance, attention=attention)
    batch = small.inputs()
    expected, order = numpy(model(batch)), np.array([2, 0, 1])
    turned = {"image": batch["image"][::-1]}
    turned |= {n: batch[n][::-1][:, order] for n in ("sketch", "sketch_valid")}
    found = numpy(model(turned))
    cells = found.pop("cell_embeddings")
    np.testing.assert_allclose(cells, expected.pop("cell_embeddings")[::-1], atol=TOLERANCE)
    assert_close(found, {name: value[::-1][:, order] for name, value in expected.items()})


@pytest.mark.parametrize("selection", slots.SELECTIONS)
@pytest.mark.parametrize("attention", ["han", "adahan"])
def test_the_best_cells_of_all_maps_become_objects(attention, selection):
    outputs = numpy(build(attention=attention, selection=selection)(small.inputs()))
    masks = [grid.reshape(B, Q, -1) for grid in layer_names.of_maps(outputs, "mask")]
    by = [grid.reshape(B, Q, -1) for grid in layer_names.of_maps(outputs, "presence")]
    mask, by = np.concatenate(masks, -1), np.concatenate(by, -1)
    if selection == "dense_score":
        by = outputs["dense_logits"]
    for b, q in np.ndindex(B, Q):
        kept = mask[b, q]
        assert 0 < kept.sum() < P and by[b, q][kept].min() > by[b, q][~kept].max()
        assert outputs["num_cells"][b, q] == kept.sum()
        # Each map has as many objects as cells that are kept on it.
        maps = outputs["map_of_object"][b, q]
        real = outputs["logits"][b, q] > NO_CELL
        assert (maps[~real] == map_rows.NO_MAP).all()
        counts = [one[b, q].sum() for one in masks]
        assert np.bincount(maps[real], minlength=3).tolist() == counts


def test_the_mask_without_a_number_is_that_of_all_maps(default):
    outputs = numpy(default(small.inputs()))
    for name in ("mask", "presence", "similarity"):
        first, second, third = layer_names.of_maps(outputs, name)
        of_second = np.repeat(np.repeat(second, 2, axis=2), 2, axis=3)
        of_third = np.repeat(np.repeat(third, 3, axis=2), 4, axis=3)
        expected = np.maximum(np.maximum(first, of_second), of_third)
        np.testing.assert_array_equal(outputs[name], expected)


@pytest.mark.parametrize("attention", ["han", "adahan"])
def test_gathering_equals_masking(attention, monkeypatch):
    gathered = numpy(build(attention=attention)(small.inputs()))
    name = slots.LOCALIZER_ATTENTIONS[attention][0]
    monkeypatch.setattr(layers, name, functools.partial(getattr(layers, name), mode="mask"))
    masked = numpy(build(attention=attention)(small.inputs()))
    assert masked["logits"].shape[2] == P
    for b, q in np.ndindex(B, Q):
        one, other = (
            np.sort(outputs["logits"][b, q][outputs["logits"][b, q] > NO_CELL])
            for outputs in (gathered, masked)
        )
        np.testing.assert_allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_dropped_cell_is_memory_still():
    """Selection chooses the objects alone: the decoder's gradient reaches cells beside them."""
    model = build()
    guided = model.get_layer(layer_names.GUIDED).output
    model = keras.Model(model.inputs, {"guided": guided, **model.output})
    with tf.GradientTape() as tape:
        outputs = model(small.inputs())
        decoded = tf.reduce_sum(tf.square(outputs["boxes"]))
    gradient = np.abs(tape.gradient(decoded, outputs["guided"])).max(-1)  # [N, P]
    masks = [
        np.reshape(grid, (B * Q, -1)) for grid in layer_names.of_maps(numpy(outputs), "mask")
    ]
    dropped = ~np.concatenate(masks, axis=-1)
    assert (gradient[dropped] > 0).mean() > 0.1


def test_the_decoders_work_does_not_grow_with_the_cells(default):
    decoder = default.get_layer(layer_names.DECODER)
    for level in decoder.levels:
        assert isinstance(level.look.cross_attention, DeformableAttention)
        assert level.look.cross_attention.map_shapes == tuple(SHAPES)


@pytest.mark.parametrize("where", slots.GUIDANCES)
def test_cells_look_at_the_drawing_at_every_stage(where):
    """Of `last`, on all maps together, in each round."""
    model = build(guidance__where=where)
    guides = {
        layer.name: layer.output[0].shape[1]
        for layer in model.layers
        if isinstance(layer, layers.QueryGuidedAttention)
    }
    expected = {
        "last": {"guide_0": P, "guide_1": P},
        "after": {"guide_0": 48, "guide_1": 12},
        "before": {"guide_0": 192, "guide_1": 48},
        "none": {},
    }
    assert guides == expected[where]


@pytest.mark.parametrize("attention", slots.LOCALIZER_ATTENTIONS)
def test_in_the_first_steps_the_dense_head_alone_learns(attention):
    model = build(attention=attention)
    decoder = {w.path for w in model.get_layer(layer_names.DECODER).trainable_variables}
    with look_at_every_cell(model):
        outputs = numpy(model(small.inputs()))
        gradients = gradients_of_a_step(model)
    assert outputs["mask_map_2"].all() and outputs["logits"].shape[2] == P
    learns = {
        v.path
        for v, g in zip(model.trainable_variables, gradients, strict=True)
        if g is not None
    }
    assert learns == {w.path for w in model.trainable_variables} - decoder


def test_the_contrast_is_that_of_each_map(default):
    """The mean over the maps, each with the cell at an object's centre."""
    boxes, valid, classes = small.targets()
    outputs = default(small.inputs())
    grids = losses.grids_of(outputs)
    assert grids == SHAPES
    arguments = (boxes, tf.constant(valid), classes)
    cells, start, expected = outputs["cell_embeddings"], 0, []
    for h, w in SHAPES:
        part = cells[:, start : start + h * w]
        start += h * w
        expected.append(losses.contrast(outputs["query_embeddings"], part, *arguments, (h, w)))
    found = losses.contrast_of_maps(outputs["query_embeddings"], cells, *arguments, grids=grids)
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-5)


def test_the_loss_of_each_query_by_itself(default):
    boxes, valid, classes = small.targets()
    batch = {
        "boxes": tf.constant(boxes),
        "box_valid": tf.constant(valid),
        "classes": tf.constant(classes, tf.int32),
        "weights": tf.ones((B, Q)),
    }
    found = Score(2.0).losses(default(small.inputs()), batch)
    assert found.shape == (B, Q) and np.isfinite(found).all()


def test_where_the_maps_look(default):
    fields = fields_of_maps(default)
    assert [of_map.grid for of_map in fields] == SHAPES
    assert [of_map.pitch for of_map in fields] == [(4, 4), (8, 8), (16, 16)]
    assert grid_fields(default) == fields[0]


def test_static_shapes_change_nothing():
    keras.utils.set_random_seed(3)
    config = small.config(attention="adahan", **MAPS)
    model, static = (build_localizer(config, static_shapes=on) for on in (False, True))
    static.set_weights(model.get_weights())
    found, expected = numpy(static(small.inputs())), numpy(model(small.inputs()))
    np.testing.assert_array_equal(found["num_cells"], expected["num_cells"])
    np.testing.assert_allclose(
        found["logits"].max(-1), expected["logits"].max(-1), atol=TOLERANCE
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"decoder_memory": "all"}, "Unknown decoder_memory.*Use one of: kept, maps"),
        ({"pyramid__stages": (1, 3)}, "edge_cnn has 2 stages behind its stem"),
        ({"pyramid__num_groups": 3}, "`num_groups` must divide `width`"),
        ({"pyramid__width": 9, "pyramid__num_groups": 3}, "must divide|even number"),
        ({"edge_cnn__filters": (8,), "edge_cnn__depths": (1,)}, "has no stages to guide"),
        ({"sketch__pixels": 96}, "sketch.pixels must divide 64.*or be a multiple of it"),
        ({"sketch__weights": "x.keras"}, "Set model.sketch.shared=False"),
        ({"sketch__shared": False, "sketch__trainable": False}, "needs weights"),
        ({"sketch__encoder": "cnn"}, "Unknown encoder.*Use one of: edge_cnn"),
        (
            {"sketch__shared": False, "sketch__weights": "lost.keras"},
            "'lost.keras', which is no file",
        ),
        ({"han__num_cells": 65}, "num_cells=65 for a grid of 64 cells"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        build_localizer(small.config(**(MAPS | changed)))


def test_memory_and_maps_belong_together(default):
    decoder = default.get_layer(layer_names.DECODER)
    other = decoder.__class__(**(decoder.get_config() | {"map_shapes": None}))
    with pytest.raises(ValueError, match="`memory` and `map_shapes` belong together"):
        other.build(*[(2, K, 8)] * 2, (2, K, 1), (2, K, 4), (2, G, 8), memory_shape=(2, P, 8))
