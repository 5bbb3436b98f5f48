"""What the parts of a localizer are made from: a config's names and arguments, and towers."""

import pathlib

import keras

from hardvqa_tf import encoders
from hardvqa_tf.localize import slots


def named(section, slot, table):
    """What a slot's name stands for."""
    if section[slot] not in table:
        raise ValueError(
            f"Unknown {slot}. Received: {slot}={section[slot]!r}. Use one of: "
            f"{', '.join(table)}."
        )
    return table[section[slot]]


def arguments_of(model, name):
    """The arguments of a part, as its section of the config has them; None is left out."""
    return {key: value for key, value in model[name].items() if value is not None}


def look_around(width, name):
    return keras.layers.Conv2D(width, 3, padding="same", activation="relu", name=name)


def image_encoder(model, size, pretrained):
    """The image's tower; not `pretrained`: without reading the weights that it began from."""
    maker = getattr(encoders, named(model, "image_encoder", slots.LOCALIZER_ENCODERS)[0])
    arguments = arguments_of(model, model.image_encoder)
    if not pretrained and "weights" in model[model.image_encoder]:
        arguments["weights"] = "random"
    return maker(image_size=size, **arguments)


def sketch_encoder(model, pretrained):
    """A tower for drawings alone, by `model.sketch`: a function from drawings to grids."""
    named(model.sketch, "encoder", slots.LOCALIZER_ENCODERS)
    name, weights = model.sketch.encoder, model.sketch.weights
    size = (model.sketch.pixels, model.sketch.pixels)
    if not weights and not model.sketch.trainable:
        raise ValueError(
            "A sketch encoder that does not learn needs weights. Received: "
            "config.model.sketch.trainable=False, weights=None. Set model.sketch.weights to a "
            "file, or leave trainable=True."
        )
    weights = weights if pretrained else None
    arguments = arguments_of(model, name)
    if "weights" in model[name]:  # It reads its own.
        arguments |= {"weights": weights or "random", "trainable": model.sketch.trainable}
        return getattr(encoders, name)(size, **arguments, name="sketch_encoder")
    if name == "edge_cnn":
        arguments["channels"] = 1
    encoder = getattr(encoders, name)(size, **arguments, name="sketch_cnn")
    if weights and not pathlib.Path(weights).is_file():
        raise ValueError(
            "config.model.sketch.weights must be a file that Keras wrote (.keras or .h5) of a "
            f"{name}. Received: {weights!r}, which is no file. Correct the path."
        )
    if weights:
        encoder.load_weights(weights)
    encoder.trainable = model.sketch.trainable
    return encoder
