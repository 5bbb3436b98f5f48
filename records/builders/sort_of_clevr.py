"""Sort-of-CLEVR: six coloured shapes on a white square, drawn here, so no download is needed.

The specification is the public generator's (kimhc6028/relational-networks,
sort_of_clevr_generator.py at 9c340d5): a 75x75 image holds one object of each of six colours,
a square of side 10 or a circle of radius 5 with equal chance, centres at whole pixels in
[5, 70), at least 10 pixels apart; ten non-relational and ten relational questions an image,
colour and kind drawn uniformly with replacement. Three things differ, on purpose:

* Questions are English sentences instead of bit vectors, so a question encoder has work.
* "Closest" never means the object itself. The published code measures an object's distance to
  itself as 999, less than the squared distance to a neighbour over 31.6 pixels away, so that
  about 7 % of its closest questions ask for the object's own shape.
* A question that two equally near (or far) objects of different shape would answer
  differently is drawn again.
"""

import dataclasses
import functools
import io
import random

from PIL import Image, ImageDraw

from records.schema import ImageExample, Object, Question

# Raise it with every change of what is drawn, asked or answered: records of another version
# count as made from another source. A test holds what this one draws.
DRAWING_VERSION = 1
IMAGE_SIZE = 75  # pixels, both sides
RADIUS = 5  # of a circle, and half the side of a square, in pixels
COLORS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "orange": (255, 156, 0),
    "gray": (128, 128, 128),
    "yellow": (255, 255, 0),
}


@dataclasses.dataclass(frozen=True)
class Shape:
    """One object: `x` and `y` are its centre in pixels, `shape` is "square" or "circle"."""

    color: str
    shape: str
    x: int
    y: int

    def squared_distance(self, other):
        return (self.x - other.x) ** 2 + (self.y - other.y) ** 2


class SortOfClevr:
    """Builder of Sort-of-CLEVR.

    Args:
      source_dir: must be None: this data set draws its own images.
      num_train_images, num_val_images, num_test_images: sizes of the splits. 9,800 + 200 images
        are the published sizes; `val` is ours, so that no model is chosen on `test`.
      num_questions: questions an image of each group, non-relational and relational.
      seed: another seed draws other images.

    Raises:
      ValueError: if a `source_dir` is given, or a size is not positive.
    """

    name = "sort_of_clevr"
    needs_source = False  # It is drawn here.
    has_objects = True
    names_objects_by_colour = True

    def __init__(
        self,
        source_dir=None,
        *,
        num_train_images: int = 9800,
        num_val_images: int = 200,
        num_test_images: int = 200,
        num_questions: int = 10,
        seed: int = 0,
    ):
        if source_dir is not None:
            raise ValueError(
                f"sort_of_clevr draws its own images. Received: source_dir={source_dir!r}. "
                "Leave --source_dir out, or name the data set that lies there with --dataset."
            )
        self.sizes = {"train": num_train_images, "val": num_val_images, "test": num_test_images}
        for name, size in {**self.sizes, "questions": num_questions}.items():
            if size < 1:
                raise ValueError(f"sort_of_clevr needs at least 1 of {name}. Received: {size}.")
        self.num_questions = num_questions
        self.seed = seed

    def splits(self):
        return tuple(self.sizes)

    def fingerprint(self):
        """There is no source but the drawing itself."""
        return f"drawing {DRAWING_VERSION}"

    def examples(self, split, problems):
        """Yields `(key, ImageExample)`; nothing can be wrong with images drawn here."""
        del problems
        for index in range(self.sizes[split]):
            image_id = f"{split}-{index:06d}"
            # A string seeds Python's generator the same way on every machine, and `random()` is
            # the one method whose sequence Python promises to keep.
            rng = random.Random(f"sort_of_clevr/{self.seed}/{image_id}")
            shapes = draw_shapes(rng)
            yield (
                image_id,
                ImageExample(
                    image_id=image_id,
                    source=f"sort_of_clevr image {image_id}",
                    load_image=functools.partial(render, shapes),
                    questions=tuple(_ask(rng, image_id, shapes, self.num_questions)),
                    objects=tuple(_locate(shape) for shape in shapes),
                ),
            )


def draw_shapes(rng):
    """Returns one `Shape` of each colour, no two centres nearer than 10 pixels."""
    shapes = []
    for color in COLORS:
        shape = ("square", "circle")[_below(rng, 2)]
        while True:
            x, y = (RADIUS + _below(rng, IMAGE_SIZE - 2 * RADIUS) for _ in range(2))
            candidate = Shape(color, shape, x, y)
            if all(candidate.squared_distance(s) >= (2 * RADIUS) ** 2 for s in shapes):
                shapes.append(candidate)
                break
    return tuple(shapes)


def render(shapes):
    """Returns the PNG bytes of the picture."""
    image = Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE), "white")
    draw = ImageDraw.Draw(image)
    for s in shapes:
        paint = draw.rectangle if s.shape == "square" else draw.ellipse
        box = (s.x - RADIUS, s.y - RADIUS, s.x + RADIUS, s.y + RADIUS)
        paint(box, fill=COLORS[s.color])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def answer_question(kind, shape, shapes):
    """Returns the answer to a question of this kind about `shape`, None if it is ambiguous."""
    others = [s for s in shapes if s is not shape]
    if kind == "shape":
        return shape.shape
    if kind == "left":
        return "yes" if shape.x < IMAGE_SIZE / 2 else "no"
    if kind == "top":
        return "yes" if shape.y < IMAGE_SIZE / 2 else "no"
    if kind == "count":
        return str(sum(s.shape == shape.shape for s in others))
    distances = [shape.squared_distance(s) for s in others]
    extreme = min(distances) if kind == "closest" else max(distances)
    named = {s.shape for s, d in zip(others, distances, strict=True) if d == extreme}
    return named.pop() if len(named) == 1 else None


_SENTENCES = {
    "non-relational": {
        "shape": "What is the shape of the {} object?",
        "left": "Is the {} object on the left side of the image?",
        "top": "Is the {} object in the top half of the image?",
    },
    "relational": {
        "closest": "What is the shape of the object closest to the {} object?",
        "furthest": "What is the shape of the object furthest from the {} object?",
        "count": "How many other objects have the same shape as the {} object?",
    },
}


def _ask(rng, image_id, shapes, num_questions):
    for offset, (group, sentences) in enumerate(_SENTENCES.items()):
        for number in range(num_questions):
            answer = None
            while answer is None:
                shape = shapes[_below(rng, len(shapes))]
                kind = list(sentences)[_below(rng, len(sentences))]
                answer = answer_question(kind, shape, shapes)
            yield Question(
                id=f"{image_id}-{offset * num_questions + number:02d}",
                text=sentences[kind].format(shape.color),
                answers=(answer,),
                type=f"{group}: {kind}",
            )


def _locate(shape):
    # + 0.5: a centre is the middle of its pixel.
    x, y = (shape.x + 0.5) / IMAGE_SIZE, (shape.y + 0.5) / IMAGE_SIZE
    return Object(f"{shape.color} {shape.shape}", x, y)


def _below(rng, n):
    return int(rng.random() * n)
