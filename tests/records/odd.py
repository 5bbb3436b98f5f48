"""Images that no library writes: every kind of PNG and BMP, with what may stand in a header."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 13, 7
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
PHOTO = Image.fromarray(PIXELS).resize((64, 48), Image.Resampling.BICUBIC)
_PNG = b"\x89PNG\r\n\x1a\n"
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))


def encode(image, image_format, **options):
    data = io.BytesIO()
    image.save(data, image_format, **options)
    return data.getvalue()


def chunk(kind, content, checksum=None):
    """One chunk of a PNG."""
    checksum = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(colors=2, bits=8, rows=None, before=b"", after=b"", end=True, interlaced=0):
    """A PNG of random values.

    Args:
      colors: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
      bits: of a value.
      rows: bytes in the place of random ones: each row begins with a zero.
      before, after: chunks before and behind the pixels.
      end: whether there is an IEND.
      interlaced: 1: the rows are of Adam7.
    """
    values = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colors]
    rows = random_rows((WIDTH * values * bits + 7) // 8) if rows is None else rows
    size = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, colors, 0, 0, interlaced)
    chunks = [chunk(b"IHDR", size), before, chunk(b"IDAT", zlib.compress(rows)), after]
    return _PNG + b"".join(chunks) + (chunk(b"IEND", b"") if end else b"")


def random_rows(length, height=HEIGHT, greatest=255):
    values = np.random.default_rng(1).integers(0, greatest + 1, (height, length), np.uint8)
    return b"".join(b"\0" + row.tobytes() for row in values)


def rgba_rows(alpha):
    """Rows of `PIXELS` with one alpha everywhere but at the last pixel, which is opaque."""
    filled = np.full((HEIGHT, WIDTH, 1), alpha, np.uint8)
    filled[-1, -1] = 255
    return b"".join(b"\0" + row.tobytes() for row in np.concatenate([PIXELS, filled], 2))


def deep_rows(alpha, channels=3):
    """Rows of 16 bits a value, the first of `channels` of `PIXELS`; of one alpha but at the
    first pixel, which is opaque."""
    filled = np.full((HEIGHT, WIDTH, 1), alpha, ">u2")
    filled[0, 0] = 65_535
    pixels = 257 * PIXELS[..., :channels].astype(">u2")
    rows = np.concatenate([pixels, filled], 2).astype(">u2")
    return b"".join(b"\0" + row.tobytes() for row in rows)


def interlaced_rows():
    passes = [PIXELS[y::dy, x::dx] for x, y, dx, dy in (*_ADAM7, (0, 1, 1, 2))]
    return b"".join(b"\0" + row.tobytes() for part in passes for row in part)


def palette(number, seed=2):
    return np.random.default_rng(seed).integers(0, 256, 3 * number, np.uint8).tobytes()


def bmp(pixels, bits, *, height=HEIGHT, compression=0, size=40, more=b"", colors=b""):
    """A BMP with a header of `size` bytes, of which `more` are those behind the first 40."""
    header = struct.pack(
        "<IiiHHIIiiII", size, WIDTH, height, 1, bits, compression, len(pixels), 0, 0, 0, 0
    )
    return _bmp_file(header + more + colors, pixels)


def os2_bmp(pixels, bits, width=WIDTH, height=HEIGHT, colors=b""):
    """The same with the header of OS/2, whose sizes have two bytes."""
    return _bmp_file(struct.pack("<IHHHH", 12, width, height, 1, bits) + colors, pixels)


def _bmp_file(header, pixels):
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + pixels


def bmp_rows(values):
    """uint8[H, W, C] in the order of the file -> rows, each filled up to four bytes."""
    rows = (row.tobytes() for row in values)
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


def masks(*values):
    return struct.pack(f"<{len(values)}I", *values)


BGR = PIXELS[::-1, :, ::-1]  # as a BMP has it, from the bottom row on
BGR_MASKS = (0xFF0000, 0xFF00, 0xFF)


def bgrx(last=0):
    """Rows of four bytes a pixel, the fourth always `last`."""
    return bmp_rows(np.concatenate([BGR, np.full((HEIGHT, WIDTH, 1), last, np.uint8)], 2))


def with_alpha(last):
    """A BMP of version 4, whose fourth byte is alpha."""
    header = masks(*BGR_MASKS, 0xFF000000) + b"BGRs" + b"\0" * 48
    return bmp(bgrx(last), 32, compression=3, size=108, more=header)


def without_segment(jpeg, marker):
    """A JPEG without the first segment of a kind, e.g. b"\\xff\\xee"."""
    start = jpeg.index(marker)
    (length,) = struct.unpack_from(">H", jpeg, start + 2)
    return jpeg[:start] + jpeg[start + 2 + length :]


def with_orientation(image, orientation, image_format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image, image_format, exif=exif)
