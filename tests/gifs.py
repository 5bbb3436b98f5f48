"""GIFs that no program writes: frames of any size at any place, each of one colour."""

import struct

_COLORS = bytes([0, 0, 0, 250, 20, 30, 20, 240, 30, 30, 20, 230])  # black, red, green, blue
EXTENSION = b"\x21\xf9\x04\0\0\0\0\0"  # before a frame: how long it is shown


def make_gif(screen, frames, part=255, before_frame=b"", end=b";", most=None):
    """Bytes.

    Args:
      screen: (width, height).
      frames: list of (x, y, width, height); the first is red, then green, blue,
        black, and so on.
      part: bytes of a part of the compressed data, up to 255.
      before_frame: bytes put before each.
      most: pixels for which there is data; a larger frame lacks the rest.
    """
    parts = [b"GIF89a", struct.pack("<HHBBB", *screen, 0x81, 0, 0), _COLORS]
    for number, (x, y, width, height) in enumerate(frames):
        color = (number + 1) % 4
        head = b"\x2c" + struct.pack("<HHHHB", x, y, width, height, 0) + b"\x02"
        pixels = width * height if most is None else min(width * height, most)
        parts += [before_frame, head, _parts(_codes(color, pixels), part), b"\0"]
    return b"".join([*parts, end])


def _codes(color, num_pixels):
    """LZW without compression: codes of three bits, the table emptied before it grows."""
    codes = []
    for pixel in range(num_pixels):
        codes += [4, color] if pixel % 2 == 0 else [color]
    bits = "".join(f"{code:03b}"[::-1] for code in [*codes, 5])
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


def _parts(content, size):
    parts = [content[i : i + size] for i in range(0, len(content), size)]
    return b"".join(bytes([len(part)]) + part for part in parts)
