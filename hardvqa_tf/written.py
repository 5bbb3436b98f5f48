"""Files that a mode leaves: each is whole or not there, and an error names it."""

import contextlib
import os


@contextlib.contextmanager
def written(path, temporary_name=None):
    """Gives a path to write to, which is renamed to `path` at the end.

    Args:
      path: of the file; of a link, it is the file behind it that is written.
      temporary_name: until then, in the same folder; its own with ".partial" if none is given.

    Raises:
      OSError: names `path`, e.g. because the disk is full; what was there before still is.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        yield path  # A device, or a pipe: there is nothing to rename.
        return
    folder, name = os.path.split(os.path.realpath(path))
    partial = os.path.join(folder, temporary_name or f"{name}.partial")
    try:
        yield partial
        os.replace(partial, os.path.join(folder, name))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.remove(partial)
        raise cannot_be_written(path, error.strerror or error) from error


def write_file(path, content):
    """Writes bytes, or text as UTF-8. Raises OSError as `written` does."""
    with written(path) as partial, open(partial, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def cannot_be_written(path, why):
    """The error of a file or folder that cannot be written."""
    return OSError(
        f"{path} cannot be written ({why}). What was there before is still there. Make room, "
        "or let it be written, and run the same command again."
    )
