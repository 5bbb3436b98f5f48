"""What the page sends is what it shows, and what the model's decoder makes of the file."""

import base64
import io
import os
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, features

from tests.serving import image_kinds
from tests.serving.image_kinds import (
    JPEG,
    PIXELS,
    PNG,
    SCAN,
    TABLES,
    app1,
    chunk,
    put,
    save,
    turn,
)
from tests.serving.page_replies import CARD, ask, model, text

FAULTS = os.path.join(os.path.dirname(__file__), *[".."] * 3, "shared", "faults", "server")
# Decoders of JPEG round differently, most of all beside borders.
TOLERANCE = {"png": 1, "jpeg": 12}

# The picture that the page shows, large and in the strip, and the bytes that it sends.
READ = """async () => {
  const read = image => {
    const { width, height } = image;
    const ctx = new OffscreenCanvas(width, height).getContext("2d");
    ctx.drawImage(image, 0, 0);
    return [height, width, Array.from(ctx.getImageData(0, 0, width, height).data)];
  };
  const thumb = document.querySelector('.thumb[aria-pressed="true"] img');
  await thumb.decode();
  const strip = new OffscreenCanvas(thumb.naturalWidth, thumb.naturalHeight);
  strip.getContext("2d").drawImage(thumb, 0, 0);
  return [read(state.picture.bitmap), read(strip), await toBase64(state.picture.blob)];
}"""


def give(page, content, name="given"):
    """Gives the page a file, and nothing else; returns the sentence of a problem, or ""."""
    page.wait_for_selector(".thumb")  # When the examples are there, none is chosen any more.
    page.evaluate("state.pictures.length = 0; state.picture = null; tell('')")
    page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": content})
    page.wait_for_function(
        "() => state.picture || document.querySelector('#problem').textContent"
    )
    return text(page, "#problem")


def read(page):
    """uint8[H, W, 3] that is shown, the same in the strip, and bytes that are sent."""
    *shown, sent = page.evaluate(READ)
    shown = [np.array(data, np.uint8).reshape(h, w, 4) for h, w, data in shown]
    assert all((pixels[..., 3] == 255).all() for pixels in shown)
    return *(pixels[..., :3] for pixels in shown), base64.b64decode(sent)


def decode(encoded):
    """As the exported graph and `predict` decode."""
    return tf.io.decode_image(encoded, channels=3, expand_animations=False).numpy()


def check(page, content, expected, tolerance):
    """Both what is shown and what is sent are uint8[H, W, 3] `expected`."""
    assert give(page, content) == ""
    shown, in_strip, sent = read(page)
    np.testing.assert_array_equal(in_strip, shown)
    for pixels in (shown, decode(sent)):
        assert pixels.shape == expected.shape
        np.testing.assert_allclose(pixels.astype(int), expected, atol=tolerance)
    return sent


def jpegs_of(orientation):
    upright = app1(1)
    xmp = image_kinds.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>")
    turned = app1(orientation)
    return {
        "after the header": put(JPEG, TABLES, turned),
        "most significant byte first": put(JPEG, TABLES, app1(orientation, order=">")),
        "four bytes": put(JPEG, TABLES, app1(orientation, order=">", kind="I")),
        "before the header": JPEG[:2] + turned + JPEG[2:],
        "behind fill bytes": put(JPEG, TABLES, b"\xff\xff\xff", turned),
        "behind XMP": put(JPEG, TABLES, xmp, turned),
        "behind a comment": put(JPEG, TABLES, image_kinds.segment(0xFE, b"by hand"), turned),
        "just before the pixels": put(JPEG, SCAN, turned),
        "the first of two": put(JPEG, TABLES, turned, upright),
        "padded otherwise": put(JPEG, TABLES, turned.replace(b"Exif\0\0", b"Exif\0\xff")),
        "progressive": save(
            PIXELS,
            "JPEG",
            quality=95,
            progressive=True,
            exif=b"Exif\0\0" + image_kinds.exif(orientation),
        ),
    }


def pngs_of(orientation):
    turned = chunk(b"eXIf", image_kinds.exif(orientation))
    other_order = chunk(b"eXIf", image_kinds.exif(orientation, ">"))
    both_heads = chunk(b"eXIf", b"Exif\0\0" + image_kinds.exif(orientation))
    return {
        "before the pixels": put(PNG, b"IDAT", turned),
        "behind the pixels": put(PNG, b"IEND", turned),
        "most significant byte first": put(PNG, b"IDAT", other_order),
        "with both heads": put(PNG, b"IDAT", both_heads),
    }


@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_is_turned_by_its_exif(open_page, orientation):
    page, expected = open_page(), turn(PIXELS, orientation)
    for kind, files in (("jpeg", jpegs_of(orientation)), ("png", pngs_of(orientation))):
        for place, content in files.items():
            sent = check(page, content, expected, TOLERANCE[kind])
            is_turned = 2 <= orientation <= 8
            assert ("turned upright" in text(page, "#note")) == is_turned, place
            assert b"Exif" not in sent and b"eXIf" not in sent


def test_what_points_nowhere_turns_nothing(open_page):
    """EXIF that is cut off, lies beyond its end, or is of another kind."""
    page, whole = open_page(), image_kinds.exif(6)
    far = whole[:4] + struct.pack("<I", 2**31) + whole[8:]
    many = whole[:8] + struct.pack("<H", 65535) + whole[10:22]
    for broken in (b"", whole[:7], whole[:30], far, many, bytes(40), b"MM" + whole[2:]):
        jpeg = put(JPEG, TABLES, image_kinds.segment(0xE1, b"Exif\0\0" + broken))
        check(page, jpeg, PIXELS, TOLERANCE["jpeg"])
        check(page, put(PNG, b"IDAT", chunk(b"eXIf", broken)), PIXELS, TOLERANCE["png"])


def test_colours_are_those_of_the_file(open_page):
    """A profile is not applied, neither here nor where a model learns; the page says so."""
    page = open_page()
    swapped, gamma = image_kinds.SWAPPED, chunk(b"gAMA", struct.pack(">I", 100_000))
    corners = 31270, 32900, 15000, 6000, 64000, 33000, 30000, 60000  # blue, red, green
    swapped_corners = chunk(b"cHRM", struct.pack(">8I", *corners))
    for content in (
        save(PIXELS, icc_profile=swapped),
        put(PNG, b"IDAT", gamma),
        put(PNG, b"IDAT", chunk(b"gAMA", struct.pack(">I", 45455)), swapped_corners),
        put(PNG, b"IDAT", chunk(b"cICP", bytes([9, 16, 0, 1]))),
    ):
        check(page, content, PIXELS, TOLERANCE["png"])
        assert text(page, "#note").endswith(": without its colour profile.")
    both = put(save(PIXELS, "JPEG", quality=95, icc_profile=swapped), TABLES, app1(6))
    check(page, both, turn(PIXELS, 6), TOLERANCE["jpeg"])
    assert text(page, "#note").endswith(": turned upright, without its colour profile.")
    # One that says what is shown anyway is no news.
    check(page, save(PIXELS, icc_profile=image_kinds.SRGB), PIXELS, TOLERANCE["png"])
    assert page.is_hidden("#note")


def test_what_is_transparent_lies_on_white(open_page):
    alpha = np.full(PIXELS.shape[:2], 255, np.uint8)
    alpha[:9], alpha[9:12] = 0, 128
    expected = image_kinds.on_white(PIXELS, alpha)
    single = np.full_like(alpha, 255)
    single[20, 31] = 0  # one pixel of many
    page = open_page()
    files = [
        (save(np.dstack([PIXELS, alpha])), expected),
        (save(np.dstack([PIXELS, single])), image_kinds.on_white(PIXELS, single)),
        (put(PNG, b"IDAT", chunk(b"tRNS", struct.pack(">3H", *map(int, PIXELS[0, 0])))), None),
        (save(np.dstack([PIXELS, alpha]), "WEBP", lossless=True, exact=True), expected),
    ]
    is_key = (PIXELS == PIXELS[0, 0]).all(-1)
    for content, on_white in files:
        if on_white is None:
            on_white = np.where(is_key[..., None], 255, PIXELS)
        sent = check(page, content, on_white, 1)
        assert Image.open(io.BytesIO(sent)).mode == "RGB"
        assert "on a white ground" in text(page, "#note")
    indices = np.arange(PIXELS[..., 0].size).reshape(alpha.shape) % 3
    palette = Image.fromarray(indices.astype(np.uint8), "P")
    palette.putpalette([10, 20, 30, 200, 100, 50, 0, 250, 7])
    colors = np.array([[10, 20, 30], [255, 255, 255], [0, 250, 7]])
    for kind in ("PNG", "GIF"):
        check(page, save(palette, kind, transparency=1), colors[indices], 0)
    # A channel of transparency in which nothing is transparent changes nothing.
    opaque = save(np.dstack([PIXELS, np.full_like(alpha, 255)]))
    assert check(page, opaque, PIXELS, 0) == opaque


def test_other_formats_are_sent_as_they_are_shown(open_page):
    page, other = open_page(), 255 - PIXELS
    files = {
        "bmp": save(PIXELS, "BMP"),
        "gif": save(Image.fromarray(PIXELS).quantize(256), "GIF"),
        "webp": save(PIXELS, "WEBP", lossless=True),
        "moving webp": save(
            PIXELS, "WEBP", lossless=True, save_all=True, append_images=[Image.fromarray(other)]
        ),
    }
    tolerance = {"gif": 16}
    if features.check("avif"):
        files["avif"], tolerance["avif"] = save(PIXELS, "AVIF", quality=95), 12
    for name, content in files.items():
        sent = check(page, content, PIXELS, tolerance.get(name, 0))
        assert sent.startswith(b"\x89PNG") and "in another format" in text(page, "#note")
    # Of a moving picture the first one, as the decoder takes it.
    moving = save(PIXELS, save_all=True, append_images=[Image.fromarray(other)])
    assert b"acTL" in moving and b"acTL" not in check(page, moving, PIXELS, 0)
    first, second = _blocks(0), Image.fromarray(_blocks(1))
    check(page, save(first, "GIF", save_all=True, append_images=[second]), first, 0)


def _blocks(shift):
    """uint8[H, W, 3] of few colours, which GIF keeps."""
    rows, columns = np.indices(PIXELS.shape[:2])
    return np.stack([(rows + shift) // 9, columns // 12, rows // 18], -1).astype(np.uint8) * 60


def test_four_colours_and_sixteen_bits(open_page):
    """Decoders make other numbers of these; the page's are sent."""
    page = open_page()
    cmyk = save(Image.fromarray(PIXELS).convert("CMYK"), "JPEG", quality=95, subsampling=0)
    sent = check(page, cmyk, PIXELS, TOLERANCE["jpeg"])
    assert Image.open(io.BytesIO(sent)).mode == "RGB"
    deep = PIXELS.astype(int) * 256 + 77
    check(page, image_kinds.raw_png(16, 2, deep), PIXELS, 1)
    check(page, image_kinds.raw_png(16, 0, deep[..., 0]), PIXELS[..., :1].repeat(3, -1), 1)
    assert text(page, "#note").endswith(": in the colours of a screen.")


def test_plain_files_are_sent_as_they_are(open_page):
    page = open_page()
    gray = PIXELS[..., 0]
    for depth in (1, 2, 4):
        values = gray >> (8 - depth)
        expected = (values * (255 // (2**depth - 1)))[..., None].repeat(3, -1)
        content = image_kinds.raw_png(depth, 0, values)
        assert check(page, content, expected, 0) == content
    for content in (PNG, JPEG, save(gray), save(PIXELS, "JPEG", quality=95, progressive=True)):
        assert give(page, content) == ""
        assert read(page)[2] == content and page.is_hidden("#note")


def test_only_pixels_are_sent(open_page):
    """Not where and when a photograph was taken, nor what lies behind it."""
    page = open_page()
    secret = b"52.37 N, 9.73 E"
    jpeg = put(
        JPEG,
        TABLES,
        image_kinds.segment(0xE1, b"Exif\0\0" + image_kinds.exif(1) + secret),
        image_kinds.segment(0xFE, secret),
        image_kinds.segment(0xED, b"Photoshop 3.0\0" + secret),
    )
    comment, place = b"Comment\0" + secret, image_kinds.exif(1) + secret
    png = put(PNG, b"IDAT", chunk(b"tEXt", comment), chunk(b"eXIf", place))
    film = b"\0\0\0\x18ftypmp42" + secret * 9
    for content, plain in ((jpeg + film, JPEG), (png + film, PNG), (JPEG + JPEG, JPEG)):
        assert check(page, content, PIXELS, TOLERANCE["jpeg"]) == plain
        assert page.is_hidden("#note")


def test_the_server_gets_what_is_shown(open_page, replies):
    """By the way that a question goes, too."""
    page = open_page()
    give(page, put(PNG, b"IDAT", chunk(b"eXIf", image_kinds.exif(8))))
    ask(page)
    image = replies.bodies[-1]["instances"][0]["image"]
    np.testing.assert_array_equal(decode(base64.b64decode(image["b64"])), turn(PIXELS, 8))


def test_an_example_is_turned_as_training_turned_it(open_page, replies):
    """Official data sets are read as they are, for so their annotations are."""
    first, second = CARD["examples"]
    examples = [first, {**second, "orientation": 6}]
    replies.models = [model("shapes", {**CARD, "examples": examples})]
    replies.examples = dict.fromkeys(
        range(2), put(PNG, b"IDAT", chunk(b"eXIf", image_kinds.exif(3)))
    )
    page = open_page()
    for name, expected in (("Example 1", PIXELS), ("Example 2", turn(PIXELS, 6))):
        page.click(f'.thumb[title="{name}"]')
        for pixels in read(page)[:2]:
            np.testing.assert_array_equal(pixels, expected)


def test_a_large_photograph_is_turned_and_sent_smaller(open_page):
    page = open_page()
    wide = np.asarray(Image.fromarray(PIXELS).resize((4200, 600)))
    assert give(page, put(save(wide, "JPEG"), TABLES, app1(6))) == ""
    assert text(page, "#note").endswith(": turned upright, smaller.")
    sent = decode(base64.b64decode(page.evaluate("toBase64(state.picture.blob)")))
    small = turn(np.asarray(Image.fromarray(PIXELS).resize((2048, 293))), 6)
    assert sent.shape == small.shape and np.abs(sent.astype(int) - small).mean() < 3


@pytest.mark.skipif(not os.path.isdir(FAULTS), reason=f"needs the files of {FAULTS}")
def test_the_files_that_were_sent_otherwise_than_shown(open_page):
    page = open_page()
    for name, orientation in (("o6.png", 6), ("o6_fill.jpg", 6), ("icc_swap.png", 1)):
        with open(os.path.join(FAULTS, name), "rb") as file:
            content = file.read()
        check(page, content, turn(decode(content), orientation), 16)
    assert text(page, "#note").endswith(": without its colour profile.")


def test_damaged_files_are_sent_as_shown_or_refused(open_page):
    """Each of the first bytes changed: whatever a browser makes of it, the model gets it."""
    page, rng = open_page(), np.random.default_rng(0)
    files = [put(JPEG, TABLES, app1(6)), put(PNG, b"IDAT", chunk(b"eXIf", image_kinds.exif(6)))]
    num_shown = 0
    for content in files * 40:
        damaged = bytearray(content)
        damaged[rng.integers(2, 300)] ^= 1 << rng.integers(8)
        if give(page, bytes(damaged)):
            continue
        shown, in_strip, sent = read(page)
        np.testing.assert_array_equal(in_strip, shown)
        try:
            pixels = decode(sent)
        except tf.errors.InvalidArgumentError:
            continue  # Of which the server tells.
        num_shown += 1
        np.testing.assert_allclose(pixels.astype(int), shown, atol=40)
    assert num_shown > 20


def test_what_no_browser_shows_says_what_to_do(open_page):
    page, svg = open_page(), b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    for content in (save(PIXELS, "TIFF"), svg, JPEG[:200]):
        assert give(page, content).endswith(
            "Choose a JPEG, PNG, BMP or GIF file, or save it as one of these first."
        )
