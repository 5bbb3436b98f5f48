"""An SVG of a drawing → strokes, by svgpathtools; TU-Berlin's drawings are such files."""

import re
import warnings
import xml.etree.ElementTree

import numpy as np

from records.drawings.simplify import simplify
from records.drawings.strokes import checked

_PIECES = 16  # Straight ones of a curve; what is too many of them, `simplify` leaves out.
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")


def strokes_of(data):
    """Returns the strokes of an SVG's lines, curves and shapes, with all transforms.

    What is filled is drawn by its outline; a rectangle without a stroke is ground, and hidden
    elements, text and pictures are no drawing.

    Args:
      data: the file's bytes.

    Raises:
      ValueError: says what is wrong with it.
    """
    document = _document(data)
    stroked = _stroked(document.root)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of arcs without a radius, which are lines.
            paths = document.paths(
                path_filter=lambda element: _is_drawn(element, stroked), group_filter=_is_shown
            )
            lines = [_points(part) for p in paths if len(p) for part in p.continuous_subpaths()]
    except Exception as error:  # What a broken path raises, the library does not say.
        raise ValueError(f"an SVG that cannot be read ({error}). Save it again.") from None
    if not lines:
        raise ValueError("an SVG without lines. Text and pictures in it are no drawing.")
    return simplify(checked(lines, "the drawing"))


def _document(data):
    try:
        import svgpathtools
    except ModuleNotFoundError:
        raise ValueError(
            "drawings in SVG need the package svgpathtools: pip install svgpathtools."
        ) from None
    document = svgpathtools.Document()
    try:
        document.root = xml.etree.ElementTree.fromstring(data)
    except (xml.etree.ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(
            f"not XML ({error}). The file may be cut off: copy it again."
        ) from None
    document.tree = xml.etree.ElementTree.ElementTree(document.root)
    if document.root.tag.rpartition("}")[2] != "svg":
        raise ValueError(f"XML, but no SVG: its root is <{document.root.tag}>.")
    for element in document.root.iter():
        if isinstance(element.tag, str):
            element.tag = _known_tag(element.tag, element is document.root)
    document.strict_transform_parsing = True
    return document


def _known_tag(tag, is_root):
    """The tag as the library looks for it: with a namespace, and groups named so."""
    name = tag.rpartition("}")[2]
    if name == "use" or (name == "svg" and not is_root):
        raise ValueError(
            f"an SVG with <{name}> in it, which is not read. Save it as plain SVG."
        )
    if "}" in tag and not tag.startswith(_NAMESPACE):
        return tag
    return _NAMESPACE + ("g" if name in ("a", "switch") else name)


def _is_shown(element):
    is_off = element.get("display") == "none" or element.get("visibility") == "hidden"
    return not is_off and not _HIDDEN.search(element.get("style", ""))


def _stroked(element, is_stroked=False):
    """Returns the elements, below one, that have a stroke, of their own or of a group."""
    is_stroked = (
        is_stroked or "stroke" in element.keys() or "stroke:" in element.get("style", "")
    )
    found = {element} if is_stroked else set()
    return found.union(*(_stroked(child, is_stroked) for child in element))


def _is_drawn(element, stroked):
    is_ground = element.tag.endswith("}rect") and element not in stroked
    return _is_shown(element) and not is_ground


def _points(path):
    """Points [n, 2] of one line, which may be made of straight parts, curves and arcs."""
    points = [path[0].start]
    for segment in path:
        is_straight = type(segment).__name__ == "Line"
        shares = [1.0] if is_straight else np.arange(1, _PIECES + 1) / _PIECES
        points += [segment.point(share) for share in shares]
    return np.array([[point.real, point.imag] for point in points], np.float64)
