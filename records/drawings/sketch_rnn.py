"""sketch-rnn's files: an .npz with train, valid and test, arrays of drawings in stroke-3 form.

A drawing is int16[T, 3]: (dx, dy, pen) from point to point; pen 1: the stroke ends here. As the
drawings differ in length, NumPy keeps them as a pickle, and a pickle may run any code. So this
reader has an unpickler of its own that knows the names of NumPy's arrays and nothing else.
"""

import pickle
import struct
import zipfile
import zlib

import numpy as np

_MOST_BYTES = 2**31  # Of an array, unpacked; the largest official one has a tenth of it.


def read_arrays(path):
    """Yields (split, index, array) of each drawing of an .npz.

    Raises:
      ValueError: it is another file, is damaged, or holds something else than arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            if not names:
                raise ValueError(
                    "a zip file without arrays (.npy). Unpack it first, if drawings are in it."
                )
            for name in names:
                with archive.open(name) as file:
                    size = archive.getinfo(name).file_size
                    arrays = _read_array(file, name, size)
                for index, array in enumerate(arrays):
                    yield name.removesuffix(".npy"), index, array
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ValueError(f"a damaged .npz ({error}). Download it again.") from None


def _read_array(file, name, size):
    if size > _MOST_BYTES:
        raise ValueError(
            f"{name} has {size:,} bytes unpacked, at most {_MOST_BYTES:,} are read."
        )
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read(file)
    except (ValueError, KeyError, struct.error) as error:
        raise ValueError(f"{name} is no array that is known ({error}).") from None
    if not dtype.hasobject or len(shape) != 1:
        raise ValueError(
            f"{name} is an array {dtype}{list(shape)}; a list of drawings, each [T, 3], was "
            "expected. Give the .npz files of sketch-rnn, or QuickDraw's .ndjson."
        )
    try:
        array = _ArraysOnly(file, encoding="latin1").load()
    except _Refused as error:
        raise ValueError(f"{name}: {error}") from None
    except Exception as error:  # A damaged pickle may raise anything.
        raise ValueError(f"{name} is damaged ({type(error).__name__}: {error}).") from None
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"{name} is not the array that its head says. Download it again.")
    return array


class _Refused(Exception):
    """A name that no array needs."""


def _encode_latin1(text, encoding):
    """How Python 3 pickled bytes for Python 2: the one use of _codecs.encode."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _Refused(f"it encodes by {encoding!r}, which no array needs.")
    return text.encode("latin1")


def _allowed():
    """{(module, name): what stands for it}, under the names of NumPy 1 and of NumPy 2."""
    reconstruct = np.empty(0).__reduce__()[0]
    from_buffer = np.empty(0).__reduce_ex__(5)[0]
    allowed = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _encode_latin1,
    }
    for core in ("numpy.core", "numpy._core"):
        allowed[f"{core}.multiarray", "_reconstruct"] = reconstruct
        allowed[f"{core}.numeric", "_frombuffer"] = from_buffer
    return allowed


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy's arrays, and refuses every other name."""

    _ALLOWED = _allowed()

    def find_class(self, module, name):
        if (module, name) not in self._ALLOWED:
            raise _Refused(
                f"its pickle calls {module}.{name}, which no array needs: it may run code. "
                "Do not open this file elsewhere; download it from where it is official."
            )
        return self._ALLOWED[module, name]

    def persistent_load(self, pid):
        raise _Refused("its pickle refers to something outside. Download it again.")


def strokes_of(array):
    """Returns the strokes of one drawing.

    Args:
      array: [T, 3], (dx, dy, pen).

    Raises:
      ValueError: says what is wrong with it.
    """
    array = np.asarray(array)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "iuf":
        raise ValueError(
            f"expected numbers [T, 3]: dx, dy, pen. Received: {array.dtype}"
            f"{list(array.shape)}. Give drawings in stroke-3 form."
        )
    if not len(array):
        raise ValueError("the drawing has no points. Leave it out.")
    array = array.astype(np.float64)
    if not np.isin(array[:, 2], (0, 1)).all():
        raise ValueError("the third column, the pen, must be 0 or 1.")
    points = np.cumsum(array[:, :2], axis=0)
    ends = np.flatnonzero(array[:, 2]) + 1
    return [stroke for stroke in np.split(points, ends) if len(stroke)]
