"""The fonts of this system, and which characters they have.

A font's name is what Pillow loads it by. None is Pillow's own, which scales, and which has
ASCII and a few marks more, no umlauts.
"""

import functools
import os
import pathlib
import unicodedata

from PIL import ImageFont

# Of common systems, in the order in which they are tried.
_COMMON = (
    "DejaVuSans.ttf",
    "arial.ttf",
    "Arial Unicode.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
)
# Where Linux, macOS and Windows keep fonts; what is not there is no folder.
_FOLDERS = (
    "~/.local/share/fonts",
    "/usr/local/share/fonts",
    "/usr/share/fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "$LOCALAPPDATA/Microsoft/Windows/Fonts",
    "$WINDIR/Fonts",
)
_ENDINGS = (".ttf", ".otf", ".ttc")
_SLANTED_OR_HEAVY = ("bold", "italic", "oblique", "black", "light", "thin", "condensed")


@functools.cache
def common_fonts():
    """None, and the names of common fonts that this system has."""
    return [None, *(name for name in _COMMON if _opens(name))]


def font_with(character):
    """The name of any font of this system that has a character; None where none has it.

    All characters of a script are looked for in the font that has its first: a search opens
    every font there is.
    """
    script = unicodedata.name(character, "").partition(" ")[0]
    name = _font_of_script(script, character) if script else None
    return name if name and has(name, character) else None


_OF_SCRIPTS = {}  # {script: name of a font, or None}


def _font_of_script(script, character):
    if script not in _OF_SCRIPTS:
        found = (path for path in _font_files() if _opens(path) and has(path, character))
        _OF_SCRIPTS[script] = next(found, None)
    return _OF_SCRIPTS[script]


@functools.cache
def _font_files():
    """Paths, upright ones of usual weight first."""
    folders = [pathlib.Path(os.path.expandvars(os.path.expanduser(f))) for f in _FOLDERS]
    paths = [str(p) for f in folders for p in f.rglob("*") if p.suffix.lower() in _ENDINGS]

    def is_special(path):
        return any(word in os.path.basename(path).lower() for word in _SLANTED_OR_HEAVY)

    return sorted(paths, key=lambda path: (is_special(path), path))


@functools.lru_cache(maxsize=64)
def load_font(name, size):
    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)


def _opens(name):
    try:
        load_font(name, 16)
    except OSError:  # Not there, or of pixels of one size.
        return False
    return True


@functools.lru_cache(maxsize=4096)
def has(name, character):
    # What a font lacks it draws as it draws U+FFFF, which is no character.
    font = load_font(name, 16)
    as_missing = bytes(font.getmask("\uffff"))
    return character == " " or (
        character.isprintable() and bytes(font.getmask(character)) != as_missing
    )
