"""What an SVG's attributes, `style` and `<style>` say of its elements: is one of them seen?

Read are the properties of `_INITIAL`, by CSS's rules: attributes first, then the rules of
`<style>` by how much their selectors say, then `style`, then what is `!important`. Selectors
are made of tags, classes and ids, of those within and below others (`g .a > path`).
"""

import re
from typing import NamedTuple

from PIL import ImageColor

# The property's value where nothing gives one.
_INITIAL = {
    "fill": "black",
    "stroke": "none",
    "fill-opacity": "1",
    "stroke-opacity": "1",
    "stroke-width": "1",
    "visibility": "visible",
    "color": "black",
    "opacity": "1",
    "display": "inline",
    "transform": "",
}
_OF_ITS_OWN = ("opacity", "display", "transform")  # A child does not inherit them.
_SIMPLE = re.compile(r"(\*|[\w-]+)?((?:[.#][\w-]+)*)")
# Of a pointer, or of a page: nothing of it is so while a file is read.
_NEVER = re.compile(r":(hover|focus|active|visited|link|target|focus-within|focus-visible)\b")
_NO_SHAPES = ("@font-face", "@keyframes", "@-webkit-keyframes", "@page", "@property")
_OTHER_PAGES = re.compile(r"\bprint\b|prefers-color-scheme\s*:\s*dark|:hover|prefers-reduced")
_CLEAR = re.compile(r"(rgb|hsl)a?\((?:[^,/]+[,\s]){2}[^,/]+[,/]\s*[+-]?0*\.?0*%?\s*\)")
_NAMES_NO_COLOUR = ("none", "transparent")


class Rule(NamedTuple):
    """A rule of `<style>`, of one selector.

    `parts`: of the selector, each (combinator before it: "", " " or ">", tag or None, ids,
    classes); `weight`: which of two rules wins, the greater; `declared`: {property: value};
    `important`: those of them that are.
    """

    parts: tuple
    weight: tuple
    declared: dict
    important: dict


def local_name(tag):
    """A tag without its namespace; "" of comments."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def rules_of(root):
    """Returns the `Rule`s of all `<style>` of a document, the weakest first.

    Raises:
      ValueError: a selector, or what stands around it, is none that is read.
    """
    texts = ["".join(e.itertext()) for e in root.iter() if local_name(e.tag) == "style"]
    rules = []
    for selectors, body in _blocks("\n".join(texts)):
        declared, important = declarations(body)
        if not (declared or important):
            continue
        for selector in selectors.split(","):
            if not _NEVER.search(selector):
                parts = _parts(selector)
                weight = (*_weight(parts), len(rules))
                rules.append(Rule(parts, weight, declared, important))
    return sorted(rules, key=lambda rule: rule.weight)


def _blocks(text):
    """Yields (selectors, declarations) of each rule."""
    text = re.sub(r"/\*.*?(\*/|\Z)|<!--|-->", " ", text, flags=re.DOTALL)
    text = re.sub(r"@(charset|import|namespace)\b[^;{]*;", " ", text)
    place = 0
    while (start := text.find("{", place)) >= 0:
        head, end = text[place:start].strip(), _closing(text, start)
        body, place = text[start + 1 : end], end + 1
        if not head.startswith("@"):
            yield head, body
        elif not head.startswith(_NO_SHAPES) and not _OTHER_PAGES.search(head):
            raise ValueError(
                f"an SVG with {_shown(head)} in its <style>, which is not read. Save it as "
                "plain SVG, with attributes."
            )


def _closing(text, start):
    """Where the brace closes that opens at `start`."""
    depth = 0
    for found in re.finditer(r"[{}]", text[start:]):
        depth += 1 if found[0] == "{" else -1
        if not depth:
            return start + found.start()
    return len(text)


def declarations(text):
    """Returns ({property: value}, the same of those that are `!important`)."""
    plain, important = {}, {}
    for declaration in re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL).split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name in _INITIAL and value:
            bare = re.sub(r"\s*!\s*important$", "", value, flags=re.IGNORECASE)
            (plain if bare == value else important)[name] = bare
    return plain, important


def _parts(selector):
    parts, before = [], ""
    for text in re.sub(r"\s*>\s*", " > ", selector.strip()).split():
        if text == ">":
            before = ">"
            continue
        found = _SIMPLE.fullmatch("svg" if text == ":root" else text)
        if not found:
            break
        marks = re.findall(r"[.#][\w-]+", found[2])
        ids = frozenset(mark[1:] for mark in marks if mark[0] == "#")
        classes = frozenset(mark[1:] for mark in marks if mark[0] == ".")
        parts.append((before, None if found[1] in (None, "*") else found[1], ids, classes))
        before = " "
    else:
        if parts:
            return tuple(parts)
    raise ValueError(
        f"an SVG with the selector {_shown(selector)} in its <style>, which is not read: tags, "
        "classes and ids are. Save it as plain SVG, with attributes."
    )


def _weight(parts):
    num_ids = sum(len(ids) for _, _, ids, _ in parts)
    num_classes = sum(len(classes) for *_, classes in parts)
    return num_ids, num_classes, sum(tag is not None for _, tag, _, _ in parts)


def _shown(text):
    text = " ".join(text.split())
    return repr(text[:40] + ("..." if len(text) > 40 else ""))


def _matches(parts, way):
    """Whether a selector means the last element of a way from the root down to it."""
    *others, (before, tag, ids, classes) = parts
    element = way[-1]
    is_it = (
        tag in (None, local_name(element.tag))
        and ids <= {element.get("id")}
        and classes <= set(element.get("class", "").split())
    )
    if not is_it or not others:
        return is_it
    lengths = [len(way) - 1] if before == ">" else range(len(way) - 1, 0, -1)
    return any(_matches(tuple(others), way[:length]) for length in lengths if length)


class Style(NamedTuple):
    """What holds of one element.

    `values`: {property: value}; `given`: the properties that something gives, here or above;
    `opacity`: product of its own and of those of all groups around it; `is_off`: it, or a
    group around it, is not displayed.
    """

    values: dict = _INITIAL
    given: frozenset = frozenset()
    opacity: float = 1.0
    is_off: bool = False

    def of_child(self, way, rules):
        """The `Style` of an element.

        Args:
          way: list of elements from the root down to it.
          rules: of `rules_of`.
        """
        own = _own(way, rules)
        inherited = {k: v for k, v in self.values.items() if k not in _OF_ITS_OWN}
        kept = {k: v for k, v in own.items() if v.lower() not in ("inherit", "unset")}
        values = _INITIAL | inherited | kept
        return Style(
            values,
            self.given | kept.keys(),
            self.opacity * _share(values["opacity"]),
            self.is_off or values["display"].lower() == "none",
        )

    def paint(self, kind):
        """The colour of "fill" or "stroke": (r, g, b), its name; None if nobody sees it."""
        if self.is_off or self.values["visibility"].lower() != "visible" or self.opacity <= 0:
            return None
        value = self.values[kind].lower()
        if value == "currentcolor":
            value = self.values["color"].lower()
        is_thin = kind == "stroke" and _share(self.values["stroke-width"]) <= 0
        if is_thin or _share(self.values[f"{kind}-opacity"]) <= 0:
            return None
        if value in _NAMES_NO_COLOUR or _CLEAR.fullmatch(value):
            return None
        try:
            colour = ImageColor.getrgb(value)
        except ValueError:  # A gradient, or a colour of another kind: it is seen.
            return value
        return colour[:3] if len(colour) == 3 or colour[3] else None

    def is_shown(self):
        return not self.is_off and self.opacity > 0 and self.values["visibility"] == "visible"


def _own(way, rules):
    """{property: value} that an element's attributes and the rules give it."""
    element = way[-1]
    own = {k: element.get(k).strip() for k in _INITIAL if (element.get(k) or "").strip()}
    important = {}
    for rule in rules:
        if _matches(rule.parts, way):
            own |= rule.declared
            important |= rule.important
    plain, first = declarations(element.get("style", ""))
    return own | plain | important | first


def _share(text):
    """The number that a value begins with; 1 where it begins with none."""
    found = re.match(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", text, re.IGNORECASE)
    return float(found[1]) if found else 1.0
