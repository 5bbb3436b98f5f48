"""Files that are not what they were: missing, cut, flipped, a pointer of Git LFS, a folder.

A damaged file is always reported with its name, what is wrong with it, and what to do.
"""

import contextlib
import itertools
import os
import re

from records import info_shape, strict_json
from records.counts import counts_of
from records.regular import kind_instead
from records.source import BuildError

AGAIN = "Copy it again from where it came, or delete the whole folder and build it again."
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def what_is_wrong(path, num_bytes=None):
    """What can be said of a file without understanding it, in words after its name.

    Args:
      path: of the file that should be there.
      num_bytes: its length when it was written, if that is known.

    Returns:
      str; None if nothing is wrong.
    """
    if not os.path.exists(path):
        return "is missing"
    instead = kind_instead(path)
    if instead:
        return f"is {instead}, not a {'' if os.path.isdir(path) else 'regular '}file"
    size = os.path.getsize(path)
    if size == num_bytes:
        return None
    with open(path, "rb") as file:
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            return "is a pointer of Git LFS, which `git lfs pull` replaces by the file itself"
    if size == 0:
        return "is empty"
    return num_bytes and f"has {size} bytes, but was written with {num_bytes}"


def check_folder(path, flag):
    """Raises `BuildError` if something that is no folder stands where a folder is or would be.

    Args:
      path: of the folder, which need not be there.
      flag: that gave it, for the message: "--workdir".
    """
    way = os.path.abspath(path)
    while not os.path.lexists(way):
        way = os.path.dirname(way)
    if not os.path.isdir(way):
        raise BuildError(
            f"{way} is not a folder. Received: {flag}={path}. Give the folder, or another one "
            "for a new one."
        )


def damage(path, what):
    """The message about a damaged file of finished records."""
    return f"{path} {what}. {AGAIN}"


def check_file(path, num_bytes=None):
    """Raises `BuildError` if a file of finished records is not there as it was written."""
    wrong = what_is_wrong(path, num_bytes)
    if wrong:
        raise BuildError(damage(path, wrong))


# What JSON can hold instead of an object.
_KINDS = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def read_json(path, what_to_do=AGAIN):
    """The object that a JSON file of records, or of a run, holds.

    Returns:
      dict.

    Raises:
      BuildError: if there is none, saying what is wrong with the file and `what_to_do`.
    """
    wrong = what_is_wrong(path)
    if wrong:
        raise BuildError(f"{path} {wrong}. {what_to_do}")
    try:
        with open(path, "rb") as file:
            content = strict_json.loads(file.read())
    except ValueError as error:
        raise BuildError(f"{path} is not JSON ({error}). {what_to_do}") from None
    if not isinstance(content, dict):
        kind = _KINDS.get(type(content), "a number")
        raise BuildError(f"{path} should hold an object, but holds {kind}. {what_to_do}")
    return content


def check_whose(path, info):
    """Raises `BuildError` if dataset_info.json is not of this program, of any version of it.

    Args:
      path: of the file, for the message.
      info: dict, what it holds.
    """
    if {"fileFormat", "moduleName"} & info.keys() or isinstance(info.get("splits"), list):
        refuse_others(path, "TensorFlow Datasets")
    if {"builder_name", "config_name", "citation", "homepage"} & info.keys():
        refuse_others(path, "Hugging Face's datasets")
    check_shape(path, info, {"version": info_shape.TEXT})


def check_info(path, info):
    """Raises `BuildError` unless dataset_info.json holds what a build wrote there."""
    with _naming(path):
        info_shape.check(info, info_shape.INFO)
        info_shape.check_facts(info, counts_of(info).FACTS)


def check_plan(path, plan):
    """Raises `BuildError` unless build_plan.json holds what is compared with another build."""
    check_shape(path, plan, info_shape.PLAN)


def check_shape(path, content, shape, what_to_do=AGAIN):
    """Raises `BuildError` unless a file's `content` is of a shape, see `info_shape`."""
    with _naming(path, what_to_do):
        info_shape.check(content, shape)


@contextlib.contextmanager
def _naming(path, what_to_do=AGAIN):
    try:
        yield
    except info_shape.WrongShape as error:
        raise BuildError(f"{path} {error}. {what_to_do}") from None


def refuse_others(path, whose):
    """Raises `BuildError` about a file of another program, `whose` it is."""
    folder = os.path.dirname(path)
    raise BuildError(
        f"{path} is of {whose}, whose files this program does not read. Give a "
        f"--records_dir of its own instead of {folder}: python main.py --mode=build writes "
        "records from a data set's official files, or from your own images (docs/data.md)."
    )


@contextlib.contextmanager
def naming_damage(paths):
    """Within it, an error of reading records names the shard, and the record in it.

    TensorFlow reads several files at once and does not say which of them is damaged, so they
    are looked through, one after another, after the error.

    Args:
      paths: function that gives the paths of the shards that are read.

    Raises:
      BuildError: in the place of TensorFlow's error, if a shard is found that cannot be read.
    """
    import tensorflow as tf

    of_reading = (
        tf.errors.DataLossError,
        tf.errors.FailedPreconditionError,
        tf.errors.InvalidArgumentError,
        tf.errors.NotFoundError,
        tf.errors.OutOfRangeError,
        tf.errors.PermissionDeniedError,
        tf.errors.UnknownError,
    )
    try:
        yield
    except of_reading as error:
        found = find_damage(paths())
        if found:
            raise BuildError(found) from error
        raise


def find_damage(paths):
    """What is wrong with the first shard that cannot be read, a sentence; None if all can."""
    found = (_damage_of_shard(path) for path in paths)
    return next(filter(None, found), None)


def _damage_of_shard(path):
    import tensorflow as tf

    from records.decode import decode_image
    from records.schema import parse_example

    records = iter(tf.data.TFRecordDataset(path))
    for position in itertools.count():
        try:
            serialized = next(records, None)
            parsed = serialized is not None and parse_example(serialized)
        except tf.errors.OpError as error:
            what = f"cannot be read: record {position} is damaged ({cause_of(error)})"
            return damage(path, what_is_wrong(path) or what)
        if not parsed:
            return None
        try:
            if parsed["image/encoded"] != b"":
                decode_image(parsed["image/encoded"])
        except tf.errors.OpError as error:
            image_id = parsed["image/id"].numpy().decode()
            return (
                f"The image {image_id} (record {position} of {path}) cannot be decoded "
                f"({cause_of(error)}). Replace it where it comes from, and build the records "
                "again, into another folder; a build with --on_error=skip leaves it out."
            )


def cause_of(error):
    """TensorFlow's message without the places in its own code."""
    text = re.sub(r"{{.*?}}|\[Op:.*", "", error.message.partition("\n")[0])
    return " ".join(text.split())
