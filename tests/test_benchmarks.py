"""The benchmarks: they run, they count operations right, and they compare equal things."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks import (
    adaptive,
    family,
    input,
    kept_cells,
    localizer,
    operations,
    options,
    pairs_memory,
    questions,
    shapes,
    steps,
    time_to_accuracy,
)
from benchmarks.heads import SOFT, build_head, count_operations
from benchmarks.timing import Variant, alternate, make_rows, timed
from hardvqa_tf.encoders import small_cnn
from hardvqa_tf.layers import (
    BiLevelRoutingAttention,
    EfficientAdditiveAttention,
    QueryGuidedAttention,
)
from hardvqa_tf.localize.model import build_localizer

# N=3 rows, a grid of 2x3 cells.
SHAPE = shapes.Shape(
    rows=3,
    grid=(2, 3),
    grid_dim=4,
    question_dim=5,
    fusion_units=(8, 7),
    units=(6, 9),
    pairwise_units=11,
    classifier_units=(10,),
    num_answers=12,
)
FLAGS = (
    "--rows 3 --grid 2 3 --grid_dim 4 --question_dim 5 --fusion_units 8 7 --units 6 9 "
    "--pairwise_units 11 --classifier_units 10 --num_answers 12 --rounds 2 --peak_size 16"
).split()


# --- Operations.


def test_a_layer_costs_three_products_and_the_first_one_two():
    assert operations.dense(2, 3, 5) == 3 * 2 * (2 * 3 * 5)
    assert operations.dense(2, 3, 5, input_is_data=True) == 2 * 2 * (2 * 3 * 5)
    assert operations.chain(2, (3, 5, 7)) == 6 * 2 * (3 * 5 + 5 * 7)
    assert operations.matmul(10) == 2000


def test_operations_of_a_relation_network_by_hand():
    # 2 rows, 3 cells each of width 4, all 9 pairs a row, a question of width 5, g of 6 and 7.
    first = 6 * (2 * 6 * 4 * 6 + 2 * 5 * 6)  # each cell as first and second; the question once
    assert operations.relation(2, 6, 18, 4, 5, (6, 7)) == first + 6 * 18 * 6 * 7
    plain = 6 * 18 * ((4 + 4 + 5) * 6 + 6 * 7)
    assert operations.relation_of_concatenated(18, 4, 5, (6, 7)) == plain


def test_operations_of_a_fusion_count_an_image_once_for_its_questions():
    # 2 images with 3 questions each, 5 cells of width 7, questions of width 4.
    shared = operations.fusion(6, 5, 7, 4, (8,), images=2)
    assert shared == 6 * (2 * 5 * 7 * 8 + 6 * 4 * 8)
    assert operations.fusion(6, 5, 7, 4, (8,)) == 6 * (6 * 5 * 7 * 8 + 6 * 4 * 8)


def operations_in_graph(function, *arguments):
    """What the matrix products and convolutions of a `tf.function` take, by their shapes."""
    total = 0
    for op in function.get_concrete_function(*arguments).graph.get_operations():
        if op.type in ("MatMul", "BatchMatMulV2"):
            batched = op.type == "BatchMatMulV2"
            turned = op.get_attr("adj_x" if batched else "transpose_a")
            inner = op.inputs[0].shape[-2 if turned else -1]
            total += 2 * inner * op.outputs[0].shape.num_elements()
        elif op.type.startswith("Conv2D"):
            grad = "Backprop" in op.type
            cells = op.inputs[2].shape if grad else op.outputs[0].shape
            if op.type == "Conv2DBackpropFilter":
                kernel = op.outputs[0].shape
            else:
                kernel = op.inputs[1].shape
            total += 2 * cells[:3].num_elements() * kernel.num_elements()
        elif op.type.startswith("DepthwiseConv2d"):
            grad = "Backprop" in op.type
            cells = op.inputs[2].shape if grad else op.outputs[0].shape
            of_filter = op.type == "DepthwiseConv2dNativeBackpropFilter"
            kernel = op.outputs[0].shape if of_filter else op.inputs[1].shape
            total += 2 * cells.num_elements() * kernel[:2].num_elements()
    return total


def gradient_function(model, name=None):
    @tf.function
    def gradients(inputs):
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            loss = tf.reduce_sum((outputs[name] if name else outputs) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    return gradients


@pytest.mark.parametrize(
    ("attention", "arguments", "aggregator"),
    [
        ("none", {}, "sum"),
        ("soft", SOFT, "relation"),
        ("han", {"num_cells": 2}, "relation"),
        ("adahan", {"mode": "mask"}, "pairwise"),
    ],
)
def test_operations_are_those_of_the_graph(attention, arguments, aggregator):
    inputs, _ = shapes.draw_batch(SHAPE)
    parts = {"attention": attention, "aggregator": aggregator, "flat": False}
    model = build_head(SHAPE, attention_args=arguments, **parts)
    total, _ = count_operations(SHAPE, inputs, model, **parts)
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    assert operations_in_graph(gradient_function(model, "logits"), tensors) == total


def test_operations_of_convolutions_are_those_of_the_graph():
    model = small_cnn((9, 12), filters=(4, 5), strides=(2, 2))
    found = operations_in_graph(gradient_function(model), tf.zeros((2, 9, 12, 3)))
    # The graph has the image's gradient, too; TensorFlow leaves it out when it runs.
    of_image = 2 * (2 * 5 * 6) * (3 * 3 * 3) * 4
    assert found - of_image == operations.small_cnn(2, (9, 12), (4, 5))


@pytest.mark.parametrize(
    ("mixer", "expected"),
    [
        (EfficientAdditiveAttention(use_question=True), operations.additive(3, 12, 8, 5)),
        # 4x4 cells in 2x2 regions of 2x2; each looks at three.
        (
            BiLevelRoutingAttention(2, 2, 3, local_kernel=3, use_question=True),
            operations.bilevel_routing(3, 16, 8, 5, 4, 3 * 4, 3),
        ),
        (QueryGuidedAttention(2, 7), operations.query_guided(3, 12, 6, 8, 5, 7)),
    ],
    ids=["additive", "bilevel_routing", "query_guided"],
)
def test_operations_of_a_mixer_are_those_of_the_graph(mixer, expected):
    n, d, dq, t = 3, 8, 5, 6
    shape = (4, 4, d) if isinstance(mixer, BiLevelRoutingAttention) else (12, d)
    inputs = keras.Input(shape, batch_size=n), keras.Input((dq,), batch_size=n)
    # Linear layers before it: the cells and the question get gradients, too.
    cells, question = (keras.layers.Dense(x.shape[-1])(x) for x in inputs)
    words = isinstance(mixer, QueryGuidedAttention)
    query = keras.layers.RepeatVector(t)(question) if words else question
    seen = mixer(cells, query if words else question)["cells"]
    found = operations_in_graph(
        gradient_function(keras.Model(inputs, seen)), [tf.zeros(x.shape) for x in inputs]
    )
    before = operations.dense(n * 12 if len(shape) == 2 else n * 16, d, d, input_is_data=True)
    assert found - before - operations.dense(n, dq, dq, input_is_data=True) == expected


def test_a_list_of_pairs_costs_what_the_rows_keep():
    counts = np.array([1, 4, 2])
    shape = shapes.Shape(**{**vars(SHAPE), "fusion_units": ()})
    inputs, _ = shapes.draw_batch(shape)
    inputs["grid"] = adaptive.draw_cells(shape, counts)
    totals = {}
    for flat in (True, False):
        parts = {"attention": "adahan", "aggregator": "relation", "flat": flat}
        totals[flat], mean = count_operations(
            shape, inputs, build_head(shape, **parts), **parts
        )
        assert mean == pytest.approx(7 / 3)
    # 1 + 16 + 4 pairs, or three rows of 4x4; each goes from 6 to 9 numbers.
    assert totals[False] - totals[True] == 6 * (3 * 16 - 21) * 6 * 9


# --- Timing.


def test_variants_take_turns_in_alternating_order():
    calls = []
    measures = {name: timed(lambda name=name: calls.append(name)) for name in "abc"}
    seconds = alternate(measures, 3)
    assert "".join(calls) == "abc" + "abc" + "cba" + "abc"  # the first is not timed
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_ratio_is_of_times_of_the_same_round():
    variants = [
        Variant("slow", None, 60.0, 6.0, "slow"),
        Variant("fast", None, 20.0, 2.0, "slow"),
    ]
    # The machine became ten times slower after the first round.
    rows = make_rows(variants, {"slow": [4.0, 40.0, 40.0], "fast": [2.0, 10.0, 20.0]}, peak=5.0)
    assert rows["slow"].faster == rows["slow"].fewer == 1.0
    assert rows["fast"].faster == 2.0  # of 2, 4 and 2
    assert rows["fast"].fewer == 3.0
    assert rows["fast"].seconds == 10.0
    assert rows["fast"].of_peak == pytest.approx(20 / 10 / 5)


def test_a_step_trains_at_a_rate_and_repeats_itself_without():
    inputs, answers = shapes.draw_batch(SHAPE)
    model = build_head(SHAPE)
    step = steps.make_step(model, inputs, answers)
    first = step()
    assert step() == first
    step = steps.make_step(model, inputs, answers, learning_rate=0.01)
    assert [step() for _ in range(5)][-1] < first


# --- The scripts.


def test_kept_cells(eagerly, capsys):
    rows = kept_cells.main([*FLAGS, "--shares", "0.5", "--aggregators", "relation"])
    assert rows["relation, han 0.5"].cells == 3
    assert rows["relation, han 0.5"].fewer > 1.5
    assert all(row.seconds > 0 and 0 < row.of_peak for row in rows.values())
    printed = capsys.readouterr().out
    assert "rows=3, grid=(2, 3)" in printed
    assert [line for line in printed.splitlines() if line.startswith("relation, han 0.5 ")]


def test_adaptive(eagerly, capsys):
    rows = adaptive.main([*FLAGS, "--mean_cells", "2", "--spreads", "wide"])
    assert len(rows) == 2 + len(adaptive.WAYS)
    assert {row.cells for name, row in rows.items() if name != "no attention"} == {2.0}
    masked = rows["wide, all cells, dropped ones masked"]
    assert masked.operations == rows["no attention"].operations
    assert "wide: " in capsys.readouterr().out


@pytest.mark.parametrize("spread", adaptive.SPREADS.values())
def test_counts_of_cells_have_the_asked_mean(spread):
    counts = adaptive.draw_counts(7, 5, 12, spread)
    assert counts.sum() == 7 * 5
    assert counts.min() >= 1 and counts.max() <= 12


def test_drawn_cells_are_kept_as_drawn():
    shape = shapes.Shape(**{**vars(SHAPE), "fusion_units": ()})
    inputs, _ = shapes.draw_batch(shape)
    counts = np.array([1, 6, 4])  # 6: the whole grid
    inputs["grid"] = adaptive.draw_cells(shape, counts)
    mask = build_head(shape, attention="adahan")(inputs)["mask"]
    np.testing.assert_array_equal(np.sum(mask, axis=1), counts)


@pytest.mark.slow
def test_pairs_memory(capsys):
    # So many that what the process takes otherwise hardly counts.
    flags = "--rows 4 --grid 14 14 --grid_dim 8 --units 64 64 64 --rounds 1 --chunks 0 4"
    found = pairs_memory.main(flags.split())
    stored, recomputed = (num_bytes for num_bytes, _ in found.values())
    # Of each pair, three layers of 64 float32 are stored.
    assert stored - recomputed > 0.5 * 3 * (4 * 196**2) * 3 / 4 * 64 * 4
    assert "recompute_chunks" in capsys.readouterr().out


def test_questions(eagerly, capsys):
    flags = (
        "--questions 6 --questions_per_image 3 --image_size 9 12 --tokens 3 --filters 4 5 "
        "--question_units 6 --embedding_dim 3 --fusion_units 7 --num_cells 2 --units 8 9 "
        "--classifier_units 10 --num_answers 4 --rounds 2 --peak_size 16"
    ).split()
    rows = questions.main(flags)
    assert [*rows] == ["1 question on each image", "3 questions on each image"]
    # A third of the images: encoder, and fusion's part of the grid of 3x3 cells of width 5.
    saved = operations.small_cnn(4, (9, 12), (4, 5)) + operations.dense(4 * 9, 5, 7)
    assert rows["1 question on each image"].operations - saved == (
        rows["3 questions on each image"].operations
    )
    assert "3 questions on each image" in capsys.readouterr().out
    with pytest.raises(ValueError, match="Choose a divisor"):
        questions.main([*flags, "--questions_per_image", "4"])


@pytest.mark.slow
def test_family(records_dir, monkeypatch, capsys):
    configs = family.load_grid("attention_family", records_dir)
    few = ("small_cnn_han", "biformer_t_han", "additive_soft", "query_guided_han")
    monkeypatch.setattr(family, "load_grid", lambda *_: {name: configs[name] for name in few})
    found = family.main(["--steps", "2", "--rounds", "1"])
    assert [*found] == list(few) and all(ms > 0 for ms, _ in found.values())
    least = found["small_cnn_han"][1]
    assert all(gflop > least for name, (_, gflop) in found.items() if name != "small_cnn_han")
    assert "small_cnn_han" in capsys.readouterr().out


@pytest.mark.slow
def test_options(records_dir, monkeypatch, capsys):
    two = {name: options.VARIANTS[name] for name in ("default", "steps_per_execution 5")}
    monkeypatch.setattr(options, "VARIANTS", two)
    flags = ["--records_dir", records_dir, "--steps", "3", "--rounds", "2"]
    faster = options.main(flags)
    assert faster["default"] == 1.0 and faster["steps_per_execution 5"] > 0
    assert "steps_per_execution 5 " in capsys.readouterr().out


def test_input(records_dir, capsys):
    rates = input.main(["--records_dir", records_dir, "--rounds", "1"])
    assert [*rates] == ["VqaData, streamed", "VqaData, from memory", input.REFERENCE, "cat"]
    assert all(rate > 0 for rate in rates.values())
    assert "24 images, 144 questions" in capsys.readouterr().out


def test_time_to_accuracy(tmp_path, monkeypatch, capsys):
    lines = {
        "torch": [(60.0, 0.5), (120.0, 0.6)],
        "han": [(15.0, 0.4), (15.0, 0.7)],
        "adahan": [(30.0, 0.6)],
        "none": [(300.0, 0.3)],
    }
    for folder, points in lines.items():
        (tmp_path / folder).mkdir()
        text = [json.dumps({"seconds": s, "val/all": a}) + "\n" for s, a in points]
        (tmp_path / folder / "metrics.jsonl").write_text("".join(text))
    ran = []
    monkeypatch.setattr(time_to_accuracy.subprocess, "run", lambda c, **_: ran.append(c))
    reached = time_to_accuracy.main(["--workdir", str(tmp_path)])
    # PyTorch is there; of ours, each goes on where it was.
    assert [c[1] for c in ran] == ["main.py"] * 3
    assert reached == {
        "HAN + RN": 0.5,
        "AdaHAN + RN": 0.5,
        "RN": None,
        "plain PyTorch RN": 3.0,
    }
    assert (tmp_path / "time_to_accuracy.png").stat().st_size > 1000
    assert "6.0x" in capsys.readouterr().out


# --- Plain PyTorch: only where it is installed.


def torch_and_keras():
    """Both heads with the same weights, and their batch."""
    torch_head = pytest.importorskip("benchmarks.torch_head", exc_type=ImportError)
    from benchmarks.relation_peers import draw_weights

    model, plain = build_head(SHAPE), torch_head.Head(SHAPE)
    weights = draw_weights([v.shape for v in model.trainable_variables])
    for variable, weight in zip(model.trainable_variables, weights, strict=True):
        variable.assign(weight)
    torch_head.set_weights(plain, weights)
    return torch_head, plain, model, shapes.draw_batch(SHAPE)


def test_plain_pytorch_computes_and_learns_the_same():
    torch_head, plain, model, (inputs, answers) = torch_and_keras()
    logits = np.asarray(model(inputs)["logits"])
    # Sums over 36 pairs in another order.
    np.testing.assert_allclose(torch_head.logits_of(plain, inputs), logits, atol=1e-4)
    theirs = torch_head.make_step(plain, inputs, answers, learning_rate=1e-3)
    ours = steps.make_step(model, inputs, answers, learning_rate=1e-3)
    np.testing.assert_allclose([theirs() for _ in range(4)], [ours() for _ in range(4)], 1e-4)


def test_operations_of_plain_pytorch_are_those_that_it_counts():
    torch_head, plain, _, (inputs, answers) = torch_and_keras()
    from torch.utils.flop_counter import FlopCounterMode

    step = torch_head.make_step(plain, inputs, answers)
    with FlopCounterMode(display=False) as counter:
        step()
    assert counter.get_total_flops() == operations.head_of_concatenated(SHAPE)


def test_relation_peers(capsys):
    pytest.importorskip("torch")
    from benchmarks import relation_peers

    rows = relation_peers.main([*FLAGS, "--fraction", "0.5"])
    assert [*rows] == [relation_peers.PLAIN, "tensorflow, all cells", "tensorflow, han 0.5"]
    assert rows["tensorflow, han 0.5"].cells == 3
    assert "logits differ from PyTorch's by" in capsys.readouterr().out


def test_plain_pytorch_trains_on_records(records_dir, tmp_path):
    pytest.importorskip("torch")
    from benchmarks import torch_training

    flags = "--image_size 20 24 --batch_size 7 --filters 4 5 6 --units 8 9 --minutes 0.005"
    torch_training.main(
        [*flags.split(), "--records_dir", records_dir, "--workdir", str(tmp_path)]
    )
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    assert sum(line["seconds"] for line in lines) >= 0.3
    assert 0 <= lines[-1]["val/all"] <= 1


def test_the_parent_of_the_peers_imports_no_framework():
    import subprocess
    import sys

    code = (
        "import sys; from benchmarks import relation_peers; "
        "print([m for m in ('keras', 'tensorflow', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_backend_of_these_tests_is_tensorflow():
    # `operations_in_graph` and the ways of `adaptive` depend on it.
    assert keras.backend.backend() == "tensorflow"


@pytest.mark.slow
def test_a_localizer_with_few_cells_is_timed_beside_one_with_all(capsys):
    rows = localizer.main(
        ["--scenes", "1", "--queries", "1", "--grids", "4:2", "--rounds", "1"]
    )
    assert list(rows) == ["4:2"]
    for times in rows["4:2"].values():
        assert times["faster"] == pytest.approx(times["all"] / times["few"])
    assert "2 of 16" in capsys.readouterr().out
    few, every = (localizer.make_config(4, kept) for kept in (2, None))
    kept = [keras_model_kept(config) for config in (few, every)]
    assert kept == [2, 16]


def keras_model_kept(config):
    """How many cells a localizer of this config keeps."""
    model = build_localizer(config)
    batch = localizer.draw_batch(config.image_size[0], scenes=1, queries=1)
    outputs = model({tensor.name: batch[tensor.name] for tensor in model.inputs})
    return int(outputs["num_cells"][0, 0])
