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
