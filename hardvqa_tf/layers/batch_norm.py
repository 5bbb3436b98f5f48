"""Batch normalisation over the global batch, however many devices share it."""

import keras


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` whose statistics are those of all replicas together.

    A run on several devices is then the same as on one with the same global batch. Keras
    offers that as `synchronized`, on the TensorFlow backend alone, and refuses to load a model
    that asks for it elsewhere; here the backend decides, not the file.

    Args:
        **kwargs: of `keras.layers.BatchNormalization`, without `synchronized`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs, synchronized=keras.backend.backend() == "tensorflow")

    def get_config(self):
        config = super().get_config()
        del config["synchronized"]
        return config
