"""The pages for people: each one document, put together from the files of `page/`.

    page/vqa.html     the page of visual question answering: what stands where
    page/style.css    how pages look
    page/server.js    the server's protocol, and the token
    page/pictures.js  pictures as they are shown and sent; sha256.js: their names
    page/shell.js     models and pictures to choose from
    page/cells.js     cells over an image
    page/looks.js     what a mixer looked at
    page/vqa.js       question and answer

A page of another task has its own .html and .js, and names those of the others that it shares.
In one document, because only that one is given without a token, and because it then is of one
version, whatever a browser or a proxy remembers.
"""

import pathlib
import re

PAGES = {"vqa": "vqa"}  # {task: its page}
_BEFORE_TASKS = "vqa"  # of a card that says no task
_FOLDER = pathlib.Path(__file__).with_name("page")
# A line of its own each.
_INCLUDES = {
    "style": re.compile(r'^<link rel="stylesheet" href="([\w.]+)">$', re.M),
    "script": re.compile(r'^<script src="([\w.]+)"></script>$', re.M),
}


def page_of(cards):
    """The page to ask some models from; that of the first one's task, if they have several.

    Args:
      cards: of the models, each a dict that says `task`, or None.

    Returns:
      bytes; None where that task has no page.
    """
    first = next(iter(cards), None) or {}
    name = PAGES.get(first.get("task", _BEFORE_TASKS))
    return read_page(name) if name else None


def read_page(name):
    """Reads a page and what it includes.

    Args:
      name: of an .html file in `page/`, without its ending.

    Returns:
      bytes, an HTML document that needs no other file.
    """
    document = _read(f"{name}.html")
    for tag, include in _INCLUDES.items():
        document = include.sub(
            lambda found, tag=tag: f"<{tag}>\n{_read(found[1])}</{tag}>", document
        )
    return document.encode()


def _read(name):
    return (_FOLDER / name).read_text(encoding="utf-8")
