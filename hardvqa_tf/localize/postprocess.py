"""From a model's outputs to detections: the best boxes with their scores.

Letters: N queries, K predictions, C classes, R detections.
"""

import math

from keras import ops

from hardvqa_tf.localize.boxes import to_corners

MAX_DETECTIONS = 100


def postprocess(logits, boxes, sizes, max_detections=MAX_DETECTIONS):
    """The best detections of each query, as Deformable DETR takes them: no box is suppressed.

    Args:
      logits: float[N, K], or float[N, K, C] of several classes.
      boxes: float[N, K, 4], (cx, cy, w, h) as shares of the image.
      sizes: [N, 2], (height, width) of the images as they were given, in pixels.
      max_detections: R at most; fewer where there are fewer logits.

    Returns:
      A dict, in order of descending score: `scores` float32[N, R] in (0, 1); `labels` int32
      [N, R], the class; `boxes` float32[N, R, 4] as (left, top, right, bottom) in pixels, which
      may reach beyond the image; `predictions` int32[N, R], which of the K.
    """
    scores = ops.sigmoid(ops.cast(logits, "float32"))
    classes = 1 if len(scores.shape) == 2 else scores.shape[-1]
    # [N, K·C], of a size that a graph knows, too, if it knows that of the logits.
    each = -1 if None in scores.shape[1:] else math.prod(scores.shape[1:])
    scores = ops.reshape(scores, (ops.shape(scores)[0], each))
    count = scores.shape[-1] or ops.shape(scores)[-1]
    scores, best = ops.top_k(scores, min(max_detections, count))
    best = ops.cast(best, "int32")
    predictions = best // classes
    corners = to_corners(ops.cast(boxes, "float32"))
    corners = ops.take_along_axis(corners, predictions[..., None], axis=1)
    height, width = ops.split(ops.cast(sizes, "float32")[:, None], 2, axis=-1)  # [N, 1, 1]
    pixels = ops.concatenate([width, height, width, height], axis=-1)
    return {
        "scores": scores,
        "labels": best % classes,
        "boxes": corners * pixels,
        "predictions": predictions,
    }
