"""What an exported localizer takes and gives: a table of its outputs, and the graph.

    image string[B] ──status, decode, resize──► [B, H, W, 3] ───────────┐
    sketch string[B, Q, S] ──status, rasterize──► [B, Q, S, 64, 64, 1] ─┴► the Keras model
    boxes and logits of K objects ──sigmoid, best first, in pixels──► boxes, scores, num_found

A row that cannot be answered says why in `status`, and the others are answered all the same.

Letters: B images, Q queries of an image, S drawings of a query, N rows of one image and one
query, K objects that the model gives, R boxes that come out, H W grid.
"""

import tensorflow as tf

from hardvqa_tf.data.image_status import OK, image_status
from hardvqa_tf.data.inputs import IMAGE
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.data.signature_rows import Output, blank_unless, replace_unusable
from hardvqa_tf.localize.decoder import NO_CELL
from hardvqa_tf.localize.judging.judge import threshold_of
from hardvqa_tf.localize.model import total_cells
from hardvqa_tf.localize.postprocess import MAX_DETECTIONS, postprocess
from hardvqa_tf.localize.sketch_inputs import read_sketches
from hardvqa_tf.localize.sketch_sentences import NO_DRAWING
from records.decode import decode_images_and_sizes
from records.formats import MAX_PIXELS

# The one list of them, in the order that documents have.
OUTPUTS = (
    Output(
        *("boxes", "float32", ("R", 4)),
        "left, top, right, bottom in pixels of the image, clipped by it; best first, filled up "
        "with 0",
    ),
    Output("scores", "float32", ("R",), "theirs, between 0 and 1; filled up with 0"),
    Output("num_found", "int32", (), "how many scores are at least the run's threshold"),
    Output("mask", "bool", ("H", "W"), "True: the cell was looked at"),
    Output("presence", "float32", ("H", "W"), "the norm of each cell"),
    Output("num_cells", "int32", (), "how many cells were looked at"),
    Output("status", "string", (), '"ok", or what is wrong; all else is then 0'),
)


def make_signatures(model, assets, max_pixels=MAX_PIXELS, best_epoch=None):
    """The signatures of an export.

    Args:
      model: from `build_localizer`.
      assets: `Classes`, which the model does not need.
      max_pixels: see `FindGraph`.
      best_epoch: metrics of the epoch that the model is of, which know the threshold.

    Returns:
      ({name: `tf.function`}, what they need to live).
    """
    del assets
    graph = FindGraph(model, threshold_of(best_epoch or {}), max_pixels)
    signatures = {
        tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: graph.find,
        "several_drawings": graph.find_by_several,
        "many_queries": graph.find_many,
    }
    return signatures, []


def number_of_boxes(model):
    """R: as many as the model gives, `MAX_DETECTIONS` at most."""
    return min(_number_of_objects(model), MAX_DETECTIONS)


def _number_of_objects(model):
    return model.output["logits"].shape[2] or total_cells(model)  # AdaHAN's choice: any number


class FindGraph:
    """What is done to images and drawings before the model, and to its outputs.

    Args:
      model: from `build_localizer`.
      threshold: from which score on a box counts as found.
      max_pixels: height times width of the largest image or picture of a drawing that is
        decoded.

    Attributes:
      find: a `tf.function`: `image` string[N] and `sketch` string[N] -> a dict of OUTPUTS,
        [N, ...]. Of a row that cannot be answered `status` says what is wrong, and all else
        is 0.
      find_by_several: the same for `sketch` string[N, S], drawings of one thing, whose order
        changes nothing; "" fills up a row.
      find_many: the same for `image` string[B] and `sketch` string[B, Q, S]: [B, Q] in front.
        An image is decoded and encoded once, however many queries it has.
    """

    def __init__(self, model, threshold, max_pixels=MAX_PIXELS):
        self._model, self._threshold, self._max_pixels = model, threshold, max_pixels
        image = next(tensor for tensor in model.inputs if tensor.name == IMAGE)
        self._image_size = tuple(image.shape[1:3])
        self._num_objects = _number_of_objects(model)
        images = tf.TensorSpec([None], tf.string, IMAGE)

        def sketches(*axes):
            return tf.TensorSpec(axes, tf.string, "sketch")

        # Without autograph, which nothing here needs, tracing takes less time.
        options = {"autograph": False}
        many = [images, sketches(None, None, None)]
        self.find_many = tf.function(self._find, many, **options)

        def find_by_several(image, sketch):
            outputs = self.find_many(image, sketch[:, None])
            return {name: value[:, 0] for name, value in outputs.items()}

        def find(image, sketch):
            outputs = self.find_many(image, sketch[:, None, None])
            return {name: value[:, 0] for name, value in outputs.items()}

        self.find_by_several = tf.function(
            find_by_several, [images, sketches(None, None)], **options
        )
        self.find = tf.function(find, [images, sketches(None)], **options)

    def _find(self, image, sketch):
        """string[B] and string[B, Q, S] -> the outputs, [B, Q, ...]."""
        sizes = tf.shape(image)[0], tf.shape(sketch)[0]
        checks = [
            tf.debugging.assert_equal(
                *sizes, "As many rows of image as of sketch are expected."
            ),
            tf.debugging.assert_positive(tf.size(sketch), "There is no drawing."),
        ]
        with tf.control_dependencies(checks):  # before other operations fail, less clearly
            image, sketch = tf.identity(image), tf.identity(sketch)
        image_is, pixels, sizes = self._read_images(image)
        query_is, rasters, valid = self._read_queries(sketch)
        status = tf.where(image_is[:, None] == OK, query_is, image_is[:, None])
        inputs = {IMAGE: pixels, "sketch": rasters, "sketch_valid": valid}
        outputs = self._model(inputs, training=False)
        found = self._best_boxes(outputs["logits"], outputs["boxes"], sizes)
        found |= {name: outputs[name] for name in ("mask", "presence", "num_cells")}
        found = {name: blank_unless(status == OK, value) for name, value in found.items()}
        return found | {"status": status}

    def _read_images(self, image):
        """What is wrong, string[B]; the model's input; sizes (height, width), int32[B, 2]."""
        status = image_status(image, self._max_pixels)
        is_ok = status == OK
        pixels, sizes = decode_images_and_sizes(image, is_ok, self._image_size)
        return status, scale_pixels(replace_unusable(pixels, is_ok)), sizes

    def _read_queries(self, sketch):
        """What is wrong, string[B, Q]; rasters [B, Q, S, 64, 64, 1]; which count, [B, Q, S]."""
        shape = tf.shape(sketch)
        rasters, status = read_sketches(tf.reshape(sketch, [-1]), self._max_pixels)
        by_query = tf.concat([[shape[0] * shape[1]], shape[2:]], 0)
        rasters = tf.reshape(rasters, tf.concat([by_query, [*rasters.shape[1:], 1]], 0))
        is_given = tf.reshape(sketch != "", by_query)
        status = tf.where(is_given, tf.reshape(status, by_query), OK)
        status = tf.where(tf.reduce_any(is_given, 1), _first_that_is_wrong(status), NO_DRAWING)
        rasters = replace_unusable(rasters, status == OK)
        valid = replace_unusable(is_given, status == OK)
        valid |= ~tf.reduce_any(valid, 1, keepdims=True)  # None is usable: so are all.
        return (
            tf.reshape(status, shape[:2]),
            tf.reshape(rasters, tf.concat([shape, tf.shape(rasters)[2:]], 0)),
            tf.reshape(valid, shape),
        )

    def _best_boxes(self, logits, boxes, sizes):
        """[B, Q, K], [B, Q, K, 4], int32[B, 2] -> boxes, scores, num_found."""
        b, q = tf.unstack(tf.shape(logits)[:2])
        lacking = self._num_objects - tf.shape(logits)[2]
        logits = tf.pad(logits, [[0, 0], [0, 0], [0, lacking]], constant_values=NO_CELL)
        boxes = tf.pad(boxes, [[0, 0], [0, 0], [0, lacking], [0, 0]])
        logits = tf.reshape(logits, [-1, self._num_objects])  # [N, K]
        boxes = tf.reshape(boxes, [-1, self._num_objects, 4])
        # As shares of the image, which clip it, and then in its pixels.
        best = postprocess(logits, boxes, tf.ones([tf.shape(logits)[0], 2]))
        is_cell = tf.gather(logits, best["predictions"], batch_dims=1) > NO_CELL  # [N, R]
        height, width = tf.unstack(tf.cast(sizes, tf.float32), axis=1)
        sides = tf.repeat(tf.stack([width, height, width, height], axis=1), q, axis=0)
        corners = tf.clip_by_value(best["boxes"], 0.0, 1.0) * sides[:, None]
        found = {
            "boxes": tf.where(is_cell[..., None], corners, 0.0),
            "scores": tf.where(is_cell, best["scores"], 0.0),
            "num_found": tf.reduce_sum(
                tf.cast(is_cell & (best["scores"] >= self._threshold), tf.int32), axis=1
            ),
        }
        return {
            name: tf.reshape(value, [b, q, *value.shape[1:]]) for name, value in found.items()
        }


def _first_that_is_wrong(status):
    """string[N, S] -> string[N]; of several drawings, with the number of that one."""
    is_wrong = status != OK
    first = tf.argmax(is_wrong, axis=1, output_type=tf.int32)
    said = tf.gather(status, first, batch_dims=1)
    names = tf.strings.join(["Drawing ", tf.strings.as_string(first + 1), ": "])
    is_named = tf.reduce_any(is_wrong, 1) & (tf.shape(status)[1] > 1)
    return tf.strings.join([tf.where(is_named, names, ""), said])
