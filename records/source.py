"""What every builder needs of its source: problems that are told, JSON, fingerprints, bytes."""

import gzip
import hashlib
import json
import os
import zlib

from records import questions, strict_json
from records.formats import what_it_is_instead
from records.regular import check_regular, read_regular
from records.shortened import shortened

_GZIP = b"\x1f\x8b"
_KINDS = {str: "a string", int: "an integer", list: "a list", dict: "an object"}
_SKIP_HINT = "Or build with --on_error=skip to leave it out and note it in skipped.jsonl."


class BuildError(ValueError):
    """The records cannot be built, or are not what they should be; the text says what to do."""


class Problems:
    """Where builders and the writer tell what is wrong with a question or an image.

    Args:
      on_error: "stop" raises `BuildError` at the first problem. "skip" notes it in `notes`; the
        caller then leaves the question or the image out, and the build writes skipped.jsonl.
      split: the split that the notes are about.
    """

    def __init__(self, on_error="stop", split=""):
        if on_error not in ("stop", "skip"):
            raise BuildError(f"`on_error` must be 'stop' or 'skip'. Received: {on_error!r}.")
        self.on_error = on_error
        self.split = split
        self.notes = []

    def report(self, where, reason, split=None):
        """Raises, or notes, one problem.

        Args:
          where: file, line or id, relative to the source folder (notes are written to disk, and
            two machines write the same bytes).
          reason: what is wrong and what to do, in whole sentences.
          split: where it is not the current one; "" if the problem belongs to no split.
        """
        if self.on_error == "stop":
            raise BuildError(f"{where}: {reason} {_SKIP_HINT}")
        split = self.split if split is None else split
        self.notes.append({"where": where, "reason": reason, "split": split})


def read_bytes(path):
    """Returns the bytes of a file; with `functools.partial`, an example's `load_image`."""
    return read_regular(path)


def read_json(path, name, object_hook=None):
    """Returns the content of a JSON file; `name` is what error messages call it."""
    return parse_json(read_bytes(path), name, object_hook)


def read_plain_or_gzip_json(path):
    """Returns the content of a JSON file, gzipped or not; messages call it by its path."""
    data = read_bytes(path)
    # By its first bytes, because downloads are renamed.
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise BuildError(f"{path}: broken gzip file ({error}). Fetch it again.") from None
    return parse_json(data, path)


def parse_json(data, name, object_hook=None):
    """Returns what JSON in UTF-8 bytes says; `name` is what error messages call its file.

    An object within it that has a key twice, and what is around that, are
    `strict_json.Repeated`, which `field` refuses: a fault of one entry costs no other one.
    """
    text = decode_text(data, name)
    try:
        content = strict_json.loads_marked(text, object_hook)
    except json.JSONDecodeError as error:
        raise BuildError(
            f"{name}:{error.lineno}:{error.colno}: not JSON ({error.msg}). The file may be cut "
            "off or edited: unpack or download it again, or write it anew."
        ) from None
    except ValueError as error:
        raise BuildError(
            f"{name}: cannot be read: {error} Unpack or download it again, or write it anew."
        ) from None
    if isinstance(content, strict_json.Repeated) and content.is_own:
        raise BuildError(f"{name}: {strict_json.twice(content.key)}")
    return content


def decode_text(data, name):
    """Returns UTF-8 bytes (with or without a byte order mark) as a string."""
    instead = what_it_is_instead(data)
    if instead:
        raise BuildError(f"{name}: not text, but {instead}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BuildError(
            f"{name}:{line}: not UTF-8 (byte {error.start}: {error.reason}). "
            "Save the file as UTF-8."
        ) from None


def counted(number, noun):
    """(2, "question") -> "2 questions"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def missing_image(questions, what_to_do):
    """Returns the reason that `Problems.report` is given for an image that is not there."""
    ids = ", ".join(question.id for question in questions[:10])
    more = ", ..." if len(questions) > 10 else ""
    ask = f"{counted(len(questions), 'question')} {'asks' if len(questions) == 1 else 'ask'}"
    return f"the image is missing, but {ask} about it ({ids}{more}). {what_to_do}"


def field(raw, name, kind):
    """Returns a field of a JSON object.

    Raises:
      ValueError: it is missing, not of type `kind`, or a string that `check_text` refuses; or
        the object has a key twice.
    """
    value = _of_kind(raw, name, kind)
    if kind is str:
        check_text(value, repr(name))
    return value


def _of_kind(raw, name, kind):
    if not isinstance(raw, dict):
        raise ValueError(f"expected an object. Received: {shown(raw)}. Correct it.")
    if isinstance(raw, strict_json.Repeated):
        raise ValueError(strict_json.twice(raw.key))
    if name not in raw:
        raise ValueError(f"{name!r} is missing. Add it.")
    value = raw[name]
    # To Python, True is an int; to whoever wrote the file, it is not.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(
            f"{name!r} must be {_KINDS[kind]}. Received: {shown(value)}. Correct it."
        )
    return value


def text_field(raw, name):
    """Returns a field that must be a string with a character that can be seen."""
    return _not_blank(field(raw, name, str), name)


def _not_blank(text, name):
    if questions.is_blank(text):
        seen = f": it has invisible characters alone, {ascii(text)}" if text.strip() else ""
        raise ValueError(f"{name!r} is empty{seen}. Fill it in, or remove the entry.")
    return text


def question_field(raw):
    """Returns the field `question`, which must have words, see `questions`."""
    text = _not_blank(_of_kind(raw, "question", str), "question")
    check_text(text, "'question'")
    return text


def check_text(text, name):
    """Checks a string of any kind: a question, an answer, an id, a name.

    Raises:
      ValueError: it has half a character, which no file can hold, or a NUL character, at which
        many programs end a text, so that two ids or answers could become one.
    """
    if "\0" in text:
        raise ValueError(
            f"{name} has a NUL character (U+0000), at which many programs end a text. "
            f"Received: {shortened(ascii(text), 80)}. Remove it."
        )
    if not questions.is_unicode(text):
        raise ValueError(
            f"{name} is not Unicode text: it has half a character, or bytes of a file's name "
            f"in another encoding than UTF-8. Received: {shortened(ascii(text), 80)}. Write it "
            "again; rename a file of such a name."
        )


def shown(value, write=json.dumps):
    """A value of a JSON file as it may stand in a message."""
    try:
        return shortened(write(value), 80)
    except RecursionError:
        return f"{_KINDS.get(type(value), 'something')} that is nested too deeply"


def require_folder(source_dir, dataset, content):
    """Checks that `--source_dir` is a folder; `content` says what it should hold."""
    if not source_dir:
        raise BuildError(f"Data set {dataset!r} needs --source_dir, the folder with {content}.")
    if not os.path.isdir(source_dir):
        raise BuildError(
            f"--source_dir={source_dir} is not a folder. Data set {dataset!r} expects the "
            f"folder with {content}."
        )


def fingerprint(root, contents=(), sizes=()):
    """Returns a sha256 in hex over what a source is.

    Args:
      root: the source folder; it does not enter the fingerprint, nor do times.
      contents: files, relative to `root`, that enter with their name and content.
      sizes: pairs (file relative to `root`, bytes) that enter with name and size alone.
    """
    digest = hashlib.sha256()
    for name in sorted(contents):
        checksum = sha256_of_file(os.path.join(root, name))
        digest.update(os.fsencode(f"{name}\0{checksum}\n"))  # A name need not be UTF-8.
    for name, size in sorted(sizes):
        digest.update(os.fsencode(f"{name}\0{size}\n"))
    return digest.hexdigest()


def in_share(name, share):
    """Whether a name falls into a share, in 0..1, of all names.

    By its hash: so what is carved out never moves, whatever else the data set holds, and a
    larger share holds all that a smaller one does.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def sha256_of_file(path):
    """Returns the sha256 of a file's content in hex."""
    digest = hashlib.sha256()
    check_regular(path)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def list_files(folder):
    """Returns {name: bytes} of the plain files directly in `folder`."""
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
