"""The file of a drawing that a person asks with; stricter than the reader of whole folders."""

from records import strict_json
from records.drawings.readers import read_drawing
from records.regular import read_regular


def read_sketch(path):
    """Returns the one drawing of a file, see `read_drawing`.

    Raises:
      ValueError: names the file, and says what is wrong with it; also for JSON that has a key
        twice, or true and false in the place of numbers, which Python takes for 1 and 0.
    """
    drawing = read_drawing(path)  # It knows whether it is a file, and of which kind.
    data = read_regular(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    if data.startswith((b"[", b"{")) and b"\0" not in data:  # No QuickDraw .bin.
        try:
            content = strict_json.loads(data)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        strokes = content["drawing"] if isinstance(content, dict) else content
        if _has_bool(strokes):
            raise ValueError(
                f"{path}: a point holds true or false instead of a number. Write numbers."
            )
    return drawing


def _has_bool(value):
    if isinstance(value, list):
        return any(map(_has_bool, value))
    return isinstance(value, bool)
