"""What is taken is what TensorFlow decodes to the pixels that Pillow, and people, see."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from records import bmp_kinds, formats, images
from records.decode import decode_image
from records.images import check_image, image_size
from tests.gifs import make_gif
from tests.records import odd
from tests.records.odd import bmp, chunk, encode, png

PHOTO, BGR = odd.PHOTO, odd.BGR
GREYS = b"".join(bytes([i, i, i, 0]) for i in range(256))
EIGHT_BITS = odd.bmp_rows(BGR[:, :, :1])
PALETTE = chunk(b"PLTE", odd.palette(256))


def many_scans(number):
    """A progressive JPEG, with the last scan so many times more."""
    jpeg = encode(PHOTO, "JPEG", progressive=True)
    scan = jpeg[jpeg.rindex(formats.SCAN) : -2]
    return jpeg[:-2] + scan * number + jpeg[-2:]


TAKEN = {
    "jpeg": encode(PHOTO, "JPEG"),
    "jpeg progressive": encode(PHOTO, "JPEG", progressive=True),
    "jpeg of some scans": many_scans(20),
    "jpeg of two sizes": encode(PHOTO, "JPEG", subsampling="4:1:1"),
    "jpeg grey": encode(PHOTO.convert("L"), "JPEG"),
    "jpeg stored as RGB": encode(PHOTO, "JPEG", keep_rgb=True),
    "jpeg cmyk with Adobe's mark": encode(PHOTO.convert("CMYK"), "JPEG"),
    "jpeg turned": odd.with_orientation(PHOTO, 6, "JPEG"),
    **{f"png grey {bits}": png(0, bits) for bits in (1, 2, 4, 8, 16)},
    **{f"png rgb {bits}": png(2, bits) for bits in (8, 16)},
    **{f"png palette {b}": png(3, b, before=PALETTE[:0] + chunk(b"PLTE", odd.palette(2**b)))
       for b in (1, 2, 4, 8)},
    "png index beyond its palette": png(3, before=chunk(b"PLTE", odd.palette(9))),
    "png opaque alpha": png(6, rows=odd.rgba_rows(255)),
    "png opaque alpha of 16 bits": png(6, 16, odd.deep_rows(65_535)),
    "png grey and opaque alpha of 16 bits": png(4, 16, odd.deep_rows(65_535, 1)),
    "png 16 bits and an unused colour": png(
        2, 16, b"\0" * 79 * odd.HEIGHT, before=chunk(b"tRNS", b"\0\0\0\0\0\1")
    ),
    "png alpha of an unused colour": png(
        3,
        rows=odd.random_rows(odd.WIDTH, greatest=99),
        before=PALETTE + chunk(b"tRNS", b"\xff" * 100 + b"\0"),
    ),
    "png interlaced": png(rows=odd.interlaced_rows(), interlaced=1),
    "png with gamma": png(before=chunk(b"gAMA", struct.pack(">I", 100_000))),
    "png with a background": png(before=chunk(b"bKGD", b"\0\1\0\2\0\3")),
    "png with a tail": png() + b"tail" * 9,
    "apng": encode(PHOTO, "PNG", save_all=True, append_images=[PHOTO.rotate(180)]),
    "gif": encode(PHOTO, "GIF"),
    "gif interlaced": encode(PHOTO, "GIF", interlace=1),
    "gif grey": encode(PHOTO.convert("L"), "GIF"),
    "gif moving": make_gif((9, 7), [(0, 0, 9, 7), (3, 2, 6, 5)]),
    "bmp": bmp(odd.bmp_rows(BGR), 24),
    "bmp from the top": bmp(odd.bmp_rows(BGR[::-1]), 24, height=-odd.HEIGHT),
    "bmp of four bytes": bmp(odd.bgrx(7), 32),
    "bmp usual masks": bmp(odd.bgrx(), 32, compression=3, more=odd.masks(*odd.BGR_MASKS)),
    "bmp version 4": bmp(
        odd.bmp_rows(BGR), 24, size=108, more=odd.masks(*odd.BGR_MASKS, 0) + b"BGRs" + bytes(48)
    ),
    "bmp opaque alpha": odd.with_alpha(255),
    "bmp greys": bmp(EIGHT_BITS, 8, colors=GREYS),
}  # fmt: skip

TRANSPARENT = "with transparent pixels.*Save it without transparency"


def bmp_refused(kind):
    return f"^a BMP {kind}, which TensorFlow, by which .* Convert it to PNG.$"


OS2, PALETTE_BMP = bmp_refused(bmp_kinds.OLD_HEADER), bmp_refused(bmp_kinds.PALETTE)
REFUSED = {
    "png without IEND": (png(end=False), "training cannot decode .Invalid PNG data"),
    "png wrong checksum": (
        png()[:-20] + b"\0\0\0\0" + png()[-16:],
        "training cannot decode .Invalid PNG data|broken or truncated",
    ),
    "png rows missing": (png(rows=odd.random_rows(39, 5)), "training cannot decode"),
    "png palette missing": (png(3), "broken"),
    "png unknown chunk": (png(before=chunk(b"ABCD", b"")), "training cannot decode"),
    "png comment's checksum": (png(before=chunk(b"tEXt", b"a\0b", 0)), "its header cannot be"),
    "png comment of 5 MB": (
        png(before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000)))),
        "broken or truncated image .ValueError: Decompressed data too large",
    ),
    "png half transparent": (png(6, rows=odd.rgba_rows(128)), f"a PNG {TRANSPARENT}"),
    "png hidden colours": (png(6, rows=odd.rgba_rows(0)), TRANSPARENT),
    "png grey and alpha": (png(4), TRANSPARENT),
    "png alpha of 16 bits": (png(6, 16), TRANSPARENT),
    "png alpha one step from opaque": (png(6, 16, odd.deep_rows(65_534)), TRANSPARENT),
    "png alpha of which 8 bits are opaque": (png(6, 16, odd.deep_rows(65_280)), TRANSPARENT),
    "png grey and alpha one step from opaque": (
        png(4, 16, odd.deep_rows(65_534, 1)),
        TRANSPARENT,
    ),
    "png one transparent colour of 16 bits": (
        png(2, 16, b"\0" * 79 * odd.HEIGHT, before=chunk(b"tRNS", b"\0" * 6)),
        TRANSPARENT,
    ),
    "png transparent colour of a palette": (
        png(3, before=PALETTE + chunk(b"tRNS", b"\0" * 256)),
        TRANSPARENT,
    ),
    "png one transparent colour": (
        png(rows=b"\0" * 40 * odd.HEIGHT, before=chunk(b"tRNS", b"\0" * 6)),
        TRANSPARENT,
    ),
    "jpeg cmyk without Adobe's mark": (
        odd.without_segment(encode(PHOTO.convert("CMYK"), "JPEG"), b"\xff\xee"),
        "CMYK. without Adobe's mark.*Save it in RGB",
    ),
    "jpeg of many scans": (many_scans(100), "a JPEG of more than 100 scans.*Save it again"),
    "jpeg of 12 bits": (
        encode(PHOTO, "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
        "broken",
    ),
    "gif transparent": (
        encode(PHOTO.quantize(4), "GIF", transparency=PHOTO.quantize(4).getpixel((0, 0))),
        f"a GIF {TRANSPARENT}",
    ),
    "gif small first frame": (make_gif((8, 8), [(0, 0, 4, 4)]), "first frame is 4x4"),
    "gif first frame elsewhere": (make_gif((8, 8), [(1, 0, 7, 8)]), "first frame is 7x8"),
    "gif of ten bytes": (b"GIF89a\1\0\1\0", "its header is cut off"),
    "bmp alpha": (odd.with_alpha(128), f"a BMP {TRANSPARENT}"),
    "bmp alpha of zero": (odd.with_alpha(0), TRANSPARENT),
    "bmp other masks": (
        bmp(odd.bgrx(), 32, compression=3, more=odd.masks(0xFF000000, 0xFF0000, 0xFF00)),
        bmp_refused(bmp_kinds.MASKS),
    ),
    "bmp masks that Pillow does not know": (
        bmp(odd.bgrx(), 32, compression=3, more=odd.masks(0xFF, 0xFF00, 0xFF0000)),
        bmp_refused(bmp_kinds.MASKS),
    ),
    "bmp 16 bits": (bmp(bytes(28 * odd.HEIGHT), 16), bmp_refused(bmp_kinds.SIXTEEN_BITS)),
    "bmp palette": (bmp(EIGHT_BITS, 8, colors=odd.palette(256) + bytes(256)), PALETTE_BMP),
    "bmp greys the other way round": (
        bmp(EIGHT_BITS, 8, colors=GREYS[::-1][1:] + b"\0"),
        PALETTE_BMP,
    ),
    "bmp 4 bits": (
        bmp(bytes(8 * odd.HEIGHT), 4, colors=odd.palette(16) + bytes(16)),
        bmp_refused(bmp_kinds.FEW_BITS),
    ),
    "bmp 1 bit": (encode(PHOTO.convert("1"), "BMP"), bmp_refused(bmp_kinds.FEW_BITS)),
    "bmp runs": (
        bmp(b"\x0d\5\0\0" * odd.HEIGHT + b"\0\1", 8, compression=1, colors=GREYS),
        bmp_refused(bmp_kinds.COMPRESSED),
    ),
    "bmp with a tail": (bmp(odd.bmp_rows(BGR), 24) + b"tail", bmp_refused(bmp_kinds.TAIL)),
    "bmp cut off": (bmp(odd.bmp_rows(BGR), 24)[:-5], "truncated.*Get the file again"),
    "bmp os2": (odd.os2_bmp(odd.bmp_rows(BGR), 24), OS2),
    "bmp os2 1x1": (odd.os2_bmp(b"abc\0", 24, 1, 1), OS2),
    "bmp os2 greys": (odd.os2_bmp(EIGHT_BITS, 8, colors=GREYS.replace(b"\0", b"")), OS2),
    "bmp header alone": (bmp(b"", 24)[:20], "convert it to PNG"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "what macOS leaves": (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "Name the file itself"),
    "text": (b"404", "not an image in one of the formats JPEG, PNG, BMP or GIF .it begins"),
    "nothing": (b"", "^the image is empty: the file has 0 bytes. Get it again.$"),
}  # fmt: skip


def as_shown(encoded):
    """uint8[H, W, 3] by Pillow, which cuts 16 bits to their upper eight but of greys."""
    with Image.open(io.BytesIO(encoded)) as image:
        if image.mode == "I;16":
            return np.repeat(np.asarray(image)[..., None] >> 8, 3, axis=2)
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_is_decoded_to_what_is_shown(name):
    encoded = TAKEN[name]
    shown, decoded = as_shown(encoded), decode_image(encoded).numpy()
    assert check_image(encoded) == image_size(encoded) == shown.shape[:2]
    difference = np.abs(decoded.astype(int) - shown)
    # Of a JPEG both round in their own way.
    assert difference.max() <= (8 if "jpeg" in name else 0)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_to_do(name):
    encoded, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=sentence) as raised:
        check_image(encoded)
    assert type(raised.value.__cause__) is type(None)
    assert "0x" not in str(raised.value)  # Two machines write the same skipped.jsonl.


def test_an_absurdly_large_image_is_refused_by_its_header(monkeypatch):
    def fail(*_):
        raise AssertionError("decoded")

    encoded = encode(Image.new("1", (10_000, 5_001)), "PNG")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    monkeypatch.setattr("records.images.decode_pixels", fail)
    with pytest.raises(ValueError, match="10000x5001 pixels, at most 50,000,000"):
        check_image(encoded)


def test_damage_is_refused_or_does_no_harm():
    """Whatever is taken, the graph decodes to the size that the record will say."""
    rng = np.random.default_rng(3)
    names = ("jpeg", "jpeg progressive", "png rgb 8", "png palette 8", "gif", "bmp greys")
    taken = 0
    for encoded in (TAKEN[name] for name in names):
        for _ in range(150):
            damaged = bytearray(encoded[: rng.integers(1, len(encoded) + 1)])
            if rng.random() < 0.8:
                damaged = bytearray(encoded)
                damaged[rng.integers(len(damaged))] = rng.integers(256)
            try:
                size = check_image(bytes(damaged))
            except ValueError:
                continue
            assert decode_image(bytes(damaged)).shape[:2] == size
            taken += 1
    assert taken > 100


def test_every_format_has_its_check():
    assert [*images._CHECKS] == [known.name for known in formats.FORMATS]


def test_a_palette_that_is_missing():
    """Pillow asserts that there is one."""
    with pytest.raises(ValueError) as error:
        check_image(png(3))
    assert "Error" not in str(error.value) and "Get the file again" in str(error.value)


def test_what_is_too_large_beside_the_pixels_has_a_remedy():
    with pytest.raises(
        ValueError, match="too large.*again without its text and colour profile"
    ):
        check_image(png(before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000)))))


def test_the_longest_side():
    longest = encode(Image.new("L", (formats.MAX_SIDE, 1)), "PNG")
    assert check_image(longest) == (1, formats.MAX_SIDE)
    for size in ((1, 70_000), (70_000, 1)):
        encoded = encode(Image.new("L", size), "PNG")
        for check in (check_image, images.check_header):
            with pytest.raises(
                ValueError, match="pixels, at most 65,500 a side are taken. Mak"
            ):
                check(encoded)
