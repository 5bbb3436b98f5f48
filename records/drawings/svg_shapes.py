"""One shape of an SVG → its outline, lines of points, by svgpathtools."""

import re

import numpy as np

MOST_NUMBERS = 100_000  # In all shapes of a file; TU-Berlin's drawings have some hundreds.
SHAPES = ("path", "line", "polyline", "polygon", "rect", "circle", "ellipse")
_PIECES = 16  # Straight ones of a curve; what is too many of them, `simplify` leaves out.
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
# Pixels of a unit, as CSS has them; of letters, those of a browser's default.
_UNITS = {"": 1, "px": 1, "pt": 4 / 3, "pc": 16, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96}
_UNITS |= {"em": 16, "rem": 16, "ex": 8}
# Shares of a curve, and of its 2, 3 or 4 control points at each: Bernstein's polynomials.
_AT = np.arange(1, _PIECES + 1)[:, None] / _PIECES
_BERNSTEIN = {
    2: np.concatenate([1 - _AT, _AT], axis=1),
    3: np.concatenate([(1 - _AT) ** 2, 2 * _AT * (1 - _AT), _AT**2], axis=1),
    4: np.concatenate(
        [(1 - _AT) ** 3, 3 * _AT * (1 - _AT) ** 2, 3 * _AT**2 * (1 - _AT), _AT**3], axis=1
    ),
}


def picture_of(root):
    """Returns (left, top, width, height) that an <svg> shows; None if it does not say."""
    box = [float(number) for number in re.findall(_NUMBER, root.get("viewBox", ""))]
    if len(box) == 4:
        return tuple(box) if min(box[2:]) > 0 else None
    sides = [root.get(name, "").strip() for name in ("width", "height")]
    if not all(sides) or any(side.endswith("%") for side in sides):
        return None
    try:
        sides = [_length(side, 0) for side in sides]
    except ValueError:
        return None
    return (0.0, 0.0, *sides) if min(sides) > 0 else None


class Outlines:
    """Outlines of the shapes of a document.

    Args:
      library: svgpathtools.
      picture: as of `picture_of`: of which lengths in per cent are shares.
    """

    def __init__(self, library, picture):
        self._library, self._num_numbers = library, 0
        width, height = (300, 150) if picture is None else picture[2:]  # CSS's own default.
        self._wholes = {"x": width, "y": height, "r": np.sqrt((width**2 + height**2) / 2)}

    def transform(self, text):
        """Returns float64[3, 3] of an attribute, or of CSS, which has units."""
        text = re.sub(rf"({_NUMBER})(deg|px)\b", r"\1", text)
        text = re.sub(r"\btranslateX\(([^)]*)\)", r"translate(\1,0)", text)
        text = re.sub(r"\btranslateY\(([^)]*)\)", r"translate(0,\1)", text)
        try:
            return self._library.parser.parse_transform(text, strict=True)
        except ValueError as error:
            raise unreadable(error) from None

    def lines(self, element, name):
        """Returns the lines of one shape, a list of float64[n, 2]; [] if it draws nothing.

        Args:
          element: of the document.
          name: its tag, one of `SHAPES`.
        """
        try:
            return getattr(self, f"_{name}")(element)
        except _TooMuch as error:
            raise ValueError(str(error)) from None
        except Exception as error:  # What a broken path raises, the library does not say.
            raise unreadable(error) from None

    def value_of(self, element, name, along):
        """A length in pixels; `along`: "x", "y" or "r", of which it may be a share."""
        return _length(element.get(name, "").strip() or "0", self._wholes[along])

    def _line(self, element):
        values = [self.value_of(element, f"{axis}{i}", axis) for i in (1, 2) for axis in "xy"]
        return [np.array(values).reshape(2, 2)]

    def _polyline(self, element, is_closed=False):
        text = element.get("points", "")
        numbers = re.findall(_NUMBER, text)
        self._count(len(numbers))
        if re.sub(_NUMBER, "", text).strip(", \t\r\n") or len(numbers) % 2:
            raise ValueError(f"points must be pairs of numbers, not {text[:40]!r}")
        points = np.array(numbers, np.float64).reshape(-1, 2)
        return [np.concatenate([points, points[:is_closed]])] if len(points) else []

    def _polygon(self, element):
        return self._polyline(element, is_closed=True)

    def _path(self, element):
        return self._of_path(element.get("d", ""))

    def _circle(self, element):
        radius = self.value_of(element, "r", "r")
        return self._ellipse_of(element, radius, radius)

    def _ellipse(self, element):
        return self._ellipse_of(element, *self._radii(element))

    def _ellipse_of(self, element, rx, ry):
        if min(rx, ry) <= 0:
            return []
        centre = {f"c{axis}": self.value_of(element, f"c{axis}", axis) for axis in "xy"}
        given = centre | {"rx": rx, "ry": ry}
        return self._of_path(self._library.svg_to_paths.ellipse2pathd(given))

    def _rect(self, element):
        given = {"x": "x", "y": "y", "width": "x", "height": "y"}
        given = {name: self.value_of(element, name, axis) for name, axis in given.items()}
        if min(given["width"], given["height"]) <= 0:
            return []
        rx, ry = self._radii(element)
        if min(rx, ry) > 0:
            given["rx"], given["ry"] = min(rx, given["width"] / 2), min(ry, given["height"] / 2)
        return self._of_path(self._library.svg_to_paths.rect2pathd(given))

    def _radii(self, element):
        """Of the two, one that is not given is the other."""
        given = {a: element.get(f"r{a}", "auto").strip() not in ("", "auto") for a in "xy"}
        radii = [
            self.value_of(element, f"r{a if given[a] else b}", a if given[a] else b)
            for a, b in ("xy", "yx")
            if given[a] or given[b]
        ]
        return radii or (0.0, 0.0)

    def _count(self, number):
        self._num_numbers += number
        if self._num_numbers > MOST_NUMBERS:
            raise _TooMuch(
                f"an SVG with more than {MOST_NUMBERS:,} numbers in its shapes, the most that "
                "are read. Simplify its paths, or draw it with fewer."
            )

    def _of_path(self, text):
        self._count(sum(1 for _ in re.finditer(_NUMBER, text)))
        lines, end = [], None
        for segment in self._library.parse_path(text) if text.strip() else ():
            if segment.start != end:
                lines.append([_pair(segment.start)])
            lines[-1].append(_points(segment))
            end = segment.end
        return [np.concatenate(line) for line in lines]


class _TooMuch(ValueError):
    """A limit of ours, whose sentence says what to do."""


def unreadable(error):
    return ValueError(f"an SVG that cannot be read ({str(error)[:200]}). Save it again.")


def _length(text, whole):
    found = re.fullmatch(rf"({_NUMBER})\s*([a-z]*|%)", text.lower())
    if not found or not (found[2] == "%" or found[2] in _UNITS):
        raise ValueError(f"{text[:40]!r} is no length")
    unit = whole / 100 if found[2] == "%" else _UNITS[found[2]]
    return float(found[1]) * unit


def _pair(*values):
    """Complex numbers -> float64[n, 2]."""
    values = np.array(values, np.complex128)
    return np.stack([values.real, values.imag], axis=1)


def _points(segment):
    """Points [n, 2] of a straight part, a curve or an arc, without its start."""
    if type(segment).__name__ == "Line":
        return _pair(segment.end)
    if type(segment).__name__ == "Arc":
        return _pair(*(segment.point(share) for share in _AT[:, 0]))
    controls = segment.bpoints()
    return _BERNSTEIN[len(controls)] @ _pair(*controls)
