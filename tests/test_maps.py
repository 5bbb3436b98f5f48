"""Maps of a real encoder, on one device and on several, and batches of them for a model."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from hardvqa_tf import maps
from hardvqa_tf.configs import base
from hardvqa_tf.data.inputs import input_size
from hardvqa_tf.data.pixels import scale_pixels
from hardvqa_tf.data.words import split_words
from hardvqa_tf.encoders import resnet101
from hardvqa_tf.evaluate import evaluate_run
from hardvqa_tf.maps import MapEncoder, build_maps, encoder_from_config
from hardvqa_tf.training.loop import train_model
from hardvqa_tf.vqa.data import VqaData
from hardvqa_tf.vqa.model import build_vqa_model
from records import build
from records.decode import decode_image
from records.features import build_features
from tests.batches import batches, equal_batches
from tests.conftest import tiny_config
from tests.records.trees import read_records

MAP_SHAPE = (2, 3, 4)


def encode(images):
    """Maps whose numbers tell images apart, and which float16 has to round."""
    means = images.reshape(len(images), -1).mean(1, dtype=np.float32)
    return means[:, None, None, None] + np.linspace(0, 1, 24, dtype="f").reshape(MAP_SHAPE)


@pytest.fixture(scope="module")
def maps_dir(records_dir, tmp_path_factory):
    """Maps [2, 3, 4] of the images of `records_dir`."""
    folder = str(tmp_path_factory.mktemp("maps") / "maps")
    build_features(
        records_dir,
        folder,
        make_encode=lambda: encode,
        decode=MapEncoder(image_size=(32, 32)).decode,
        name="means",
        arguments={},
        map_shape=MAP_SHAPE,
        batch_size=16,
        report=lambda line: None,
    )
    return folder


def open_data(folder, vocabularies, image_size=None, **changed):
    arguments = {"image_size": image_size, "batch_size": 5, "seed": 7, "with_strings": True}
    return VqaData(folder, "train", vocabularies, **(arguments | changed))


def test_batches_are_those_of_the_images_with_maps_in_their_place(
    records_dir, maps_dir, vocabularies
):
    of_images = open_data(records_dir, vocabularies, (32, 32), questions_per_image=4)
    of_maps = open_data(maps_dir, vocabularies, questions_per_image=4)
    for images, found in zip(
        batches(of_images.training_epoch(1)), batches(of_maps.training_epoch(1)), strict=True
    ):
        features = found.pop("features")
        assert features.shape == (5, 2, 3, 4) and features.dtype == np.float16
        pixels = np.round(255 * images.pop("image")).astype(np.uint8)
        np.testing.assert_array_equal(features, encode(pixels).astype(np.float16))
        equal_batches([images], [found])


def test_maps_are_cached_by_their_own_size(maps_dir, vocabularies, monkeypatch):
    cached = open_data(maps_dir, vocabularies)
    monkeypatch.setattr("hardvqa_tf.data.batches.CACHE_BYTES", 24 * 2 * 3 * 4 * 2 - 1)
    streamed = open_data(maps_dir, vocabularies, MAP_SHAPE)
    assert cached.cached and not streamed.cached
    equal_batches(batches(streamed.in_order()), batches(cached.in_order()))


@pytest.mark.parametrize("size", [(75, 75), (2, 3, 5)])
def test_records_of_maps_are_not_read_as_images(maps_dir, vocabularies, size):
    with pytest.raises(ValueError, match=r"hold maps \(2, 3, 4\) of means. .*'features' with"):
        open_data(maps_dir, vocabularies, size)


@pytest.mark.parametrize("size", [None, (2, 3, 4)])
def test_records_of_images_are_not_read_as_maps(records_dir, vocabularies, size):
    with pytest.raises(
        ValueError, match="hold images, but maps are asked.*--features --source_records="
    ):
        open_data(records_dir, vocabularies, size)


def test_the_size_that_data_and_model_take(config, records_dir, maps_dir):
    config.image_size = (75, 60)
    assert input_size(config) == input_size(config, records_dir) == (75, 60)
    with pytest.raises(ValueError, match=r"hold maps .*Received: image_size=\(75, 60\)"):
        input_size(config, maps_dir)
    config.model.image_encoder = "features"
    assert input_size(config, maps_dir) == (2, 3, 4)
    with pytest.raises(ValueError, match="hold images, but maps are asked"):
        input_size(config, records_dir)


def test_a_model_takes_the_batches(maps_dir, vocabularies):
    model = build_vqa_model(
        image_size=(2, 3, 4),
        vocabulary_size=vocabularies.tokenizer.vocabulary_size,
        num_answers=len(vocabularies.answers),
        image_encoder="features",
        question_encoder_args={"embedding_dim": 3, "units": 7},
        fusion_args={"units": (8,)},
        attention_args={"num_cells": 2},
        aggregator="sum",
        classifier_units=(9,),
    )
    batch = next(iter(open_data(maps_dir, vocabularies, questions_per_image=4).in_order()))
    outputs = model({tensor.name: batch[tensor.name] for tensor in model.inputs})
    assert outputs["logits"].shape == (5, 4, len(vocabularies.answers))
    assert outputs["mask"].shape == (5, 4, 2, 3)


@pytest.mark.slow
def test_resnet101_once_for_real(records_dir, tmp_path, monkeypatch):
    """The maps of `val` are what the encoder gives for the same pixels."""
    models = []

    def build_and_keep(**arguments):
        models.append(resnet101(**arguments))
        return models[-1]

    kind = maps.MAP_ENCODERS["resnet101"]._replace(build=build_and_keep)
    monkeypatch.setitem(maps.MAP_ENCODERS, "resnet101", kind)
    encoder = MapEncoder(image_size=(32, 32), weights="random")
    info = build_maps(records_dir, tmp_path / "maps", encoder, batch_size=16, report=str)
    del info["features"]["source_fingerprint"]
    assert info["features"] == {
        "encoder": "resnet101",
        "arguments": {"image_size": [32, 32], "weights": "random"},
        "shape": [1, 1, 2048],
        "dtype": "float16",
        "fields": {
            "origin": [0.5, 0.5],
            "pitch": [32, 32],
            "extent": [1027, 1027],
            "image_size": [32, 32],
            "grid": [1, 1],
        },
    }
    build.verify(tmp_path / "maps", split_words=split_words)
    found = [
        np.frombuffer(record["image/features"], "<f2").reshape(1, 1, 2048)
        for record in read_records(tmp_path / "maps", "val")
    ]
    images = [record["image/encoded"] for record in read_records(records_dir, "val")]
    pixels = np.stack([decode_image(image, (32, 32)) for image in images])
    model, _ = models  # The other one is asked where its cells look.
    expected = model(scale_pixels(pixels)).numpy()
    assert np.ptp(expected, axis=0).max() > 0.1  # Images differ.
    # float16 has 11 bits: half a unit of the last one is 2**-11 of the number.
    np.testing.assert_allclose(np.stack(found), expected, rtol=2**-10, atol=1e-3)


def test_a_weights_file_is_named_by_its_content_and_never_by_its_path(tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"abc")
    # The first example of FIPS 180.
    assert MapEncoder(weights=str(path)).arguments() == {
        "image_size": [320, 320],
        "weights": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


def tiny_encoder(image_size, weights):
    """A convolution in the place of ResNet-101, with the same weights whenever it is built."""
    image = keras.Input((*image_size, 3))
    kernel = keras.initializers.GlorotUniform(seed=5)
    return keras.Model(image, keras.layers.Conv2D(4, 16, 16, kernel_initializer=kernel)(image))


TINY = maps.Kind(tiny_encoder, {None: (16, 4)})


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(maps.MAP_ENCODERS, "tiny", TINY)
    return MapEncoder("tiny", (32, 48), None)


def some_images(number):
    return np.random.default_rng(0).integers(0, 256, (number, 32, 48, 3), np.uint8)


def test_encode_takes_bytes_and_gives_float16(tiny):
    found = tiny()(some_images(3))
    assert found.shape == (3, *tiny.map_shape) == (3, 2, 3, 4) and found.dtype == np.float16
    expected = tiny_encoder((32, 48), None)(some_images(3) / np.float32(255)).numpy()
    np.testing.assert_allclose(found, expected, rtol=2**-10, atol=1e-4)


ON_DEVICES = """
import sys
import numpy as np
from tests.test_maps import TINY, MapEncoder, maps, some_images
maps.MAP_ENCODERS["tiny"] = TINY
encode = MapEncoder("tiny", (32, 48), None, num_virtual_devices=3)()
np.save(sys.argv[1], encode(some_images(7)))
"""


def test_several_devices_share_the_images(tiny, tmp_path):
    """Seven images on three devices: one is encoded twice, and comes back once."""
    path = str(tmp_path / "maps.npy")
    command = [sys.executable, "-c", ON_DEVICES, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = tiny()(some_images(7))
    assert len(np.unique(expected)) > 100
    np.testing.assert_allclose(np.load(path), expected, rtol=2**-10, atol=1e-4)


@pytest.mark.parametrize("size", [(320, 320), (33, 65)])
def test_the_shape_of_maps_is_known_before_the_encoder_is_built(size):
    encoder = MapEncoder(image_size=size, weights=None)
    # What the stride of 32 of five halvings, each rounded up, leaves.
    expected = [-(-side // 32) for side in size]
    assert encoder.map_shape == (*expected, 2048)
    image = tf.zeros((1, *size, 3))
    for _ in range(5):
        image = tf.nn.max_pool2d(image, 2, 2, "SAME")
    assert list(image.shape[1:3]) == expected


@pytest.mark.parametrize(
    ("name", "given", "options", "map_shape"),
    [
        ("swiftformer_xs", {"stage": 2}, {"stage": 2, "token_weights": "l2"}, (4, 6, 56)),
        ("biformer_t", {"stage": 1, "num_regions": 2}, None, (8, 12, 64)),
    ],
)
def test_the_maps_are_the_grid_of_a_stage(name, given, options, map_shape):
    config = base.get_config()
    config.maps.update(encoder=name, image_size=(32, 48), weights="random")
    config.model[name].update(given)
    encoder = encoder_from_config(config)
    arguments = {"image_size": [32, 48], "weights": "random"} | (options or given)
    assert encoder.arguments() == arguments
    found = encoder()(some_images(3))
    assert encoder.fields()["grid"] == list(map_shape[:2])
    assert encoder.fields()["pitch"] == [32 / map_shape[0], 48 / map_shape[1]]
    assert found.shape == (3, *encoder.map_shape) == (3, *map_shape)
    assert np.isfinite(found).all() and np.ptp(found, axis=0).max() > 0.01  # Images differ.


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"name": "resnet50"}, "Unknown encoder of maps. Received: 'resnet50'. Use one of"),
        ({"image_size": (31, 320)}, r"at least 32 pixels. Received: \(31, 320\)"),
        ({"image_size": (320, 320, 3)}, r"must be \(H, W\)"),
        (
            {"name": "biformer_s", "options": {"stage": 5}},
            "one of 1, 2, 3, 4. Received: stage=5",
        ),
    ],
)
def test_arguments_that_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        MapEncoder(**arguments)


def test_training_and_evaluating_on_maps(records_dir, maps_dir, tmp_path):
    config = tiny_config(maps_dir)
    config.model.image_encoder = "features"
    config.train.epochs = 1
    workdir = str(tmp_path / "run")
    metrics = train_model(config, workdir, report=lambda line: None)
    assert np.isfinite(metrics["train/loss"])
    result = evaluate_run(workdir, "test")
    assert (result["num_questions"], result["total_cells"]) == (30, 6)
    with pytest.raises(ValueError, match="hold images, but maps are asked for"):
        evaluate_run(workdir, "test", records_dir)
