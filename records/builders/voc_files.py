"""PASCAL VOC's annotation of an image, Annotations/ID.xml, checked field by field.

    annotation/size/width, height
    annotation/object*/name, difficult, bndbox/xmin, ymin, xmax, ymax

Coordinates are whole pixels from 1, the last one included: a box of edges is (xmin - 1,
ymin - 1, xmax, ymax). Only an object's own bndbox counts, not those of its parts.
"""

from records.boxed_image import object_within
from records.xml_tree import number_in, only_child, parse_xml, text_of

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class Annotation:
    """What is said of one image.

    Attributes: `size`, (width, height); `things`, of `boxed_image.object_within`.
    """

    def __init__(self, size):
        self.size, self.things = size, []


def read_annotation(data, known):
    """Reads an annotation.

    Args:
      data: the file's bytes.
      known: the names that objects may have.

    Returns:
      `Annotation`.

    Raises:
      ValueError: names the object, and says what is wrong with it.
    """
    root = parse_xml(data)
    if root.tag != "annotation":
        raise ValueError(f"expected <annotation>. Received: <{root.tag[:40]}>. Get it again.")
    size = only_child(root, "size")
    sides = tuple(_side(size, name) for name in ("width", "height"))
    annotation = Annotation(sides)
    for place, element in enumerate(root.findall("object"), 1):
        try:
            _add(annotation, element, known)
        except ValueError as error:
            name = (element.findtext("name") or "").strip()
            which = f"object {place} ({name[:40]})" if name else f"object {place}"
            raise ValueError(f"{which}: {error}") from None
    return annotation


def _side(size, name):
    value = number_in(text_of(size, name), f"<{name}>")
    if value < 1 or value != int(value):
        raise ValueError(f"<{name}> must be a whole number above 0. Received: {value:g}.")
    return int(value)


def _add(annotation, element, known):
    name = text_of(element, "name")
    if name not in known:
        raise ValueError(f"<name> {name[:40]!r} is no class of VOC: {', '.join(known)}.")
    difficult = (element.findtext("difficult") or "0").strip()
    if difficult not in ("0", "1"):
        raise ValueError(f"<difficult> must be 0 or 1. Received: {difficult[:40]!r}.")
    bounds = only_child(element, "bndbox")
    xmin, ymin, xmax, ymax = (number_in(text_of(bounds, n), f"<{n}>") for n in _CORNERS)
    if xmax < xmin or ymax < ymin:
        raise ValueError(
            f"<bndbox> ends before it begins: xmin {xmin:g}, ymin {ymin:g}, xmax {xmax:g}, "
            f"ymax {ymax:g}. Correct it."
        )
    edges, is_difficult = (xmin - 1, ymin - 1, xmax, ymax), difficult == "1"
    thing = object_within(name, edges, *annotation.size, difficult=is_difficult)
    annotation.things.append(thing)
