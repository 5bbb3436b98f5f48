"""What every picture of cells is made of: colours, heat, outlines, frames, and checks.

It knows no task: an image, a grid of cells over it, and what each cell is: kept or dropped, or
how great.

Where cells are drawn: `fields`, an `encoders.fields.Fields`, says where the cells of a grid
look in the image, in whatever size that is drawn. A cell is a box of `pitch` around its centre.
The image clips boxes at its border, and may reach beyond them: there it is dim, as where
nothing was looked at. None, where nothing is known, divides the image equally.

Letters: H W image in pixels, h w grid in cells.
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


def draw_mask(image, mask, fields=None, extents=False):
    """The image with the mask over it, framed; kept cells are outlined.

    Args:
      image: uint8[H, W, 3].
      mask: bool[h, w], or float[h, w]: see `dim_dropped`.
      fields: where cells are drawn: see above.
      extents: whether all that kept cells see is shown, half as clear as themselves.

    Returns:
      uint8[H + 2 FRAME, W + 2 FRAME, 3].
    """
    panel = frame(dim_dropped(image, mask, fields, extents))
    return outline(panel, mask, ORANGE, fields) if mask.dtype == bool else panel


def draw_presence(image, presence, mask, fields=None):
    """Presence of each cell as a heat, framed; kept cells are outlined.

    Args:
      image: uint8[H, W, 3].
      presence: float[h, w].
      mask: bool[h, w], True = kept; of float nothing is outlined.
      fields: where cells are drawn: see above.

    Returns:
      uint8[H + 2 FRAME, W + 2 FRAME, 3].
    """
    panel = frame(on_cells(dim(image), heat(presence), fields))
    hard = mask.dtype == bool and mask.shape == presence.shape
    return outline(panel, mask, WHITE, fields) if hard else panel


def dim_dropped(image, mask, fields=None, extents=False):
    """Dims and desaturates what was not looked at.

    Args:
      image: uint8[H, W, 3].
      mask: bool[h, w]; or float[h, w], for which a cell is as clear as its weight is large
        relative to the greatest one.
      fields: where cells are drawn: see above.
      extents: whether what such cells see around them is half as clear as they are.

    Returns:
      uint8[H, W, 3], equal to the image in cells that were looked at.
    """
    share = np.nan_to_num(np.asarray(mask, np.float64))
    share = np.clip(share / max(share.max(), 1e-30), 0.0, 1.0)
    clear = to_pixels(share, image.shape[:2], fields)
    if extents and fields is not None:
        clear = np.maximum(clear, 0.5 * seen(share, image.shape[:2], fields))
    clear = clear[..., None]
    return np.round(clear * image + (1 - clear) * _dim(image)).astype(np.uint8)


def dim(image):
    """uint8[H, W, 3] -> the same shape: dark, and without colour."""
    return np.round(np.broadcast_to(_dim(image), image.shape)).astype(np.uint8)


def _dim(image):
    return 34 + 0.30 * (image @ np.array([0.299, 0.587, 0.114]))[..., None]


def on_cells(image, colors, fields=None):
    """Puts each cell's colour over its part of an image.

    Args:
      image: uint8[H, W, 3].
      colors: uint8[h, w, 3].
      fields: where cells are drawn: see above.

    Returns:
      uint8[H, W, 3], the image itself where no cell is.
    """
    size = image.shape[:2]
    is_cell = to_pixels(np.ones(colors.shape[:2], bool), size, fields)
    return np.where(is_cell[..., None], to_pixels(colors, size, fields), image)


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


def outline(panel, mask, color, fields=None):
    """Draws around kept cells, outside of them, so that what was looked at stays as it is.

    Args:
      panel: uint8[H + 2 FRAME, W + 2 FRAME, 3], framed.
      mask: bool[h, w], True = kept.
      color: of the outline.
      fields: where cells are drawn: see above.
    """
    size = panel.shape[0] - 2 * FRAME, panel.shape[1] - 2 * FRAME
    kept = np.pad(to_pixels(mask, size, fields), 2 * FRAME)
    near = np.zeros(panel.shape[:2], bool)
    height, width = near.shape
    for dy in range(2 * FRAME + 1):
        for dx in range(2 * FRAME + 1):
            near |= kept[dy : dy + height, dx : dx + width]
    kept = kept[FRAME:-FRAME, FRAME:-FRAME]
    return np.where((near & ~kept)[..., None], np.array(color, np.uint8), panel)


def to_pixels(cells, size, fields=None):
    """[h, w, ...] -> [H, W, ...], each cell repeated over its pixels; 0 where no cell is."""
    rows, columns = all_edges(size, cells.shape, fields)
    drawn = cells.repeat(np.diff(rows), axis=0).repeat(np.diff(columns), axis=1)
    pixels = np.zeros((*size, *cells.shape[2:]), cells.dtype)
    pixels[rows[0] : rows[-1], columns[0] : columns[-1]] = drawn
    return pixels


def seen(share, size, fields):
    """All that cells see: float[h, w] -> float[H, W], the greatest that sees a pixel."""
    pixels, scale = np.zeros(size), np.array(size) / fields.image_size
    for row, column in zip(*np.nonzero(share), strict=True):
        box = fields.field_box(row, column) * np.tile(scale, 2)
        top, left, bottom, right = np.round(np.round(box, 6)).astype(int)
        part = pixels[top:bottom, left:right]
        np.maximum(part, share[row, column], out=part)
    return pixels


def all_edges(size, grid, fields=None):
    """`cell_edges` of rows and of columns.

    Args:
      size: (H, W).
      grid: (h, w, ...).
      fields: where cells are drawn: see above.

    Raises:
      ValueError: if the fields are those of another grid.
    """
    if fields is not None and tuple(fields.grid) != tuple(grid[:2]):
        raise ValueError(
            f"`fields` must be those of the grid that is drawn, {grid[0]}x{grid[1]} cells. "
            f"Received: fields of {fields.grid[0]}x{fields.grid[1]}. Take them from the same "
            "model."
        )
    return [cell_edges(size[side], grid[side], fields, side) for side in (0, 1)]


def cell_edges(size, num_cells, fields=None, side=0):
    """Where cells begin and end along one side.

    Args:
      size: of the side in pixels.
      num_cells: that the grid has along it.
      fields: where cells are drawn: see above.
      side: 0 down, 1 right.

    Returns:
      int[num_cells + 1], ascending; without fields from 0 to `size`.
    """
    if fields is None:
        edges = np.arange(num_cells + 1) * size / num_cells
    else:  # The boxes have no gaps: where one begins, the one before ends.
        boxes = fields.edges()[side] * size / fields.image_size[side]
        edges = np.append(boxes[:, 0], boxes[-1, 1])
    return np.round(np.round(edges, 6)).astype(int)  # A half is one, whatever was computed.


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


def format_range(low, high, digits=3):
    """Two numbers with three digits each, or as many as tell them apart; equal ones alike."""
    while True:
        ends = f"{low:.{digits}g}", f"{high:.{digits}g}"
        if ends[0] != ends[1] or low == high:
            return ends
        digits += 1


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
