"""Every format, cut anywhere and with any early byte changed, beside a row that is good.

And that the server takes exactly the images that a build takes.

The answer is 200 with a status for every row, from a real export: whatever a check lets through
and a decoder then fails at costs its own row alone.
"""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from hardvqa_tf.data.image_status import image_status
from hardvqa_tf.export.savedmodel import write_saved_model
from hardvqa_tf.serving.models import Servable
from hardvqa_tf.vqa.signatures import make_signatures
from records.decode import decode_image
from tests.export.test_savedmodel import VOCABULARIES, build_model
from tests.gifs import EXTENSION, make_gif
from tests.records import test_images
from tests.serving.fakes import b64, make_service, open_client

PREDICT = "/v1/models/real:predict"
NUM_CHANGED = 200  # bytes from the first on
VALUES = (0x00, 0x01, 0x7F, 0x80, 0xFF)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A client of a server with a model of ours, as it is exported."""
    folder = str(tmp_path_factory.mktemp("real") / "1")
    model = build_model()
    write_saved_model(folder, model, *make_signatures(model, VOCABULARIES))
    with open_client(make_service(Servable("real", 1, folder))) as client:
        yield client


def draw(format_, mode="RGB", **options):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, format_, **options)
    return file.getvalue()


FORMATS = {
    "jpeg": draw("JPEG"),
    "jpeg, grey": draw("JPEG", "L"),
    "jpeg, cmyk": draw("JPEG", "CMYK"),
    "jpeg, progressive": draw("JPEG", progressive=True),
    "jpeg with exif": draw("JPEG", exif=b"Exif\0\0" + draw("JPEG")),
    "png": draw("PNG"),
    "png, palette": draw("PNG", "P"),
    "png, alpha": draw("PNG", "RGBA"),
    "png, grey": draw("PNG", "L"),
    "png, one bit": draw("PNG", "1"),
    "png, sixteen bits": draw("PNG", "I;16"),
    "gif": draw("GIF"),
    "gif, grey": draw("GIF", "L"),
    "gif, moving": make_gif((11, 9), [(0, 0, 11, 9), (3, 2, 5, 5)], before_frame=EXTENSION),
    "bmp": draw("BMP"),
    "bmp, alpha": draw("BMP", "RGBA"),
    "bmp, grey": draw("BMP", "L"),
}
GOOD = draw("PNG", "RGB")


def cuts(encoded):
    return [encoded[:length] for length in range(len(encoded))]


def changes(encoded):
    return [
        encoded[:at] + bytes([value]) + encoded[at + 1 :]
        for at in range(min(NUM_CHANGED, len(encoded)))
        for value in (*VALUES, encoded[at] ^ 0x10)
    ]


def statuses(client, images, rows=40):
    """Asks about each beside a good one; returns what is said of each."""
    found = []
    for first in range(0, len(images), rows - 1):
        some = [GOOD, *images[first : first + rows - 1]]
        asked = [{"image": b64(image), "question": "What color?"} for image in some]
        response = client.post(PREDICT, json={"instances": asked})
        assert response.status_code == 200, response.text
        predictions = response.json()["predictions"]
        assert predictions[0]["status"] == "ok" and predictions[0]["answer"]
        found += [prediction["status"] for prediction in predictions[1:]]
        for prediction in predictions:
            assert bool(prediction["answer"]) == (prediction["status"] == "ok")
    assert all(found) and not any("Its log says why" in status for status in found)
    return found


def test_what_a_build_takes_is_answered(real):
    """The rule is one: what a model was trained on it can be asked about."""
    found = statuses(real, list(test_images.TAKEN.values()))
    assert dict(zip(test_images.TAKEN, found, strict=True)) == dict.fromkeys(
        test_images.TAKEN, "ok"
    )


def test_what_a_build_refuses_is_no_answer(real):
    """Each alone, so that none hides another."""
    for name, (encoded, _) in test_images.REFUSED.items():
        (status,) = statuses(real, [encoded])
        assert status != "ok", name
        assert status.startswith(("The image ", "This is not a")) and status[-1] == "."


# Of which only a decoder that is not TensorFlow's tells.
NOT_IN_A_GRAPH = ("gif transparent", "png comment's checksum", "png comment of 5 MB")


def test_what_a_build_refuses_a_graph_alone_refuses_as_far_as_it_can():
    look = tf.function(image_status, [tf.TensorSpec([None], tf.string)], autograph=False)
    for name, (encoded, _) in test_images.REFUSED.items():
        status = look(tf.constant([encoded])).numpy()[0]
        if status != b"ok":
            continue
        if name in NOT_IN_A_GRAPH:
            decode_image(encoded)
            continue
        with pytest.raises(tf.errors.InvalidArgumentError):
            decode_image(encoded)
    taken = list(test_images.TAKEN.values())
    assert set(look(tf.constant(taken)).numpy()) == {b"ok"}


def test_what_is_not_damaged_is_answered(real):
    assert statuses(real, list(FORMATS.values())) == ["ok"] * len(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_some_damages(real, name):
    assert "ok" not in statuses(real, cuts(FORMATS[name])[::17])
    statuses(real, changes(FORMATS[name])[::29])


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_all_damages(real, name):
    assert "ok" not in statuses(real, cuts(FORMATS[name]))
    statuses(real, changes(FORMATS[name]))
