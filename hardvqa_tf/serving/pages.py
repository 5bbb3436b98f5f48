"""The pages for people: each one document, put together from the files of `page/`.

    page/vqa.html     the page of visual question answering: what stands where
    page/style.css    how pages look
    page/server.js    the server's protocol, and the token
    page/pictures.js  pictures as they are shown and sent; sha256.js: their names
    page/shell.js     models and pictures to choose from
    page/cells.js     cells over an image
    page/looks.js     what a mixer looked at
    page/vqa.js       question and answer
    page/localize.html  how to ask a model that finds what was drawn; it asks none itself

A page of another task has its own .html and .js, and names those of the others that it shares.
In one document, because only that one is given without a token, and because it then is of one
version, whatever a browser or a proxy remembers.
"""

import pathlib
import re

from hardvqa_tf.tasks import BEFORE_TASKS, TASKS, requests_of

_FOLDER = pathlib.Path(__file__).with_name("page")
# A line of its own each.
_INCLUDES = {
    "style": re.compile(r'^<link rel="stylesheet" href="([\w.]+)">$', re.M),
    "script": re.compile(r'^<script src="([\w.]+)"></script>$', re.M),
}


def page_of(tasks):
    """The page to ask some models from; that of the first task whose page asks, if any does.

    Args:
      tasks: of the models, each a name, or None where nothing says it.

    Returns:
      bytes; None where there are models, but of no task that is known.
    """
    names = [task or BEFORE_TASKS for task in tasks] or [BEFORE_TASKS]
    known = [requests_of(name) for name in names if name in TASKS]
    found = sorted(known, key=lambda task: not task.PAGE_ASKS)  # Else in their order.
    return read_page(found[0].PAGE) if found else None


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
