"""The image formats that are read: those that TensorFlow decodes and Pillow knows as well.

Named here once, for records, training, prediction, the server and messages. Without imports, so
that a message may name them before TensorFlow is there.
"""

import typing


class Format(typing.NamedTuple):
    """One format.

    name: as Pillow calls it.
    start: the first bytes of every file of it.
    ending: of a file's name.
    media_type: of HTTP.
    """

    name: str
    start: bytes
    ending: str
    media_type: str


FORMATS = (
    Format("JPEG", b"\xff\xd8\xff", "jpg", "image/jpeg"),
    Format("PNG", b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    Format("BMP", b"BM", "bmp", "image/bmp"),
    Format("GIF", b"GIF8", "gif", "image/gif"),
)
MAX_PIXELS = 50_000_000  # Ours. A photo has 12-24 million; far more is a mistake or an attack.
MAX_SIDE = 65_500  # libjpeg's own limit, and near those of GIF and of libpng
MAX_SCANS = 100  # of a JPEG; encoders make ten or so
SCANS_TO_IMAGE = 20  # all scans together have so many times `max_pixels` at most
# How a scan begins; by chance, once in 16 MB of what may lie behind an image.
SCAN = b"\xff\xda\0"
ONE_OF_THEM = ", ".join(f.name for f in FORMATS[:-1]) + f" or {FORMATS[-1].name}"


def most_scans(num_pixels, max_pixels=MAX_PIXELS):
    """How many scans a JPEG of `num_pixels` may have, where images may have `max_pixels`."""
    return min(MAX_SCANS, SCANS_TO_IMAGE * max_pixels // max(1, num_pixels))


def format_of(encoded):
    """Returns the `Format` that bytes begin as, or None."""
    return next((f for f in FORMATS if encoded.startswith(f.start)), None)


# What files begin with that are often in another's place, in small letters: what they are, and
# what to do.
INSTEAD = {
    b"version https://git-lfs": (
        "a pointer of Git LFS",
        "Fetch the file itself: git lfs pull.",
    ),
    b"\x00\x05\x16\x07": (
        "what macOS keeps beside a file, named '._...'",
        "Name the file itself.",
    ),
    b"\x1f\x8b": ("a gzip file", "Unpack it."),
    b"pk\x03\x04": ("a zip file", "Unpack it."),
}


def what_it_is_instead(data):
    """Says what bytes are that should be a text, and what to do; None if nobody knows."""
    start = data[:32].lower()
    found = (". ".join(said) for known, said in INSTEAD.items() if start.startswith(known))
    return next(found, None)
