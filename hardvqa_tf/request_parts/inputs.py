"""What an input of a model must be, `Input`; and images, which every task has.

A task has a table of its inputs, {name: `Input`}, in its `requests` module, which the server
asks for (`hardvqa_tf.tasks.requests_of`): nothing else in the server knows what is asked with.
"""

import dataclasses
import struct
import zlib
from collections.abc import Callable

from hardvqa_tf.request_parts import image_checks
from records.formats import ONE_OF_THEM


@dataclasses.dataclass(frozen=True)
class Input:
    """One input: a string of bytes in each row, or several of them.

    A model says `status` of a row, or of each of a row's items, such as the questions about an
    image. A bad string spoils what has a status of its own, and nothing else.

    Args:
      wants: what a client should send.
      check: called with one string of bytes and `limits.Limits`. It returns what the string
        weighs within a batch, usually 1, and raises ValueError with a sentence for the client.
      example: called without arguments, returns bytes that warm a model up.
      must_look: called with bytes that passed the check. It returns whether `look` is needed,
        and raises as the check does.
      look: called with them in a thread of its own, because it takes its time; raises as well.
      title: what one of several strings that belong together is called, before its number.
      none: a sentence for where there should be several strings, and all are empty.
      is_remembered: bytes that were sent once may be named by their SHA-256.
      explain: called with bytes that passed the check, in a row that the graph did not take;
        returns a sentence for the client, or None if nothing is wrong with them.
      other_names: what people call this input as well.
    """

    wants: str
    check: Callable
    example: Callable
    must_look: Callable | None = None
    look: Callable | None = None
    title: str = "Number"
    none: str = "There is nothing. Send something."
    is_remembered: bool = False
    explain: Callable | None = None
    other_names: tuple = ()


def _check_image(encoded, limits):
    pixels = image_checks.count_pixels(encoded, limits.max_pixels)
    # The decoded images of a batch have no more pixels than one image may have.
    return max(1.0, limits.max_batch_size * pixels / limits.max_pixels)


def _grey_png(size=32):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * size) * size)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


IMAGE = Input(
    wants=f"The bytes of a {ONE_OF_THEM} file.",
    check=_check_image,
    example=_grey_png,
    must_look=image_checks.must_look,
    look=image_checks.look,
    is_remembered=True,
    explain=image_checks.explain,
    other_names=("picture", "photo"),
)
