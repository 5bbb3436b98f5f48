"""Visual question answering with hard attention (Malinowski et al. 2018).

    from hardvqa_tf.vqa import VqaData, Vocabularies, build_vqa_model

A name is imported when it is first used: the model alone needs no TensorFlow.
"""

import importlib

_NAMES = {
    "VqaData": "data",
    "Vocabularies": "vocabularies",
    "build_vqa_model": "model",
}
__all__ = sorted(_NAMES)


def __getattr__(name):
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
