"""The localizer's parts against its authors' own modules, whose tensors lie beside the data.

The files hold inputs, weights (`w/<name of the author's parameter>`) and outputs of PyTorch
modules in float32. Sums in another order differ by some 1e-6; boxes in pixels by some 1e-4.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.layers import (
    BoxRefinement,
    DecoderLayer,
    DeformableAttention,
    QueryGuidedAttention,
    SinePositions,
    inverse_sigmoid,
)
from hardvqa_tf.layers.deformable_attention import look_up
from hardvqa_tf.localize import losses, matching
from hardvqa_tf.localize.boxes import pair_giou
from hardvqa_tf.localize.postprocess import postprocess
from tests.shared_data import shared

TOLERANCE = 1e-5


def stored(name):
    with np.load(shared(f"../parity/localizer/{name}.npz")) as file:
        return {key: file[key] for key in file.files}


def assert_near(found, expected, atol=TOLERANCE):
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=atol, rtol=0)


def set_dense(dense, tensors, module):
    weights = [tensors[f"w/{module}.weight"].T]
    dense.set_weights(weights + [tensors[f"w/{module}.bias"]] * dense.use_bias)


def set_attention(layer, tensors, module):
    """PyTorch packs q, k and v in one matrix."""
    kernels = np.split(tensors[f"w/{module}.in_proj_weight"], 3)
    biases = np.split(tensors[f"w/{module}.in_proj_bias"], 3)
    layer.query_dense.set_weights([kernels[0].T, biases[0]])
    layer.key_dense.set_weights([kernels[1].T])
    layer.value_dense.set_weights([kernels[2].T, biases[2]])
    set_dense(layer.attended_dense, tensors, f"{module}.out_proj")


def set_norm(norm, tensors, module):
    norm.set_weights([tensors[f"w/{module}.weight"], tensors[f"w/{module}.bias"]])


def test_query_guided_attention():
    file = stored("cross_mha_fusion")
    cells, query = file["cells"], file["query"]
    layer = QueryGuidedAttention(int(file["num_heads"]), file["w/linear1.bias"].size)
    layer.build(cells.shape, query.shape)
    set_attention(layer, file, "self_attn")
    set_dense(layer.hidden_dense, file, "linear1")
    set_dense(layer.out_dense, file, "linear2")
    set_norm(layer.norm, file, "norm3")
    positions = {name: file[name] for name in ("cell_positions", "query_positions")}
    found = layer(cells, query, **positions)
    assert_near(found["cells"], file["out"])
    assert_near(found["weights"], file["weights_mean_over_heads"])
    assert_near(layer(cells, query)["cells"], file["out_without_positions"])


def test_sine_positions():
    file = stored("position_sine")
    cases = [name for name in file if "_" not in name]
    assert cases
    for case in cases:
        h, w, n, normalized = map(int, file[f"{case}_h_w_featsperaxis_normalized"])
        layer = SinePositions(h, w, 2 * n, normalized=bool(normalized))
        found = np.asarray(layer(np.zeros((1, h * w, 1)))).reshape(1, h, w, 2 * n)
        assert_near(found, np.transpose(file[case], (0, 2, 3, 1)))


def decoder_layer(file):
    layer = DecoderLayer(
        int(file["num_heads"]),
        file["w/linear1.bias"].size,
        norm_first=bool(file["norm_first"]),
    )
    layer.build(file["target"].shape, file["memory"].shape)
    set_attention(layer.self_attention, file, "self_attn")
    set_attention(layer.cross_attention, file, "multihead_attn")
    set_dense(layer.hidden_dense, file, "linear1")
    set_dense(layer.out_dense, file, "linear2")
    for i, norm in enumerate(layer.norms):
        set_norm(norm, file, f"norm{i + 1}")
    return layer


@pytest.mark.parametrize("order", ["post", "pre"])
def test_a_decoder_layer_without_positions(order):
    file = stored(f"torch_decoder_layer_{order}_norm")
    layer = decoder_layer(file)
    objects, cells = file["target"], file["memory"]
    assert_near(layer(objects, cells), file["out"])
    zeros = {"object_positions": 0 * objects, "cell_positions": 0 * cells}
    assert_near(layer(objects, cells, **zeros), file["out"])
    masked = layer(objects, cells, cells_valid=~file["memory_padding"])
    assert_near(masked, file["out_masked"])


@pytest.mark.parametrize("order", ["post", "pre"])
def test_a_decoder_layer_with_positions_and_padding(order):
    file = stored(f"detr_decoder_layer_{order}_norm")
    found = decoder_layer(file)(
        file["target"],
        file["memory"],
        cells_valid=~file["memory_padding"],
        object_positions=file["query_positions"],
        cell_positions=file["memory_positions"],
    )
    assert_near(found, file["out"])


def map_shapes(file):
    return [tuple(map(int, shape)) for shape in file["spatial_shapes"]]


def test_what_deformable_attention_looks_up():
    file = stored("deformable_core")
    places, weights = file["sampling_locations"], file["attention_weights"]
    assert_near(look_up(file["value"], map_shapes(file), places, weights), file["out"])


@pytest.mark.parametrize("kind", ["points", "boxes"])
def test_deformable_attention(kind):
    file = stored(f"deformable_attention_{kind}")
    objects, cells = file["query"], file["input_flatten"]
    references, valid = file["reference_points"], ~file["padding_mask"]
    layer = DeformableAttention(
        map_shapes(file), int(file["num_heads"]), int(file["num_points"])
    )
    layer.build(objects.shape, references.shape, cells.shape)
    assert_near(layer.offsets_dense.bias, file["initial_sampling_offsets_bias"])
    set_dense(layer.offsets_dense, file, "sampling_offsets")
    set_dense(layer.weights_dense, file, "attention_weights")
    set_dense(layer.value_dense, file, "value_proj")
    set_dense(layer.out_dense, file, "output_proj")
    assert_near(layer(objects, references, cells, cells_valid=valid), file["out"])


@pytest.mark.parametrize("size", [4, 2])
def test_box_refinement(size):
    file = stored("box_refine")
    hidden, reference = file["hidden"], file[f"reference{size}"]
    denses = sum(name.endswith(".bias") for name in file)
    layer = BoxRefinement(file["w/layers.0.bias"].size, denses)
    layer.build(hidden.shape, reference.shape)
    for i, dense in enumerate([*layer.denses, layer.out_dense]):
        set_dense(dense, file, f"layers.{i}")
    assert_near(layer(hidden, reference), file[f"boxes_from_reference{size}"])
    if size == 4:
        assert_near(inverse_sigmoid(reference), file["inverse_sigmoid4"])


def test_criterion():
    """Costs, matching, losses and their gradients, of padded targets."""
    file = stored("criterion")
    label = int(file["target_label"])
    targets, valid = file["target_boxes_cxcywh"], file["target_valid"]
    all_logits = tf.constant(file["pred_logits"])
    boxes = tf.constant(file["pred_boxes_cxcywh"])
    number = max(1, valid.sum())
    with tf.GradientTape() as tape:
        tape.watch([all_logits, boxes])
        logits = all_logits[..., label]
        cost = losses.matching_cost(logits, boxes, targets)
        (matched,) = matching.match([cost], tf.constant(valid))
        found = losses.set_losses(logits, boxes, targets, matched)
        # Theirs have a class more, which nothing is of.
        other = losses.focal_loss(all_logits[..., 1 - label], 0.0)
        focal = (tf.reduce_sum(found["focal"]) + tf.reduce_sum(other)) / number
        l1, giou = (tf.reduce_sum(found[name]) / number for name in ("l1", "giou"))
        total = 2 * focal + 5 * l1 + 2 * giou
    gradients = tape.gradient(total, [all_logits, boxes])
    columns = np.broadcast_to(valid[:, None], cost.shape)
    assert_near(np.asarray(cost)[columns], file["cost_matrix"][columns])
    np.testing.assert_array_equal(matched, file["matched_query_of_target"])
    for value, name in zip((focal, l1, giou), ("ce", "bbox", "giou")):
        assert_near(value, file[f"loss_{name}"])
    assert_near(total, file["total"])
    assert_near(gradients[0], file["grad_logits"])
    assert_near(gradients[1], file["grad_boxes"])
    pairs = pair_giou(file["pred_boxes_cxcywh"][0], file["pred_boxes_cxcywh"][-1])
    assert_near(pairs, file["giou_matrix_first_with_last"])


def test_postprocess():
    file = stored("postprocess")
    found = postprocess(file["pred_logits"], file["pred_boxes_cxcywh"], file["sizes_h_w"])
    assert_near(found["scores"], file["scores"])
    np.testing.assert_array_equal(found["labels"], file["labels"])
    assert_near(found["boxes"], file["boxes_xyxy"], atol=1e-3)  # pixels
