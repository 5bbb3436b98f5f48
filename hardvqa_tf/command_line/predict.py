"""--mode=predict: the answer to a question about an image, and a picture of the kept cells."""

from hardvqa_tf.command_line import flags


def run(_):
    flags.require("predict", "image", "question", also=" Also --workdir, of a trained run.")
    from hardvqa_tf.predict import format_prediction, predict_answer

    result = predict_answer(
        flags.workdir(),
        flags.IMAGE.value,
        flags.QUESTION.value,
        flags.OVERLAY.value,
        _region(flags.REGION.value),
        flags.FIELDS.value,
    )
    print(format_prediction(result))


def _region(given):
    if not all(number.isdecimal() for number in given):
        raise ValueError(
            f"--region takes a row and a column, from 1. Received: {','.join(given)}. "
            "Give e.g. --region=2,3."
        )
    return [int(number) for number in given] or None
