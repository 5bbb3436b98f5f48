"""The store of drawings that lies beside records of images, to ask for what these show."""

import os

from records.drawings.store import build_store
from records.drawings.stored_drawings import StoredDrawings

DRAWINGS = "drawings"  # the folder of the store, in that of the records


def build_beside(records_dir, source, **arguments):
    """Builds the store, goes on with a killed build, or finds it finished.

    Args:
      records_dir: of the images.
      source: as in `sources.py`.
      **arguments: of `build_store`.

    Returns:
      `StoredDrawings`.
    """
    store_dir = os.path.join(records_dir, DRAWINGS)
    build_store(store_dir, source, **arguments)
    return StoredDrawings(store_dir)
