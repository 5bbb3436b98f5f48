import keras
import numpy as np

from hardvqa_tf.encoders import no_image
from hardvqa_tf.vqa.model import build_vqa_model


def test_it_sees_nothing(tmp_path):
    encoder = no_image((6, 9))
    grid = encoder(np.random.default_rng(0).random((5, 6, 9, 3), "float32"))
    np.testing.assert_array_equal(grid, np.zeros((5, 1, 1, 1)))
    assert not encoder.weights
    encoder.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again(np.ones((2, 6, 9, 3), "float32")).shape == (2, 1, 1, 1)


def test_the_answer_depends_on_the_question_alone():
    model = build_vqa_model(
        image_size=(6, 9),
        vocabulary_size=7,
        num_answers=4,
        image_encoder="none",
        question_encoder_args={"embedding_dim": 3, "units": 5},
        fusion_args={"units": (8,)},
        attention="none",
        aggregator="sum",
        classifier_units=(6,),
    )
    rng = np.random.default_rng(1)
    tokens = np.array([[[2, 3, 0], [4, 5, 6]]])
    images = rng.random((2, 1, 6, 9, 3), "float32")
    first, second = (
        model({"image": image, "question_tokens": tokens})["logits"].numpy() for image in images
    )
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first[0, 0], first[0, 1])
