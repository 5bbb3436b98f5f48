"""Reads a report's pages again, and checks what holds for all of them."""

import html.parser
import re


class Page(html.parser.HTMLParser):
    """Checks that elements are closed in their order, and keeps what tests ask for."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def check_page(path):
    """A page on disk: well-formed, alone, and its pictures named. Returns it."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert all(image["alt"] for image in page.all("img"))
    assert not re.search(r'(?:src|href)="(?!data:|#)', text) and "url(" not in text
    assert len(page.all("caption")) == len(page.all("table"))
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert all(link["href"].removeprefix("#") in ids for link in page.all("a"))
    assert {"width=device-width, initial-scale=1"} <= {
        m.get("content") for m in page.all("meta")
    }
    return page


def check_markdown(path):
    """Every picture is there. Returns the text."""
    text = path.read_text(encoding="utf-8")
    linked = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert linked and all((path.parent / name).is_file() for name in linked)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1
    return text
