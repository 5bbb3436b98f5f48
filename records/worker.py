"""How a writing process starts: quiet, without a GPU, and ended when its parent ends.

Without TensorFlow at the top, so that `start` runs before TensorFlow is imported.
"""

import multiprocessing
import os
import signal
import threading


def start():
    """The initializer of a spawned process."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # It is in a background job.
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # It serializes, and must not take GPU memory.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _import_quietly()


def _end_with_parent():
    # A killed parent says no good-bye; its workers would wait for another shard for ever.
    multiprocessing.parent_process().join()
    os._exit(1)


def _import_quietly():
    """Imports TensorFlow while file descriptor 2, to which it writes past Python, is closed."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
