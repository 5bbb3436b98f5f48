"""Doodles: drawings by programs of our own, as people draw them.

    draw("house", seed=7)        -> [int32[5, 2], int32[3, 2], ...], its strokes
    draw("doodle 0017", seed=7)  -> a drawing of a random class

A named class is a short function (animals.py, food.py, ...). It tells a `Pen` what to draw,
and chooses by chance how, so that every seed gives another drawing. A random class is a program
that its number makes (random_classes.py). Then a hand draws what the pen was told: it wobbles,
forgets, and draws backwards (hand.py).

The same class and seed give the same strokes on every machine: shapes.py and hand.py say how.
"""

import operator

from records.drawings.doodles import (
    animals,
    belongings,
    buildings,
    faces,
    food,
    hand,
    home,
    nature,
    random_classes,
    vehicles,
)
from records.drawings.doodles.pen import Pen
from records.drawings.strokes import normalize

# Of the drawings: raised where a class and a seed give other strokes than before. Stores of
# drawings tell by it whether they are those that were asked for.
VERSION = "2"

PROGRAMS = {
    name: program
    for part in (nature, food, faces, animals, home, belongings, buildings, vehicles)
    for name, program in part.CLASSES.items()
}
NAMED = (*PROGRAMS,)
RANDOM = "doodle "


def random_class_name(i):
    """Of the random class with number i: "doodle 0017"."""
    if i < 0:
        raise ValueError(
            f"Random classes are numbered from 0. Received: {i}. Use 0 or a greater number."
        )
    return f"{RANDOM}{i:04d}"


def class_names(num_random=0):
    """The named classes, and that many random ones: a tuple of names."""
    return (*NAMED, *(random_class_name(i) for i in range(num_random)))


def draw(class_name, seed):
    """One drawing.

    Args:
      class_name: one of `NAMED`, or a random class's.
      seed: a whole number; another one gives another drawing.

    Returns:
      list of strokes, each int32[n, 2] points (x, y), as `normalize` makes them.
    """
    numbers = hand.Numbers(f"{class_name} {operator.index(seed)}")
    pen = Pen(numbers)
    if class_name in PROGRAMS:
        PROGRAMS[class_name](pen)
    else:
        _check_random(class_name)
        random_classes.run(random_classes.program(class_name), pen)
    return normalize(hand.draw_by_hand(pen.strokes, numbers))


def _check_random(name):
    number = name.removeprefix(RANDOM)
    if not (number.isascii() and number.isdigit() and name == random_class_name(int(number))):
        raise ValueError(
            f"There are no doodles of {name!r}. Use a random class, such as "
            f"{random_class_name(17)!r}, or one of: {', '.join(NAMED)}."
        )
