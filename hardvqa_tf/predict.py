"""Asks a trained run about one image file, and draws what it looked at."""

import os

from hardvqa_tf.pictures.panels import to_png
from hardvqa_tf.runs import load_run, read_config
from hardvqa_tf.tasks import given_options, name_of_task, task_of
from hardvqa_tf.written import write_file
from records.formats import ONE_OF_THEM
from records.images import check_image
from records.near_names import NearNames
from records.regular import read_regular


def predict_image(workdir, image_path, output_path=None, **options):
    """Asks a trained run about an image, and draws what was looked at.

    Args:
      workdir: folder of a trained run.
      image_path: JPEG, PNG, BMP or GIF file.
      output_path: the picture's; default: `predict_<name of the image>.png` in the workdir.
      **options: of the task's `predict`, in its `PREDICT_OPTIONS`; None is as if left out.

    Returns:
      A dict: `overlay`, the picture's path, and what `predict` of the task says.

    Raises:
      ValueError: for a run, an image or an option that cannot be used, saying why.
    """
    config = read_config(workdir)
    task = task_of(config)
    options = given_options(config, task.PREDICT_OPTIONS, options)
    task.check_options(**options)
    encoded = _read_image(image_path)
    output_path = output_path or _default_output(workdir, image_path)
    if os.path.realpath(output_path) == os.path.realpath(image_path):
        raise ValueError(
            f"The picture would overwrite the image. Received: {output_path} for both. "
            "Give the picture another path."
        )
    result, picture = task.predict(load_run(workdir), encoded, **options)
    os.makedirs(os.path.dirname(os.path.abspath(output_path)), exist_ok=True)
    write_file(output_path, to_png(picture))
    return result | {"overlay": output_path, "task": name_of_task(config)}


def format_prediction(result):
    """The result of `predict_image` as a few lines for a terminal."""
    return task_of(result).format_prediction(result)


def _read_image(path):
    """Returns the file's bytes, those of an image that can be decoded."""
    try:
        encoded = read_regular(path)
    except OSError as error:
        what_to_do = NearNames("/" if os.path.isabs(path) else ".").hint(path.lstrip("/"))
        raise ValueError(
            f"The image cannot be read. Received: {path[:200]} ({error.strerror}). "
            + (what_to_do or f"Give the path of a {ONE_OF_THEM} file.")
        ) from None
    try:
        check_image(encoded)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return encoded


def _default_output(workdir, image_path):
    stem = os.path.splitext(os.path.basename(image_path))[0]
    return os.path.join(workdir, f"predict_{stem}.png")
