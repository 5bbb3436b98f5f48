"""What is wrong with bytes that are no request in HTTP/1.1: a sentence for each common mistake.

The parser (llhttp) says a few words for programmers of parsers; here is what they mean to who
writes a client, or has typed the wrong address.
"""

import re

from hardvqa_tf.serving.refusals import shown

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_TLS = b"\x16"  # A handshake begins so.
_HTTP_2 = "This is HTTP/2. Make the client speak HTTP/1.1, as the server does."
_OTHER_VERSION = (
    "The server does not speak this version of HTTP. End the first line with HTTP/1.1."
)

# What the parser says, and the sentence; the first that fits.
_SENTENCES = (
    ("PRI/Upgrade", _HTTP_2),
    ("HTTP/2 Connection Preface", _HTTP_2),
    (
        "present with",  # either after the other
        "The request has both Content-Length and Transfer-Encoding. Send one of them.",
    ),
    (
        "Duplicate Content-Length",
        "The request has more than one Content-Length. Send one, the body's bytes.",
    ),
    (
        "Content-Length overflow",
        "Content-Length is too large a number. Give the body's bytes.",
    ),
    (
        "Content-Length",
        "Content-Length is not a number. Give the body's bytes, in digits alone.",
    ),
    (
        "`Transfer-Encoding`",
        "Of Transfer-Encoding, only `chunked` is taken. Send the body as it is.",
    ),
    (
        "hunk size",
        "A chunk's size is not a hexadecimal number on a line of its own. Give its bytes so, "
        "or send Content-Length.",
    ),
    (
        "hunk data",
        "A chunk is not as long as its size says. Give its bytes, or send Content-Length.",
    ),
    (
        "hunk extension",
        "What follows a chunk's size is not name=value. Leave it out.",
    ),
    (
        "header value",
        "A header's value has a control character, or does not end with CR and LF. Send it in "
        "one line of visible characters.",
    ),
    (
        "space after start line",
        "The first header begins with a space. Begin it with its name.",
    ),
    ("method for HTTP", "This method is none of HTTP's. Use GET, or POST to predict."),
    (
        "CRLF after version",
        "The request's first line does not end with its version, CR and LF. "
        "Write `GET /healthz HTTP/1.1`, CR, LF.",
    ),
    (
        "url",
        "The request's address has a character that must be encoded (%20), or does not begin "
        "with /. Ask for a path such as /v1/models.",
    ),
)


class Malformed(Exception):
    """The parser takes a head that this server does not.

    Args:
      code: of HTTP.
      sentence: what is wrong, and what to do.
    """

    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


def check_head(method, version, headers):
    """Checks a head that the parser took.

    Args:
      method: bytes.
      version: str, "1.1".
      headers: list of (name in lower case, value), bytes.

    Raises:
      Malformed: it is not for this server.
    """
    if version not in ("1.0", "1.1"):
        raise Malformed(505, _HTTP_2 if version == "2.0" else _OTHER_VERSION)
    if method == b"CONNECT":
        raise Malformed(
            400, "This server is no proxy. Send the request itself, without CONNECT."
        )
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1:
        raise Malformed(400, f"The request has {len(hosts)} Host headers. Send one.")
    if not hosts and version == "1.1":
        raise Malformed(
            400, "The request has no Host header. Send one, with the server's name or address."
        )
    encodings = [value for name, value in headers if name == b"transfer-encoding"]
    if encodings and encodings[0].strip().lower() != b"chunked":
        raise Malformed(
            400,
            f"Of Transfer-Encoding, only `chunked` is taken. Received: {_text(encodings[0])}. "
            "Send the body as it is.",
        )


def what_is_wrong(error, received, address, in_body, is_first):
    """What the parser's error means.

    Args:
      error: `httptools.HttpParserError`.
      received: bytes, the last that the parser was given, from the start of a line.
      address: bytes, of the request's first line, as far as it was read.
      in_body: True if the head was read before.
      is_first: True if nothing of another request is in `received`.

    Returns:
      (code, sentence).
    """
    if isinstance(error.__context__, Malformed):
        return error.__context__.code, error.__context__.sentence
    said = str(error)
    if said == "User callback error":  # The address was read for the first time.
        return 400, (
            f"The request's address cannot be read: {_text(address)}. Ask for a path such as "
            "/v1/models."
        )
    if "header token" in said:
        if in_body:
            return 400, _about_lines("trailer", received, b"\r\n0\r\n")
        return 400, _about_lines("header", received, b" %s HTTP/" % address)
    if "HTTP version" in said:
        return 505, _OTHER_VERSION
    for words, sentence in _SENTENCES:
        if words in said:
            return (505 if sentence is _HTTP_2 else 400), sentence
    if received.startswith(_TLS):
        return 400, (
            "This is TLS (https), which the server does not speak. Use http://, or a proxy in "
            "front of it that speaks TLS."
        )
    if in_body:
        return 400, "The request's body is not as its head says. Send Content-Length."
    line = _text(received.partition(b"\n")[0].strip(b"\r")) if is_first else ""
    return 400, (
        f"The request's first line is not one of HTTP/1.1{line and ': '}{line}. "
        "Write `GET /healthz HTTP/1.1`."
    )


def _about_lines(what, received, before):
    """The first line that is no header.

    Args:
      before: bytes in the line before them; where they are not in `received`, lines of a head
        before are.
    """
    start = received.rfind(before)
    is_there = start >= 0 or what == "header"
    lines = received[max(start, 0) :].lstrip(b"\r\n").split(b"\r\n") if is_there else []
    for number, line in enumerate(lines[start >= 0 :], 1 + (start >= 0)):
        name, colon, _ = line.partition(b":")
        is_name = _NAME.fullmatch(name.removesuffix(b"\r"))
        if not colon and (is_name or number < len(lines)):
            return f"A {what} has no colon: {_text(line)}. Write `Name: value`."
        if not name:
            return f"A {what} has no name before its colon. Write `Name: value`."
        if not is_name:
            return (
                f"A {what}'s name has a character that no name has: {_text(name)}. Use "
                "letters, digits and -, with the colon right behind."
            )
    return f"A {what} is not `Name: value`. Write it so, in a line of its own."


def _text(content):
    return shown(content.rstrip(b"\r").decode("latin-1"), 40)
