"""SVGs become strokes, as TU-Berlin writes them and as drawing programs do."""

import sys

import numpy as np
import pytest

from records.drawings.readers import read_drawings
from records.drawings.strokes import normalize
from records.drawings.svg import strokes_of
from records.source import BuildError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 800" {}>{}</svg>'


@pytest.fixture(autouse=True)
def _needs_the_library():
    pytest.importorskip("svgpathtools", reason="svgpathtools is not installed")


def strokes(inside, attributes=""):
    return normalize(strokes_of(SVG.format(attributes, inside).encode()))


def lists(inside, attributes=""):
    return [stroke.tolist() for stroke in strokes(inside, attributes)]


LINE = '<path d="M0 0 L100 0 L100 51"/>'
BENT = [[0, 0], [255, 0], [255, 130]]


def test_transforms_of_groups_and_paths():
    inside = f'<g transform="translate(3,3) scale(98)"><g fill="none">{LINE}</g></g>'
    assert lists(inside) == [BENT]
    turned = LINE.replace("<path", '<path transform="rotate(90)"')
    assert lists(turned) == [[[130, 0], [130, 255], [0, 255]]]


def test_curves_are_flattened():
    (stroke,) = strokes('<path d="M0 0 C0 55.2 44.8 100 100 100" fill="none"/>')
    assert (
        len(stroke) > 4 and stroke[0].tolist() == [0, 0] and stroke[-1].tolist() == [255, 255]
    )
    radius = np.hypot(*(stroke - [255, 0]).T)
    np.testing.assert_allclose(radius, 255, atol=2)


def test_parts_of_a_path_are_strokes():
    assert lists('<path d="m0 0h100v60M0,60h9"/>') == [[[0, 0], [255, 0], [255, 153]]] + [
        [[0, 153], [23, 153]]
    ]


def test_shapes():
    shapes = (
        '<line x1="0" y1="0" x2="100" y2="0"/><polyline points="0,0 50,20 100,0"/>'
        '<polygon points="0,0 50,20 100,0"/><circle cx="50" cy="50" r="50"/>'
        '<rect width="100" height="100" stroke="black"/>'
    )
    found = strokes(shapes)
    assert len(found) == 5
    closed = [stroke for stroke in found if stroke[0].tolist() == stroke[-1].tolist()]
    assert len(closed) == 3


def test_without_a_namespace_with_a_doctype_and_an_encoding():
    head = '<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE svg><!-- \xe4 -->'
    text = f"{head}<svg>{LINE}</svg>"
    found = normalize(strokes_of(text.encode("latin-1")))
    assert [stroke.tolist() for stroke in found] == [BENT]


def test_ground_and_hidden_parts_are_not_drawn():
    hidden = (
        '<rect width="800" height="800" fill="white"/><defs><path d="M0 0L900 900"/></defs>'
        '<g style="display: none"><path d="M0 0L900 900"/></g>'
        '<path visibility="hidden" d="M0 0L900 900"/><text>cat</text>'
    )
    assert lists(hidden + LINE) == [BENT]


def test_a_rectangle_with_the_stroke_of_its_group_is_drawn():
    rect = '<rect width="100" height="100"/>'
    assert len(lists(f'<g style="fill:none;stroke:#000"><g>{rect}</g></g>')) == 1
    assert len(lists(rect + LINE, 'stroke="black"')) == 2


def test_links_are_groups():
    assert lists(f'<a transform="scale(2)"><switch>{LINE}</switch></a>') == [BENT]


# Beside LINE: what is seen of it adds a stroke.
@pytest.mark.parametrize(
    ("beside", "number"),
    [
        ('<rect x="1" y="1" width="30" height="40"/>', 1),
        ('<circle cx="50" cy="50" r="20"/>', 1),
        ('<polygon points="1,1 50,50 90,2" stroke="none"/>', 1),
        ('<line x2="9" stroke="none"/>', 0),
        ('<path d="M1 1L50 50" stroke="none"/>', 0),
        ('<path d="M1 1L50 50L90 2" fill="none" stroke="none"/>', 0),
        ('<path d="M1 1L50 50L90 2" style="fill:none; stroke:none"/>', 0),
        ('<g style="fill:none;stroke:red"><path d="M1 1L50 50"/></g>', 1),
        ('<g stroke="red"><path stroke="inherit" fill="none" d="M1 1L50 50"/></g>', 1),
        ('<path d="M1 1L50 50" stroke="red" stroke-width="0"/>', 0),
        ('<path d="M1 1L50 50" stroke="red" stroke-opacity="0%"/>', 0),
        ('<path d="M1 1L50 50" stroke="rgba(0, 0, 0, 0)"/>', 0),
        ('<path d="M1 1L50 50" stroke="url(#paint)"/>', 1),
        ('<g opacity="0"><path d="M1 1L50 50" stroke="red"/></g>', 0),
        ('<g transform="scale(0)"><path d="M1 1L50 50" stroke="red"/></g>', 0),
        (
            '<g visibility="hidden"><path visibility="visible" d="M1 1L5 5" stroke="red"/></g>',
            1,
        ),
        ('<rect x="300" width="9" height="9" fill="white"/>', 0),
        ('<rect width="50" height="50" fill="white"/>', 1),  # It hides a part of LINE.
        ('<rect width="100%" height="100%" fill="#eee"/>', 0),
        ('<path d="M0 0H800V800H0Z" fill="red"/>', 0),
        ('<style>.a{stroke:red}.b{stroke:none}</style><line x2="9" class="a"/>', 1),
        ('<style>.a{stroke:none}</style><line x2="9" class="a" stroke="red"/>', 0),
        ('<style>.a{stroke:none}</style><line x2="9" class="a" style="stroke:red"/>', 1),
        ('<style>#x{stroke:red}.a{stroke:none}</style><line x2="9" class="a" id="x"/>', 1),
        ('<style>.a{stroke:none !important}</style><line class="a" style="stroke:red"/>', 0),
        ('<style>g > .a, g .b {stroke:none}</style><g><line x2="9" class="a"/></g>', 0),
        ('<style>a:hover line{stroke:none}</style><line x2="9" stroke="red"/>', 1),
        ('<style>@media print{line{stroke:none}}</style><line x2="9" stroke="red"/>', 1),
        ('<defs><line id="l" x2="9" stroke="red"/></defs><use href="#l" x="4"/>', 1),
        ('<symbol id="l"><line x2="9" stroke="red"/></symbol><use href="#l"/>', 1),
        ('<clipPath><rect width="9" height="9"/></clipPath>', 0),
    ],
)
def test_what_is_seen_is_ink(beside, number):
    seen = '<path d="M0 0 L100 0 L100 51" fill="none" stroke="black"/>'
    assert len(strokes(seen + beside)) == 1 + number


def test_a_drawing_for_dark_paper():
    white = '<path d="M0 0 L100 0 L100 51" fill="none" stroke="white"/>'
    dark = '<rect width="800" height="800"/>'
    assert lists(white) == lists(dark + white) == [BENT]


def test_a_use_and_css_move_what_they_show():
    inside = f'<g style="transform: translateX(3px) rotate(90deg)">{LINE}</g>'
    assert lists(inside) == [[[130, 0], [130, 255], [0, 255]]]
    used = f'<defs><g id="l">{LINE}</g></defs><use href="#l"/><use href="#l" y="100"/>'
    first, second = lists(used)
    assert second == [[x, y + 169] for x, y in first]


def test_an_svg_in_utf_16(tmp_path):
    text = '<?xml version="1.0" encoding="UTF-16"?>' + SVG.format("", LINE)
    (tmp_path / "a.svg").write_bytes(text.encode("utf-16"))
    (drawing,) = read_drawings(tmp_path)
    assert drawing.strokes[0].tolist() == BENT


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ('<use href="#a"/>' + LINE, "an SVG with <use> in it"),
        (f"<svg>{LINE}</svg>", "an SVG with <svg> in it"),
        ("", "an SVG without lines"),
        ("<text>cat</text>", "an SVG without lines"),
        ('<path d=""/>', "an SVG without lines"),
        ('<path d="M0 0 L nonsense"/>', "SVG that cannot be read"),
        ('<path d="M0 0 L 5"/>', "SVG that cannot be read"),
        ('<path d="M0 0 L 1e999 0"/>', "must be finite|cannot be read"),
        ('<path d="M0 0 L 1e300 0"/>', "at most 1e[+]09"),
        ('<path transform="turn(3)" d="M0 0 L 1 0"/>', "SVG that cannot be read"),
        ('<circle r="a"/>', "SVG that cannot be read"),
        ('<circle r="a"/>', "'a' is no length"),
        ('<polygon points="1,2,3"/>', "points must be pairs of numbers, not '1,2,3'"),
        (
            '<path d="M0 0L9 9" stroke="none" fill="none"/>',
            "without lines that are seen: 1 sha",
        ),
        ('<rect width="800" height="800"/>', "without lines that are seen"),
        ('<g id="a"><use href="#a"/></g>', "or of 200 groups in each other"),
        ("<g>" * 300 + LINE + "</g>" * 300, "or of 200 groups in each other"),
        ("<g/>" * 20_001, "more than 20,000 elements"),
        ('<path d="M0 0' + "C1 2 3 4 5 6" * 20_000 + '"/>', "more than 100,000 numbers"),
        (f"<style>path:nth-child(2){{fill:none}}</style>{LINE}", "selector 'path:nth-child"),
        (f"<style>@media (width>9px){{g{{fill:none}}}}</style>{LINE}", "'@media .width>9px"),
        ('<symbol id="s" viewBox="0 0 9 9"/><use href="#s"/>', "a <symbol> with a viewBox"),
        ("<g>", "not XML"),
        ("&undefined;", "not XML"),
    ],
)
def test_what_is_no_drawing(inside, message):
    with pytest.raises(ValueError, match=message):
        strokes(inside)


def test_xml_that_grows_without_end():
    entities = "".join(
        f'<!ENTITY e{i + 1} "{f"&e{i};" * 50}">' if i else '<!ENTITY e1 "ha">' for i in range(9)
    )
    text = f"<?xml version='1.0'?><!DOCTYPE svg [{entities}]><svg>&e9;</svg>"
    with pytest.raises(ValueError, match="not XML"):
        strokes_of(text.encode())


def test_a_folder_by_class(tmp_path):
    (tmp_path / "svg" / "tea cup").mkdir(parents=True)
    (tmp_path / "svg" / "tea cup" / "17.svg").write_text(SVG.format("", LINE))
    (drawing,) = read_drawings(tmp_path)
    assert (drawing.class_name, drawing.key) == ("tea cup", "svg/tea cup/17")
    assert drawing.strokes[0].tolist() == BENT
    (tmp_path / "svg" / "tea cup" / "18.svg").write_text(SVG.format("", LINE)[:90])
    with pytest.raises(BuildError, match=r"18.svg: not XML .*may be cut off"):
        list(read_drawings(tmp_path))


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "svgpathtools", None)
    with pytest.raises(ValueError, match="pip install svgpathtools"):
        strokes_of(SVG.format("", LINE).encode())
