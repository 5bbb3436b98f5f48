"""How a writing process starts: quiet, without a GPU, and ended when its parent ends.

Without TensorFlow at the top, so that `start` runs before TensorFlow is imported.
"""

import contextlib
import multiprocessing
import os
import signal
import threading

from records import quiet


@contextlib.contextmanager
def starting():
    """Within this context processes are spawned: Ctrl-C reaches them from `start` on.

    Before, Python is still loading modules there, and would end with a traceback. Which signals
    wait is handed on to a process that is spawned.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start():
    """The initializer of a spawned process."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # It is in a background job.
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # It serializes, and must not take GPU memory.
    quiet.import_tensorflow()


def _end_with_parent():
    # A killed parent says no good-bye; its workers would wait for another shard for ever.
    multiprocessing.parent_process().join()
    os._exit(1)
