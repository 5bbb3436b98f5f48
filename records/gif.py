"""How large a GIF is, of which TensorFlow decodes all frames before it takes the first.

A GIF says the size of its screen, and of each frame its place on it. Pillow and browsers show
the screen. TensorFlow does not look at it: it decodes to the greatest width and the greatest
height of any frame. So frames of 20000x1 and of 1x20000 pixels, 500 bytes, become 400 million
pixels, and a first frame smaller than the screen becomes another picture than people see. Hence
a GIF is taken only if its first frame fills the screen and the others lie within it.

    header 6 | width 2, height 2, flags 1, 2 more | table of colours | blocks | 3B
    block: 21, kind, data                              an extension
           2C, x 2, y 2, width 2, height 2, flags 1 | table of colours | 1 | data     a frame
    data:  parts of up to 255 bytes, each after its length; a length of 0 ends them

(https://www.w3.org/Graphics/GIF/spec-gif89a.txt; numbers have their least byte first.)
"""

import dataclasses
import struct

# A frame is decoded to a byte a pixel, the image to three: this many take about its memory.
FRAMES_TO_IMAGE = 4
_MAX_PARTS = 100_000  # 25 MB; counted in some milliseconds, also where each has one byte alone.
_FRAME, _EXTENSION, _END = 0x2C, 0x21, 0x3B


@dataclasses.dataclass(frozen=True)
class GifSize:
    """Pixels to be decoded.

    Args:
      height, width: of the image.
      frame_pixels: of all frames together.
    """

    height: int
    width: int
    frame_pixels: int


def gif_size(encoded, max_pixels):
    """Reads the sizes from a GIF's headers; nothing is decoded.

    Args:
      encoded: bytes that begin as a GIF does.
      max_pixels: of the image; its frames together may have four times as many.

    Returns:
      `GifSize`.

    Raises:
      ValueError: it is broken, too large, or its frames do not fit its screen; says what to do.
    """
    try:
        width, height = struct.unpack_from("<HH", encoded, 6)
        position = 13 + table_size(encoded[10])
    except (IndexError, struct.error):
        raise ValueError(_broken("its header is cut off")) from None
    if not height * width:
        raise ValueError(_broken(f"its header says {width}x{height} pixels"))
    if height * width > max_pixels:
        raise ValueError(
            f"too large an image: {width}x{height} pixels, at most {max_pixels:,} are taken. "
            "Make it smaller."
        )
    pixels = 0
    for frame in _frames(encoded, position):
        _check_place(frame, width, height, is_first=not pixels)
        pixels += frame[2] * frame[3]
        if pixels > FRAMES_TO_IMAGE * max_pixels:
            raise ValueError(
                f"too large a GIF: its frames have {pixels:,} pixels or more together, at most "
                f"{FRAMES_TO_IMAGE * max_pixels:,} are taken. Save its first frame as a PNG."
            )
    if not pixels:
        raise ValueError(_broken("it holds no picture"))
    return GifSize(height, width, pixels)


def decoded_size(encoded):
    """Like `gif_size`, of what TensorFlow makes of any GIF that is not broken."""
    places = list(_frames(encoded, 13 + table_size(encoded[10])))
    if not places:
        raise ValueError(_broken("it holds no picture"))
    _, _, widths, heights = zip(*places, strict=True)
    pixels = sum(width * height for width, height in zip(widths, heights, strict=True))
    return GifSize(max(heights), max(widths), pixels)


def _check_place(frame, width, height, is_first):
    x, y, frame_width, frame_height = frame
    where = f"{frame_width}x{frame_height} pixels at ({x}, {y}), its screen {width}x{height}"
    if is_first and frame != (0, 0, width, height):
        raise ValueError(
            f"a GIF whose first frame is {where}: programs show it in different ways. Save its "
            "first frame as a PNG."
        )
    if x + frame_width > width or y + frame_height > height:
        raise ValueError(
            f"a GIF with a frame outside its screen: {where}. Save its first frame as a PNG."
        )


def _frames(encoded, position):
    """Yields (x, y, width, height) of each frame, from the first block on."""
    num_parts = 0
    try:
        while (kind := encoded[position]) != _END:
            position += 1
            if kind == _FRAME:
                *place, flags = struct.unpack_from("<4HB", encoded, position)
                yield tuple(place)
                position += 9 + table_size(flags)
            elif kind != _EXTENSION:
                raise ValueError(_broken("a GIF has no such block"))
            position += 1
            while length := encoded[position]:
                position += 1 + length
                num_parts += 1
                if num_parts > _MAX_PARTS:
                    raise ValueError(
                        f"too large a GIF: more than {_MAX_PARTS:,} parts. Save its first "
                        "frame as a PNG."
                    )
            position += 1
    except (IndexError, struct.error):
        raise ValueError(_broken("its end is missing")) from None


def table_size(flags):
    """Bytes of a table of colours, by the flags before it."""
    return 3 * 2 ** (1 + (flags & 7)) if flags & 0x80 else 0


def _broken(reason):
    return f"broken or truncated image ({reason}). Get the file again."
