"""sketch-rnn's files: an .npz with train, valid and test, arrays of drawings in stroke-3 form.

A drawing is int16[T, 3]: (dx, dy, pen) from point to point; pen 1: the stroke ends here. As the
drawings differ in length, NumPy keeps them as a pickle, and a pickle may run any code. So this
reader has an unpickler of its own, which knows the names that arrays need and nothing else, and
takes NumPy's own functions for none of them.
"""

import io
import pickle
import re
import struct
import zipfile
import zlib

import numpy as np

_MOST_BYTES = 2**31  # Of an array, unpacked; the largest official one has a tenth of it.
# A few bytes in a zip may be gigabytes unpacked; drawings are not a tenth as much alike.
_LARGE, _MOST_TIMES = 2**23, 100
_DEEPEST = 100  # Values in each other, of a pickle; arrays of drawings need some five.


def read_arrays(path):
    """Yields (split, index, what `strokes_of` takes) of each drawing of an .npz.

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
                    arrays = _read_array(file, name, archive.getinfo(name))
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


def _read_array(file, name, info):
    size, times = info.file_size, info.file_size / max(1, info.compress_size)
    if size > _MOST_BYTES or (size > _LARGE and times > _MOST_TIMES):
        raise ValueError(
            f"{name} has {size:,} bytes unpacked, {times:,.0f} times as many as packed. At "
            f"most {_MOST_BYTES:,} are read, and beyond {_LARGE:,} at most {_MOST_TIMES} "
            "times as many. Download the file from where it is official."
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
        array = _ArraysOnly(io.BytesIO(file.read()), encoding="latin1").load()
        is_list = isinstance(array, _Array) and array.shape == shape
        if not is_list or not isinstance(array.data, list) or len(array.data) != shape[0]:
            raise _Refused("it is not the list of drawings that its head says.")
    except _Refused as error:
        raise ValueError(f"{name}: {error}") from None
    except Exception as error:  # A damaged pickle may raise anything.
        raise ValueError(f"{name} is damaged ({type(error).__name__}: {error}).") from None
    return array.data


# What stands for NumPy's names while a pickle is read. NumPy's own take what they are given: an
# array of objects whose state is bytes has them for addresses, and ends the process, or worse.


class _Refused(Exception):
    """Something that no array needs; the text says what."""


class _Array:
    """What a pickle says of an array: `shape`, `dtype`, and `data`, bytes or a list."""

    def __init__(self, *args):
        self.shape, self.dtype, self.data = None, None, None

    def __setstate__(self, state):
        _, self.shape, self.dtype, self.is_fortran, self.data = state
        if isinstance(self.data, str):  # Bytes of Python 2.
            self.data = self.data.encode("latin1")

    def to_numpy(self):
        """Returns the array of numbers; `ValueError` if it is something else."""
        is_known = isinstance(self.dtype, _Dtype) and isinstance(self.data, (bytes, bytearray))
        if not is_known or not isinstance(self.shape, tuple):
            raise ValueError("expected numbers [T, 3]: dx, dy, pen. Received: something else.")
        order = "F" if self.is_fortran is True else "C"
        dtype = self.dtype.to_numpy()
        try:
            array = np.frombuffer(bytes(self.data), dtype)
            return array.reshape(self.shape, order=order)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"it is damaged ({error}).") from None


class _Dtype:
    """What a pickle says of a dtype."""

    def __init__(self, name, *args):
        self._name, self._order = name, "|"

    def __setstate__(self, state):
        self._order = state[1]

    def to_numpy(self):
        is_number = isinstance(self._name, str) and re.fullmatch("[iuf][1248]", self._name)
        if not is_number or self._order not in ("<", ">", "=", "|"):
            raise ValueError(f"expected numbers. Received: an array of type {self._name!r}.")
        return np.dtype(self._order.replace("|", "=") + self._name)


class _Call:
    """A function that a pickle may call, and cannot change."""

    __slots__ = ("_function",)

    def __init__(self, function):
        self._function = function

    def __call__(self, *args):
        return self._function(*args)

    def __setstate__(self, state):
        raise _Refused("its pickle changes a function, which no array needs.")


def _reconstruct(*args):
    return _Array()


def _encode_latin1(text, encoding):
    """How Python 3 pickled bytes for Python 2: the one use of _codecs.encode."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _Refused(f"it encodes by {encoding!r}, which no array needs.")
    return text.encode("latin1")


_ALLOWED = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Call(_encode_latin1),
}
for _core in ("numpy.core", "numpy._core"):  # Of NumPy 1 and of NumPy 2.
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _Call(_reconstruct)


def _mark(unpickler):
    if len(unpickler.metastack) >= _DEEPEST:
        raise _Refused(f"its pickle has {_DEEPEST} values in each other, which no array has.")
    unpickler.load_mark()


def _refuse_buffer(unpickler):
    raise _Refused("a pickle of protocol 5, which NumPy's files are not. Save it by np.savez.")


class _ArraysOnly(pickle._Unpickler):
    """Unpickles what stands for NumPy's arrays, and refuses every other name.

    It is Python's own unpickler in Python: that in C, which is faster, takes gigabytes or ends
    the process on some damaged files (Python 3.11).
    """

    dispatch = pickle._Unpickler.dispatch | {pickle.MARK[0]: _mark}
    dispatch |= {
        code[0]: _refuse_buffer
        for code in (pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER)
    }

    def find_class(self, module, name):
        if name == "_frombuffer":
            _refuse_buffer(self)
        if (module, name) not in _ALLOWED:
            raise _Refused(
                f"its pickle calls {module}.{name}, which no array needs: it may run code. "
                "Do not open this file elsewhere; download it from where it is official."
            )
        return _ALLOWED[module, name]

    def persistent_load(self, pid):
        raise _Refused("its pickle refers to something outside. Download it again.")


def strokes_of(array):
    """Returns the strokes of one drawing.

    Args:
      array: what `read_arrays` yields, or an array, [T, 3], (dx, dy, pen).

    Raises:
      ValueError: says what is wrong with it.
    """
    array = array.to_numpy() if isinstance(array, _Array) else np.asarray(array)
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
