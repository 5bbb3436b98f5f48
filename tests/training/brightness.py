"""A task of a test: how bright an image is. Who reaches tasks by their names alone serves it.

Its items are images, so a batch has no second axis; what it counts, divides by and is chosen by
has other names than those of visual question answering; and in its first steps a part of the
model does not learn.
"""

import contextlib
import functools
import json

import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.configs.table.kinds import number
from hardvqa_tf.data.batches import Batches
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.report_parts.finished_run import FinishedRun
from hardvqa_tf.report_parts.pages import Section, Table
from records.decode import decode_image
from records.folder import read_info, shard_paths
from records.schema import parse_example

ITEMS, ITEM_ID = "images", "image_id"
BEST = "val/closeness"
TABLE = {"bright": number(1.0, "what this task has in its config, for itself")}
ASSETS_FILE = "scale.json"
JUDGE_OPTIONS = PREDICT_OPTIONS = ()
MEASURES = 1
EXPORTS = False


class Scale:
    """What brightness is multiplied by."""

    def __init__(self, factor):
        self.factor = factor

    def to_json(self):
        return {"factor": self.factor}


def assets_from_records(config):
    return Scale(2.0)


def assets_from_json(content):
    return Scale(**content)


def check_splits(config, assets):
    splits = read_info(config.records_dir)["splits"]
    assert config.train.split in splits and config.train.val_split in splits


class Images(Batches):
    """image float32[B, H, W, 3], brightness float32[B], weights float32[B], image_id [B]."""

    def __init__(self, config, split, factor):
        facts = read_info(config.records_dir)["splits"][split]
        self._size, self._factor = tuple(config.image_size), factor
        super().__init__(
            shard_paths(config.records_dir, split),
            split,
            num_images=facts["num_images"],
            num_items=facts["num_images"],
            image_bytes=3 * self._size[0] * self._size[1],
            batch_size=config.train.batch_size,
            steps_per_epoch=config.train.steps_per_epoch,
            seed=config.seed,
            is_item="is_image",
        )

    contents, batch_contents = "some images", "a few images"

    def parse(self, serialized):
        record = parse_example(serialized)
        names = {"image": record["image/encoded"], "image_id": record["image/id"][None]}
        return names | {"weights": tf.ones([1]), "is_image": tf.ones([1], tf.bool)}

    def decode(self, image):
        return image | {"image": decode_image(image["image"], self._size)}

    def groups(self, image, seed):
        return image | {"image": image["image"][None]}

    def augment(self, batch, seed, first_row):
        raise AssertionError("Not asked for.")

    def finish(self, batch):
        image = scale_pixels(batch["image"])
        brightness = self._factor * tf.reduce_mean(image, axis=[1, 2, 3])
        return batch | {"image": image, "brightness": brightness}


def open_split(
    config,
    split,
    assets,
    *,
    records_dir=None,
    learns=False,
    with_ids=False,
    whole_images=False,
):
    return Images(config, split, assets.factor)


def input_shape(config):
    return (*config.image_size, 3)


@keras.saving.register_keras_serializable(package="tests")
class Shift(keras.layers.Layer):
    """Adds a number, which learns but while `holds`."""

    holds = False

    def build(self, input_shape):
        self.shift = self.add_weight(shape=(1,), name="shift")

    def call(self, inputs):
        return inputs + (keras.ops.stop_gradient(self.shift) if self.holds else self.shift)


def build_model(config, assets, *, input_shape=None, static_shapes=None, pretrained=True):
    image = keras.Input(input_shape, name="image")
    channels = keras.layers.GlobalAveragePooling2D()(image)
    hidden = keras.layers.Dropout(0.1)(keras.layers.Dense(4, name="hidden")(channels))
    said = Shift(name="shift")(keras.layers.Dense(1, use_bias=False)(hidden))
    return keras.Model([image], {"said": keras.layers.Reshape(())(said)})


def describe_model(config):
    return "a mean"


class Score:
    names = ("loss", "images")

    def __call__(self, outputs, batch):
        losses = self.losses(outputs, batch)
        return {"loss": tf.reduce_sum(losses * batch["weights"]), "images": self.divisor(batch)}

    def losses(self, outputs, batch):
        return tf.square(outputs["said"] - batch["brightness"])

    def divisor(self, batch):
        return tf.reduce_sum(batch["weights"])

    def means(self, sums):
        return {"train/loss": sums["loss"] / sums["images"]}


def make_score(config):
    return Score()


def phases(model, config):
    return [(2, functools.partial(holding, model)), (None, contextlib.nullcontext)]


@contextlib.contextmanager
def holding(model):
    model.get_layer("shift").holds = True
    try:
        yield
    finally:
        model.get_layer("shift").holds = False


def format_metrics(metrics):
    return [f"closeness {metrics[BEST]:.2f}"]


class Judge:
    def __init__(self, model, config, assets, split, *, records_dir=None):
        self._model = model

    def lines(self):
        return ["the closest is 1"]

    def ask(self, data):
        """{image id: (said, true)}."""
        found = {}
        for batch in data.in_order():
            real = batch["is_image"].numpy()
            said = self._model({"image": batch["image"]}, training=False)["said"].numpy()[real]
            ids = [image_id.decode() for image_id in batch["image_id"].numpy()[real]]
            found |= dict(zip(ids, zip(said, batch["brightness"].numpy()[real]), strict=True))
        return found

    def values(self, answers, data):
        said, true = np.array([*answers.values()]).T
        return {BEST: float(1 / (1 + np.abs(said - true).mean()))}

    def files(self, answers):
        return {"predictions": {i: float(said) for i, (said, _) in answers.items()}}

    def evaluate(self, answers, data):
        return {"num_images": len(answers)} | self.values(answers, data)

    def plots(self, result):
        return {}


def format_evaluation(result):
    return json.dumps(result)


class Gallery:
    def for_board(self):
        return {"grey": [np.full((3, 4, 3), 100, np.uint8)]}, {"grey": np.arange(3)}

    def for_files(self):
        return [np.full((3, 4, 3), 100, np.uint8)]


def open_gallery(model, data, assets, config):
    return Gallery()


def first_try(config, folder):
    return {"image": "any.png"}


class ReportedRun(FinishedRun):
    BEST = BEST


def report_intro(runs, split):
    return f"Closeness is on the split {split}."


def report_sections(groups, split, records_dir, prefix, load_run):
    rows = [[group.label, f"{group.first.evaluation[BEST]:.2f}"] for group in groups]
    return [Section("How close", "", [Table("Of each run.", ["run", "closeness"], rows)])]
