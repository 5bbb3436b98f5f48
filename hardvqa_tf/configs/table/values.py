"""Configs by the table in base.py: checked, filled where a key is absent, and compared.

Three kinds of config go through here: one that is about to be trained (`check`: an error before
anything is written), one that an older program stored (`complete`: with the values that held
then), and both at once, when a run is resumed (`differences`).
"""

import copy
import json

from ml_collections import ConfigDict

from hardvqa_tf.configs import base
from hardvqa_tf.configs.table.kinds import nearest
from hardvqa_tf.tasks import BEFORE_TASKS, name_of_task
from records.shortened import shortened

# Keys that were given another name, by the one that older runs have.
RENAMED = {"model.question_lstm.norm_scale": "model.question_norm_scale"}


def check(config):
    """Refuses a config with a value that cannot be.

    Args:
      config: `ConfigDict` or dict of dicts. It may lack keys.

    Raises:
      ValueError: a line for each such value: what it is, what is allowed, and the nearest name.
    """
    table = _table_of(config)
    _check_whose(config, table)
    complaints = list(_complaints(config, table, name_of_task(config)))
    if complaints:
        raise ValueError("\n".join(complaints))


def check_kinds(stored):
    """Refuses a stored config with a text, a list or a section where there should be a number.

    Ranges are not looked at: an older program may have allowed others.

    Raises:
      ValueError: names the first such value.
    """
    now = flatten(_defaults(_table_of(stored)))
    for key, value in flatten(stored).items():
        expected = now.get(key)
        if None not in (value, expected) and _json_kind(value) != _json_kind(expected):
            raise ValueError(
                f"config.{key}={value!r}: should be {_json_kind(expected)}. Copy the run's "
                "folder again."
            )


def _defaults(table):
    return {
        name: _defaults(entry) if isinstance(entry, dict) else as_json(entry.default)
        for name, entry in table.items()
    }


def _json_kind(value):
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text"}
    return kinds.get(type(value), "a list")


def complete(stored):
    """A stored config with every key of today's program.

    Args:
      stored: dict of dicts, as config.json holds it; it may be older than some keys.

    Returns:
      dict of dicts. A key that `stored` lacks has the value that held before there was the key.

    Raises:
      ValueError: if it is no config, or has keys that this program does not know.
    """
    unknown = {}
    filled = _fill(_renamed(stored), _table_of(stored), unknown)
    if unknown:
        names = ", ".join(f"{key}={value!r}" for key, value in unknown.items())
        raise ValueError(
            f"This program does not know {names}. A newer version of it wrote the run, or "
            "someone added that. Use that version; or, if you know that it changes nothing, "
            "delete it from the run's config.json."
        )
    return filled


def completed(config):
    """A `ConfigDict` of the same values, with every key, see `complete`."""
    return ConfigDict(complete(as_json(config)))


def differences(stored, config):
    """The dotted keys in which two configs differ, sorted; an absent key is filled in both."""
    return differing_keys(complete(stored), complete(as_json(config)))


def differing_keys(one, other):
    """The dotted keys in which two dicts of dicts differ, sorted."""
    one, other = flatten(one), flatten(other)
    return sorted(key for key in one | other if one.get(key) != other.get(key))


def as_json(config):
    """A config, or a value of it, as config.json holds it: tuples are lists."""
    text = config.to_json() if hasattr(config, "to_json") else json.dumps(config)
    return json.loads(text)


def flatten(config, prefix=""):
    """{"model": {"attention": "han"}} -> {"model.attention": "han"}; {} has no entry.

    `config`: dict of dicts, or `ConfigDict`.
    """
    flat = {}
    for key, value in config.items():
        if hasattr(value, "items"):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def entry_of(key, task=BEFORE_TASKS):
    """The `kinds.Value` of a dotted key, the dict of a section; None if there is neither."""
    entry = base.TABLES[task]
    for name in key.split("."):
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry


def hint_at(key, task=BEFORE_TASKS):
    """Why a task has no such dotted key, or which is meant; or an empty text.

    Only keys of the task itself are suggested: another's could not be set either.
    """
    return _of_another(key.removeprefix("config."), task) or nearest_key(key, task)


def nearest_key(key, task=BEFORE_TASKS):
    """A hint at the dotted key of a task that is meant, or an empty text."""
    last = key.rpartition(".")[2]
    # Sections that are the same make no key near.
    names = [n for n in flatten(base.TABLES[task]) if nearest(last, [n.rpartition(".")[2]])]
    return nearest(key, [f"config.{name}" for name in names])


def _table_of(config):
    task = name_of_task(config) if hasattr(config, "items") else BEFORE_TASKS
    if task not in [*base.TABLES]:  # which need not be hashable
        raise ValueError(
            f"config.task={task!r}: must be one of: {', '.join(base.TABLES)}."
            f"{nearest(task, base.TABLES)}"
        )
    return base.TABLES[task]


def _of_another(key, task):
    """That a dotted key is another task's; "" if it is not."""
    for other in base.TABLES:
        if other != task and entry_of(key, other) is not None:
            return f" It is a value of the task {other}; this config is of the task {task}."
    return ""


def _check_whose(config, table):
    """One sentence, instead of a line a value, if a config is called of another task."""
    own, strange = name_of_task(config), _num_strange(config, table)
    for other, others in base.TABLES.items():
        if strange and _num_strange(config, others) < strange:
            raise ValueError(
                f"config.task={own!r}: the other values of this config are those of the task "
                f"{other}. Leave config.task as it is, or give the --dataset or --config of "
                f"an experiment of the task {own}."
            )


def _num_strange(config, table):
    """How many values of a config a table does not have."""
    number = 0
    for name, value in config.items():
        entry = table.get(name)
        if isinstance(entry, dict) and hasattr(value, "items"):
            number += _num_strange(value, entry)
        else:
            number += entry is None
    return number


def _complaints(config, table, task, prefix=""):
    """What is wrong with each value that cannot be, in a line."""
    for name, value in config.items():
        key, entry = f"{prefix}{name}", table.get(name)
        if entry is None:
            shown = "" if hasattr(value, "items") else f"={value!r}"
            hint = _of_another(key, task) or nearest(name, table)
            yield f"config.{key}{shown}: there is no such value.{hint}"
        elif not isinstance(entry, dict):
            complaint = entry.complaint(value)
            if complaint:
                yield f"config.{key}={value!r}: {complaint}"
        elif hasattr(value, "items"):
            yield from _complaints(value, entry, task, f"{key}.")
        else:
            names = ", ".join(entry)
            yield f"config.{key}={value!r}: must hold values by their names: {names}."


def _fill(stored, table, unknown, prefix=""):
    """`stored` by the table; what is not in that goes into `unknown`, by its dotted key."""
    if not isinstance(stored, dict):
        raise ValueError(
            f"{prefix.rstrip('.') or 'The config'} should be values by their names. Received: "
            f"{shortened(json.dumps(stored), 60)}."
        )
    for name in stored.keys() - table.keys():
        unknown[f"{prefix}{name}"] = stored[name]
    filled = {}
    for name, entry in table.items():
        if isinstance(entry, dict):
            filled[name] = _fill(stored.get(name, {}), entry, unknown, f"{prefix}{name}.")
        else:
            filled[name] = stored[name] if name in stored else as_json(entry.where_absent)
    return filled


def _renamed(stored):
    """`stored` with the names of today for keys that had others."""
    stored = copy.deepcopy(stored)
    for old, new in RENAMED.items():
        section, name = _find(stored, old)
        if name in section:
            new_section, new_name = _find(stored, new)
            new_section.setdefault(new_name, section.pop(name))
    return stored


def _find(config, key):
    """The section that holds a dotted key, {} if there is none, and the key's name in it."""
    *sections, name = key.split(".")
    for part in sections:
        config = config.get(part) if isinstance(config, dict) else None
    return config if isinstance(config, dict) else {}, name
