import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf.layers import RelationNetwork

N, K, D, DQ = 3, 4, 5, 2
VALID = np.array([[1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]], bool)  # one row has one cell
ALL = np.ones((N, K), bool)


def _inputs():
    rng = np.random.default_rng(0)
    # By descending norm within a row, so that a plain i <= j is what "unordered" means.
    cells = rng.normal(size=(N, K, D))
    cells /= np.linalg.norm(cells, axis=-1, keepdims=True)
    cells *= np.array([4.0, 3.0, 2.0, 1.0])[:, None]
    return cells, rng.normal(size=(N, DQ)), rng.uniform(-1, 1, size=(N, K, 2))


def _reference(layer, cells, valid, question=None, coordinates=None):
    """A loop over the pairs that exist, each the concatenation [o_i, o_j, q]."""
    weights = layer.get_weights()
    objects = cells if coordinates is None else np.concatenate([cells, coordinates], axis=-1)
    outputs = []
    for n in range(len(cells)):
        values = []
        for i in np.flatnonzero(valid[n]):
            for j in np.flatnonzero(valid[n]):
                if layer.pairs == "unordered" and i > j:
                    continue
                value = np.concatenate([objects[n, i], objects[n, j]])
                if question is not None:
                    value = np.concatenate([value, question[n]])
                for kernel, bias in zip(weights[::2], weights[1::2]):
                    value = np.tanh(value @ kernel + bias)
                values.append(value)
        pool = np.mean if layer.pool == "mean" else np.sum
        outputs.append(pool(values, axis=0))
    return np.array(outputs)


def _layer(**arguments):
    return RelationNetwork(units=(7, 6), activation="tanh", dtype="float64", **arguments)


def _shake(layer):
    """Biases start at zero: give every weight a part."""
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("pairs", ["ordered", "unordered"])
@pytest.mark.parametrize("pool", ["sum", "mean"])
@pytest.mark.parametrize("given", [(), ("question",), ("question", "coordinates")])
def test_it_is_g_on_the_concatenated_pairs(given, pool, pairs, flat):
    cells, question, coordinates = _inputs()
    extra = {"question": question, "coordinates": coordinates}
    extra = {name: extra[name] for name in given}
    layer = _layer(pool=pool, pairs=pairs, flat=flat)
    layer(cells, **extra)
    _shake(layer)
    expected = _reference(layer, cells, ALL, **extra)
    np.testing.assert_allclose(layer(cells, **extra), expected, atol=1e-10)
    np.testing.assert_allclose(layer(cells, valid=ALL, **extra), expected, atol=1e-10)
    expected = _reference(layer, cells, VALID, **extra)
    np.testing.assert_allclose(layer(cells, valid=VALID, **extra), expected, atol=1e-10)


def _output_and_gradients(layer, cells, question, valid=None, call=None):
    """With the gradients of the cells, the question and every weight."""
    with tf.GradientTape() as tape:
        tape.watch([cells, question])
        output = (call or layer)(cells, valid=valid, question=question)
        loss = tf.reduce_sum(tf.sin(output))
    sources = [cells, question, *(v.value for v in layer.trainable_variables)]
    return [output.numpy(), *(g.numpy() for g in tape.gradient(loss, sources))]


@pytest.mark.parametrize("pairs", ["ordered", "unordered"])
def test_its_gradients_are_those_of_the_concatenated_pairs(pairs):
    cells, question, _ = (tf.constant(x) for x in _inputs())
    layer = _layer(pairs=pairs)
    layer(cells, question=question)
    _shake(layer)

    def plain(cells, valid, question):
        i, j = np.indices((K, K)).reshape(2, -1) if pairs == "ordered" else np.triu_indices(K)
        hidden = tf.repeat(question[:, None], len(i), axis=1)
        hidden = tf.concat(
            [tf.gather(cells, i, axis=1), tf.gather(cells, j, axis=1), hidden], -1
        )
        kernel, bias, kernel_1, bias_1 = (v.value for v in layer.trainable_variables)
        return tf.reduce_sum(
            tf.tanh(tf.tanh(hidden @ kernel + bias) @ kernel_1 + bias_1), axis=1
        )

    actual = _output_and_gradients(layer, cells, question)
    expected = _output_and_gradients(layer, cells, question, call=plain)
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)
        assert np.abs(a).max() > 0


@pytest.mark.parametrize("pairs", ["ordered", "unordered"])
def test_the_flat_list_has_the_gradients_of_the_weighted_pairs(pairs):
    cells, question, _ = (tf.constant(x) for x in _inputs())
    flat, weighted = _layer(pairs=pairs), _layer(pairs=pairs, flat=False)
    gradients = []
    for layer in (flat, weighted):
        layer(cells, valid=VALID, question=question)
        layer.set_weights(flat.get_weights())
        gradients.append(_output_and_gradients(layer, cells, question, VALID)[1:])
    for actual, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-12)
        assert np.abs(actual).max() > 0
    assert (gradients[0][0][~VALID] == 0).all()
    assert (gradients[1][0][~VALID] == 0).all()


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("pairs", ["ordered", "unordered"])
@pytest.mark.parametrize("valid", [None, VALID])
def test_the_order_of_the_cells_does_not_matter(valid, pairs, flat):
    cells, question, coordinates = _inputs()
    layer = _layer(pairs=pairs, flat=flat)
    expected = layer(cells, valid=valid, question=question, coordinates=coordinates)
    turn = [2, 0, 3, 1]
    output = layer(
        cells[:, turn],
        valid=None if valid is None else valid[:, turn],
        question=question,
        coordinates=coordinates[:, turn],
    )
    np.testing.assert_allclose(output, expected, atol=1e-12)


def test_which_cell_is_first_and_where_it_lies_matters():
    cells, question, coordinates = _inputs()
    for pairs in ("ordered", "unordered"):
        layer = _layer(pairs=pairs)
        output = np.array(layer(cells, question=question, coordinates=coordinates))
        swapped = np.array(
            layer(cells, question=question, coordinates=coordinates[:, [1, 0, 2, 3]])
        )
        assert np.abs(output - swapped).max() > 1e-3


def test_the_first_kernel_starts_at_the_scale_of_the_concatenation():
    layer = RelationNetwork(units=(300,))
    layer.build((None, 9, 98), question_shape=(None, 100), coordinates_shape=(None, 9, 2))
    kernel = layer.get_weights()[0]
    limit = (6 / (100 + 100 + 100 + 300)) ** 0.5  # glorot: +-sqrt(6 / (in + out))
    assert kernel.shape == (300, 300)
    for part in np.split(kernel, 3):
        assert limit * 0.99 < np.abs(part).max() <= limit


def test_what_is_not_valid_may_be_anything():
    cells, question, coordinates = _inputs()
    for flat in (True, False):
        layer = _layer(flat=flat)
        expected = layer(cells, valid=VALID, question=question, coordinates=coordinates)
        broken, lost = cells.copy(), coordinates.copy()
        broken[~VALID], lost[~VALID] = np.nan, np.inf
        output = layer(broken, valid=VALID, question=question, coordinates=lost)
        np.testing.assert_allclose(output, expected, atol=1e-12)


def test_a_row_without_a_cell_gives_zeros():
    cells, _, _ = _inputs()
    valid = VALID.copy()
    valid[0] = False
    for flat in (True, False):
        output = np.array(_layer(flat=flat, pool="mean")(cells, valid=valid))
        assert (output[0] == 0).all()
        assert (np.abs(output[1:]).max(axis=1) > 0).all()


@pytest.mark.parametrize("pairs", ["ordered", "unordered"])
def test_a_graph_with_an_unknown_number_of_cells(pairs):
    cells, question, _ = _inputs()
    for flat in (True, False):
        layer = _layer(pairs=pairs, flat=flat)
        layer(cells, valid=VALID, question=question)

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, None, D), tf.float64),
                tf.TensorSpec((None, None), tf.bool),
                tf.TensorSpec((None, DQ), tf.float64),
            ]
        )
        def in_graph(cells, valid, question):
            return layer(cells, valid=valid, question=question)  # noqa: B023

        for k in (4, 3):
            expected = layer(cells[:, :k], valid=VALID[:, :k], question=question)
            actual = in_graph(cells[:, :k], VALID[:, :k], question)
            np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_without_the_flat_list_it_compiles_under_xla():
    cells, question, _ = _inputs()
    layer = _layer(flat=False, pairs="unordered")
    expected = layer(cells, valid=VALID, question=question)
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(
        compiled(cells, valid=VALID, question=question), expected, atol=1e-12
    )
    assert layer.supports_jit
    flat = _layer(flat=True)
    flat(cells, valid=VALID, question=question)
    assert not flat.supports_jit


@pytest.mark.parametrize("pool", ["sum", "mean"])
def test_cells_alone_are_the_pairs_of_each_with_itself(pool):
    rng = np.random.default_rng(0)
    cells, question = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 4))
    valid = np.array([[True, True, True], [True, False, True]])
    relation = RelationNetwork(units=(6, 7), pool=pool, flat=False, dtype="float64")
    relation(cells, valid=valid, question=question)
    relation.alone = True
    alone = np.array(relation(cells, valid=valid, question=question))
    relation.alone = False
    # One cell at a time has no other pair.
    each = [relation(cells[:, i : i + 1], question=question) for i in range(3)]
    expected = np.sum(np.array(each) * valid.T[:, :, None], axis=0)
    if pool == "mean":
        expected = expected / valid.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(alone, expected, atol=1e-12)


# Four chunks of three rows: the first is empty where N is not known beforehand.
UNKNOWN_ROWS = [
    tf.TensorSpec((None, K, D), tf.float64),
    tf.TensorSpec((None, K), tf.bool),
    tf.TensorSpec((None, DQ), tf.float64),
]


@pytest.mark.parametrize(
    "valid,arguments,compile_arguments",
    [
        (None, {"pairs": "ordered"}, None),
        (None, {"pairs": "unordered"}, None),
        (VALID, {"pairs": "ordered"}, None),
        (VALID, {"pairs": "unordered", "flat": False}, None),
        (VALID, {"pairs": "unordered"}, {"input_signature": UNKNOWN_ROWS}),
        (VALID, {"pairs": "unordered", "flat": False}, {"jit_compile": True}),
    ],
)
def test_chunks_have_the_result_and_the_gradients_of_all_at_once(
    valid, arguments, compile_arguments
):
    cells, question, _ = (tf.constant(x) for x in _inputs())
    whole = _layer(pool="mean", **arguments)
    whole(cells, valid=valid, question=question)
    _shake(whole)
    expected = _output_and_gradients(whole, cells, question, valid)
    for recompute_chunks in (2, 4) if compile_arguments is None else (4,):
        layer = _layer(pool="mean", recompute_chunks=recompute_chunks, **arguments)
        layer(cells, valid=valid, question=question)
        layer.set_weights(whole.get_weights())
        call = layer
        if compile_arguments is not None:
            call = tf.function(
                lambda cells, valid, question, layer=layer: layer(cells, valid, question),
                **compile_arguments,
            )
        actual = _output_and_gradients(layer, cells, question, valid, call)
        for a, b in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)
            assert np.abs(a).max() > 0


@pytest.mark.parametrize(
    "pairs,compiled", [("ordered", False), ("unordered", False), ("ordered", True)]
)
def test_buckets_have_the_result_and_the_gradients_of_all_cells(pairs, compiled):
    cells, question, _ = (tf.constant(x) for x in _inputs())
    whole = _layer(pairs=pairs, flat=False)
    whole(cells, valid=VALID, question=question)
    _shake(whole)
    layer = _layer(pairs=pairs, flat=False, buckets=(2, 3, 9))
    layer(cells, valid=VALID, question=question)
    layer.set_weights(whole.get_weights())
    call = layer
    if compiled:
        call = tf.function(
            lambda c, valid, question: layer(c, valid, question), jit_compile=True
        )
    few = VALID.copy()
    few[2] = [False, True, False, False]
    few[0] = [False, True, False, True]
    for valid in (VALID, few, np.zeros_like(VALID)):
        expected = _output_and_gradients(whole, cells, question, valid)
        actual = _output_and_gradients(layer, cells, question, valid, call)
        for a, b in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("recompute_chunks,seen", [(0, [4]), (3, [3, 1, 4])])
def test_only_the_cells_of_the_bucket_are_paired(recompute_chunks, seen):
    cells, question, _ = _inputs()
    pairs_seen = []

    def activation(x):
        pairs_seen.append(x.shape[1])
        return x

    layer = RelationNetwork(
        units=(7,),
        activation=activation,
        flat=False,
        buckets=(1, 2, 3),
        recompute_chunks=recompute_chunks,
    )
    layer(cells, valid=ALL, question=question)
    pairs_seen.clear()
    layer(cells, valid=VALID, question=question)  # rows with 3, 1 and 4 cells
    assert pairs_seen == [k * k for k in seen]


def test_each_chunk_is_computed_by_itself_and_again_in_the_backward_pass():
    cells, question, _ = (tf.constant(x) for x in _inputs())
    rows_seen = []

    def activation(x):
        rows_seen.append(x.shape.num_elements() // (K * K * x.shape[-1]))
        return tf.tanh(x)

    layer = RelationNetwork(units=(7, 6), activation=activation, recompute_chunks=2)
    layer(cells, question=question)
    rows_seen.clear()
    with tf.GradientTape() as tape:
        output = layer(cells, question=question)
        assert rows_seen == [1, 1, 2, 2]  # two layers of g for a row, then for two rows
        rows_seen.clear()
        loss = tf.reduce_sum(output)
    tape.gradient(loss, [v.value for v in layer.trainable_variables])
    assert rows_seen == [2, 2, 1, 1]


def test_in_a_graph_a_chunk_waits_for_the_one_before():
    layer = RelationNetwork(units=(7, 6), recompute_chunks=2)
    layer.build((N, K, D))
    graph = (
        tf.function(lambda x: layer(x)).get_concrete_function(tf.TensorSpec((N, K, D))).graph
    )
    chunks = next(
        op.inputs
        for op in graph.get_operations()
        if op.type == "ConcatV2" and op.outputs[0].shape == (N, 6)
    )
    before, todo = set(), [chunks[1].op]
    while todo:
        op = todo.pop()
        if op.name not in before:
            before.add(op.name)
            todo += [tensor.op for tensor in op.inputs]
    assert chunks[0].op.name in before


def test_a_row_that_is_not_finite_leaves_the_next_chunk_alone():
    cells, question, _ = _inputs()
    layer = _layer(recompute_chunks=3)
    expected = np.array(layer(cells, question=question))
    broken = cells.copy()
    broken[0, 1, 2] = np.nan
    output = np.array(layer(broken, question=question))
    assert np.isnan(output[0]).all()
    np.testing.assert_array_equal(output[1:], expected[1:])


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Pass numbers of cells"):
        RelationNetwork(buckets=(8, 4))
    with pytest.raises(ValueError, match="chunks into which the question rows"):
        RelationNetwork(recompute_chunks=-1)
    with pytest.raises(ValueError, match="one width per layer of g, at least one"):
        RelationNetwork(units=())
    with pytest.raises(ValueError, match='`pool` must be "sum" or "mean"'):
        RelationNetwork(pool="max")
    with pytest.raises(ValueError, match='`pairs` must be "ordered" or "unordered"'):
        RelationNetwork(pairs="all")
