"""Why a file may not be found under the name that a text gives, and what to do.

Two names that look alike may be other characters: an accent is one character or two (Unicode
NFC or NFD, which macOS writes), and a name of before UTF-8 is bytes that are no text at all.
"""

import os
import re
import unicodedata

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/|data:", re.IGNORECASE)


def hint(name, names):
    """What to do about a file that is not among others; "" if nothing is known.

    Args:
      name: str, as the text gives it.
      names: of the files that there are.
    """
    if _ADDRESS.match(name):
        return "It is an address, not a file: download the image and give the file's name."
    near = _near(name, names)
    return _about(name, near) if near else ""


def hint_of_path(root, path):
    """`hint` about a path with folders in it, relative to `root`."""
    if "\\" in path:
        return "Write / between folders and file, not \\."
    here = root
    for name in path.split("/"):
        if not os.path.lexists(os.path.join(here, name)):
            names = os.listdir(here) if os.path.isdir(here) else ()
            return hint(path, ()) or hint(name, names)
        here = os.path.join(here, name)
    return ""


def _near(name, names):
    """The first of `names`, sorted, that a person takes for `name`."""
    wanted = _as_read(name)
    return next((other for other in sorted(names) if _as_read(other) == wanted), None)


def _as_read(name):
    if not name.isascii():
        name = unicodedata.normalize("NFC", _decoded(name))
    return name.casefold()


def _decoded(name):
    """A name as text; of bytes that are not UTF-8, in Latin-1."""
    try:
        return os.fsencode(name).decode()
    except UnicodeDecodeError:
        return os.fsencode(name).decode("latin-1")
    except UnicodeEncodeError:  # Half a character, which no file's name has.
        return name


def _about(name, near):
    if _decoded(near) != near:
        return (
            f"There is {ascii(near)}, the same name in another encoding than UTF-8: rename "
            "that file."
        )
    if unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", near):
        return (
            f"There is a file of a name that looks alike, but is other characters: "
            f"{ascii(near)}, not {ascii(name)}. Rename the file, or correct the text (Unicode "
            "NFC and NFD; macOS writes the latter)."
        )
    return f"There is {near!r}: capitals count. Rename the file, or correct the text."
