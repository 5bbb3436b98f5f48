"""What each input of our models must be: a table by the input's name.

An input that a new task brings adds a line to `INPUTS`, and its check; nothing else in the
server knows what an input is called.
"""

import dataclasses
import struct
import zlib
from collections.abc import Callable

from hardvqa_tf.serving import checks
from records import questions
from records.formats import ONE_OF_THEM


@dataclasses.dataclass(frozen=True)
class Input:
    """One input: a string of bytes in each row, or several of them.

    Args:
      wants: what a client should send.
      check: called with one string of bytes and `limits.Limits`. It returns what the string
        weighs within a batch, usually 1, and raises ValueError with a sentence for the client.
      must_look: called with bytes that passed the check. It returns whether `look` is needed,
        and raises as the check does.
      look: called with them in a thread of its own, because it takes its time; raises as well.
      example: called without arguments, returns bytes that warm a model up.
      none: None if one bad string spoils its row. Otherwise a bad string becomes b"", which
        the model takes for none, and its status says what was wrong; this sentence is for a
        row that has no string at all.
      is_remembered: bytes that were sent once may be named by their SHA-256.
      explain: called with bytes that passed the check, but that the graph did not take; returns
        a sentence for the client. None where the graph takes all that pass.
    """

    wants: str
    check: Callable
    example: Callable
    none: str | None = None
    is_remembered: bool = False
    must_look: Callable | None = None
    look: Callable | None = None
    explain: Callable | None = None


def known_inputs(signature):
    """{name: `Input`} of what is checked of a `signatures.Signature`.

    A model that does not say of each row what was wrong with it is not ours, and its inputs
    may mean anything.
    """
    if not signature.gives_status:
        return {}
    strings = [tensor.name for tensor in signature.inputs.values() if tensor.is_string]
    return {name: INPUTS[name] for name in INPUTS if name in strings}


def _check_image(encoded, limits):
    pixels = checks.count_pixels(encoded, limits.max_pixels)
    # The decoded images of a batch have no more pixels than one image may have.
    return max(1.0, limits.max_batch_size * pixels / limits.max_pixels)


def _check_question(encoded, limits):
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("The question is not UTF-8 text. Encode it as UTF-8.") from None
    wrong = questions.wrong_with(text)
    if wrong:
        raise ValueError(wrong)
    if len(text) > limits.max_text_length:
        raise ValueError(
            f"The question is too long: {len(text):,} characters, at most "
            f"{limits.max_text_length:,} are taken. Shorten it."
        )
    return 1.0


def _grey_png(size=32):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * size) * size)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


INPUTS = {
    "image": Input(
        wants=f"The bytes of a {ONE_OF_THEM} file.",
        check=_check_image,
        example=_grey_png,
        is_remembered=True,
        must_look=checks.must_look,
        look=checks.look,
        explain=checks.explain,
    ),
    "question": Input(
        wants="A question, as text in UTF-8.",
        check=_check_question,
        example=lambda: b"What is it?",
        none="There is no question. Ask one.",
    ),
}
