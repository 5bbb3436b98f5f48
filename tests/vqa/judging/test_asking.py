"""A model asked every question."""

import keras
import numpy as np
import tensorflow as tf

from hardvqa_tf.vqa.judging.asking import make_ask


def test_the_entropy_of_presence_is_that_of_its_softmax():
    image = keras.Input((None, 1, 3), name="image")
    presence = keras.layers.Identity()(image)
    names = ("presence", "logits", "num_cells", "mask")
    ask = make_ask(keras.Model([image], dict.fromkeys(names, presence)))
    levels = [[0, np.log(2), 0], [7, 7, 7]], [[900, 0, 0], [0, 0, np.log(3)]]
    entropy = ask({"image": tf.constant(levels, tf.float32)[:, :, None]})["presence_entropy"]
    # Shares 1/4 1/2 1/4, and thirds; 1 0 0, and 1/5 1/5 3/5.
    expected = [
        [np.log(4) / 2 + np.log(2) / 2, np.log(3)],
        [0, np.log(5) * 2 / 5 + np.log(5 / 3) * 3 / 5],
    ]
    np.testing.assert_allclose(entropy, expected, atol=1e-6)
