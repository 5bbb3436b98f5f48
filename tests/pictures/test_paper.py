"""Text on a sheet: lines, words too long for one, and characters that a font lacks."""

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
