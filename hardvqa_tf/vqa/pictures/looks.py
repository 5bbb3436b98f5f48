"""Pictures of what a mixer looked at: its cells' weights, its regions' routes, or its words.

A mixer stands before the attention (`vqa/model.py`): this is another look than the mask:

    cell_weights   additive: what every cell adds to the sum that all cells meet. Light: much;
                   a weight may be negative, and then the scale's middle is zero.
    routes         bilevel_routing: a region, outlined, and the regions it looks at, clear.
    word_weights   query_guided: a bar for each word, and the cells that look at one of them.

`look_of` makes of one question's outputs what `overlay.draw_overlay` and
`board_picture.draw_board_picture` draw beside the mask.

Letters: H W image in pixels, h w grid in cells, S regions along each side of the grid, R = S·S
regions, row by row, T words; FRAME is that of `pictures.panels`.
"""

import collections.abc
import dataclasses
import functools
import math

import numpy as np

from hardvqa_tf.pictures import panels
from hardvqa_tf.pictures.paper import Paper

# The model's outputs that say what its mixer looked at; it has one of them, or none.
LOOKS = ("cell_weights", "routes", "word_weights")
_REGION_LINE = (176, 178, 184)
_HEAT_SHARE = 0.8  # of a pixel's colour; the rest is the image, to see what lies there
_WORD, _WORD_GAP, _MAX_LINES = 16, 8, 5
_BAR_WIDTH, _BAR_HEIGHT, _WORD_LINE = 14, 40, 72


@dataclasses.dataclass(frozen=True)
class Look:
    """What a mixer looked at for one question, ready to be drawn.

    title: over the large picture.
    caption: below the small one.
    legend: what is to be seen, in a sentence or two.
    draw: the panel, a function from uint8[H, W, 3] to uint8[H + 2 FRAME, W + 2 FRAME, 3].
    draw_beside: None, or what belongs beside the panel, a function from its width to
      uint8[any, width, 3].
    """

    title: str
    caption: str
    legend: str
    draw: collections.abc.Callable
    draw_beside: collections.abc.Callable | None = None


def look_of(outputs, words=(), region=None, fields=None):
    """What the mixer looked at.

    Args:
      outputs: dict of one question's outputs of the model, NumPy arrays: `mask` and `presence`
        [h, w], and `cell_weights` float[h, w], `routes` bool[R, R] or `word_weights`
        float[h, w, T].
      words: list of str, the question's; those beyond T were not looked at.
      region: index of the region whose routes are drawn; default: the one that has the kept
        cell of greatest presence.
      fields: `encoders.fields.Fields`, where cells look; None: see `panels`.

    Returns:
      `Look`; None for a model without a mixer.
    """
    mask = np.asarray(outputs["mask"])
    if "cell_weights" in outputs:
        return _look_at_cells(np.asarray(outputs["cell_weights"]), mask, fields)
    if "routes" in outputs:
        return _look_at_regions(outputs, mask, region, fields)
    if "word_weights" in outputs:
        return _look_at_words(np.asarray(outputs["word_weights"]), mask, list(words), fields)
    return None


# Weights of cells.


def draw_cell_weights(image, weights, mask=None, fields=None):
    """Draws weights of cells as a heat over the image, and outlines the kept cells.

    Args:
      image: uint8[H, W, 3].
      weights: float[h, w]; colours run over `weight_limits`.
      mask: bool[h, w], True = kept; of None and of float nothing is outlined.
      fields: where cells are drawn: see `panels`.

    Returns:
      uint8[H + 2 FRAME, W + 2 FRAME, 3].
    """
    image, weights = panels.check_image(image), panels.check_grid("weights", weights)
    gray = image @ np.array([0.299, 0.587, 0.114])
    colors = panels.heat(weights, weight_limits(weights))
    over = _over(panels.to_pixels(colors, image.shape[:2], fields), gray[..., None])
    beyond = ~panels.to_pixels(np.ones(weights.shape, bool), image.shape[:2], fields)
    panel = panels.frame(np.where(beyond[..., None], panels.dim(image), over))
    hard = mask is not None and mask.dtype == bool and mask.shape == weights.shape
    return panels.outline(panel, mask, panels.WHITE, fields) if hard else panel


def draw_scale(limits, width):
    """The colours of `draw_cell_weights` over middle grey, between their numbers.

    Args:
      limits: of `weight_limits`.
      width: of the picture.

    Returns:
      uint8[any, width, 3]; zero is marked where it lies within.
    """
    low, high = map(panels.format_number, limits)
    page = Paper(width, low + high)
    left = page.font.length(low, 13) + 8
    right = max(left + 1, min(width - page.font.length(high, 13) - 8, left + 300))
    bar = _over(panels.heat(np.linspace(0.0, 1.0, right - left)), np.array(128.0))
    page.text(0, 8, low, 13, panels.FAINT)
    page.paste(left, 11, bar[None].repeat(10, axis=0))
    page.text(right + 8, 8, high, 13, panels.FAINT)
    if limits[0] < 0:
        middle = (left + right) // 2
        page.box(middle, 8, 1, 16, panels.TEXT)
        page.text(middle - page.font.length("0", 13) // 2, 26, "0", 13, panels.FAINT)
    page.y = 46
    return page.finish(0)


def weight_limits(weights):
    """The weights that are drawn darkest and lightest.

    From 0 to the greatest, so that equal weights look equal and none looks greater than it is;
    if some are negative, as far below 0 as above.

    Returns:
      (low, high), floats.
    """
    finite = np.where(np.isfinite(weights), weights, 0.0)
    greatest = float(np.abs(finite).max(initial=0.0))
    return (-greatest if finite.min(initial=0.0) < 0 else 0.0), greatest


# Routes of regions.


def draw_routes(image, routes, region, grid_shape, fields=None):
    """Draws the regions that one region looks at clear, the others dim, and outlines that one.

    Args:
      image: uint8[H, W, 3].
      routes: bool[R, R], True where the row's region looks at the column's.
      region: index of the row, see `region_of_cells`.
      grid_shape: (h, w).
      fields: where cells are drawn: see `panels`.

    Returns:
      uint8[H + 2 FRAME, W + 2 FRAME, 3].

    Raises:
      ValueError: if R is no square, or no cell lies in the region.
    """
    image, routes = panels.check_image(image), np.asarray(routes)
    regions = region_of_cells(_num_regions(routes), grid_shape)
    _check_region(region, regions)
    dimmed = panels.dim_dropped(image, routes[region][regions], fields)
    panel = panels.frame(_draw_borders(dimmed, regions, fields))
    return panels.outline(panel, regions == region, panels.ORANGE, fields)


def region_of_cells(num_regions, grid_shape):
    """Which region each cell lies in.

    As the layer cuts: a grid that S does not divide is padded on the right and at the bottom,
    so that the last regions may have fewer cells than the others, or none.

    Args:
      num_regions: S.
      grid_shape: (h, w).

    Returns:
      int[h, w], indices of regions, row by row from the top left.
    """
    rows, columns = (np.arange(size) // math.ceil(size / num_regions) for size in grid_shape)
    return rows[:, None] * num_regions + columns


def strongest_region(presence, mask, num_regions):
    """The region of the kept cell of greatest presence.

    Args:
      presence: float[h, w].
      mask: [h, w], not zero = kept.
      num_regions: S.

    Returns:
      int.
    """
    kept = np.where((np.asarray(mask) != 0) & np.isfinite(presence), presence, -np.inf)
    return int(region_of_cells(num_regions, kept.shape).flat[kept.argmax()])


def region_at(place, outputs):
    """The index of a region, by its place in the grid.

    Args:
      place: (row, column), from 1 as the pictures name them.
      outputs: as `look_of` takes them.

    Returns:
      int.

    Raises:
      ValueError: if the model has no routes, or no cell lies there.
    """
    if "routes" not in outputs:
        raise ValueError(
            f"This model has no regions. Received: region {_place(place)}. Leave it out, or "
            "use a run whose `model.mixer` is `bilevel_routing`."
        )
    s = _num_regions(np.asarray(outputs["routes"]))
    regions = region_of_cells(s, np.asarray(outputs["mask"]).shape)
    rows, columns = (int(n) + 1 for n in np.divmod(regions.max(), s))
    if len(place) != 2 or not (1 <= place[0] <= rows and 1 <= place[1] <= columns):
        raise ValueError(
            f"A region is a row, 1 to {rows}, and a column, 1 to {columns}. Received: "
            f"{_place(place)}. Give e.g. {rows},1."
        )
    return (place[0] - 1) * s + place[1] - 1


# Weights of words.


def word_means(word_weights, mask):
    """How much the kept cells look at each word.

    Args:
      word_weights: float[h, w, T].
      mask: bool[h, w], or float, by which the cells then count.

    Returns:
      float[T].
    """
    share = np.nan_to_num(np.asarray(mask, np.float64))
    share = share / share.sum() if share.sum() > 0 else np.full(share.shape, 1 / share.size)
    return np.einsum("hw,hwt->t", share, np.asarray(word_weights, np.float64))


def draw_words(words, weights, width):
    """Draws words in lines, on each a bar as high as its weight.

    Args:
      words: list of str.
      weights: float[at least as many]; the highest bar is the greatest of them.
      width: of the picture.

    Returns:
      uint8[any, width, 3]; five lines at most, of more words the last ones are left out.
    """
    page = Paper(width, " ".join(words))
    weights = np.nan_to_num(weights[: len(words)])
    shares = np.clip(weights / max(weights.max(initial=0.0), 1e-30), 0.0, 1.0)
    x, below_last = 0, _MAX_LINES * _WORD_LINE
    for word, share in zip(words, shares, strict=False):
        word = page.font.shorten(word, _WORD, width)
        room = max(page.font.length(word, _WORD), _BAR_WIDTH)
        if x and x + room > width:
            x, page.y = 0, page.y + _WORD_LINE
        if page.y == below_last:
            break
        _draw_word(page, x, room, word, share)
        x += room + _WORD_GAP
    page.y = min(page.y + _WORD_LINE, below_last)
    return page.finish(0)


def _draw_word(page, x, room, word, share):
    middle, ground = x + room // 2, page.y + _BAR_HEIGHT
    height = round(_BAR_HEIGHT * share)
    if height:
        page.box(middle - _BAR_WIDTH // 2, ground - height, _BAR_WIDTH, height, panels.BAR)
    page.box(x, ground, room, 1, panels.LINE)
    left = middle - page.font.length(word, _WORD) // 2
    page.text(left, ground + 4, word, _WORD, panels.TEXT)


# Looks.


def _look_at_cells(weights, mask, fields):
    low, high = weight_limits(weights)
    return Look(
        title="Mixer: weight of each cell in the sum that all cells meet",
        caption=f"weights {low:.2g}-{high:.2g}" if low == 0 else f"weights ±{high:.2g}",
        legend="light: a great weight"
        + ("" if low == 0 else ", dark: as far below zero")
        + ("; outlined: looked at" if mask.dtype == bool else ""),
        draw=lambda image: draw_cell_weights(image, weights, mask, fields),
        draw_beside=functools.partial(draw_scale, (low, high)),
    )


def _look_at_regions(outputs, mask, region, fields):
    routes, presence = np.asarray(outputs["routes"]), np.asarray(outputs["presence"])
    s = _num_regions(routes)
    asked_for = region is not None
    region = strongest_region(presence, mask, s) if region is None else region
    regions = region_of_cells(s, mask.shape)
    _check_region(region, regions)
    there = np.unique(regions)  # Others are nothing but padding.
    looked = np.count_nonzero(routes[region][there])
    place = f"row {region // s + 1}, column {region % s + 1}"
    why = "" if asked_for else ", which has the kept cell of greatest presence"
    return Look(
        title=f"Mixer: one region looks at {looked} of {len(there)} regions",
        caption=f"looks at {looked} of {len(there)} regions",
        legend=f"outlined: the region that asks ({place}){why}; clear: those it looks at",
        draw=lambda image: draw_routes(image, routes, region, mask.shape, fields),
    )


def _look_at_words(word_weights, mask, words, fields):
    words = words[: word_weights.shape[-1]]
    means = word_means(word_weights, mask)[: len(words)]
    if not words:
        return None
    first = int(np.argmax(np.nan_to_num(means)))
    looked_at = f'"{words[first]}": {means[first]:.2f}'
    return Look(
        title="Mixer: words that the kept cells look at",
        caption=f"looks at {looked_at}",
        legend=f"bars: mean weight over the kept cells, the highest {looked_at}; panel: the "
        f'weight of "{words[first]}" in each cell, light: great, at most '
        f"{panels.format_number(weight_limits(word_weights[..., first])[1])}",
        draw=lambda image: draw_cell_weights(image, word_weights[..., first], mask, fields),
        draw_beside=functools.partial(draw_words, words, means),
    )


# Helpers.


def _over(colors, gray):
    return np.round(_HEAT_SHARE * colors + (1 - _HEAT_SHARE) * gray).astype(np.uint8)


def _draw_borders(image, regions, fields):
    """A line of one pixel on the first pixels of each region but the outermost."""
    lined = image.copy()
    rows, columns = panels.all_edges(image.shape[:2], regions.shape, fields)
    for lines, edges, first in (
        (lined, rows, regions[:, 0]),
        (lined.swapaxes(0, 1), columns, regions[0]),
    ):
        borders = edges[1:-1][np.diff(first) > 0]
        lines[borders[(0 < borders) & (borders < len(lines))]] = _REGION_LINE
    return lined


def _place(place):
    return ",".join(map(str, place))


def _num_regions(routes):
    """S of bool[R, R]."""
    s = math.isqrt(len(routes))
    if routes.dtype != bool or routes.shape != (s * s, s * s):
        raise ValueError(
            "`routes` must be bool[R, R] of R = S·S regions. Received: "
            f"{routes.dtype}{list(routes.shape)}. Pass one question's row of the model's "
            "`routes`."
        )
    return s


def _check_region(region, regions):
    if region not in regions:
        raise ValueError(
            "`region` must be the index of a region that has cells. Received: "
            f"{region}; those with cells are {', '.join(map(str, np.unique(regions)))}. "
            "`region_of_cells` says where each cell lies."
        )
