"""TensorFlow without its start-up messages, some of which no setting reaches.

Without TensorFlow at the top: what is said here must be done before it is imported.
"""

import os
import sys


def import_tensorflow():
    """Imports TensorFlow and finds its devices while file descriptor 2 leads nowhere.

    TensorFlow writes there past Python. `TF_CPP_MIN_LOG_LEVEL`, where the environment does not
    set it, becomes 3, for what it writes later.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
