"""What every picture of cells is made of: colours, heat, outlines, frames, and checks.

It knows no task: an image, a grid of cells over it, and what each cell is: kept or dropped, or
how great.

Letters: H W image in pixels, h w grid in cells. Cell (i, j) of the grid is the image's part
from i·H/h to (i+1)·H/h and from j·W/w to (j+1)·W/w. (What a cell knows reaches further: the
receptive field of a convolution is larger than its stride.)
"""

import io

import numpy as np
from PIL import Image

FRAME = 2  # pixels of a panel's border; the outline of cells at the image's edge is drawn there

TEXT, FAINT, LINE = (30, 32, 38), (104, 108, 118), (222, 224, 229)
BAR, RIGHT, WRONG = (70, 90, 140), (22, 120, 60), (190, 40, 40)
ORANGE, WHITE = (255, 150, 0), (255, 255, 255)
# Dark to light without a step back, so that it reads in greyscale too: the luminance of these
# colours rises evenly.
RAMP = np.array(
    [(24, 18, 66), (68, 44, 138), (156, 58, 142), (226, 102, 96), (250, 174, 84)]
    + [(253, 240, 180)],
    np.float64,
)


def draw_mask(image, mask):
    panel = frame(dim_dropped(image, mask))
    return outline(panel, mask, ORANGE) if mask.dtype == bool else panel


def draw_presence(size, presence, mask):
    panel = frame(to_pixels(heat(presence), size))
    hard = mask.dtype == bool and mask.shape == presence.shape
    return outline(panel, mask, WHITE) if hard else panel


def dim_dropped(image, mask):
    """Dims and desaturates what was not looked at.

    Args:
      image: uint8[H, W, 3].
      mask: bool[h, w]; or float[h, w], for which a cell is as clear as its weight is large
        relative to the greatest one.

    Returns:
      uint8[H, W, 3], equal to the image in cells that were looked at.
    """
    clear = np.nan_to_num(np.asarray(mask, np.float64))
    clear = np.clip(clear / max(clear.max(), 1e-30), 0.0, 1.0)
    clear = to_pixels(clear, image.shape[:2])[..., None]
    gray = image @ np.array([0.299, 0.587, 0.114])
    dim = 34 + 0.30 * gray[..., None]
    return np.round(clear * image + (1 - clear) * dim).astype(np.uint8)


def heat(values, limits=None):
    """Colours values from dark (their minimum) to light (their maximum).

    Args:
      values: float[...]; what is not finite gets the darkest colour.
      limits: (darkest, lightest) in the place of minimum and maximum; between them all values.

    Returns:
      uint8[..., 3].
    """
    low, high = finite_range(values) if limits is None else limits
    values = np.where(np.isfinite(values), values, low)
    share = (values - low) / ((high - low) or 1.0)
    stops = np.linspace(0.0, 1.0, len(RAMP))
    channels = [np.interp(share, stops, RAMP[:, c]) for c in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)


def frame(panel, color=LINE):
    """uint8[H, W, 3] -> uint8[H + 2 FRAME, W + 2 FRAME, 3]."""
    framed = np.empty((panel.shape[0] + 2 * FRAME, panel.shape[1] + 2 * FRAME, 3), np.uint8)
    framed[:] = color
    framed[FRAME:-FRAME, FRAME:-FRAME] = panel
    return framed


def outline(panel, mask, color):
    """Draws around kept cells, outside of them, so that what was looked at stays as it is."""
    size = panel.shape[0] - 2 * FRAME, panel.shape[1] - 2 * FRAME
    kept = np.pad(to_pixels(mask, size), 2 * FRAME)
    near = np.zeros(panel.shape[:2], bool)
    height, width = near.shape
    for dy in range(2 * FRAME + 1):
        for dx in range(2 * FRAME + 1):
            near |= kept[dy : dy + height, dx : dx + width]
    kept = kept[FRAME:-FRAME, FRAME:-FRAME]
    return np.where((near & ~kept)[..., None], np.array(color, np.uint8), panel)


def to_pixels(cells, size):
    """[h, w, ...] -> [H, W, ...], each cell repeated over its pixels."""
    rows = np.diff(cell_edges(size[0], cells.shape[0]))
    columns = np.diff(cell_edges(size[1], cells.shape[1]))
    return cells.repeat(rows, axis=0).repeat(columns, axis=1)


def cell_edges(size, num_cells):
    """Where cells begin and end along one side.

    Args:
      size: of the side in pixels.
      num_cells: that the grid has along it.

    Returns:
      int[num_cells + 1], from 0 to `size`.
    """
    return np.round(np.arange(num_cells + 1) * size / num_cells).astype(int)


def fit(image, limit):
    """Enlarges by a whole factor, which keeps pixels square, or makes smaller."""
    height, width = image.shape[:2]
    factor = limit // max(height, width)
    if factor:
        return image.repeat(factor, axis=0).repeat(factor, axis=1)
    scale = limit / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def finite_range(values):
    finite = np.asarray(values, np.float64)[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def format_number(value):
    return f"{value:.3g}"


def to_png(picture):
    """uint8[H, W, 3] -> the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


# Checks.


def check_image(image):
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            "`image` must be uint8[H, W, 3]. Received: "
            f"{image.dtype}{list(image.shape)}. Pixels in [0, 1] become it by "
            "`np.round(255 * image).astype(np.uint8)`."
        )
    return image


def check_grid(name, grid):
    grid = np.asarray(grid)
    if grid.ndim != 2 or not grid.size or not (grid.dtype == bool or grid.dtype.kind == "f"):
        raise ValueError(
            f"`{name}` must be bool[h, w] or float[h, w], one value a cell. Received: "
            f"{grid.dtype}{list(grid.shape)}. Pass one question's row of the model's `{name}`."
        )
    return grid
