"""Flags that name files and folders: a wrong one is told by flag, path and what to give.

Most are refused before a mode begins (`check`); what the system refuses later, `in_words` says.
"""

import errno
import os

from hardvqa_tf.command_line import flags
from records.near_names import NearNames
from records.regular import kind_instead

# What each flag takes, in words after "Give".
_RESULTS = "a result file, JSON as it is or gzipped"
_PICTURE = "an image file"
_RUN = "the folder of a run"
_RECORDS = "the folder of records"
_FILES = {
    "predictions": _RESULTS,
    "annotations": "the ground truth of --predictions, JSON as it is or gzipped",
    "questions": "the official question file, JSON as it is or gzipped",
    "image": _PICTURE,
    "sketch": "the file of a drawing; of several, each by a flag of its own",
    "token_file": "a text file that holds a token",
}
_NEW_FILES = {
    "scores": "the name of a JSON file, which is then written",
    "overlay": "the name of a PNG file, which is then written",
}
_FOLDERS = {
    "workdir": _RUN,
    "records_dir": _RECORDS,
    "source_dir": "the folder of the data set's official files",
    "source_records": _RECORDS,
    "report_dir": "a folder, which is made if it is not there",
}
# The flags of each mode that name something, and which of the folders it writes into.
_OF_MODES = {
    "build": ("records_dir", "source_dir", "source_records"),
    "train": ("workdir", "records_dir", "source_dir"),
    "evaluate": ("predictions", "annotations", "questions", "scores", "workdir", "records_dir"),
    "predict": ("image", "sketch", "overlay", "workdir"),
    "export": ("workdir", "records_dir"),
    "report": ("report_dir", "workdir", "records_dir", "source_dir"),
    "serve": ("token_file",),
}
_WRITTEN = {
    "train": ("workdir",),
    "evaluate": ("workdir",),
    "export": ("workdir",),
    "report": ("report_dir",),
}


def check(mode):
    """Refuses a flag of a mode whose file or folder cannot be used.

    A folder that is missing is left to the mode, which knows more.

    Raises:
      ValueError: names the flag, what it says, and what to give.
    """
    for name in _OF_MODES[mode]:
        for given, path in _named(name):
            wrong = _wrong_with(mode, name, path)
            if wrong:
                which = "" if path == given else f"{path!r}: "
                raise ValueError(f"--{name}={given}: {which}{wrong} {_give(name)}")


def check_new_folder(name, path):
    """Refuses a folder to write into, also one that no flag named.

    Raises:
      ValueError: names the flag that gives another.
    """
    wrong = _wrong_with_folder(path, written=True)
    if wrong:
        raise ValueError(f"--{name}={path}: {wrong} {_give(name)}")


def in_words(error):
    """What an `OSError` says, with the flag whose file or folder it is about."""
    path = error.filename
    if not isinstance(path, str) or not error.strerror:
        return str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = f"{path} cannot be written ({error.strerror})."
        return f"{what} Make room, and run the same command again."
    for name in (*_FILES, *_NEW_FILES, *_FOLDERS):
        for given, named in _named(name):
            if _is_within(path, named) or _is_within(named, path):
                what = f"{path} cannot be used ({error.strerror})."
                return f"--{name}={given}: {what} {_give(name)}"
    return f"{path} cannot be used ({error.strerror}). Let it be used, or name another."


def _named(name):
    """Pairs of what a flag says and each path in it."""
    value = flags.FLAGS[name].value
    if name == "sketch":
        return [(given, path) for given in value for path in flags.sketches_of(given)]
    return [] if value is None else [(value, value)]


def _wrong_with(mode, name, path):
    """A sentence; None if nothing can be said against it."""
    if not path.strip():
        return "it is empty."
    if name in _FILES:
        return _wrong_with_file(path)
    if name in _NEW_FILES:
        return _wrong_with_new_file(path)
    return _wrong_with_folder(path, written=name in _WRITTEN.get(mode, ()))


def _wrong_with_file(path):
    if not os.path.exists(path):
        near = NearNames("/" if os.path.isabs(path) else ".").hint(path.lstrip("/"))
        return f"there is no such file. {near}".strip()
    instead = kind_instead(path)
    if instead:
        return f"it is {instead}, not a regular file."
    return None if os.access(path, os.R_OK) else "you may not read it."


def _wrong_with_new_file(path):
    if os.path.isdir(path) or path.endswith(os.sep):
        return "it is a folder, not a file."
    if os.path.exists(path):
        return None if os.access(path, os.W_OK) else "you may not write it."
    return _wrong_with_folder(os.path.dirname(os.path.abspath(path)), True, path)


def _wrong_with_folder(path, written, given=None):
    """Of a folder that need not be there, whose nearest folder above it then counts.

    `given`: what the flag says, where that is something in the folder.
    """
    there = os.path.abspath(path)
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    name = "it" if there == os.path.abspath(given or path) else there
    if not os.path.exists(there):
        return f"{name} is a link to something that is not there."
    if not os.path.isdir(there):
        return f"{name} is {kind_instead(there) or 'a file'}, not a folder."
    if not os.access(there, os.R_OK | os.X_OK):
        return f"you may not read {name}."
    if written and not os.access(there, os.W_OK):
        return f"you may not write into {name}."
    return None


def _is_within(path, folder):
    path, folder = os.path.abspath(path), os.path.abspath(folder)
    return path == folder or path.startswith(os.path.join(folder, ""))


def _give(name):
    return f"Give {(_FILES | _NEW_FILES | _FOLDERS)[name]}."
