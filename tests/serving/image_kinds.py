"""Image files of many kinds, built byte by byte, as cameras, editors and phones write them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

HEIGHT, WIDTH = 36, 48
# Four corners of different colours, no two of red, green and blue alike, and soft borders, so
# that turned, mirrored and exchanged colours are seen, and JPEG changes little.
_CORNERS = np.array(
    [[[200, 40, 90], [60, 180, 20]], [[30, 70, 190], [220, 160, 110]]], np.uint8
)
PIXELS = np.asarray(Image.fromarray(_CORNERS).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def save(pixels, kind="PNG", **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turn(pixels, orientation):
    """Turns as EXIF asks: 1 not at all, 6 by 90 degrees clockwise, 2, 4, 5 and 7 mirror."""
    return {
        2: lambda: pixels[:, ::-1],
        3: lambda: pixels[::-1, ::-1],
        4: lambda: pixels[::-1],
        5: lambda: pixels.swapaxes(0, 1),
        6: lambda: np.rot90(pixels, -1),
        7: lambda: pixels[::-1, ::-1].swapaxes(0, 1),
        8: lambda: np.rot90(pixels),
    }.get(orientation, lambda: pixels)()


def exif(orientation, order="<", kind="H"):
    """A TIFF header and one entry; `kind` as in `struct`, `order` of the bytes."""
    types, value = {"H": 3, "I": 4}, struct.pack(order + kind, orientation).ljust(4, b"\0")
    entry = struct.pack(f"{order}HHI", 0x112, types[kind], 1) + value
    # Another entry before it, as cameras write them: make, at an offset that is never read.
    other = struct.pack(f"{order}HHII", 0x10F, 2, 1, 0)
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IH", 8, 2) + other + entry + bytes(4)


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def app1(orientation, **options):
    return segment(0xE1, b"Exif\0\0" + exif(orientation, **options))


def chunk(kind, content):
    length, checksum = len(content), zlib.crc32(kind + content)
    return struct.pack(">I", length) + kind + content + struct.pack(">I", checksum)


def put(file, before, *pieces):
    """Puts pieces into a JPEG before a marker, or into a PNG before a chunk."""
    at = file.index(before) - (4 if file.startswith(b"\x89PNG") else 0)
    return b"".join([file[:at], *pieces, file[at:]])


JPEG = save(PIXELS, "JPEG", quality=95, subsampling=0)
PNG = save(PIXELS)
TABLES, SCAN = b"\xff\xdb", b"\xff\xda"  # what follows the header, and what precedes pixels


# A colour profile of sRGB, and one by which red, green and blue take each other's places.
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SWAPPED = (
    SRGB.replace(b"rXYZ", b"next").replace(b"gXYZ", b"rXYZ").replace(b"bXYZ", b"gXYZ")
).replace(b"next", b"bXYZ")


def raw_png(depth, color_type, values, *pieces):
    """PNG of whole numbers [H, W(, C)] of `depth` bits, which Pillow would not write."""
    height, width = values.shape[:2]
    if depth == 16:
        rows = [row.astype(">u2").tobytes() for row in values]
    else:
        bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        rows = [np.packbits(row).tobytes() for row in bits]
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [chunk(b"IHDR", head), *pieces, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def on_white(pixels, alpha):
    share = alpha[..., None] / 255
    return np.round(pixels * share + 255 * (1 - share)).astype(np.uint8)
