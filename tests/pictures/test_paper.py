"""Text on a sheet: lines, words too long for one, and characters that a font lacks."""

import numpy as np
import pytest

from hardvqa_tf.pictures import paper


def test_a_long_question_wraps_and_ends_in_an_ellipsis():
    font = paper.Font("")
    text = "what is the shape of the object that is closest to it"
    lines = font.wrap(text, 20, 200, max_lines=9)
    assert len(lines) > 2 and " ".join(lines) == text
    assert all(font.length(line, 20) <= 200 for line in lines)
    cut = font.wrap(text, 20, 200, max_lines=2)
    assert len(cut) == 2 and cut[0] == lines[0] and cut[1].endswith("…")
    assert font.length(cut[1], 20) <= 200


def test_a_word_longer_than_a_line_loses_nothing():
    lines = paper.Font("").wrap("so " + "m" * 50 + " it", 20, 150, max_lines=99)
    assert "".join(lines).replace(" ", "") == "so" + "m" * 50 + "it"


def test_without_a_system_font_accents_are_dropped(monkeypatch):
    monkeypatch.setattr(paper, "_font_names", lambda: [None])
    font = paper.Font("äöü")
    assert font.write("größte façade – 漢 Ærø") == "grosste facade - ? AEro"


def test_a_font_that_lacks_fewer_characters_is_chosen(monkeypatch):
    monkeypatch.setattr(paper, "_font_names", lambda: [None, "other"])
    monkeypatch.setattr(
        paper, "_lacking", lambda name, text: set(text) if name is None else set()
    )
    assert paper.Font("ä")._name == "other"


def test_a_script_that_no_font_has_is_left_out_as_a_whole(monkeypatch):
    monkeypatch.setattr(paper, "_font_names", lambda: [None])
    monkeypatch.setattr(paper.system_fonts, "font_with", lambda character: None)
    for text, written in (
        ("これは何ですか", "[…]"),
        ("Что слева от круга?", "[…]?"),
        ("What does これは 何 mean?", "What does […] mean?"),
        ("मेरा नाम", "[…]"),
        ("größer?", "grosser?"),
    ):
        font = paper.Font(text)
        assert font.write(text) == written
        assert font.leaves_out(text) == ("[…]" in written)


def test_what_one_font_lacks_comes_from_another(monkeypatch):
    if len(paper.system_fonts.common_fonts()) == 1:
        pytest.skip("needs a font beside Pillow's own")
    monkeypatch.setattr(paper, "_font_names", lambda: [None])
    text = "What does красный круг mean?"
    font = paper.Font(text)
    assert font.write(text) == text and not font.leaves_out(text)
    pieces = [piece for piece, _ in font.pieces(text, 20)]
    assert "".join(pieces) == text and "What does " in pieces and len(pieces) > 2
    sheet, hidden = (paper.Paper(600, "a") for _ in range(2))
    assert sheet.font._name is None
    sheet.y = hidden.y = 40
    sheet.text(10, 5, text, 20, (0, 0, 0))
    hidden.text(10, 5, "What does", 20, (0, 0, 0))
    ink, start = ((s.finish(0) < 128).any(axis=(0, 2)) for s in (sheet, hidden))
    assert np.flatnonzero(ink)[-1] == pytest.approx(10 + font.length(text, 20), abs=3)
    assert (ink[: np.flatnonzero(start)[-1]] == start[: np.flatnonzero(start)[-1]]).all()


def test_a_font_is_searched_once_for_each_script(monkeypatch):
    fonts = paper.system_fonts
    opened = []
    monkeypatch.setattr(fonts, "_OF_SCRIPTS", {})
    monkeypatch.setattr(fonts, "_font_files", lambda: ["broken.ttf", "one.ttf", "two.ttf"])
    monkeypatch.setattr(fonts, "_opens", lambda name: opened.append(name) or name[0] != "b")
    monkeypatch.setattr(fonts, "has", lambda name, c: name == "two.ttf" and c in "дя")
    assert [fonts.font_with(c) for c in "дяж"] == ["two.ttf", "two.ttf", None]
    assert opened == ["broken.ttf", "one.ttf", "two.ttf"]
    assert fonts.font_with("東") is None and len(opened) == 6
    assert fonts.font_with("東") is None and len(opened) == 6
    assert fonts.font_with("\uffff") is None  # It has no name.
