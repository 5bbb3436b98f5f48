"""Records to batches: scenes x queries of a scene, in an order that a seed decides.

A query is a scene and a class that it shows, asked with drawings of that class. A scene's
queries are cut into groups of Q (the last group padded), one group with its image is an item,
and B items are a batch. Their order is that of `data.batches`.

    image         float32[B, H, W, 3] in [0, 1]
    sketch        float32[B, Q, S, 64, 64, 1], white on black
    sketch_valid  bool[B, Q, S], False is padding; a padded query has blank ones that are valid
    boxes         float32[B, Q, G, 4], (cx, cy, w, h) as shares of the image
    box_valid     bool[B, Q, G], False is padding
    classes       int32[B, Q], the class's number among those seen in training, else -1
    weights       float32[B, Q], 1 for a query that counts, 0 for padding

and, where asked for, `is_query` bool[B, Q], False for padding, and the strings [B, Q]
`query_id`, `class_name` and `image_id`.

Where nothing is learned, each scene is also asked for one class that it does not show: a query
of nothing, which has no box.
"""

import math

import numpy as np
import tensorflow as tf

from hardvqa_tf.data.batches import Batches, group_rows
from hardvqa_tf.data.inputs import IMAGE, check_size
from hardvqa_tf.data.pixels import draw_moves, move_images, scale_pixels
from hardvqa_tf.localize.drawings import LEVELS, Drawings
from hardvqa_tf.localize.moved_boxes import move_boxes
from hardvqa_tf.localize.moved_drawings import move_drawings
from hardvqa_tf.localize.scenes import absent_class, query_id, read_scenes
from records.build import read_info
from records.decode import decode_image
from records.drawings.rasterize import SIZE
from records.folder import shard_paths
from records.schema import parse_example

_READ = ("image/encoded", "image/id", "image/orientation")
_OF_IMAGE = ("image", "orientation")  # What is there once for all queries of a scene.


def open_split(
    config,
    split,
    assets,
    *,
    records_dir=None,
    learns=False,
    with_ids=False,
    whole_images=False,
    num_drawings=1,
):
    """`QueryData` of a split, as the config says.

    Args:
      config: of the run.
      split: "train", ...
      assets: `Classes`.
      records_dir: instead of the config's.
      learns: without queries of nothing.
      with_ids: also give ids.
      whole_images: all queries of a scene together, however many the config's training puts
        there.
      num_drawings: S.
    """
    return QueryData(
        records_dir or config.records_dir,
        split,
        assets.seen,
        image_size=tuple(config.image_size),
        batch_size=config.train.batch_size,
        queries_per_image=None if whole_images else config.train.queries_per_image,
        num_drawings=num_drawings,
        steps_per_epoch=config.train.steps_per_epoch,
        seed=config.seed,
        augmentation=config.train.augmentation,
        with_nothing=not learns,
        with_strings=with_ids,
    )


class QueryData(Batches):
    """The batches of one split.

    Args:
      records_dir: a folder that `--mode=build` has finished, with a store of drawings.
      split: "train", "val", "test", ...
      seen: names of the classes that training shows, in the order of their numbers.
      image_size: (H, W) that images are resized to.
      batch_size: B, scenes in a batch, over all devices together.
      queries_per_image: Q; None: as many as the scene with the most queries has.
      num_drawings: S, of a query; where a class has fewer, the others are padding.
      steps_per_epoch: batches of a training epoch; None, and if the split has fewer: all.
      seed: decides the order of training epochs, and which drawings they ask with.
      augmentation: dict of `shift`, `rotation`, `mirror` (`data.pixels.draw_moves`) and `fill`;
        of the images of training epochs alone, whose boxes move with them; and of `drawings`,
        a dict (`move_drawings`), of what these epochs ask with. None: all as it is.
      with_nothing: also ask each scene for a class that it does not show.
      with_strings: also give ids, which evaluation needs, not training.

    Raises:
      ValueError: if the records cannot be asked, saying why.
    """

    def __init__(
        self,
        records_dir,
        split,
        seen,
        *,
        image_size,
        batch_size,
        queries_per_image=None,
        num_drawings=1,
        steps_per_epoch=None,
        seed=0,
        augmentation=None,
        with_nothing=False,
        with_strings=False,
    ):
        info = read_info(records_dir)
        paths = shard_paths(records_dir, split)  # Also says if there is no such split.
        self._picture_shape = check_size(records_dir, info, image_size)
        self._augmentation = _check_augmentation(augmentation, self._picture_shape[:2])
        scenes = read_scenes(records_dir, split)
        self._scenes = {scene.image_id.encode(): scene for scene in scenes}
        self._drawings = Drawings(records_dir, split)
        self._drawings.check(name for scene in scenes for name in scene.classes())
        self._numbers = {name: number for number, name in enumerate(seen)}
        self._to_choose = self._drawings.classes() if with_nothing else []
        self._num_drawings, self._with_strings = num_drawings, with_strings
        sizes = [len(self._names(scene)) for scene in scenes]
        self.queries_per_image = queries_per_image or max(sizes)
        # G: objects of one class in one scene, at most.
        self._num_boxes = max(
            int(np.sum(scene.is_of(name) & ~scene.crowd))
            for scene in scenes
            for name in scene.classes()
        )
        self.num_queries = sum(sizes)
        super().__init__(
            paths,
            split,
            num_images=len(scenes),
            num_items=sum(-(-size // self.queries_per_image) for size in sizes),
            image_bytes=math.prod(self._picture_shape),
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            seed=seed,
            augments=bool(self._augmentation),
            is_item="is_query",
        )

    @property
    def contents(self):
        return f"{self.num_queries:,} queries of {self.num_images:,} scenes"

    @property
    def batch_contents(self):
        return f"{self.batch_size} scenes x {self.queries_per_image} queries"

    def parse(self, serialized):
        parsed = parse_example(serialized, _READ)
        return {
            "image": parsed["image/encoded"],
            "orientation": parsed["image/orientation"],
            "image_id": parsed["image/id"],
            "weights": tf.ones([1]),  # Its queries are made in `groups`.
        }

    def decode(self, image):
        image = dict(image)
        orientation = image.pop("orientation")
        pixels = decode_image(image["image"], self._picture_shape[:2], orientation)
        return image | {"image": pixels}

    def groups(self, image, seed):
        """A scene's groups of queries [n, Q, ...], and the same number of times its image."""
        of_image = {name: image[name] for name in _OF_IMAGE if name in image}
        queries = self._queries(image["image_id"], seed)
        nothing = {"classes": -1, "sketch_valid": True}
        groups = {
            name: group_rows(value, self.queries_per_image, _padding(value, nothing.get(name)))
            for name, value in queries.items()
        }
        number = tf.shape(groups["weights"])[0]
        return groups | {
            name: tf.repeat(value[None], number, axis=0) for name, value in of_image.items()
        }

    def augment(self, batch, seed, first_row):
        """Images and boxes; a query of which no object is left to be seen does not count."""
        given = dict(self._augmentation)
        of_drawings = given.pop("drawings")
        if any(of_drawings.values()):
            moved = move_drawings(batch["sketch"], seed, **of_drawings, first_row=first_row)
            batch = batch | {"sketch": moved}
        if not _moves(given):
            return batch
        fill, smooth = given.pop("fill", 0.0), bool(given.get("rotation"))
        images = batch["image"]
        moves = draw_moves(tf.shape(images)[0], seed, **given, first_row=first_row)
        boxes, is_seen = move_boxes(batch["boxes"], moves, self._picture_shape[:2])
        box_valid = batch["box_valid"] & is_seen
        lost = tf.reduce_any(batch["box_valid"], -1) & ~tf.reduce_any(box_valid, -1)
        return batch | {
            "image": move_images(images, moves, fill, smooth),
            "boxes": tf.where(box_valid[..., None], boxes, 0.0),
            "box_valid": box_valid,
            "weights": tf.where(lost, 0.0, batch["weights"]),
        }

    def finish(self, batch):
        batch = dict(batch)
        sketch = tf.cast(batch["sketch"], tf.float32)[..., None] / LEVELS
        return batch | {IMAGE: scale_pixels(batch["image"]), "sketch": sketch}

    def _names(self, scene):
        """The classes that a scene is asked for; one that is not there comes last."""
        absent = absent_class(scene, self._to_choose)
        return scene.classes() + ([absent] if absent is not None else [])

    def _queries(self, image_id, seed):
        """The queries of a scene, a dict of tensors [queries, ...]."""
        g, s = self._num_boxes, self._num_drawings
        shapes = {
            "classes": (tf.int32, ()),
            "boxes": (tf.float32, (g, 4)),
            "box_valid": (tf.bool, (g,)),
            "sketch": (tf.uint8, (s, SIZE, SIZE)),
            "sketch_valid": (tf.bool, (s,)),
            "query_id": (tf.string, ()),
            "class_name": (tf.string, ()),
        }
        given = [image_id] if seed is None else [image_id, seed]
        types = [dtype for dtype, _ in shapes.values()]
        values = tf.numpy_function(self._ask, given, types, stateful=False)
        queries = {
            name: tf.ensure_shape(value, [None, *shape])
            for (name, (_, shape)), value in zip(shapes.items(), values, strict=True)
        }
        strings = {name: queries.pop(name) for name in ("query_id", "class_name")}
        queries["weights"] = tf.ones_like(queries["classes"], tf.float32)
        if not self._with_strings:
            return queries
        ids = tf.fill(tf.shape(queries["classes"]), image_id)
        is_query = tf.ones_like(queries["classes"], tf.bool)
        return queries | strings | {"image_id": ids, "is_query": is_query}

    def _ask(self, image_id, seed=None):
        """What `_queries` gives, in its order, in NumPy; `seed`: int64[2] or None."""
        scene = self._scenes[image_id]
        names = self._names(scene)
        if seed is not None:
            order = np.random.default_rng(seed).permutation(len(names))
            names = [names[i] for i in order]
        n, g, s = len(names), self._num_boxes, self._num_drawings
        boxes, box_valid = np.zeros((n, g, 4), np.float32), np.zeros((n, g), bool)
        sketch, sketch_valid = np.zeros((n, s, SIZE, SIZE), np.uint8), np.zeros((n, s), bool)
        ids = [query_id(scene, name) for name in names]
        for row, (name, identity) in enumerate(zip(names, ids, strict=True)):
            own = _centred(scene.boxes[scene.is_of(name) & ~scene.crowd])
            boxes[row, : len(own)], box_valid[row, : len(own)] = own, True
            if seed is None:
                numbers = self._drawings.fixed(identity, name, s)
            else:
                numbers = self._drawings.pick(int(seed[0]), identity, name, s)
            sketch[row, : len(numbers)] = self._drawings.rasters(name, numbers)
            sketch_valid[row, : len(numbers)] = True
        classes = np.array([self._numbers.get(name, -1) for name in names], np.int32)
        strings = (np.array([t.encode() for t in texts], object) for texts in (ids, names))
        return classes, boxes, box_valid, sketch, sketch_valid, *strings


def _check_augmentation(augmentation, size):
    """The dict, or None where nothing is moved."""
    given = {"shift": 0, "rotation": 0.0, "drawings": {}, **(augmentation or {})}
    if not (_moves(given) or any(given["drawings"].values())):
        return None
    if given["shift"] >= min(size):
        raise ValueError(
            "An image must not be moved out of itself: nothing is left to find. Received: "
            f"train.augmentation.shift={given['shift']} for images of {size[0]}x{size[1]} "
            "pixels. Use an eighth of a side or less."
        )
    return given


def _moves(augmentation):
    """Whether images are moved."""
    return any(augmentation.get(name) for name in ("shift", "rotation", "mirror"))


def _centred(corners):
    """(left, top, right, bottom) -> (cx, cy, w, h)."""
    start, end = corners[:, :2], corners[:, 2:]
    return np.concatenate([(start + end) / 2, end - start], axis=1)


def _padding(values, padding):
    """A scalar of their type."""
    return tf.zeros([], values.dtype) if padding is None else tf.constant(padding, values.dtype)
