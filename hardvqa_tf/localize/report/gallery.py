"""What different models find, and by which cells, for the same queries.

A row is a query, a column a model; what a model did not keep is dark.
"""

import keras

from hardvqa_tf.localize.data import open_split
from hardvqa_tf.localize.judging.queries import Query, is_of_nothing
from hardvqa_tf.localize.judging.thresholds import match_queries
from hardvqa_tf.localize.pictures.found import draw_boxes, draw_sheet, enlarge
from hardvqa_tf.localize.pictures.gallery import Gallery
from hardvqa_tf.pictures import panels
from hardvqa_tf.report_parts import pages
from hardvqa_tf.report_parts.plots import draw_gallery

NUM_QUERIES = 6
PIXELS = 288  # of a tile, which a page makes smaller


def galleries(groups, split, records_dir, load_run, name):
    """A gallery of the first run of each group.

    Args:
      groups: list of `groups.Group`.
      split, records_dir: what they are asked.
      load_run: from a run's folder to a `runs.Run`.
      name: what the picture's name begins with.

    Returns:
      list of `pages.Gallery`: one.
    """
    header, rows = ["query", "drawing", "image"], []
    for group in groups:
        queries, fields = _ask(group.first, split, records_dir, load_run)
        if not rows:
            rows = [(_title(query), _given(query)) for query in queries]
        header.append(group.label)
        threshold = _threshold(group.first)
        for (_, tiles), query in zip(rows, queries, strict=True):
            tiles.append(_tile(query, threshold, fields))
    caption = (
        "The drawing, the image with the right boxes in green, and what each model shows from "
        "its threshold on, in orange; dark: cells that it dropped."
    )
    return [pages.Gallery(f"{name}found", caption, header, rows, draw_gallery(header, rows))]


def _ask(reported, split, records_dir, load_run):
    """The first queries of a split, as a run's model answers them, and its fields."""
    run = load_run(reported.workdir)
    data = open_split(
        run.config, split, run.assets, records_dir=records_dir, with_ids=True, whole_images=True
    )
    gallery = Gallery(run.model, data)
    queries = gallery.ask()[:NUM_QUERIES]
    del run
    keras.backend.clear_session()  # Else every model stays in memory.
    return queries, gallery.fields


def _threshold(run):
    shown = run.evaluation["threshold"]
    return shown["threshold"] if shown else 0.5


def _title(asked):
    return asked.name if len(asked.right) else f"{asked.name} (not there)"


def _given(asked):
    """The tiles that are the same for all models."""
    image = enlarge(asked.image, PIXELS)
    number = len(asked.right)
    return [
        pages.Tile(
            draw_sheet(asked.drawings, image.shape[:2]), f"a drawing of {asked.name}", ""
        ),
        pages.Tile(
            draw_boxes(image, right=asked.right),
            f"the image, with {number} right boxes",
            f"{number} there",
        ),
    ]


def _tile(asked, threshold, fields):
    shown = asked.found.scores >= threshold
    found = asked.found._replace(
        boxes=asked.found.boxes[shown], scores=asked.found.scores[shown]
    )
    text = _found(asked, found)
    image = panels.dim_dropped(enlarge(asked.image, PIXELS), asked.mask, fields)
    kept = "kept {} of {} cells".format(*asked.kept)
    return pages.Tile(draw_boxes(image, found), f"{kept}; {text}", text)


def _found(asked, found):
    """How many of those that are there are found, and what else is shown."""
    query = Query(asked.scene, asked.name, (1, 1), asked.right)
    number = len(found.scores)
    if is_of_nothing(query):
        return f"{number} wrong" if number else "none ✓"
    right = int(match_queries([query], [found]).right.sum())
    sign = " ✓" if right == len(asked.right) == number else ""
    wrong = f", {number - right} wrong" if number > right else ""
    return f"{right} of {len(asked.right)}{wrong}{sign}"
