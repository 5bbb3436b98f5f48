"""Which questions have words."""

import unicodedata

import pytest

from records.questions import (
    EMPTY_QUESTION,
    HAS_NUL,
    NOT_UNICODE,
    is_blank,
    is_unicode,
    wrong_with,
)

INVISIBLE = (
    *("", " \t\n\r\x0b", "\0", "\0\0 ", "\x01\x1f\x7f\x85", "\u200b", "\u00ad", "\u2060\ufeff"),
    *("\u00a0\u3000\u2003", "\u2028\u2029", "\u200e\u202e\u2066", "\u3164", "\u115f\uffa0"),
    *("\u2800\u2800", "\ufe0f", "\U000e0041\U000e0020", "\u180e", "\u034f", "\u061c", "\ufff9"),
)


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_what_nobody_sees_is_an_empty_question(text):
    assert wrong_with(text) == EMPTY_QUESTION


@pytest.mark.parametrize("text", ["?", "a", "\u200bis it", "是", "👍", "5", "\u0301", "\ue000"])
def test_what_somebody_sees_is_none(text):
    assert wrong_with(text) is None


def test_a_nul_within_a_question():
    assert wrong_with("Is it\0 red?") == wrong_with("red?\0") == HAS_NUL


@pytest.mark.parametrize("text", ["\ud83d", "Is it \ud83d red?", "caf\udce9?", "\udc00\ud800"])
def test_half_a_character(text):
    assert not is_unicode(text)
    assert wrong_with(text) == NOT_UNICODE


def test_white_space_and_controls_are_blank_and_letters_are_not():
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for character in characters:
        if character.isspace() or unicodedata.category(character) == "Cc":
            assert is_blank(character), ascii(character)
        if character.isalnum() and is_blank(character):  # Fillers, which are drawn as nothing.
            assert "FILLER" in unicodedata.name(character)
