"""Of a source of drawings, those of some classes, under the names that a data set has for them.

Names are compared without capitals, blanks and marks: "teddy-bear" is "teddy bear", and
"Hot_dog" "hot dog". What has another word needs an entry: COCO's tv is QuickDraw's television.
"""

import dataclasses
import json
from hashlib import sha256

from records.source import BuildError

_NUM_SHOWN = 60


class OfClasses:
    """A source, as those of `sources.py`.

    Args:
      source: the one to choose from.
      drawn_as: {class: list of names that its drawings may have}, its own among them.
      limit: drawings of a class at most, those of the least hashes; 0: all.
      leaves_out: whether a class without drawings is left out; else it stops the build.
    """

    only_trained = frozenset()

    def __init__(self, source, drawn_as, *, limit=0, leaves_out=False):
        self.name = source.name
        self._source, self._drawn_as = source, drawn_as
        self._limit, self._leaves_out = limit, leaves_out
        self._class_of = {}
        for class_name, names in drawn_as.items():
            for name in names:
                other = self._class_of.setdefault(_plain(name), class_name)
                if other != class_name:
                    raise BuildError(
                        f"Drawings of {name!r} cannot be of two classes: {other!r} and "
                        f"{class_name!r}. Give each its own by drawn_as=CLASS=DRAWING."
                    )

    def fingerprint(self):
        """Of the source, and of what is chosen from it."""
        chosen = json.dumps([self._drawn_as, self._limit, self._leaves_out], sort_keys=True)
        digest = sha256(chosen.encode()).hexdigest()[:16]
        return f"{self._source.fingerprint()} of classes {digest}"

    def drawings(self, problems):
        """Yields the drawings.

        Raises:
          BuildError: names the classes of which there is none, unless they are left out.
        """
        kept, others = {name: {} for name in self._drawn_as}, {}
        for drawing in self._source.drawings(problems):
            class_name = self._class_of.get(_plain(drawing.class_name))
            if class_name is None:
                others[drawing.class_name] = True
            else:
                self._keep(kept[class_name], drawing)
        lacking = [name for name, of_class in kept.items() if not of_class]
        if lacking and not (self._leaves_out and len(lacking) < len(kept)):
            raise BuildError(self._lacking(lacking, sorted(others)))
        for class_name, of_class in kept.items():
            for drawing in self._limited(of_class).values():
                yield dataclasses.replace(drawing, class_name=class_name)

    def _keep(self, of_class, drawing):
        # By what it looks like, so that a copy takes no place; twice the limit bounds memory.
        of_class.setdefault(f"{drawing.content_hash()} {drawing.class_name}", drawing)
        if self._limit and len(of_class) > 2 * self._limit:
            least = self._limited(of_class)
            of_class.clear()
            of_class.update(least)

    def _limited(self, of_class):
        return dict(sorted(of_class.items())[: self._limit or None])

    def _lacking(self, lacking, others):
        shown = ", ".join(others[:_NUM_SHOWN]) + (", ..." if len(others) > _NUM_SHOWN else "")
        names = ", ".join(map(repr, lacking))
        return (
            f"There is no drawing of {len(lacking)} of {len(self._drawn_as)} classes: {names}. "
            "Add drawings of them; or say under which name they are there, "
            "drawn_as=CLASS=DRAWING+CLASS=DRAWING; or leave these classes out, "
            "without_drawings=leave_out; or ask for other classes. Drawings that no class has "
            f"are of: {shown or 'nothing'}."
        )


def _plain(name):
    return "".join(c for c in name.casefold() if c.isalnum())
