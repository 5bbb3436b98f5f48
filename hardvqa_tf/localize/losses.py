"""The localizer's losses: set prediction as in DETR and Deformable DETR, and the contrast.

Every target is matched with one prediction, at the least cost in all; predictions are pulled to
their targets, and all others are no objects. With p = sigmoid(logit), t = 1 where matched,

    focal = a_t (1 - p_t)^2 BCE(logit, t)     p_t = p or 1 - p, a_t = 0.25 or 0.75
    cost  = 2 (pos - neg) + 5 L1 - 2 GIoU     pos = 0.25 (1-p)^2 (-log(p + 1e-8))
                                              neg = 0.75 p^2 (-log(1 - p + 1e-8))
    loss  = 2 focal + 5 L1 + 2 (1 - GIoU)     divided by the number of targets

at every level of the decoder, each with a matching of its own. L1 is the sum over the four
coordinates. Nothing is divided here: what a batch's losses are divided by is known only when
all devices' targets are counted.

Letters: B images, Q queries of an image, K predictions, G targets of a query, padded; E width
of an embedding.
"""

from keras import ops

from hardvqa_tf.localize.boxes import box_giou, pair_giou, pair_l1
from hardvqa_tf.localize.layer_names import of_maps

CLASS_WEIGHT, L1_WEIGHT, GIOU_WEIGHT = 2.0, 5.0, 2.0
ALPHA = 0.25  # of the focal loss: the weight of objects; gamma is 2
CONTRAST_SCALE = 12.0  # of the cosine of two embeddings
CONTRAST_WEIGHT = 2.0


def focal_loss(logits, labels):
    """The focal loss of each logit.

    Args:
      logits: float[...].
      labels: float[...], 1 for an object, 0 for none.

    Returns:
      float32[...].
    """
    logits, labels = ops.cast(logits, "float32"), ops.cast(labels, "float32")
    # max(x, 0) - x t + log(1 + exp(-|x|)), which overflows nowhere.
    crossed = ops.relu(logits) - logits * labels + ops.softplus(-ops.abs(logits))
    p = ops.sigmoid(logits)
    missed = p * (1.0 - labels) + (1.0 - p) * labels  # 1 - p_t
    return (ALPHA * labels + (1.0 - ALPHA) * (1.0 - labels)) * ops.square(missed) * crossed


def matching_cost(logits, boxes, targets):
    """What it costs to match each prediction with each target.

    Args:
      logits: float[..., K].
      boxes: float[..., K, 4], (cx, cy, w, h) as shares of the image.
      targets: float[..., G, 4], padded with any numbers.

    Returns:
      float32[..., K, G], without a gradient.
    """
    logits, boxes, targets = (ops.cast(x, "float32") for x in (logits, boxes, targets))
    p = ops.sigmoid(logits)
    positive = ALPHA * ops.square(1.0 - p) * -ops.log(p + 1e-8)
    negative = (1.0 - ALPHA) * ops.square(p) * -ops.log(1.0 - p + 1e-8)
    cost = (
        CLASS_WEIGHT * (positive - negative)[..., None]
        + L1_WEIGHT * pair_l1(boxes, targets)
        - GIOU_WEIGHT * pair_giou(boxes, targets)
    )
    return ops.stop_gradient(cost)


def set_losses(logits, boxes, targets, matched):
    """The losses of one level.

    Args:
      logits: float[..., K].
      boxes: float[..., K, 4].
      targets: float[..., G, 4].
      matched: int[..., G], the prediction of each target; -1 for padding, and for a target that
        is left over.

    Returns:
      A dict of float32[...], sums over the predictions or pairs of each query: `focal`, `l1`,
      `giou`, and `loss`, their weighted sum.
    """
    boxes, targets = ops.cast(boxes, "float32"), ops.cast(targets, "float32")
    number = ops.arange(logits.shape[-1] or ops.shape(logits)[-1], dtype="int32")
    is_pair = ops.equal(ops.cast(matched, "int32")[..., None], number)  # [..., G, K]
    pairs = ops.cast(is_pair, "float32")
    found = ops.matmul(pairs, boxes)  # [..., G, 4]: one box each, or zeros
    valid = matched >= 0
    # Padding compares a box with itself: no number of it can do harm, in the gradient neither.
    found = ops.where(valid[..., None], found, 0.5)
    wanted = ops.where(valid[..., None], targets, 0.5)
    focal = ops.sum(focal_loss(logits, ops.sum(pairs, axis=-2)), axis=-1)
    l1 = ops.sum(ops.abs(found - wanted), axis=(-2, -1))
    giou = ops.sum(ops.where(valid, 1.0 - box_giou(found, wanted), 0.0), axis=-1)
    loss = CLASS_WEIGHT * focal + L1_WEIGHT * l1 + GIOU_WEIGHT * giou
    return {"focal": focal, "l1": l1, "giou": giou, "loss": loss}


def levels_of(outputs):
    """(logits, boxes) of every level that learns: the dense head, then the decoder's.

    Args:
      outputs: of a model from `build_localizer`.
    """
    levels = [(outputs["dense_logits"], outputs["dense_boxes"])]
    level = 0
    while f"level_{level}_logits" in outputs:
        levels.append((outputs[f"level_{level}_logits"], outputs[f"level_{level}_boxes"]))
        level += 1
    return levels


def localizer_loss(
    outputs, targets, target_valid, match, classes=None, contrast_weight=CONTRAST_WEIGHT
):
    """The set losses of all levels, each matched anew, and the contrast, added up.

    Args:
      outputs: of a model from `build_localizer`.
      targets: float[B, Q, G, 4].
      target_valid: bool[B, Q, G]; False is padding.
      match: `matching.match`, or another that takes (costs of every level, target_valid).
      classes: int[B, Q], see `contrast`; None leaves the contrast out.
      contrast_weight: of the contrast; 0 leaves it out.

    Returns:
      A dict of float32[B, Q], each to be divided by the number of targets: `loss`, the sum of
      all; of it `dense`, that of the dense head, and `contrast`, before its weight; `focal`,
      `l1` and `giou` of the last level.
    """
    levels = levels_of(outputs)
    costs = [matching_cost(logits, boxes, targets) for logits, boxes in levels]
    losses = [
        set_losses(logits, boxes, targets, matched)
        for (logits, boxes), matched in zip(levels, match(costs, target_valid), strict=True)
    ]
    found = {name: losses[-1][name] for name in ("focal", "l1", "giou")}
    found["dense"] = losses[0]["loss"]
    found["loss"] = sum(level["loss"] for level in losses)
    if classes is not None and contrast_weight:
        found["contrast"] = contrast_of_maps(
            outputs["query_embeddings"],
            outputs["cell_embeddings"],
            targets,
            target_valid,
            classes,
            grids=grids_of(outputs),
        )
        found["loss"] = found["loss"] + contrast_weight * found["contrast"]
    return found


def grids_of(outputs):
    """(h, w) of each map that a model's cells lie on, in their order; of the one grid.

    Args:
      outputs: of a model from `build_localizer`.
    """
    return [tuple(values.shape[2:]) for values in of_maps(outputs, "presence")]


def contrast_of_maps(query_embeddings, cell_embeddings, *targets, grids):
    """`contrast` on each map by itself, the mean: all cells are to be compared with drawings.

    Args:
      query_embeddings, cell_embeddings, targets: as of `contrast`.
      grids: (h, w) of each map, in the order of the cells.

    Returns:
      float32[B, Q].
    """
    of_maps, start = [], 0
    for h, w in grids:
        cells = cell_embeddings[:, start : start + h * w]
        of_maps.append(contrast(query_embeddings, cells, *targets, (h, w)))
        start += h * w
    return sum(of_maps) / len(of_maps)


def contrast(query_embeddings, cell_embeddings, targets, target_valid, classes, grid):
    """How well drawings tell objects of their class from others: a loss of each query.

    An object is the cell at its centre. Over all objects and queries of the batch, a query
    should find the objects of its class among all, and an object the queries of its class:

        -log softmax_o(12 <e_q, e_o>), the mean over the objects o of the query's class
        -log softmax_q(12 <e_q, e_o>), the mean over the queries q of the object's class

    Args:
      query_embeddings: float[B, Q, E], of unit length.
      cell_embeddings: float[B, P, E], of unit length.
      targets: float[B, Q, G, 4].
      target_valid: bool[B, Q, G].
      classes: int[B, Q], the class that a query asks for; -1 takes no part: an unknown one.
      grid: (h, w), with h·w = P.

    Returns:
      float32[B, Q]: both terms, summed over the objects of each query, so that they are divided
      by the number of targets as all losses are; 0 where there is no object.
    """
    query_embeddings = ops.cast(query_embeddings, "float32")
    cell_embeddings = ops.cast(cell_embeddings, "float32")
    h, w = grid
    b, q, g = ops.shape(target_valid)
    column = _cell_at(targets[..., 0], w)
    row = _cell_at(targets[..., 1], h)
    number = ops.reshape(row * w + column, (b, q * g))
    picked = ops.cast(
        ops.equal(number[..., None], ops.arange(h * w, dtype="int32")), "float32"
    )  # [B, Q·G, P]
    objects = ops.reshape(ops.matmul(picked, cell_embeddings), (b * q * g, -1))
    queries = ops.reshape(query_embeddings, (b * q, -1))
    classes = ops.cast(classes, "int32")
    takes_part = ops.logical_and(target_valid, classes[..., None] >= 0)  # [B, Q, G]
    is_object = ops.reshape(takes_part, (b * q * g,))
    is_query = ops.reshape(ops.any(takes_part, axis=-1), (b * q,))
    counted = ops.cast(takes_part, "float32")
    asked = ops.reshape(classes, (b * q,))
    shown = ops.reshape(ops.where(takes_part, classes[..., None], -1), (b * q * g,))
    logits = CONTRAST_SCALE * ops.matmul(queries, ops.transpose(objects))  # [B·Q, B·Q·G]
    both = ops.logical_and(is_query[:, None], is_object[None])
    same = ops.logical_and(both, ops.equal(asked[:, None], shown[None]))
    of_queries = ops.reshape(_mean_surprise(logits, both, same, axis=1), (b, q))
    of_objects = ops.reshape(_mean_surprise(logits, both, same, axis=0), (b, q, g))
    return ops.sum((of_queries[..., None] + of_objects) * counted, axis=-1)


def _cell_at(place, cells):
    """The cell along an axis that a place in 0..1 falls in."""
    return ops.cast(ops.clip(ops.floor(place * cells), 0, cells - 1), "int32")


def _mean_surprise(logits, valid, wanted, axis):
    """-log softmax over the valid entries of an axis, the mean over the wanted; 0 if none."""
    logits = ops.where(valid, logits, -1e9)
    surprise = -ops.log_softmax(logits, axis=axis)
    wanted = ops.cast(wanted, "float32")
    count = ops.sum(wanted, axis=axis)
    return ops.sum(ops.where(wanted > 0, surprise, 0.0), axis=axis) / ops.maximum(count, 1.0)
