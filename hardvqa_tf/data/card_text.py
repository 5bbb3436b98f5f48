"""What the model cards of all tasks share: how numbers are written, and where cells look."""


def cells_text(fields, grid):
    """Where the cells of a mask look in the image, and how to draw them.

    Args:
      fields: what `encoders.fields.Fields.to_json` gave; None: it is not known.
      grid: (rows, columns) of the mask.
    """
    if not fields:
        return (
            f"It is not known where they look. Divide the image equally: {grid[0]} rows, "
            f"{grid[1]} columns."
        )
    top, left = (
        origin - pitch / 2
        for origin, pitch in zip(fields["origin"], fields["pitch"], strict=True)
    )
    (down, right), (height, width) = fields["pitch"], fields["image_size"]
    return f"""\
Cell (i, j), row and column from 0, is drawn as the box from {_line(top, down, "i")} down to
{_line(top + down, down, "i")}, and from {_line(left, right, "j")} right to
{_line(left + right, right, "j")}: pixels of the image as the model sees it, {height} high and
{width} wide. Draw it in the image at hand by a factor for each side, and cut it off where the
image ends; what no box covers, no cell is drawn at. A cell sees more than its box:
{times(f"{side:g}" for side in fields["extent"])} pixels around its middle. As JSON:
`fields` in `assets.extra/model.json`."""


def times(sizes):
    return " x ".join(str(size) for size in sizes)


def percent(share):
    return f"{100 * share:.2f} %"


def in_table(text):
    return text.replace("|", "\\|")


def _line(start, step, letter):
    return f"{start:g} + {step:g}·{letter}"
