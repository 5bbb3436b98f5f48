"""A folder of records: its files, how they are read, and when a build may write into it."""

import contextlib
import fcntl
import json
import os
import re

from records import schema
from records.counts import counts_of
from records.damage import (
    check_file,
    check_folder,
    check_info,
    check_plan,
    check_shape,
    check_whose,
    damage,
    read_json,
    refuse_others,
)
from records.info_shape import PAIR
from records.map_facts import holds_maps
from records.source import BuildError, sha256_of_file

INFO_NAME = "dataset_info.json"
PLAN_NAME = "build_plan.json"
VOCABULARIES_NAME = "vocabularies.json"
SKIPPED_NAME = "skipped.jsonl"


def has_records(records_dir):
    """Whether finished records are at hand, of whatever version; None: no folder is known."""
    return bool(records_dir) and os.path.isfile(os.path.join(records_dir, INFO_NAME))


def read_info(records_dir):
    """Returns the content of dataset_info.json of finished records."""
    path = os.path.join(records_dir, INFO_NAME)
    check_finished(records_dir)
    if not os.path.exists(path):
        check_place(records_dir)
        check_described(records_dir)
        raise BuildError(
            f"There are no records in {records_dir}. Build them: {_build_command(records_dir)}"
        )
    info = read_json(path)
    check_whose(path, info)
    if not schema.is_readable(info["version"]):
        raise BuildError(
            f"The records in {records_dir} have version {info['version']}, this program reads "
            f"those of {schema.VERSION} and older ones of the same first number. Build them "
            f"again, into another folder: {_build_command(records_dir, info)}"
        )
    check_info(path, info)
    return info


def check_place(records_dir):
    """Raises `BuildError` if a file, or another program's records, are where records go."""
    check_folder(records_dir, "--records_dir")
    others = os.path.join(records_dir, "dataset_dict.json")
    if os.path.exists(others):
        refuse_others(others, "Hugging Face's datasets")


def check_described(records_dir):
    """Raises `BuildError` if shards are there without the files that say what they are."""
    names = os.listdir(records_dir) if os.path.isdir(records_dir) else ()
    described = {INFO_NAME, PLAN_NAME} & set(names)
    if any(".tfrecord-" in name for name in names) and not described:
        raise BuildError(
            f"{os.path.join(records_dir, INFO_NAME)} is missing, which says what the shards in "
            f"{records_dir} are. Copy the folder again from where it came; or delete the "
            "shards and run the command again that built them (python main.py --mode=build, "
            "docs/data.md); or give another --records_dir."
        )


def check_finished(records_dir):
    """Raises `BuildError` if a build of the records was stopped before its end."""
    path = os.path.join(records_dir, INFO_NAME)
    if os.path.exists(os.path.join(records_dir, PLAN_NAME)) and not os.path.exists(path):
        plan = _read_plan(records_dir)
        raise BuildError(
            f"The records in {records_dir} are not finished. Run their build command again, it "
            f"goes on where it ended: {_build_command(records_dir, plan)}"
        )


# What the builders of before 1.2 knew, which their dataset_info.json does not say.
_KNOWN_BEFORE = {
    "clevr": {"has_objects"},
    "sort_of_clevr": {"has_objects", "names_objects_by_colour"},
}


def what_is_known(info):
    """What the builder of some records knew of them, see `builders.knows`: {name: bool}.

    Args:
      info: from `read_info`, also of an older version.
    """
    names = ("has_objects", "names_objects_by_colour", "turns_by_exif")
    names += ("areas_of_coco", "judged_as_voc")
    before = _KNOWN_BEFORE.get(info["dataset"], ())
    known = info.get("knows", {})
    return {name: known.get(name, name in before) for name in names}


def _read_plan(records_dir):
    path = os.path.join(records_dir, PLAN_NAME)
    plan = read_json(path)
    check_plan(path, plan)
    return plan


def shard_paths(records_dir, split):
    """Returns the paths of a split's shards, in order.

    Raises:
      ValueError: if the records have no such split; lists those they have. If a shard is not
        there as it was written.
    """
    splits = read_info(records_dir)["splits"]
    if split not in splits:
        raise ValueError(
            f"The records in {records_dir} have no such split. Received: split={split!r}. "
            f"Use one of: {', '.join(splits)}."
        )
    shards = splits[split]["shards"]
    paths = [os.path.join(records_dir, shard["name"]) for shard in shards]
    for path, shard in zip(paths, shards, strict=True):
        check_file(path, shard["num_bytes"])
    return paths


def _build_command(records_dir, plan=None):
    """Returns the command that builds what `plan` says, as far as it says it."""
    what = f"--dataset={(plan or {}).get('dataset', '...')}"
    if plan and holds_maps(plan):
        what += " --features --source_records=..."
    return f"python main.py --mode=build {what} --records_dir={records_dir}"


def read_vocabularies(records_dir):
    """Returns what the train split tells: {name: [[text, count], ...]}, e.g. words and answers.

    The names are those of the records' kind; {} where it has none, and then there is no file.
    """
    info = read_info(records_dir)
    names = counts_of(info).VOCABULARIES
    if not names:
        return {}
    path = os.path.join(records_dir, VOCABULARIES_NAME)
    stored = read_json(path)
    check_shape(path, stored, dict.fromkeys(names, [PAIR]))
    checksum = info.get("files", {}).get(VOCABULARIES_NAME)
    if checksum not in (None, sha256_of_file(path)):
        raise BuildError(damage(path, "is not what it was when it was written"))
    return stored


def read_finished(records_dir, plan, num_shards, defaults=None):
    """Returns the info of the same records if they are finished; refuses other ones.

    Finished records of an older version that is read are the same ones: they stay as they are.
    An argument that they do not know, as it came later, had its value of `defaults`.
    """
    path = os.path.join(records_dir, INFO_NAME)
    if not os.path.exists(path):
        return None
    info = read_json(path)
    check_whose(path, info)
    check_info(path, info)
    if schema.is_readable(info["version"]):
        plan = plan | {"version": info["version"]}
    _refuse_differences(records_dir, info, plan, "finished records", defaults)
    for split, of_split in info["splits"].items():
        if num_shards not in (None, len(of_split["shards"])):
            _refuse(
                records_dir,
                "finished records",
                [
                    f"num_shards of {split} ({len(of_split['shards'])} there, "
                    f"{num_shards} asked)"
                ],
            )
        for shard in of_split["shards"]:
            check_file(os.path.join(records_dir, shard["name"]), shard["num_bytes"])
    return info


def check_unfinished(records_dir, plan, num_shards, defaults=None):
    """Refuses a folder that holds an unfinished build of something else.

    `defaults`: as of `read_finished`.
    """
    path = os.path.join(records_dir, PLAN_NAME)
    if os.path.exists(path):
        there = _read_plan(records_dir)
        what = "records of an unfinished build"
        _refuse_differences(records_dir, there, plan, what, defaults)
        if num_shards is not None and {num_shards} != set(there["num_shards"].values()):
            _refuse(
                records_dir,
                "records of an unfinished build",
                [f"num_shards ({there['num_shards']} there, {num_shards} asked)"],
            )
    else:
        check_described(records_dir)


def _refuse_differences(records_dir, there, plan, what, defaults):
    there = there | {"arguments": (defaults or {}) | there["arguments"]}
    there, plan = _flat(there), _flat(plan)
    differing = [
        f"{key} ({json.dumps(there.get(key))} there, {json.dumps(plan.get(key))} asked)"
        for key in there | plan
        if there.get(key) != plan.get(key)
    ]
    if differing:
        _refuse(records_dir, what, differing, _what_happened(there, plan))


def _what_happened(there, plan):
    """That files were changed, where that is all; their fingerprints say it to nobody."""
    differing = [key for key in there | plan if there.get(key) != plan.get(key)]
    if differing != ["source_fingerprint"] or not _is_checksum(plan["source_fingerprint"]):
        return ""
    return "Files of the source were changed since then: mended, added or removed. "


def _is_checksum(text):
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def _flat(plan):
    """Returns what makes up a build, each argument by its own name."""
    arguments = {f"argument {name}": value for name, value in plan["arguments"].items()}
    maps = {f"features {name}": value for name, value in plan.get("features", {}).items()}
    maps.pop("features fields", None)  # They follow from the rest; older maps have none.
    identity = {key: plan[key] for key in ("dataset", "version", "source_fingerprint")}
    return identity | arguments | maps


def _refuse(records_dir, what, differing, happened=""):
    raise BuildError(
        f"{records_dir} holds {what}, not those that were asked for. Differing: "
        f"{'; '.join(differing)}. {happened}Give another --records_dir, or delete that folder."
    )


@contextlib.contextmanager
def lock(records_dir):
    """Two builds at once in one folder would remove each other's half-written files."""
    folder = os.open(records_dir, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # Some network file systems know no locks.
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BuildError(
                    f"Another build is writing {records_dir}. Wait for its end, or stop it."
                ) from None
        yield
    finally:
        os.close(folder)


def to_json(value):
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def pairs_to_json(lists):
    """Returns {name: list of pairs} as JSON with one pair a line, for people who look at it."""
    parts = []
    for name, pairs in lists.items():
        lines = ",\n".join(f"  {json.dumps(pair, ensure_ascii=False)}" for pair in pairs)
        parts.append(f" {json.dumps(name)}: [\n{lines}\n ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"
