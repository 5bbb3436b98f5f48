"""Floating-point operations of a training step, counted by formula, part by part.

Only matrix products count (a convolution is one). What works on each number once, as ReLU,
the sum of two cells' vectors, the softmax, norms, the gather and Adam, is left out: it is
bound by memory, and is what keeps a step below its share of the device's peak.

A product of [m, k] and [k, n] takes 2mkn operations forward, and as many again for each
operand that gets a gradient: 6mkn for a layer within the model, 4mkn for the first one, whose
input is data. All functions give the operations of one step, forward and backward.

The counts are of the work that the formulation needs, not of what a library may add. They
follow the way the layers compute: a relation network's first layer once per cell, not per
pair; `relation_of_concatenated` is the plain formulation.

Letters: B images, N question rows, T tokens, P cells of the grid, K kept cells, M pairs of
all rows together; D, Dq widths of cells and question, Do of a cell with its coordinates.
"""

import itertools
import math


def dense(rows, inputs, outputs, input_is_data=False):
    """A linear layer from `inputs` to `outputs` numbers, for so many rows."""
    return (4 if input_is_data else 6) * rows * inputs * outputs


def chain(rows, widths):
    """Linear layers one after another: widths[0] -> widths[1] -> ..."""
    return sum(dense(rows, m, n) for m, n in itertools.pairwise(widths))


def fusion(n, p, depth, question_dim, units, images=None, inputs_are_data=False):
    """`Fusion`: its first layer (or product of two) once per image and once per question.

    Args:
        n: N, question rows.
        images: B; None: one for each row.
    """
    images = n if images is None else images
    of_grid = dense(images * p, depth, units[0], inputs_are_data)
    of_question = dense(n, question_dim, units[0], inputs_are_data)
    return of_grid + of_question + chain(n * p, units)


def fusion_of_concatenated(n, p, depth, question_dim, units):
    """The plain formulation: the question is copied to every cell. Its inputs are data."""
    first = dense(n * p, depth + question_dim, units[0], input_is_data=True)
    return first + chain(n * p, units)


def soft_attention(n, p, d, question_dim, hidden_dim, num_hops, question_is_data=False):
    """`SoftAttention`; its weighted sum of the cells is no matrix product."""
    hop = dense(n * p, d, hidden_dim) + dense(n, d, hidden_dim) + dense(n * p, hidden_dim, 1)
    total = num_hops * hop
    if question_dim != d:
        return total + dense(n, question_dim, d, question_is_data)
    # The first hop begins with the question itself.
    return total - dense(n, d, hidden_dim) + dense(n, d, hidden_dim, question_is_data)


def relation(
    n,
    cells,
    pairs,
    object_dim,
    question_dim,
    units,
    cells_are_data=False,
    question_is_data=False,
):
    """`RelationNetwork`.

    Args:
        cells: of all rows together whose products are computed, padding included.
        pairs: M, of all rows together, that go through g.
    """
    first = 2 * dense(cells, object_dim, units[0], cells_are_data)
    first += dense(n, question_dim, units[0], question_is_data)
    return first + chain(pairs, units)


def relation_of_concatenated(pairs, object_dim, question_dim, units):
    """The plain formulation: g sees [o_i, o_j, q] for every pair."""
    return chain(pairs, (2 * object_dim + question_dim, *units))


def pairwise(n, k, object_dim, units):
    """`NonLocalPairwise`: theta and phi of the cells, all their products, one value a row."""
    embeddings = 2 * dense(n * k, object_dim, units)
    logits = 6 * n * k * k * units
    value = 6 * n * k * object_dim + dense(n, object_dim, units)
    return embeddings + logits + value


def head_of_concatenated(shape):
    """All cells of `torch_head.Head`, whose arguments are a `Shape`."""
    n, p = shape.rows, shape.num_cells
    total = fusion_of_concatenated(n, p, shape.grid_dim, shape.question_dim, shape.fusion_units)
    total += relation_of_concatenated(
        n * p * p, shape.cell_dim + 2, shape.question_dim, shape.units
    )
    return total + chain(n, (shape.units[-1], *shape.classifier_units, shape.num_answers))


def additive(n, p, d, question_dim):
    """`EfficientAdditiveAttention` of one head as wide as the cells, with a question."""
    layers_of_cells = 4 * dense(n * p, d, d)
    return layers_of_cells + dense(n * p, d, 1) + dense(n, question_dim, d)


def bilevel_routing(n, p, d, question_dim, regions, seen, kernel):
    """`BiLevelRoutingAttention` that gathers, with a question and without padding.

    Args:
        regions: R.
        seen: cells that a cell attends to: K regions of so many cells each.
        kernel: side of the depthwise convolution.
    """
    layers_of_cells = 4 * dense(n * p, d, d) + 6 * n * p * d * kernel**2
    routing = 2 * n * regions * regions * d  # without gradient
    return layers_of_cells + routing + 2 * 6 * n * p * seen * d + dense(n, question_dim, d)


def query_guided(n, p, t, d, query_dim, hidden_dim):
    """`QueryGuidedAttention`: P cells attend to T words."""
    layers_of_cells = 2 * dense(n * p, d, d) + 2 * dense(n * p, d, hidden_dim)
    return layers_of_cells + 2 * dense(n * t, query_dim, d) + 2 * 6 * n * p * t * d


def image_encoder(b, counts):
    """Any encoder, trained: three times its way forward.

    Args:
        counts: of `encoder_operations.multiply_adds`.
    """
    return 6 * b * sum(counts.values())


def lstm(n, t, inputs, units):
    """An LSTM's four gates, at every token."""
    return dense(n * t, inputs, 4 * units) + dense(n * t, units, 4 * units)


def small_cnn(b, image_size, filters, kernel_size=3, stride=2):
    """The encoder `small_cnn`: a convolution is a product for every cell that it gives."""
    height, width = image_size
    total, depth = 0, 3
    for i, outputs in enumerate(filters):
        height, width = math.ceil(height / stride), math.ceil(width / stride)
        inputs = kernel_size * kernel_size * depth
        total += dense(b * height * width, inputs, outputs, input_is_data=i == 0)
        depth = outputs
    return total


def matmul(size):
    """One product of two square matrices, forward alone."""
    return 2 * size**3
