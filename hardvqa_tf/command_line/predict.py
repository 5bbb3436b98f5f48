"""--mode=predict: the answer to a question about an image, or what a person drew in it.

Beside it, a picture of the kept cells.
"""

from hardvqa_tf.command_line import flags


def run(_):
    flags.require("predict", "image", also=" Also --workdir, of a trained run.")
    from hardvqa_tf.predict import format_prediction, predict_image

    result = predict_image(
        flags.workdir(),
        flags.IMAGE.value,
        flags.OVERLAY.value,
        question=flags.QUESTION.value,
        region=_region(flags.REGION.value),
        fields=flags.FIELDS.value or None,
        sketch=flags.sketches() or None,
        threshold=flags.THRESHOLD.value,
    )
    print(format_prediction(result))


def _region(given):
    if not all(number.isdecimal() for number in given):
        raise ValueError(
            f"--region takes a row and a column, from 1. Received: {','.join(given)}. "
            "Give e.g. --region=2,3."
        )
    return [int(number) for number in given] or None
