"""Whether bytes are an image that may be decoded, and that is taken.

How large it is, headers say: a PNG of a megabyte can hold 400 million pixels, which TensorFlow
would decode before anyone sees their number. Each format's few fields are read here, because
they must be those that TensorFlow's decoders act upon, and because every request waits for it.

Which images are taken, `records.images` says, by the same rule as for training's images. Of a
few kinds that takes a decoder, which other requests do not wait for (`look`).
"""

import struct

from records.bmp_kinds import OLD_HEADER
from records.formats import FORMATS, MAX_SIDE, ONE_OF_THEM, SCAN, format_of, most_scans
from records.gif import FRAMES_TO_IMAGE, gif_size
from records.images import check_header, check_image
from records.other_formats import other_format

_JPEG, _PNG, _BMP, _GIF = (known.start for known in FORMATS)
# Start of frame: all markers C0 to CF but those of tables.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
# Before the size of a JPEG: far more than any real file has, and few enough to be counted in
# milliseconds.
_MAX_BLOCKS = 100_000
_USUAL_SCANS = 10  # of a progressive JPEG; each costs as much time as the image


def media_type(encoded):
    """Of an image, by its first bytes."""
    kind = format_of(encoded)
    return kind.media_type if kind else "application/octet-stream"


def count_pixels(encoded, max_pixels):
    """Pixels that decoding an image takes, by its headers: height times width, or more.

    Frames of a GIF and scans of a JPEG beyond the usual number count as more pixels.

    Raises:
      ValueError: it must not, or cannot, be decoded; the sentence is for who sent it.
    """
    if encoded.startswith(_GIF):
        return _count_gif(encoded, max_pixels)
    height, width = _read_size(encoded)
    if height < 1 or width < 1:
        raise ValueError(_broken(f"its header says {width}x{height} pixels"))
    _check_sides(height, width)
    if height * width > max_pixels:
        raise ValueError(
            f"The image is too large: {width}x{height} pixels, at most {max_pixels:,} are "
            "taken. Make it smaller."
        )
    if encoded.startswith(_JPEG):
        return _count_scans(encoded, height * width, max_pixels)
    return height * width


def must_look(encoded):
    """Whether an image has to be decoded to know if it is taken; by its header.

    Raises:
      ValueError: it is not taken, see `records.images`; the sentence is for who sent it.
    """
    return _refused_as_in_records(check_header, encoded)


def look(encoded):
    """Decodes an image of which `must_look` is True, and raises as that does."""
    _refused_as_in_records(check_image, encoded)


def _refused_as_in_records(check, encoded):
    try:
        return check(encoded)
    except ValueError as error:
        raise ValueError(f"The image cannot be taken: {error}") from None


def explain(encoded):
    """Why TensorFlow cannot decode an image whose header is in order; None if it can."""
    try:
        check_image(encoded)
    except ValueError as error:
        return f"The image cannot be decoded: {error}"
    except Exception as error:  # Decoders of broken files raise whatever they come across.
        return _broken(f"{type(error).__name__} at decoding it")
    return None


def _read_size(encoded):
    readers = {_JPEG: _jpeg_size, _PNG: _png_size, _BMP: _bmp_size}
    for start, read in readers.items():
        if encoded.startswith(start):
            try:
                return read(encoded)
            except (struct.error, IndexError):
                raise ValueError(_broken("its header is cut off")) from None
    if not encoded:
        raise ValueError(f"The image is empty. Send the bytes of a {ONE_OF_THEM} file.")
    other = other_format(encoded)
    if other:
        raise ValueError(f"This is {other.refusal()}")
    raise ValueError(
        f"This is not an image: it begins with {encoded[:8]!r}. Send the bytes of a "
        f"{ONE_OF_THEM} file."
    )


def _broken(reason):
    return f"The image is broken or truncated: {reason}. Get the file again."


def _jpeg_size(encoded):
    if not (encoded.endswith(b"\xff\xd9") or b"\xff\xd9" in encoded):
        raise ValueError(_broken("its end is missing"))
    position = 2
    for _ in range(_MAX_BLOCKS):
        position = encoded.find(b"\xff", position)  # As libjpeg does: skips what is no marker.
        if position < 0:
            break
        while encoded[position] == 0xFF:
            position += 1
        marker = encoded[position]
        if marker in _JPEG_FRAMES:
            return struct.unpack_from(">HH", encoded, position + 4)
        if marker not in _JPEG_WITHOUT_LENGTH:
            (length,) = struct.unpack_from(">H", encoded, position + 1)
            position += length
        position += 1
    raise ValueError(_broken("its size is not to be found"))


def _check_sides(height, width):
    if max(height, width) > MAX_SIDE:
        raise ValueError(
            f"The image is too large: {width}x{height} pixels, at most {MAX_SIDE:,} a side are "
            "taken. Make it smaller."
        )


def _count_scans(encoded, pixels, max_pixels):
    most = most_scans(pixels, max_pixels)
    scans = encoded.count(SCAN)
    if scans > most:
        raise ValueError(
            f"The image is a JPEG of more than {most} scans. Save it again, as a JPEG that is "
            "not progressive."
        )
    return pixels * max(1, scans // _USUAL_SCANS)


def _png_size(encoded):
    if encoded[12:16] != b"IHDR":
        raise ValueError(_broken("a PNG begins with its size, this does not"))
    if not (encoded[-8:-4] == b"IEND" or b"IEND" in encoded):
        raise ValueError(_broken("its end is missing"))
    width, height = struct.unpack_from(">II", encoded, 16)
    return height, width


def _count_gif(encoded, max_pixels):
    try:
        size = gif_size(encoded, max_pixels)
    except ValueError as error:
        raise ValueError(f"The image cannot be decoded: {error}") from None
    _check_sides(size.height, size.width)
    return max(size.height * size.width, size.frame_pixels // FRAMES_TO_IMAGE)


def _bmp_size(encoded):
    (header,) = struct.unpack_from("<I", encoded, 14)
    if header < 40:  # Of OS/2, where the size stands elsewhere.
        raise ValueError(
            f"The image is a BMP {OLD_HEADER}, which is not taken. Convert it to PNG."
        )
    width, height = struct.unpack_from("<ii", encoded, 18)
    return abs(height), width  # Negative for rows from top to bottom.
