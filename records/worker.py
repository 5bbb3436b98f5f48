"""How a writing process starts: quiet, without a GPU, and ended when its parent ends.

Without TensorFlow at the top, so that `start` runs before TensorFlow is imported.
"""

import multiprocessing
import os
import signal
import threading

from records import quiet


def start():
    """The initializer of a spawned process."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # It is in a background job.
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # It serializes, and must not take GPU memory.
    quiet.import_tensorflow()


def _end_with_parent():
    # A killed parent says no good-bye; its workers would wait for another shard for ever.
    multiprocessing.parent_process().join()
    os._exit(1)
