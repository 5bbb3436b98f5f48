"""--mode=serve: exported models over HTTP, and their page."""

import os

from hardvqa_tf.command_line import flags
from hardvqa_tf.command_line.say import say_if_heard
from hardvqa_tf.command_line.streams import never_waiting


def run(_):
    from hardvqa_tf.serving import logs
    from hardvqa_tf.serving.limits import Limits
    from hardvqa_tf.serving.serve import serve

    _check_model_dirs()
    limits = Limits(
        max_batch_size=flags.MAX_BATCH_SIZE.value,
        batch_wait_ms=flags.BATCH_WAIT_MS.value,
        batch_threads=flags.BATCH_THREADS.value,
        max_queue=flags.MAX_QUEUE.value,
        deadline_seconds=flags.DEADLINE_SECONDS.value,
        max_request_mb=flags.MAX_REQUEST_MB.value,
        **({"max_pixels": flags.MAX_PIXELS.value} if flags.MAX_PIXELS.value else {}),
        image_memory_mb=flags.IMAGE_MEMORY_MB.value,
    )
    with never_waiting(logs.say_lost):
        serve(
            flags.MODEL_DIR.value,
            limits,
            flags.HOST.value,
            flags.PORT.value,
            flags.VERSION_LABELS.value,
            flags.TOKEN_FILE.value,
            flags.ALLOWED_HOSTS.value,
            report=say_if_heard,
        )


def _check_model_dirs():
    """Refuses runs instead of exports of them, and models of a task that is not served.

    Raises:
      ValueError: says what such a run is for, or that --workdir is not what is served.
    """
    from hardvqa_tf.serving.folders import find_models

    if flags.WORKDIR.value and not flags.MODEL_DIR.value:
        _check_run(flags.WORKDIR.value)
        raise ValueError(
            f"--mode=serve takes the folder of a model as --model_dir. Received: --workdir="
            f"{flags.WORKDIR.value}. Export it with --mode=export --workdir="
            f"{flags.WORKDIR.value}, then give --model_dir={flags.WORKDIR.value}"
        )
    for entry in flags.MODEL_DIR.value:
        try:
            models = find_models([entry])
        except ValueError:
            folder = entry.partition("=")[2] or entry
            inside = [os.path.join(folder, name) for name in _names_in(folder)]
            for run in (folder, *inside):
                _check_run(run)
            raise
        for folder in models.values():
            _check_exported(folder)


def _check_run(workdir):
    from hardvqa_tf.runs import read_config
    from hardvqa_tf.tasks import check_serves

    if os.path.isfile(os.path.join(workdir, "config.json")):
        check_serves(read_config(workdir), workdir)


def _check_exported(folder):
    """Refuses the newest version by the task that its model.json says, if it has one."""
    from hardvqa_tf.serving.folders import list_versions, read_card
    from hardvqa_tf.tasks import TASKS, check_serves

    try:
        card = read_card(max(list_versions(folder).items())[1])
    except (OSError, ValueError):
        return  # The server says what is wrong with it.
    if isinstance(card, dict) and card.get("task") in TASKS:
        check_serves(card, folder)


def _names_in(folder):
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []
