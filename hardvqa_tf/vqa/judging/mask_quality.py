"""Are the masks any good? Whether the cells that were looked at hold the objects.

Three shares, each beside what random cells of the same number would have on average:

    cells_with_object    of the kept cells, those that hold an object
    objects_kept         of the objects, those in a kept cell
    asked_objects_kept   of the objects that the question names, those in a kept cell

A cell holds an object if the object's centre lies where the cell is drawn: in a box around
where it looks (`encoders.fields`), nearer to its middle than to any other cell's. It sees more
than that, so a neighbour of the object's cell may serve as well: the shares are strict.

Letters: N questions, h w grid, P = h·w cells, K kept cells.
"""

import numpy as np

from hardvqa_tf.data.words import split_words
from hardvqa_tf.encoders.fields import Fields
from records.build import read_info
from records.folder import what_is_known
from records.read import read_records
from records.schema import Object

# What the three shares are called where they are shown.
MASK_SHARES = {
    "cells_with_object": "kept cells that hold an object",
    "objects_kept": "objects in a kept cell",
    "asked_objects_kept": "asked objects in a kept cell",
}


def read_objects(records_dir, split):
    """Reads the objects of a split; images are not decoded.

    Returns:
      dict from image id to a list of `records.schema.Object`, empty lists included.
    """
    names = ("image/id", "object/name", "object/x", "object/y")
    return {
        image["image/id"]: [
            Object(name, float(x), float(y))
            for name, x, y in zip(*(image[name] for name in names[1:]), strict=True)
        ]
        for image in read_records(records_dir, split, names)
    }


def measure_masks(answers, records_dir, split, num_cells=None, fields=None):
    """Measures the masks of a split's answers.

    Args:
      answers: `metrics.Answers` with masks.
      records_dir, split: where the objects are.
      num_cells: K of weights of soft attention, see `cells_after_cut`.
      fields: `encoders.fields.Fields`, where cells look; None: an equal division.

    Returns:
      {name: {"share", "chance"}}, in 0..1, of the three shares above; those that the data set
      allows. Empty if its records have no objects.
    """
    known = what_is_known(read_info(records_dir))
    if not known["has_objects"]:  # Nothing is read: maps are large.
        return {}
    objects = read_objects(records_dir, split)
    if not any(objects.values()):
        return {}
    masks = cut_masks(answers.mask, num_cells)
    fields = fields or Fields.equal(masks.shape[1:], masks.shape[1:])
    cells = {image: [fields.cell_of(o.x, o.y) for o in objects[image]] for image in objects}
    of_question = [cells[image_id] for image_id in answers.image_id]
    measured = {
        "cells_with_object": _mean(map(_cells_with_object, masks, of_question)),
        "objects_kept": _mean(map(_objects_kept, masks, of_question)),
    }
    if known["names_objects_by_colour"]:
        in_image = [objects[image_id] for image_id in answers.image_id]
        asked = [
            [fields.cell_of(o.x, o.y) for o in of_question]
            for of_question in asked_objects(answers.question_text, in_image)
        ]
        measured["asked_objects_kept"] = _mean(map(_objects_kept, masks, asked))
    return {name: value for name, value in measured.items() if value}


def cut_masks(masks, num_cells=None):
    """Masks as they are; weights of soft attention cut to the cells that weigh most.

    Args:
      masks: bool[N, h, w], True = kept, or float[N, h, w], weights.
      num_cells: K of the weights, see `cells_after_cut`.

    Returns:
      bool[N, h, w].
    """
    num_cells = cells_after_cut(masks, num_cells)
    return masks if num_cells is None else keep_greatest(masks, num_cells)


def cells_after_cut(masks, num_cells=None):
    """How many cells weights of soft attention are cut to.

    Args:
      masks: an array or a Keras tensor [..., h, w], bool or float.
      num_cells: as many as asked for; default: a quarter of the cells.

    Returns:
      K; None for bool, where there is nothing to cut.

    Raises:
      ValueError: if the grid does not have so many cells.
    """
    if masks.dtype == "bool":
        return None
    height, width = masks.shape[-2:]
    total_cells = height * width
    num_cells = max(1, total_cells // 4) if num_cells is None else num_cells
    if not 1 <= num_cells <= total_cells:
        raise ValueError(
            "Weights of soft attention can be cut to one cell or more, up to all. Received: "
            f"mask_cells={num_cells} for a {height}x{width} grid ({total_cells} cells). Use "
            "the number of cells that the hard attention keeps which it is compared with."
        )
    return num_cells


def keep_greatest(weights, num_cells):
    """float[N, h, w] -> bool[N, h, w], True at the `num_cells` greatest, of ties the first."""
    flat = weights.reshape(len(weights), -1)
    order = np.argsort(-flat, axis=1, kind="stable")[:, :num_cells]
    mask = np.zeros(flat.shape, bool)
    np.put_along_axis(mask, order, True, axis=1)
    return mask.reshape(weights.shape)


def asked_objects(questions, objects):
    """The objects of each question's image, the first word of whose name is in the question."""
    texts = sorted(set(questions))
    words = {
        text: set(of_text) for text, of_text in zip(texts, split_words(texts), strict=True)
    }
    return [
        [o for o in of_image if o.name.split()[0] in words[text]]
        for text, of_image in zip(questions, objects, strict=True)
    ]


def format_masks(measured, mask_cells=None):
    """What `measure_masks` returns, as lines of a table.

    Args:
      mask_cells: K that weights of soft attention were cut to; None: there was nothing to cut.
    """
    heading = f"masks, the {mask_cells} greatest weights" if mask_cells else "masks"
    width = max(map(len, (heading, *MASK_SHARES.values())))
    lines = [f"{heading:{width}}     share  random cells"]
    for name, value in measured.items():
        share, chance = (f"{100 * value[key]:.2f} %" for key in ("share", "chance"))
        lines.append(f"{MASK_SHARES[name]:{width}}  {share:>8}  {chance:>12}")
    return lines


def _cells_with_object(mask, cells):
    """(share, chance) of one question, of the cells that its objects are in, each [(row,
    column), ...]; None where there is nothing to count."""
    if not cells or not mask.any():
        return None
    cells = set(cells)
    hits = sum(bool(mask[cell]) for cell in cells)
    return hits / mask.sum(), len(cells) / mask.size


def _objects_kept(mask, cells):
    if not cells:
        return None
    return sum(bool(mask[cell]) for cell in cells) / len(cells), mask.sum() / mask.size


def _mean(pairs):
    pairs = [pair for pair in pairs if pair is not None]
    if not pairs:
        return None
    share, chance = np.mean(pairs, axis=0)
    return {"share": float(share), "chance": float(chance)}
