"""An SVG of a drawing → strokes: the lines that a person sees; TU-Berlin's are such files.

    ink        the outline of all that has a stroke, and of what is filled without one, as the
               file draws it (a fill closes no line)
    no ink     what nobody sees (`svg_style`): without paint, hidden, clear; text, pictures
    ground     what is filled, without a stroke, and covers the whole picture; paint of the
               ground's colour, or white, with nothing beneath it, shows nothing

A file of which nothing is left is one for dark paper, or has its styles elsewhere: then light
paint counts, else lines of which nothing says whether they have a stroke. Clips, masks and the
picture's edges cut nothing off. Paths and transforms are read by svgpathtools.
"""

import warnings
import xml.etree.ElementTree
from typing import NamedTuple

import numpy as np

from records.drawings.simplify import simplify
from records.drawings.strokes import checked
from records.drawings.svg_shapes import SHAPES, Outlines, picture_of, unreadable
from records.drawings.svg_style import Style, local_name, rules_of
from records.source import counted

_MOST_ELEMENTS = 20_000  # With those that <use> shows again.
_MOST_RULES = 2_000_000  # Of <style>, times the elements.
_DEEPEST = 200  # Groups in each other: <use> may show itself.
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_GROUPS = ("g", "a", "switch")
_WHITE = (255, 255, 255)


def strokes_of(data):
    """Returns the strokes of what is seen of an SVG.

    Args:
      data: the file's bytes.

    Raises:
      ValueError: says what is wrong with it.
    """
    try:
        import svgpathtools
    except ModuleNotFoundError:
        raise ValueError(
            "drawings in SVG need the package svgpathtools: pip install svgpathtools."
        ) from None
    root = _root(data)
    picture = picture_of(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of arcs without a radius, which are lines.
        shapes = list(_Walk(root, Outlines(svgpathtools, picture)).shapes())
    if not shapes:
        raise ValueError("an SVG without lines. Text and pictures in it are no drawing.")
    ink = _ink(shapes, picture)
    if not ink:
        raise ValueError(
            f"an SVG without lines that are seen: {counted(len(shapes), 'shape')} in it, "
            "hidden, clear, without stroke and fill, or over all of the picture. Give its "
            "lines a stroke."
        )
    return simplify(checked(ink, "the drawing"))


def _root(data):
    try:
        root = xml.etree.ElementTree.fromstring(data)
    except (xml.etree.ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(
            f"not XML ({error}). The file may be cut off: copy it again."
        ) from None
    if local_name(root.tag) != "svg":
        raise ValueError(f"XML, but no SVG: its root is <{root.tag[:80]}>.")
    return root


class _Shape(NamedTuple):
    """Something with an outline: `lines`, list of float64[n, 2] at their place; `style`."""

    lines: list
    style: Style


class _Walk:
    """Goes through a document, in the order in which it is painted."""

    def __init__(self, root, outlines):
        self._root, self._outlines = root, outlines
        self._rules = rules_of(root)
        self._by_id = {e.get("id"): e for e in root.iter() if e.get("id") is not None}
        self._num_elements = 0

    def shapes(self):
        """Yields the `_Shape`s that have an outline, whether seen or not."""
        style = Style().of_child([self._root], self._rules)
        matrix = self._outlines.transform(style.values["transform"])
        yield from self._below([self._root], style, matrix)

    def _below(self, way, style, matrix):
        for child in way[-1]:
            is_svg = "}" not in child.tag or child.tag.startswith(_SVG)
            if is_svg:
                yield from self._of(child, way, style, matrix)

    def _of(self, element, way, style, matrix):
        self._num_elements += 1
        too_many = self._num_elements * (1 + len(self._rules)) > _MOST_RULES
        if too_many or self._num_elements > _MOST_ELEMENTS or len(way) > _DEEPEST:
            raise ValueError(
                f"an SVG of more than {_MOST_ELEMENTS:,} elements, or of {_DEEPEST} groups in "
                "each other, those that <use> shows counted; or of too many rules of <style>. "
                "Draw it with fewer."
            )
        name = local_name(element.tag)
        if name not in (*_GROUPS, *SHAPES, "use", "svg"):
            return
        way = [*way, element]
        style = style.of_child(way, self._rules)
        if style.is_off:
            return
        matrix = matrix @ self._outlines.transform(style.values["transform"])
        if not np.linalg.det(matrix[:2, :2]):
            return  # Scaled to nothing.
        if name in _GROUPS:
            yield from self._below(way, style, matrix)
        elif name == "use":
            yield from self._used(way, style, matrix)
        elif name == "svg":
            raise ValueError(
                "an SVG with <svg> in it, which is not read. Save it as plain SVG."
            )
        elif lines := self._outlines.lines(element, name):
            lines = [line @ matrix[:2, :2].T + matrix[:2, 2] for line in lines]
            yield _Shape(checked(lines, f"a <{name}>"), style)

    def _used(self, way, style, matrix):
        """What a <use> shows again."""
        element = way[-1]
        href = (element.get("href") or element.get(_HREF) or "").strip()
        target = self._by_id.get(href[1:]) if href.startswith("#") else None
        if target is None:
            raise ValueError(
                f"an SVG with <use> in it of {href[:60]!r}, which is not there. Save it as "
                "plain SVG, with copies instead of links."
            )
        shift = np.identity(3)
        try:
            shift[:2, 2] = [self._outlines.value_of(element, axis, axis) for axis in "xy"]
        except ValueError as error:
            raise unreadable(error) from None
        if local_name(target.tag) != "symbol":
            yield from self._of(target, way, style, matrix @ shift)
            return
        if target.get("viewBox"):
            raise ValueError(
                "an SVG with <use> in it of a <symbol> with a viewBox, which is not read. Save "
                "it as plain SVG, with copies instead of links."
            )
        way = [*way, target]
        yield from self._below(way, style.of_child(way, self._rules), matrix @ shift)


def _ink(shapes, picture):
    """Returns the lines of the shapes that are seen, list of float64[n, 2]."""
    seen, light, not_said, ground = [], [], [], _WHITE
    for shape in shapes:
        style = shape.style
        stroke, fill = style.paint("stroke"), style.paint("fill")
        is_stroke_given = "stroke" in style.given
        if stroke is None and fill is not None and _covers(shape.lines, picture):
            ground = fill
            continue
        # Nobody sees the fill of a line; but of one without any stroke, it was forgotten.
        if not any(map(_has_area, shape.lines)) and is_stroke_given:
            fill = None
        paints = {stroke, fill} - {None}
        if paints and (paints - {ground} or _meets(shape.lines, seen)):
            seen += shape.lines
        elif paints:
            light += shape.lines
        elif style.is_shown() and not is_stroke_given:
            not_said += shape.lines
    return seen or light or not_said


def _covers(lines, picture):
    """Whether an outline goes round the whole picture: no point lies inside it."""
    if picture is None:
        return False
    points, (left, top, width, height) = np.concatenate(lines), picture
    places = (points - [left, top]) / [width, height]  # 0..1 is the picture.
    near = 0.01
    is_around = (places.min(axis=0) <= near).all() and (places.max(axis=0) >= 1 - near).all()
    is_inside = ((places > near) & (places < 1 - near)).all(axis=1)
    return bool(is_around and not is_inside.any())


def _meets(lines, others):
    """Whether the bounds of lines meet those of one of the others, which may lie beneath."""
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    return any(
        (other.min(axis=0) <= high).all() and (other.max(axis=0) >= low).all()
        for other in others
    )


def _has_area(line):
    steps = line - line[0]
    farthest = steps[np.square(steps).sum(axis=1).argmax()]
    across = np.abs(steps[:, 0] * farthest[1] - steps[:, 1] * farthest[0])
    return bool(across.max() > 1e-9 * np.square(farthest).sum())
