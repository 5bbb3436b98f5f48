"""The pen that the programs of doodles draw with: chances, numbers, and one stroke a call."""

from records.drawings.doodles import shapes


class Pen:
    """Collects the strokes of one drawing.

    Args:
      numbers: `hand.Numbers`: every drawing has its own.

    `strokes` are the shapes drawn so far, a list of lists of points.
    """

    def __init__(self, numbers):
        self._numbers = numbers
        self.strokes = []

    # What differs between two drawings of a class.

    def chance(self, share):
        """True in that share of the drawings."""
        return self._numbers.next() < share

    def between(self, low, high):
        return low + (high - low) * self._numbers.next()

    def about(self, value, share=0.2):
        """The value, more or less."""
        return value * (1 + share * (self._numbers.next() - self._numbers.next()))

    def count(self, low, high):
        """A whole number from low to high, both included."""
        return low + int((high - low + 1) * self._numbers.next())

    def choose(self, *options):
        return options[self.count(0, len(options) - 1)]

    # Strokes.

    def stroke(self, shape):
        """Points of shapes.py."""
        self.strokes.append(shape)

    def dot(self, x, y):
        """Often a small circle."""
        if self.chance(0.6):
            self.strokes.append([(x, y)])
        else:
            self.circle(x, y, 1.5)

    def eyes(self, x, y, apart, size=3.0):
        """Two dots, or two circles."""
        open_ones = self.chance(0.45)
        for eye in (x - apart, x + apart):
            if open_ones:
                self.circle(eye, y, self.about(size))
            else:
                self.dot(eye, y)

    def line(self, *points):
        self.strokes.append(shapes.line(*points))

    def shape(self, *points):
        """A closed outline with corners, from any of them, at times a line for each side."""
        start = self.count(0, len(points) - 1)
        points = [*points[start:], *points[: start + 1]]
        if len(points) < 7 and self.chance(0.1):
            for side in zip(points, points[1:], strict=False):
                self.line(*side)
        else:
            self.line(*points)

    def rectangle(self, x, y, width, height):
        right, bottom = x + width, y + height
        self.shape((x, y), (right, y), (right, bottom), (x, bottom))

    def arc(self, x, y, rx, ry, start, end, turn=0):
        self.strokes.append(shapes.arc(x, y, rx, ry, start, end, turn))

    def ellipse(self, x, y, rx, ry, turn=0):
        """From anywhere, and not quite closed or too far."""
        start = self.between(0, 360)
        self.arc(x, y, rx, ry, start, start + self.between(345, 375), turn)

    def circle(self, x, y, radius):
        self.ellipse(x, y, radius, radius)

    def curve(self, *points):
        self.strokes.append(shapes.curve(*points))

    def loop(self, *points):
        """A closed curve, from any of its points."""
        start = self.count(0, len(points) - 1)
        points = [*points[start:], *points[:start]]
        self.strokes.append(shapes.curve(*points, closed=True))

    def zigzag(self, start, end, teeth, height):
        self.strokes.append(shapes.zigzag(start, end, teeth, height))

    def scallops(self, start, end, bumps, height):
        self.strokes.append(shapes.scallops(start, end, bumps, height))

    def spiral(self, x, y, radius, turns, start=0):
        self.strokes.append(shapes.spiral(x, y, radius, turns, start))

    def star(self, x, y, radius, inner, points=5):
        """Inner and outer corners in turn."""
        step = 180 / points
        radii = [radius, inner]
        self.shape(
            *(
                shapes.around(x, y, radii[i % 2], self.about(-90 + i * step, 0.02))
                for i in range(2 * points)
            )
        )
