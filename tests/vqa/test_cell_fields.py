"""Where cells look, of models of images, of maps and of nothing, and of stored ones."""

import keras
import pytest

from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.model import grid_fields
from tests.small_models import build

OF_MAPS = Fields((0.5, 0.5), (8, 8), (31, 31), (16, 32), (2, 4))


def of_maps():
    return build(image_size=(2, 4, 3), image_encoder="features", image_encoder_args={})


def test_a_stored_model_says_where_it_looks(tmp_path):
    model = build()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert cell_fields(loaded) == grid_fields(model)
    assert cell_fields(loaded).known


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"features": {"fields": OF_MAPS.to_json()}}, OF_MAPS),
        ({"features": {}}, None),  # written before anyone asked
        ({}, None),  # of images
        ({"features": {"fields": Fields.equal((9, 9), (3, 3)).to_json()}}, None),
    ],
    ids=["kept", "older", "images", "another grid"],
)
def test_maps_look_where_their_records_say(info, expected, monkeypatch):
    monkeypatch.setattr("hardvqa_tf.vqa.cell_fields.has_records", lambda folder: True)
    monkeypatch.setattr("hardvqa_tf.vqa.cell_fields.read_info", lambda folder: info)
    found = cell_fields(of_maps(), "records")
    assert found == (expected or Fields.equal((2, 4), (2, 4)))
    assert found.known == bool(expected)


@pytest.mark.parametrize("records_dir", [None, "nowhere"])
def test_without_records_the_image_is_divided_equally(records_dir):
    assert cell_fields(of_maps(), records_dir) == Fields.equal((2, 4), (2, 4))
    blind = build(
        image_encoder="none", image_encoder_args={}, attention="none", attention_args={}
    )
    assert cell_fields(blind, records_dir) == Fields.equal((1, 1), (1, 1))
