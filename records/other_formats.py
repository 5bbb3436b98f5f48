"""What files are that should be an image and are none that is read: named by their first bytes.

Builds, the server, predict and the exported graph say the same of them, from this table.
Letters count as small ones, in which the marks are written.
"""

import typing

from records.formats import INSTEAD, ONE_OF_THEM

NUM_BYTES = 64  # of a file's start that are looked at
_CONVERT = "Convert it to PNG or JPEG."
_SPACES = b" \t\r\n\v\f"  # A text may begin with some.


class Other(typing.NamedTuple):
    """A format that is not read.

    what: it is, with its article.
    remedy: what to do, a sentence.
    marks: (offset, bytes) of each that all its files have.
    is_image: whether it is an image for other programs.
    """

    what: str
    remedy: str
    marks: tuple
    is_image: bool = True

    def refusal(self):
        """The sentence, from its "not" on."""
        expected = f"a {ONE_OF_THEM} file" if self.is_image else "an image"
        return f"not {expected}, but {self.what}. {self.remedy}"


def _images(what, *starts):
    return [Other(what, _CONVERT, ((0, start),)) for start in starts]


def _boxes(what, *brands):
    """Of the family of MP4, whose first box names the kind."""
    return [Other(what, _CONVERT, ((4, b"ftyp" + brand),)) for brand in brands]


OTHERS = (
    Other("a WebP image", _CONVERT, ((0, b"riff"), (8, b"webp"))),
    *_images("a TIFF image", b"ii*\0", b"mm\0*", b"ii+\0", b"mm\0+"),
    *_boxes("a HEIC image", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"),
    *_boxes("an AVIF image", b"avif", b"avis"),
    *_boxes("a HEIF image", b"mif1", b"msf1"),
    *_images("a JPEG XL image", b"\xff\x0a", b"\0\0\0\x0cjxl \r\n\x87\n"),
    *_images("a JPEG 2000 image", b"\0\0\0\x0cjp  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    *_images("a Photoshop image", b"8bps"),
    *_images("an icon (ICO)", b"\0\0\1\0"),
    *_images("an SVG, a drawing in XML", b"<svg"),
    Other("XML, perhaps an SVG", _CONVERT, ((0, b"<?xml"),), False),
    Other("a PDF", "Save what it shows as PNG or JPEG.", ((0, b"%pdf-"),), False),
    *(
        Other("an HTML page", "Download the file itself.", ((0, start),), False)
        for start in (b"<!doctype html", b"<html")
    ),
    *(Other(*said, ((0, start),), False) for start, said in INSTEAD.items()),
)


def other_format(encoded):
    """Returns the `Other` that bytes begin as, or None."""
    start = encoded[:NUM_BYTES].lstrip(_SPACES).lower()
    return next((other for other in OTHERS if _has(start, other.marks)), None)


def _has(start, marks):
    return all(start[at : at + len(mark)] == mark for at, mark in marks)
