"""A report's plots: curves in panels, and a gallery as one picture. Same values, same bytes.

Readable in greyscale: series differ by line style and marker, and colours by their lightness.
"""

import dataclasses
import io
import warnings

import matplotlib.figure
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from PIL import Image

DPI = 160  # twice what a page shows, for sharp screens
_COLORS = (
    "#16233f",
    "#b3501b",
    "#2f7f74",
    "#8a63b8",
    "#c29a1a",
    "#5b6fa8",
    "#a03358",
    "#77828f",
)
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 3)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "h")
_NUM_COLORS_OF_FILE = 64  # of a palette, which makes a file small
_PERCENT = FuncFormatter(lambda value, _: f"{round(100 * value, 1):g} %")


@dataclasses.dataclass(frozen=True)
class Series:
    """One line of a panel.

    `points`: list of (x, y) or (x, y, spread), in the order that they are joined; a spread is
    the length of a bar to both sides, or a pair: that below and that above, or None. `style`
    decides marker, line and colour; series of one style look alike in all panels. `joined`
    False draws markers alone, `marked` False the line alone; `faint` a thin grey line without
    markers, to compare with.
    """

    label: str
    points: list
    style: int = 0
    joined: bool = True
    faint: bool = False
    marked: bool = True


def draw_panels(panels, x_label, y_label, x_ticks=None, shares=False):
    """Draws panels side by side, with one legend below them.

    Args:
      panels: list of (title, list of `Series`).
      x_label, y_label: str, with units.
      x_ticks: list of (x, label); x is then drawn on a logarithmic scale with these alone.
      shares: x and y are shares, both drawn from 0 to 100 %.

    Returns:
      Bytes of a PNG file.
    """
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    with _plain_settings():
        size = (max(4.8, 3.1 * columns), 3.0 * rows + 1.0)
        figure = matplotlib.figure.Figure(figsize=size, dpi=DPI, layout="constrained")
        axes = FigureCanvasAgg(figure).figure.subplots(
            rows, columns, squeeze=False, sharey=True, sharex=bool(x_ticks)
        )
        shown = {}
        for panel, (title, series) in zip(axes.flat, panels, strict=False):
            panel.set_title(title, fontsize=10)
            for of in series:
                shown.setdefault(of.label, _draw(panel, of))
            _label_axes(panel, x_ticks)
            if shares:
                panel.xaxis.set_major_formatter(_PERCENT)
                panel.set_xlim(-0.02, 1.02)
                panel.set_ylim(-0.02, 1.02)
            panel.set_xlabel(x_label, fontsize=9)
        for panel in axes.flat[len(panels) :]:
            panel.set_visible(False)
        for first in axes[:, 0]:
            first.set_ylabel(y_label, fontsize=9)
        figure.legend(
            list(shown.values()),
            list(shown),
            loc="outside lower center",
            ncols=2 if columns == 1 else 4,
            fontsize=8,
            frameon=False,
            handlelength=3.2,
        )
        return _to_png(figure)


def draw_gallery(header, rows):
    """Draws a gallery: a row a question, a column a model.

    Args:
      header: list of str, what stands above each column, the questions' first.
      rows: list of (question, list of `pages.Tile`).

    Returns:
      Bytes of a PNG file.
    """
    columns = len(header)
    with _plain_settings():
        size = (1.15 * columns + 0.6, 1.3 * len(rows) + 0.5)
        figure = matplotlib.figure.Figure(figsize=size, dpi=DPI, layout="constrained")
        axes = FigureCanvasAgg(figure).figure.subplots(len(rows), columns, squeeze=False)
        for row, (question, tiles) in zip(axes, rows, strict=True):
            row[0].text(0, 0.5, _wrap(question, 19), fontsize=7, va="center", parse_math=False)
            for panel, tile in zip(row[1:], tiles, strict=True):
                panel.imshow(tile.pixels, interpolation="nearest")
                panel.spines[:].set_color("#c4c6cc")
                panel.set_xlabel(tile.text, fontsize=7, parse_math=False)
            for panel in row:
                panel.set_xticks([])
                panel.set_yticks([])
            row[0].spines[:].set_visible(False)
        for panel, title in zip(axes[0], header, strict=True):
            panel.set_title(_wrap(title, 17), fontsize=7, parse_math=False)
        return _to_png(figure)


def _draw(panel, series):
    """Returns the line, for the legend."""
    x, y, *spread = zip(*(point for point in series.points), strict=True)
    if series.faint:
        (line,) = panel.plot(x, y, color="#9a9a9a", linewidth=1, linestyle=(0, (1, 2)))
        return line
    color = _COLORS[series.style % len(_COLORS)]
    (line,) = panel.plot(
        x,
        y,
        color=color,
        linestyle=_LINES[series.style % len(_LINES)] if series.joined else "none",
        linewidth=1.4,
        marker=_MARKERS[series.style % len(_MARKERS)] if series.marked else "none",
        markersize=5,
        markerfacecolor="white" if series.style % 2 else color,
    )
    if spread and any(spread[0]):
        lengths = [of if isinstance(of, tuple) else (of or 0.0,) * 2 for of in spread[0]]
        lengths = [[below for below, _ in lengths], [above for _, above in lengths]]
        panel.errorbar(x, y, lengths, fmt="none", ecolor=color, elinewidth=1, capsize=3)
    return line


def _label_axes(panel, ticks):
    panel.grid(True, color="#e3e4e8", linewidth=0.6)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.yaxis.set_major_formatter(_PERCENT)
    if ticks:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(FixedLocator([x for x, _ in ticks]))
        panel.xaxis.set_minor_locator(NullLocator())
        labels = dict(ticks)
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: labels.get(x, "")))


def _wrap(text, width):
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _to_png(figure):
    drawn, palette = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    image = Image.open(drawn).convert("RGB")
    image.quantize(_NUM_COLORS_OF_FILE).save(palette, "PNG", optimize=True)
    return palette.getvalue()


class _plain_settings:
    """matplotlib's own settings in the place of the user's, and no warning of missing signs."""

    def __enter__(self):
        self._contexts = matplotlib.rc_context(), warnings.catch_warnings()
        for context in self._contexts:
            context.__enter__()
        matplotlib.rcdefaults()
        warnings.simplefilter("ignore")

    def __exit__(self, *error):
        for context in reversed(self._contexts):
            context.__exit__(*error)
