"""Where the cells of a model look, whatever it takes: images, maps of them, or neither."""

from hardvqa_tf.data.inputs import MAPS, takes_maps
from hardvqa_tf.encoders.fields import Fields
from hardvqa_tf.vqa.model import grid_fields
from records.folder import has_records, read_info


def cell_fields(model, records_dir=None):
    """Where the cells of a model's mask are drawn and measured.

    Args:
      model: from `build_vqa_model`, or one that was loaded.
      records_dir: of maps, for a model that takes maps: their records keep where the encoder
        looks that made them.

    Returns:
      `encoders.fields.Fields`. Where nobody knows, the image divided equally, and `known` is
      False: the records are older than that, or not at hand, or the model sees no image.
    """
    fields = grid_fields(model)
    if fields is None and takes_maps(model):
        fields = _of_records(records_dir)
    grid = tuple(model.output["mask"].shape[2:])
    # The records at hand may be others than those that the model was trained on.
    if fields is None or tuple(fields.grid) != grid:
        return Fields.equal(grid, grid)
    return fields


def _of_records(records_dir):
    if not has_records(records_dir):
        return None
    values = read_info(records_dir).get(MAPS, {}).get("fields")
    return values and Fields.from_json(values)
