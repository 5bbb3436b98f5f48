"""What every layer must do: config, saving, batch sizes, dtypes, gradients, graphs."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import layers

P, D, DQ = 6, 8, 5
# What every Keras layer accepts and stores.
EVERY_LAYERS = {
    "name",
    "trainable",
    "dtype",
    "autocast",
    "activity_regularizer",
    "args",
    "kwargs",
}


def _cells(n):
    # Of very different lengths, so that attentions choose, and rows choose differently.
    rng = np.random.default_rng(n)
    cells = rng.normal(size=(n, P, D)) * rng.uniform(0.1, 2.0, size=(n, P, 1))
    return cells.astype("float32")


def _attended(n, **extra):
    rng = np.random.default_rng(100 + n)
    return {
        "cells": _cells(n),
        "question": rng.normal(size=(n, DQ)).astype("float32"),
        "coordinates": rng.uniform(-1, 1, size=(n, P, 2)).astype("float32"),
        **extra,
    }


def _aggregated(n):
    valid = np.random.default_rng(200 + n).uniform(size=(n, P)) < 0.6
    valid[:, 2] = True  # at least one a row
    return _attended(n, valid=valid)


def _fused(n):
    rng = np.random.default_rng(300 + n)
    return {
        "grid": rng.normal(size=(n, P, D)).astype("float32"),
        "question": rng.normal(size=(n, 3, DQ)).astype("float32"),
    }


def _spoken(n):
    rng = np.random.default_rng(400 + n)
    tokens = rng.integers(1, 9, size=(n, P)).astype("int32")
    tokens[0, 2:] = 0
    return {"states": rng.normal(size=(n, P, D)).astype("float32"), "tokens": tokens}


def _gridded(n, **extra):
    rng = np.random.default_rng(500 + n)
    cells = rng.normal(size=(n, 3, 5, D)).astype("float32")
    return {"cells": cells, "question": rng.normal(size=(n, DQ)).astype("float32")} | extra


def _queried(n):
    rng = np.random.default_rng(600 + n)
    valid = rng.uniform(size=(n, 3)) < 0.6
    valid[:, 1] = True  # at least one a row
    query = rng.normal(size=(n, 3, DQ)).astype("float32")
    return {"cells": _cells(n), "query": query, "valid": valid}


def _queried_in_groups(n):
    """Two groups of the three tokens each, of which the first is not always there."""
    one, other = _queried(n), _queried(n + 1)
    query, valid = (np.stack([one[k], other[k][:n]], axis=1) for k in ("query", "valid"))
    valid[1:, 0] = False
    return one | {"query": query.reshape(n, 6, DQ), "valid": valid.reshape(n, 6)}


def _decoder(n):
    queried, rng = _queried(n), np.random.default_rng(700 + n)
    return {
        "objects": queried["cells"],
        "cells": queried["query"],
        "cells_valid": queried["valid"],
        "objects_valid": np.arange(P)[None] < rng.integers(1, P, size=(n, 1)),
        "object_positions": rng.normal(size=(n, P, D)).astype("float32"),
        "cell_positions": rng.normal(size=(n, 3, DQ)).astype("float32"),
    }


def _refined(n):
    reference = np.random.default_rng(800 + n).uniform(0.1, 0.9, size=(n, P, 4))
    return {"objects": _cells(n), "reference": reference.astype("float32")}


def _placed(n, size=2):
    queried, rng = _queried(n), np.random.default_rng(900 + n)
    references = rng.uniform(0.1, 0.9, size=(n, P, size)).astype("float32")
    cells = rng.normal(size=(n, 8, DQ)).astype("float32")
    valid = rng.uniform(size=(n, 8)) < 0.8
    return {
        "objects": queried["cells"],
        "references": references,
        "cells": cells,
        "cells_valid": valid,
    }


# name: (class, non-default arguments, inputs for n rows)
CASES = {
    "box_refinement": (layers.BoxRefinement, {"hidden_dim": 7, "num_layers": 2}, _refined),
    "decoder": (
        layers.DecoderLayer,
        {"num_heads": 2, "hidden_dim": 7, "dropout": 0.2, "norm_first": True},
        _decoder,
    ),
    "decoder_of_maps": (
        layers.DecoderLayer,
        {"num_heads": 2, "hidden_dim": 7, "map_shapes": ((2, 3), (1, 2)), "num_points": 3},
        lambda n: _placed(n, 4),
    ),
    "map_positions": (
        layers.MapPositions,
        {"map_shapes": ((2, 2), (1, 2))},
        lambda n: {"cells": _cells(n)},
    ),
    "deformable_points": (
        layers.DeformableAttention,
        {"map_shapes": ((2, 3), (1, 2)), "num_heads": 2, "num_points": 3},
        _placed,
    ),
    "deformable_boxes": (
        layers.DeformableAttention,
        {"map_shapes": ((2, 4),), "num_heads": 4},
        lambda n: _placed(n, 4),
    ),
    "decoder_defaults": (layers.DecoderLayer, {"num_heads": 4}, _decoder),
    "sine_positions": (
        layers.SinePositions,
        {"height": 2, "width": 3, "dim": 6, "normalized": True, "temperature": 20.0},
        lambda n: {"cells": _cells(n)},
    ),
    "coordinates": (
        layers.CellCoordinates,
        {"height": 2, "width": 3},
        lambda n: {"cells": _cells(n)},
    ),
    "fusion_concatenate": (
        layers.Fusion,
        {"units": (7, 4), "activation": "tanh", "dropout": 0.3},
        _fused,
    ),
    "fusion_add": (layers.Fusion, {"units": (7,), "how": "add", "activation": "gelu"}, _fused),
    "fusion_multiply": (layers.Fusion, {"units": (7, 4), "how": "multiply"}, _fused),
    "fusion_no_layer": (layers.Fusion, {"units": ()}, _fused),
    "fusion_add_no_layer": (layers.Fusion, {"how": "add"}, _fused),
    "no_attention": (layers.NoAttention, {}, _attended),
    "hard_gather": (layers.HardAttention, {"num_cells": 2}, _attended),
    "hard_mask": (layers.HardAttention, {"fraction": 0.5, "mode": "mask"}, _attended),
    "adaptive_gather": (
        layers.AdaptiveHardAttention,
        {"threshold": 0.2, "norm": "squared", "max_cells": 4},
        _attended,
    ),
    "adaptive_mask": (
        layers.AdaptiveHardAttention,
        {"max_cells": 3, "mode": "mask"},
        _attended,
    ),
    "soft": (
        layers.SoftAttention,
        {"num_hops": 3, "hidden_dim": 7, "dropout": 0.2, "rescale": True},
        _attended,
    ),
    "additive": (
        layers.EfficientAdditiveAttention,
        {"token_dim": 7, "num_heads": 2, "token_weights": "softmax", "use_question": True},
        _gridded,
    ),
    "additive_defaults": (
        layers.EfficientAdditiveAttention,
        {},
        lambda n: {"cells": _cells(n)},
    ),
    "bilevel_gather": (
        layers.BiLevelRoutingAttention,
        {
            "num_heads": 2,
            "num_regions": 2,
            "top_k": 3,
            "qk_dim": 6,
            "scale": 0.4,
            "local_kernel": 3,
            "use_question": True,
        },
        _gridded,
    ),
    "bilevel_mask": (
        layers.BiLevelRoutingAttention,
        {"num_heads": 2, "num_regions": 2, "mask_padding": False, "mode": "mask"},
        _gridded,
    ),
    "full": (
        layers.FullAttention,
        {"num_heads": 2, "local_kernel": 3},
        lambda n: {"cells": _gridded(n)["cells"]},
    ),
    "layer_scale": (layers.LayerScale, {"start": 0.3}, lambda n: {"inputs": _cells(n)}),
    "query_guided": (
        layers.QueryGuidedAttention,
        {"num_heads": 2, "hidden_dim": 7, "dropout": 0.2},
        _queried,
    ),
    "query_guided_in_groups": (
        layers.QueryGuidedAttention,
        {"num_heads": 2, "hidden_dim": 7, "group_size": 3},
        _queried_in_groups,
    ),
    "sobel": (
        layers.SobelEdges,
        {"epsilon": 1e-3},
        lambda n: {"image": np.abs(_gridded(n)["cells"])},
    ),
    "sum": (layers.SumPooling, {}, _aggregated),
    "pairwise": (
        layers.NonLocalPairwise,
        {"units": 7, "scale": False, "pair_value": "both"},
        _aggregated,
    ),
    "pairwise_defaults": (layers.NonLocalPairwise, {}, _aggregated),
    "relation_flat": (
        layers.RelationNetwork,
        {"units": (7, 4), "activation": "tanh", "pool": "mean"},
        _aggregated,
    ),
    "relation_weighted": (
        layers.RelationNetwork,
        {"units": (7, 4), "activation": "tanh", "flat": False},
        _aggregated,
    ),
    "relation_unordered": (
        layers.RelationNetwork,
        {"units": (7, 4), "activation": "tanh", "pairs": "unordered"},
        _aggregated,
    ),
    "relation_all": (
        layers.RelationNetwork,
        {"units": (7, 4), "activation": "tanh", "pairs": "unordered", "pool": "mean"},
        _attended,
    ),
    "relation_recomputed": (
        layers.RelationNetwork,
        {"units": (7, 4), "activation": "tanh", "recompute_chunks": 2},
        _aggregated,
    ),
    "relation_buckets": (
        layers.RelationNetwork,
        {"units": (7, 4), "activation": "tanh", "flat": False, "buckets": (2, 4)},
        _aggregated,
    ),
    "last_state": (layers.LastState, {}, _spoken),
    "reverse_tokens": (layers.ReverseTokens, {}, lambda n: {"tokens": _spoken(n)["tokens"]}),
    "reverse_states": (layers.ReverseTokens, {}, _spoken),
}


LAYERS_WITH_WEIGHTS = (
    "decoder",
    "deformable",
    "fusion_concatenate",
    "fusion_add",
    "soft",
    "additive",
    "bilevel",
    "full",
    "layer_scale",
    "map_positions",
    "query_guided",
    "pairwise",
    "relation",
)


@pytest.fixture(params=CASES, name="case")
def _case(request):
    return CASES[request.param]


def _model(layer, inputs):
    symbols = {
        name: keras.Input(value.shape[1:], dtype=str(value.dtype), name=name)
        for name, value in inputs.items()
    }
    return keras.Model(symbols, layer(**symbols))


def _as_numpy(outputs):
    outputs = outputs if isinstance(outputs, dict) else {"output": outputs}
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


def _assert_equal(actual, expected, atol=1e-6):
    actual, expected = _as_numpy(actual), _as_numpy(expected)
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        # Numbers of a graph are summed in another order: relative to each, too.
        np.testing.assert_allclose(actual[name], value, rtol=1e-6, atol=atol, err_msg=name)


def test_rebuilt_from_its_config_and_weights_it_gives_the_same(case):
    layer_class, arguments, make = case
    layer = layer_class(**arguments)
    outputs = layer(**make(3))
    config = json.loads(json.dumps(layer.get_config()))
    rebuilt = layer_class.from_config(config)
    rebuilt(**make(2))  # builds it
    rebuilt.set_weights(layer.get_weights())
    _assert_equal(rebuilt(**make(3)), outputs)


def test_config_holds_the_arguments_and_nothing_else(case):
    layer_class, arguments, _ = case
    own = set(layer_class(**arguments).get_config()) - EVERY_LAYERS
    accepted = set(inspect.signature(layer_class).parameters) - EVERY_LAYERS
    assert own == accepted


def test_a_functional_model_with_it_is_saved_and_loaded(case, tmp_path):
    layer_class, arguments, make = case
    model = _model(layer_class(**arguments), make(3))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    _assert_equal(loaded(make(3)), model(make(3)))


def test_a_second_batch_size_and_the_declared_shapes_and_dtypes(case):
    layer_class, arguments, make = case
    layer = layer_class(**arguments)
    model = _model(layer, make(3))
    for n in (3, 5):
        outputs = model(make(n))
        _assert_equal(outputs, layer(**make(n)))
        declared = model.output if isinstance(model.output, dict) else {"o": model.output}
        actual = outputs if isinstance(outputs, dict) else {"o": outputs}
        assert declared.keys() == actual.keys()
        for name, tensor in actual.items():
            assert declared[name].dtype == keras.backend.standardize_dtype(tensor.dtype), name
            for size, expected in zip(tensor.shape, declared[name].shape, strict=True):
                assert expected in (None, size), name


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_other_precisions_are_finite_and_near_float32(case, policy):
    layer_class, arguments, make = case
    layer = layer_class(**arguments)
    expected = _as_numpy(layer(**make(3)))
    mixed = layer_class(**arguments, dtype=policy)
    outputs = mixed(**make(3))
    mixed.set_weights(layer.get_weights())
    outputs = mixed(**make(3))
    declared = mixed.compute_output_spec(
        **{name: keras.KerasTensor(x.shape, str(x.dtype)) for name, x in make(3).items()}
    )
    for name, value in (outputs if isinstance(outputs, dict) else {"output": outputs}).items():
        spec = declared[name] if isinstance(declared, dict) else declared
        assert spec.dtype == keras.backend.standardize_dtype(value.dtype), name
        if name == "routes":
            continue  # of near ties another may win
        # Eight bits of mantissa through up to three layers and sums over 36 pairs.
        value = keras.ops.convert_to_numpy(keras.ops.cast(value, "float32"))
        assert np.isfinite(value).all()
        np.testing.assert_allclose(value, expected[name], rtol=0.05, atol=0.25, err_msg=name)


@pytest.mark.parametrize(
    "name", [name for name in CASES if name.startswith(LAYERS_WITH_WEIGHTS)]
)
def test_every_weight_gets_a_gradient(name):
    layer_class, arguments, make = CASES[name]
    layer = layer_class(**arguments)
    inputs = make(4)
    layer(**inputs)
    assert layer.trainable_variables
    with tf.GradientTape() as tape:
        outputs = layer(**inputs)
        outputs = outputs["cells"] if isinstance(outputs, dict) else outputs
        loss = keras.ops.sum(keras.ops.sin(outputs))
    gradients = tape.gradient(loss, [v.value for v in layer.trainable_variables])
    for variable, gradient in zip(layer.trainable_variables, gradients):
        assert gradient is not None, variable.path
        assert np.abs(gradient.numpy()).max() > 0, variable.path


def test_rows_do_not_see_each_other(case):
    layer_class, arguments, make = case
    layer = layer_class(**arguments)
    inputs = make(4)
    backwards = {name: value[::-1] for name, value in inputs.items()}
    expected = _as_numpy(layer(**inputs))
    actual = _as_numpy(layer(**backwards))
    for name, value in expected.items():
        # Fusion gives three rows an image: it is images that change places.
        grouped = (4, -1, *value.shape[1:])
        turned = actual[name].reshape(grouped)[::-1].reshape(value.shape)
        np.testing.assert_allclose(turned, value, atol=1e-6, err_msg=name)


def test_in_a_graph_with_an_unknown_number_of_rows(case):
    layer_class, arguments, make = case
    layer = layer_class(**arguments)
    names = list(make(3))
    layer(**make(3))

    @tf.function(
        input_signature=[tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in make(3).values()]
    )
    def in_graph(*inputs):
        return layer(**dict(zip(names, inputs)))

    for n in (3, 5):
        _assert_equal(in_graph(*make(n).values()), layer(**make(n)))
