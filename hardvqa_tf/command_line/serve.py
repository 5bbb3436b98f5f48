"""--mode=serve: exported models over HTTP, and their page."""

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
    """Refuses a run's --workdir in the place of its export.

    Raises:
      ValueError: says what is served.
    """
    if flags.WORKDIR.value and not flags.MODEL_DIR.value:
        raise ValueError(
            f"--mode=serve takes the folder of a model as --model_dir. Received: --workdir="
            f"{flags.WORKDIR.value}. Export it with --mode=export --workdir="
            f"{flags.WORKDIR.value}, then give --model_dir={flags.WORKDIR.value}"
        )
