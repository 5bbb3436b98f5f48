"""Which kind of BMP is not taken: one that TensorFlow reads in another way than other programs.

A BMP's two headers:

    2 "BM" | 8 more | where the pixels are 4
    size of this header 4 | width 4, height 4 | planes 2, bits a pixel 2, compression 4 |
    12 more | colours of the palette 4 | 4 more

(https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapinfoheader; numbers have
their least byte first.) The kinds are named here once, also for the graph, which finds them by
itself (`hardvqa_tf/data/image_status.py`). They explain a refusal; whether there is one, the
pixels decide (`images.py`).
"""

import struct

OLD_HEADER = "with an old header, as of OS/2"
COMPRESSED = "whose pixels are compressed"
FEW_BITS = "of less than 8 bits a pixel, so with a palette"
SIXTEEN_BITS = "of 16 bits a pixel"
MASKS = "with masks of colours in another order than blue, green, red"
PALETTE = "with a palette of colours"
TAIL = "with bytes behind its pixels"
KINDS = (OLD_HEADER, COMPRESSED, FEW_BITS, SIXTEEN_BITS, MASKS, PALETTE, TAIL)
USUAL_MASKS = (0xFF0000, 0xFF00, 0xFF)  # of red, green, blue
_USUAL_MASKS = struct.pack("<III", *USUAL_MASKS)
_BIT_FIELDS = (3, 6)  # with masks: for colours, or for alpha as well


def refused_kind(encoded):
    """Names the kind of a BMP that is refused for its kind, by its header.

    Returns:
      One of `KINDS`, to be read after "a BMP"; None if the header tells none.
    """
    try:
        start, size, _, _ = struct.unpack_from("<IIII", encoded, 10)
        if size < 40:
            return OLD_HEADER
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", encoded, 18)
        colours, _ = struct.unpack_from("<II", encoded, 46)
    except struct.error:
        return None
    end = start + (bits * width + 31) // 32 * 4 * abs(height)
    kinds = {
        COMPRESSED: compression not in (0, *_BIT_FIELDS),
        FEW_BITS: bits < 8,
        SIXTEEN_BITS: bits == 16,
        MASKS: compression in _BIT_FIELDS and encoded[54:66] != _USUAL_MASKS,
        PALETTE: bits == 8 and not _is_of_greys(encoded[14 + size :], min(colours or 256, 256)),
        TAIL: width > 0 and len(encoded) > end,
    }
    return next((kind for kind, holds in kinds.items() if holds), None)


def _is_of_greys(palette, colours):
    """Whether each colour of a palette, 4 bytes of it, is the grey of its index."""
    found = [palette[4 * i : 4 * i + 3] for i in range(colours)]
    return all(colour == bytes([i] * 3)[: len(colour)] for i, colour in enumerate(found))
