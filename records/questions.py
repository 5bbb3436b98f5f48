"""Which questions have words: one rule for builds, prediction, the server and exported graphs.

A question of invisible characters alone is an empty question: whoever sent it sees nothing.
The rule stands in `_INVISIBLE`, a list of characters that no version of Unicode changes, so
that Python (`wrong_with`) and TensorFlow (`question_status` of `hardvqa_tf/vqa/text.py`) agree
on every machine. What has another character has a word: the cut into words keeps marks.
"""

import re

EMPTY_QUESTION = (
    "The question has no words: it is empty, or of invisible characters alone. Write it in "
    "words."
)
HAS_NUL = (
    "The question has a NUL character (U+0000), which ends it where it is cut into words. "
    "Remove it."
)
NOT_UNICODE = "The question is not Unicode text: it has half a character. Write it again."
# First and last: white space, controls, what Unicode calls "default ignorable" (zero width
# spaces and joiners, soft hyphens, marks of direction, selectors, tags, fillers), annotation
# marks, controls of hieroglyphs, and the blank pattern of Braille.
_INVISIBLE = (
    (0x0000, 0x0020),
    (0x007F, 0x00A0),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x1680, 0x1680),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)


_IS_BLANK = re.compile("".join(f"{chr(a)}-{chr(b)}" for a, b in _INVISIBLE).join(("[", "]*")))
# The same for TensorFlow's RE2, which writes characters by their number.
BLANK_IN_RE2 = "".join(rf"\x{{{a:x}}}-\x{{{b:x}}}" for a, b in _INVISIBLE).join(("[", "]*"))


def is_blank(text):
    """Whether a str has no character that can be seen."""
    return _IS_BLANK.fullmatch(text) is not None


def is_unicode(text):
    """Whether a str can be written as UTF-8: it has no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def is_text(text):
    """Whether an answer, an id or a name can be kept: Unicode without a NUL character."""
    return "\0" not in text and is_unicode(text)


def wrong_with(text):
    """What is wrong with a question, in sentences; None if nothing is.

    Args:
      text: str.
    """
    if not is_unicode(text):
        return NOT_UNICODE
    if is_blank(text):
        return EMPTY_QUESTION
    return HAS_NUL if "\0" in text else None
