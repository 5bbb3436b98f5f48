"""--mode=export: a trained run as a SavedModel, or as an ONNX file."""

import os

from hardvqa_tf.command_line import flags
from hardvqa_tf.command_line.say import say


def run(_):
    if flags.EXPORT_FORMAT.value == "onnx":
        from hardvqa_tf.export.onnx import export_onnx

        path = export_onnx(flags.workdir())
        say(f"{path}: what goes in and comes out: docs/serving.md")
        return
    from hardvqa_tf.export.savedmodel import export

    limits = {"max_pixels": flags.MAX_PIXELS.value} if flags.MAX_PIXELS.value else {}
    version = export(
        flags.workdir(),
        flags.RECORDS_DIR.value,
        name=flags.MODEL_NAME.value,
        report=say,
        **limits,
    )
    say(f"{version}: a SavedModel; how to call it: {os.path.join(version, 'README.md')}")
