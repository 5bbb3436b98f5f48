"""Why a file may not be found under the name that a text gives, and what to do.

Two names that look alike may be other characters: an accent is one character or two (Unicode
NFC or NFD, which macOS writes), and a name of before UTF-8 is bytes that are no text at all.
"""

import contextlib
import os
import re
import unicodedata

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/|data:", re.IGNORECASE)


class NearNames:
    """Files under a root, looked through once however many names are not found.

    Args:
      root: folder.
    """

    def __init__(self, root):
        self._root = root
        self._indexes = {}  # {folder: {name as people read it: name}}

    def hint(self, path):
        """What to do about a file that is not there; "" if nothing is known.

        Args:
          path: str, relative to the root, as the text gives it.
        """
        if _ADDRESS.match(path):
            return "It is an address, not a file: download the image and give the file's name."
        if "\\" in path:
            return "Write / between folders and file, not \\."
        here = self._root
        for name in path.split("/"):
            if not os.path.lexists(os.path.join(here, name)):
                near = self._index(here).get(_as_read(name))
                return _about(name, near) if near else ""
            here = os.path.join(here, name)
        return ""

    def _index(self, folder):
        if folder not in self._indexes:
            names = []
            with contextlib.suppress(OSError):  # No folder, or one that must not be read.
                names = sorted(os.listdir(folder), reverse=True)
            self._indexes[folder] = {_as_read(name): name for name in names}
        return self._indexes[folder]


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
