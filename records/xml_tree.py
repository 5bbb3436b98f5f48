"""XML of annotations, by the standard library's parser, without what a document may order.

A document that declares a type or entities is refused: annotation tools write none, and
entities can grow to gigabytes or name other files.
"""

from xml.etree import ElementTree
from xml.parsers import expat

from records.formats import what_it_is_instead


def parse_xml(data):
    """Returns the root element of an XML document.

    Args:
      data: bytes.

    Raises:
      ValueError: says what is wrong with it.
    """
    instead = what_it_is_instead(data)
    if instead:
        raise ValueError(f"not XML, but {instead}")
    try:
        _refuse_declarations(data)
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, expat.ExpatError) as error:
        raise ValueError(
            f"not XML ({error}). The file may be cut off or edited: get it again."
        ) from None
    except (LookupError, RecursionError, UnicodeError, ValueError) as error:
        if isinstance(error, _Declares):
            raise ValueError(str(error)) from None
        raise ValueError(f"XML that cannot be read ({error}). Save it as UTF-8.") from None


class _Declares(ValueError):
    pass


def _refuse_declarations(data):
    parser = expat.ParserCreate()

    def refuse(*_):
        raise _Declares(
            "XML with a DOCTYPE or with entities of its own, which annotations do not need. "
            "Remove them."
        )

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.Parse(data, True)


def only_child(element, name):
    """The one child of a name.

    Raises:
      ValueError: if there is none, or more than one.
    """
    found = element.findall(name)
    if len(found) != 1:
        what = "is missing. Add it" if not found else f"is there {len(found)} times. Keep one"
        raise ValueError(f"<{name}> {what}.")
    return found[0]


def text_of(element, name):
    """The text of the one child of a name, without blanks around it.

    Raises:
      ValueError: if there is none, or it is empty.
    """
    text = (only_child(element, name).text or "").strip()
    if not text:
        raise ValueError(f"<{name}> is empty. Fill it in.")
    return text


def number_in(text, name):
    """A finite number that a text says.

    Raises:
      ValueError: if it says none.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{name} must be a number. Received: {text[:80]!r}. Correct it.")
    return value
