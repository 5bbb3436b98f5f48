"""What tests of batches share."""

import numpy as np


def batches(dataset):
    """Returns the batches of a dataset as NumPy arrays."""
    return list(dataset.as_numpy_iterator())


def equal_batches(first, second):
    """Asserts that two lists of batches have the same names and values."""
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
