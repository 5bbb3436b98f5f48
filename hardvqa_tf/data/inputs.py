"""Maps or images? What a model is given of an image: its pixels, or a map made of it before.

Asked of a config and of a model, and answered here alone; of records, `records.map_facts` says
it. Plain Python: whoever only asks need not wait for TensorFlow.

Letters: H W image or grid, D width of maps.
"""

from records.folder import read_info
from records.map_facts import map_shape

# What the input of a model, and its value in a batch, is called. The image encoder that takes
# maps has their name, too.
IMAGE, MAPS = "image", "features"


def takes_maps(model):
    """Whether a Keras model is given maps; False: images, or neither."""
    return MAPS in [tensor.name for tensor in model.inputs]


def takes_images(model):
    return IMAGE in [tensor.name for tensor in model.inputs]


def trains_on_maps(config):
    """Whether the model of a config is given maps; a task without such models says nothing."""
    return config.model.get("image_encoder") == MAPS


def input_shape(config, records_dir=None):
    """What a config's model is given: (H, W, 3) of images, or (H, W, D) of the records' maps.

    Args:
      config: of the run.
      records_dir: a folder that `--mode=build` has finished; default: the config's.

    Raises:
      ValueError: if the records hold maps and the model takes images, or the other way round.
    """
    records_dir = records_dir or config.records_dir
    info = read_info(records_dir)
    size = None if trains_on_maps(config) else tuple(config.image_size)
    return check_size(records_dir, info, size)


def input_size(config, records_dir=None):
    """The same as `check_size` and data take it: (H, W) of images, or (H, W, D) of maps."""
    shape = input_shape(config, records_dir)
    return shape if trains_on_maps(config) else shape[:2]


def check_size(records_dir, info, image_size):
    """Checks that records hold what is asked for.

    Args:
      records_dir: whose dataset_info.json holds `info`.
      image_size: (H, W) of images; (H, W, D) of maps, or None, whatever their shape is.

    Returns:
      (H, W, 3) of a decoded image, or (H, W, D) of a map.

    Raises:
      ValueError: if they hold the other, or maps of another shape.
    """
    asks_for_maps = image_size is None or len(image_size) == 3
    shape = map_shape(info)
    if shape is None:
        if asks_for_maps:
            raise ValueError(
                f"The records in {records_dir} hold images, but maps are asked for (the image "
                f"encoder '{MAPS}'). Use an encoder of images, or make maps of them: python "
                f"main.py --mode=build --features --source_records={records_dir} "
                "--records_dir=..., and train on those."
            )
        return (*image_size, 3)
    if not asks_for_maps or tuple(image_size or shape) != shape:
        raise ValueError(
            f"The records in {records_dir} hold maps {shape} of {info['features']['encoder']}. "
            f"Received: image_size={tuple(image_size)}. Use the image encoder '{MAPS}' with "
            f"image_size={shape}, or records that hold images."
        )
    return shape
