"""An image with objects in boxes, as data sets of detectors describe it, and its record.

Boxes come from annotations, in pixels of the image that these were made for; so the image must
have the size that they say.
"""

import dataclasses
from collections.abc import Callable

from records.orientation import exif_orientation
from records.schema import ImageExample, Object, serialize_example
from records.source import counted

# A box may reach over the edge by this share of a side, or by a pixel: annotations are rounded.
_ROUNDING = 1e-3
_SWAPS_SIDES = 5  # EXIF orientations from here on turn an image on its side.


@dataclasses.dataclass(frozen=True)
class BoxedImage(ImageExample):
    """An image and its objects; the record's are divided by `size` when it is made.

    `size`: (width, height) in pixels that the annotations say, of the image as it is decoded;
    None: they do not say. `objects_in_pixels`: as of `ImageExample`, but of that image.
    """

    size: tuple | None = None

    def ids(self):
        return {"image id": (self.image_id,)}

    def holds(self):
        return counted(len(self.objects), "object")

    def describe(self):
        return f"{self.source} (image {self.image_id!r})"

    def serialize(self, encoded, height, width):
        """Returns the record.

        Raises:
          ValueError: if the image has another size than the annotations say.
        """
        orientation = exif_orientation(encoded) if self.turns_by_exif else 1
        seen = (height, width) if orientation >= _SWAPS_SIDES else (width, height)
        if self.size is not None and seen != tuple(self.size):
            turned = ", turned as its EXIF says" if orientation >= _SWAPS_SIDES else ""
            raise ValueError(
                f"the annotations are of an image of {self.size[0]}x{self.size[1]} pixels, but "
                f"this one has {seen[0]}x{seen[1]}{turned}. Was it resized or replaced? Take "
                "the images that the annotations were made for."
            )
        objects = self.objects
        if self.objects_in_pixels:
            objects = tuple(_divided(thing, *seen) for thing in objects)
        example = dataclasses.replace(self, objects=objects, objects_in_pixels=False)
        return serialize_example(example, encoded, height, width, orientation)


@dataclasses.dataclass(frozen=True)
class Photo:
    """What the annotations of one image say, before classes are chosen.

    `image_id`, `source`, `load_image`, `size`: as of `BoxedImage`. `objects`: all whose boxes
    have an area, `in_pixels` or in shares of the sides; `empty`: the names of the others.
    `missing`: why there is no file, what to do; "" if there is one. `turns_by_exif`: as of
    `ImageExample`.
    """

    image_id: str
    source: str
    load_image: Callable[[], bytes] | None
    size: tuple | None
    objects: tuple
    in_pixels: bool = True
    empty: tuple = ()
    missing: str = ""
    turns_by_exif: bool = False

    @property
    def shows(self):
        """Names of all classes of which it shows anything, be it in a box without an area."""
        return {*self.empty, *(thing.name for thing in self.objects)}

    def with_classes(self, names):
        """The `BoxedImage` with the objects of some classes."""
        return BoxedImage(
            image_id=self.image_id,
            source=self.source,
            load_image=self.load_image,
            questions=(),
            objects=tuple(thing for thing in self.objects if thing.name in names),
            objects_in_pixels=self.in_pixels,
            turns_by_exif=self.turns_by_exif,
            size=self.size,
        )


def make_object(name, box, *, area=None, crowd=False, difficult=False):
    """A `schema.Object` of a box (left, top, right, bottom), its centre in the middle."""
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    return Object(name, x, y, box=tuple(box), area=area, crowd=crowd, difficult=difficult)


def object_within(name, box, width, height, **more):
    """The object of a box, which is clipped by the image.

    Args:
      name: of its class.
      box, width, height: as of `clipped`.
      **more: of `make_object`.

    Returns:
      A `schema.Object`; its name where the box has no area.

    Raises:
      ValueError: as of `clipped`.
    """
    box = clipped(box, width, height)
    return name if box is None else make_object(name, box, **more)


def without_empty(things):
    """(objects, names of those without an area) of what `object_within` returned."""
    empty = tuple(thing for thing in things if isinstance(thing, str))
    return tuple(thing for thing in things if not isinstance(thing, str)), empty


def clipped(box, width, height):
    """The part of a box within an image of these sides; None where it has no area.

    Args:
      box: (left, top, right, bottom), finite numbers.
      width, height: of the image, in the unit of the box.

    Raises:
      ValueError: if it lies outside by more than is rounded.
    """
    left, top, right, bottom = box
    slack = [max(_ROUNDING * side, 1.0 if side > 1 else 0.0) for side in (width, height)]
    if (
        min(left + slack[0], top + slack[1]) < 0
        or right > width + slack[0]
        or bottom > height + slack[1]
    ):
        raise ValueError(
            f"its box reaches out of the image of {_short(width)}x{_short(height)}: left "
            f"{_short(left)}, top {_short(top)}, right {_short(right)}, bottom "
            f"{_short(bottom)}. Correct it, or take the annotations of these images."
        )
    left, right = (min(max(value, 0.0), width) for value in (left, right))
    top, bottom = (min(max(value, 0.0), height) for value in (top, bottom))
    return (left, top, right, bottom) if right > left and bottom > top else None


def _short(value):
    return f"{value:.10g}"


def _divided(thing, width, height):
    try:
        box = clipped(thing.box, width, height)
    except ValueError as error:
        raise ValueError(f"object {thing.name!r}: {error}") from None
    if box is None:
        raise ValueError(f"object {thing.name!r}: its box lies at the edge, without an area.")
    box = tuple(c / s for c, s in zip(box, (width, height) * 2, strict=True))
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return dataclasses.replace(thing, x=x, y=y, box=box)
