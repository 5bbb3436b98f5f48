"""Where drawings of a store come from: files by others, or our own doodles.

A source has a name, a `fingerprint` of what it will give, and `drawings(problems)`, which
yields `Drawing`s. Two with the same fingerprint give the same drawings. `only_trained` names
the classes that no split but train has.
"""

import os

from records.drawings import doodles
from records.drawings.readers import Drawing, files_below, read_drawings
from records.source import BuildError, fingerprint


class Files:
    """A file, or a folder with files, of drawings by others; see `readers`.

    Args:
      path: of it.
    """

    only_trained = frozenset()

    def __init__(self, path):
        self.name, self._path = "files", path

    def fingerprint(self):
        root, names = files_below(self._path)
        names = [name for name in names if os.path.isfile(os.path.join(root, name))]
        try:
            return fingerprint(root, contents=names)
        except OSError as error:
            raise BuildError(
                f"{error.filename} cannot be read ({error.strerror}). Make it readable, or "
                "move it elsewhere."
            ) from None

    def drawings(self, problems):
        return read_drawings(self._path, problems)


class Doodles:
    """Drawings by the programs of `doodles`.

    Args:
      per_class: how many drawings of each class.
      num_random: how many random classes, besides the named ones.
    """

    only_trained = frozenset()

    def __init__(self, per_class, num_random=0):
        self.name = "doodles"
        self._per_class, self._class_names = per_class, doodles.class_names(num_random)

    def fingerprint(self):
        return f"{doodles.VERSION}: {len(self._class_names)} classes of {self._per_class}"

    def drawings(self, problems):
        yield from _doodled(self._class_names, self._per_class)


class FilesAndDoodles:
    """Drawings by others, and random classes of doodles to train with beside them.

    Args:
      path: of a file or folder, as of `Files`.
      per_class: how many doodles of each random class.
      num_random: how many of these classes.
    """

    def __init__(self, path, per_class, num_random):
        self.name = "files and doodles"
        self._files, self._per_class = Files(path), per_class
        self.only_trained = frozenset(doodles.random_class_name(i) for i in range(num_random))

    def fingerprint(self):
        doodled = f"{doodles.VERSION}: {len(self.only_trained)} classes of {self._per_class}"
        return f"{self._files.fingerprint()} and doodles {doodled}"

    def drawings(self, problems):
        for drawing in self._files.drawings(problems):
            if drawing.class_name in self.only_trained:
                raise BuildError(
                    f"{drawing.source} is of {drawing.class_name!r}, which is the name of a "
                    "class of doodles. Rename the class, or leave doodle_classes out."
                )
            yield drawing
        yield from _doodled(sorted(self.only_trained), self._per_class)


def _doodled(class_names, per_class):
    for class_name in class_names:
        for seed in range(per_class):
            strokes = doodles.draw(class_name, seed)
            yield Drawing(class_name, str(seed), f"doodle {seed}", strokes)
