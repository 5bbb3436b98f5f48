"""What is wrong with a drawing that a model is asked with, as the graph and a server say it."""

from records.drawings.strokes import MAX_POINTS, MOST_RAW_POINTS

HUGE = 1e9  # The greatest coordinate.
NO_DRAWING = "There is no drawing. Give one: a PNG or JPEG, or strokes in JSON."
NOT_A_DRAWING = (
    "This is not a drawing. Give the bytes of a PNG or JPEG file, or strokes in JSON: "
    "[[[x, y], ...], ...], a list of points for each stroke."
)
NOT_READ = (
    "The drawing's strokes cannot be read. Write them in JSON as [[[x, y], ...], ...]: a list "
    "of points for each stroke, at least one in each."
)
NO_POINTS = "The drawing has no points. Draw something."
TOO_LARGE = (
    f"The drawing's coordinates must be finite, and at most {HUGE:.0e} in size. Scale it."
)
TOO_MANY_POINTS = (
    f"The drawing has too many points, at most {MOST_RAW_POINTS:,} are read. Give it with "
    "fewer points."
)
TOO_LONG = "The drawing is a scribble, too long to follow. Draw less, or with fewer turns."
TOO_MANY_STROKES = (
    f"The drawing has too many strokes: their ends alone are more than the {MAX_POINTS} points "
    "of a drawing. Draw it with fewer strokes."
)
