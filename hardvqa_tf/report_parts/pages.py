"""A report's sections as one self-contained HTML page, and as Markdown with pictures beside it.

Sections hold tables, figures and galleries; each page shows them in its own way. The HTML page
asks nothing of the network: pictures are in it as data URIs, and so is the style.
"""

import base64
import dataclasses
import html
import io

from PIL import Image

THUMB_PIXELS = 150  # greatest side of a gallery's pictures


@dataclasses.dataclass(frozen=True)
class Table:
    """`rows` and `header` are str; the first column names its row."""

    caption: str
    header: list
    rows: list


@dataclasses.dataclass(frozen=True)
class Figure:
    """A picture: `name` of its file without the ending, `png` its bytes."""

    name: str
    caption: str
    alt: str
    png: bytes


@dataclasses.dataclass(frozen=True)
class Tile:
    """One picture of a gallery, uint8[H, W, 3], with a line below it."""

    pixels: object
    alt: str
    text: str


@dataclasses.dataclass(frozen=True)
class Gallery:
    """A row a question, a column a model. `rows`: list of (question, list of `Tile`).

    `png` is the whole of it as one picture, for pages that cannot hold so many.
    """

    name: str
    caption: str
    header: list
    rows: list
    png: bytes


@dataclasses.dataclass(frozen=True)
class Section:
    title: str
    text: str
    blocks: list


_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; color: #1e2026; background: #fff;
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1rem; padding: 0; list-style: none; }
a { color: #1f4e9c; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; }
figcaption, caption { color: #555; font-size: .9rem; text-align: left; padding: .3rem 0; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; min-width: min(100%, 30rem); font-size: .9rem;
  font-variant-numeric: tabular-nums; }
caption { max-width: calc(min(100vw, 62rem) - 3.5rem); }
th, td { padding: .3rem .7rem; border-bottom: 1px solid #dedfe5; text-align: right;
  vertical-align: top; white-space: nowrap; }
th, td.text { white-space: normal; }
tbody th { min-width: 9rem; } td.text { min-width: 8rem; }
thead th { border-bottom: 2px solid #888; vertical-align: bottom; }
th:first-child, td.text { text-align: left; }
tbody th { font-weight: 600; }
.gallery th, .gallery td { text-align: center; font-size: .8rem; padding: .3rem; }
.gallery th:first-child { text-align: left; min-width: 7rem; max-width: 11rem;
  font-weight: 400; }
.gallery img { width: 104px; height: auto; image-rendering: pixelated; display: block;
  margin: 0 auto; border: 1px solid #c4c6cc; }
@media (max-width: 26rem) { th, td { padding: .3rem .35rem; } tbody th { min-width: 6.5rem; } }
"""


def to_html(title, intro, sections):
    """Returns the page as str.

    Args:
      title: str.
      intro: str, a paragraph.
      sections: list of `Section`.
    """
    links = "".join(
        f'<li><a href="#s{number}">{html.escape(section.title)}</a></li>'
        for number, section in enumerate(sections)
    )
    body = "\n".join(
        f'<section id="s{number}">\n<h2>{html.escape(section.title)}</h2>\n'
        + _paragraph(section.text)
        + "\n".join(_BLOCKS[type(block)](block) for block in section.blocks)
        + "\n</section>"
        for number, section in enumerate(sections)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n{_paragraph(intro)}"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n{body}\n</body>\n</html>\n'
    )


def to_markdown(title, intro, sections):
    """Returns the Markdown text, and {file name: bytes} of the pictures it shows."""
    parts, files = [f"# {title}", intro], {}
    for section in sections:
        parts += [f"## {section.title}", section.text]
        for block in section.blocks:
            if isinstance(block, Table):
                parts += [_markdown_table(block), block.caption]
            else:
                alt = block.alt if isinstance(block, Figure) else block.caption
                files[f"{block.name}.png"] = block.png
                parts += [f"![{_one_line(alt)}]({block.name}.png)", block.caption]
    return "\n\n".join(part for part in parts if part) + "\n", files


def to_picture(pixels):
    """uint8[H, W, 3] -> (MIME type, bytes), not larger than a thumb, by the smaller format."""
    image = Image.fromarray(pixels)
    image.thumbnail((THUMB_PIXELS, THUMB_PIXELS))
    encoded = []
    for kind, options in (("png", {"optimize": True}), ("jpeg", {"quality": 85})):
        buffer = io.BytesIO()
        image.save(buffer, kind.upper(), **options)
        encoded.append((f"image/{kind}", buffer.getvalue()))
    return min(encoded, key=lambda of: len(of[1]))


# HTML.


def _paragraph(text):
    return f"<p>{html.escape(text)}</p>\n" if text else ""


def _data_uri(kind, content):
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _html_table(table):
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in table.header)
    rows = "\n".join(
        f'<tr><th scope="row">{html.escape(first)}</th>{"".join(map(_html_cell, rest))}</tr>'
        for first, *rest in table.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table>\n'
        f"<caption>{html.escape(table.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _html_cell(text):
    kind = ' class="text"' if text[:1].isalpha() else ""  # Numbers stand right, words left.
    return f"<td{kind}>{html.escape(text)}</td>"


def _html_figure(figure):
    source = _data_uri("image/png", figure.png)
    width = Image.open(io.BytesIO(figure.png)).width // 2  # Drawn for sharp screens.
    return (
        f'<figure><img src="{source}" width="{width}" alt="{html.escape(figure.alt)}">\n'
        f"<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
    )


def _html_gallery(gallery):
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in gallery.header)
    rows = "\n".join(
        f'<tr><th scope="row">{html.escape(question)}</th>{"".join(map(_html_tile, tiles))}'
        "</tr>"
        for question, tiles in gallery.rows
    )
    return (
        f'<div class="scroll gallery" tabindex="0"><table>\n'
        f"<caption>{html.escape(gallery.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _html_tile(tile):
    source = _data_uri(*to_picture(tile.pixels))
    return (
        f'<td><img src="{source}" alt="{html.escape(tile.alt)}">{html.escape(tile.text)}</td>'
    )


_BLOCKS = {Table: _html_table, Figure: _html_figure, Gallery: _html_gallery}


# Markdown.


def _markdown_table(table):
    lines = [_markdown_row(table.header)]
    numeric = ["---:"] * (len(table.header) - 1)
    lines.append("|" + "|".join(["---", *numeric]) + "|")
    return "\n".join(lines + [_markdown_row(row) for row in table.rows])


def _markdown_row(cells):
    return "| " + " | ".join(_one_line(cell).replace("|", "\\|") for cell in cells) + " |"


def _one_line(text):
    return " ".join(text.split())
