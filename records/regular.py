"""Files that a person names are regular ones: opening a named pipe would wait for ever.

Plain Python: whoever scores or serves asks it, too.
"""

import errno
import os
import stat

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def kind_instead(path):
    """What stands at a path instead of a regular file: "a named pipe"; None if nothing does."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def check_regular(path):
    """Raises `OSError` if something that is no regular file stands at a path.

    What is not there, opening it tells.
    """
    instead = kind_instead(path)
    if instead:
        raise OSError(errno.EINVAL, f"it is {instead}, not a regular file", os.fspath(path))


def read_regular(path):
    """The bytes of a regular file."""
    check_regular(path)
    with open(path, "rb") as file:
        return file.read()
