"""What a training run leaves in its workdir, and how it is read again.

    config.json     every value of the experiment
    records.json    which records it is trained on, see `data.identity`
    model.keras     the model of the epoch that was best on the validation split
    metrics.jsonl   a line per epoch
    checkpoints/    the newest states, from which it resumes
    and the task's assets: vocabularies.json

Together they answer questions without the records that the model was trained on.
"""

import contextlib
import dataclasses
import json
import os
import re
import zipfile

import keras
from ml_collections import ConfigDict

# Imported for their layers, which Keras must know to load a model; the task has others.
from hardvqa_tf import encoders, layers  # noqa: F401
from hardvqa_tf.configs.table import values
from hardvqa_tf.data import identity
from hardvqa_tf.epochs import read_metrics, to_line
from hardvqa_tf.tasks import task_of
from hardvqa_tf.written import write_file, written
from records import damage

_COPY_AGAIN = "Copy the run's folder again."


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model with what it needs to be asked, and the folder that it was read from."""

    model: keras.Model
    config: ConfigDict
    assets: object
    workdir: str | None = None

    @property
    def best_epoch(self):
        """The metrics of the epoch that the model is of; {} where they are not at hand."""
        if not self.workdir or not os.path.exists(os.path.join(self.workdir, "metrics.jsonl")):
            return {}
        best = task_of(self.config).BEST
        # Of equally good ones the first, as training keeps it.
        epochs = read_metrics(self.workdir)
        return max(epochs, key=lambda epoch: epoch.get(best, 0.0), default={})


# A run begins.


def check_run(workdir, config, assets, records=None):
    """Checks that a run that is there, if any, is the one that is about to be trained.

    Args:
      workdir: folder of the run.
      config: `ConfigDict`.
      assets: of the task.
      records: from `identity.identity_of`; None: whatever they are.

    Raises:
      ValueError: if the workdir holds a run with another config, of other records or with other
        assets, naming what differs; or if some of its files are damaged or lost.
    """
    damage.check_folder(workdir, "--workdir")
    has_state = _has_state(workdir)
    for name, content, differing in _files(config, assets, records):
        path = os.path.join(workdir, name)
        if os.path.exists(path):
            stored = damage.read_json(path, _COPY_AGAIN)
            if name == "records.json":
                damage.check_shape(path, stored, identity.SHAPE, _COPY_AGAIN)
            with _naming(path):
                found = differing(stored, content)
            if found:
                _refuse(workdir, name, found, has_state)
        elif has_state and name != "records.json":  # which runs of before do not have
            raise _lost(path, workdir)
    _check_metrics(workdir)


def start_run(workdir, config, assets, records=None, report=print):
    """Writes what a run keeps of its beginning, or checks that it is the same; see `check_run`.

    Called when all is ready to train, so that a start that fails leaves no run behind. `report`
    is told where a trained run has no records.json, as those of older versions.
    """
    check_run(workdir, config, assets, records)
    os.makedirs(workdir, exist_ok=True)
    path = os.path.join(workdir, "records.json")
    if records and _has_state(workdir) and not os.path.exists(path):
        report(
            f"{path} is missing: nobody knows which records this run was trained on so far. "
            f"From now on they are those of {config.records_dir}. If that is wrong, stop it, "
            "and copy the run's folder again."
        )
    for name, content, _ in _files(config, assets, records):
        path = os.path.join(workdir, name)
        if content is not None and not os.path.exists(path):
            write_json(path, content)


@contextlib.contextmanager
def forgotten_if_untrained(workdir, config, write=True):
    """Within it, an error takes back all that was written, if nothing was trained and saved.

    The corrected command then starts as if this one had not been. What was there before stays.

    Args:
      write: False on a machine that must leave the folder as it is.
    """
    before, saved = _made_by_start(workdir, config), _saved(workdir)
    missing = _missing_folders(workdir)
    try:
        yield
    except BaseException:  # Ctrl-C as well.
        if write and _saved(workdir) == saved:
            for path in sorted(_made_by_start(workdir, config) - before, reverse=True):
                _remove(path)  # What is in a folder comes before it.
            for folder in missing:
                _remove(folder)
        raise


def _made_by_start(workdir, config):
    """Paths of what a run has before its first checkpoint, as far as it is there."""
    names = ("config.json", "records.json", task_of(config).ASSETS_FILE)
    files = [f"{name}{ending}" for name in names for ending in ("", ".partial")]
    found = {os.path.join(workdir, name) for name in files}
    for name in ("logs", "checkpoints"):
        for folder, _, names in os.walk(os.path.join(workdir, name)):
            found |= {folder, *(os.path.join(folder, name) for name in names)}
    return {path for path in found if os.path.lexists(path)}


def _saved(workdir):
    """What changes when something that was trained is saved."""
    names = [os.path.join(workdir, name) for name in ("metrics.jsonl", "model.keras")]
    times = {path: os.stat(path).st_mtime_ns for path in names if os.path.exists(path)}
    return checkpoint_paths(workdir), times


def _missing_folders(workdir):
    """Those on the way to the workdir that are not there, the innermost first."""
    folder, missing = os.path.abspath(workdir), []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing


def _remove(path):
    """Removes a file, or a folder in which nothing is."""
    with contextlib.suppress(OSError):
        (os.rmdir if os.path.isdir(path) and not os.path.islink(path) else os.remove)(path)


def _files(config, assets, records):
    """(name, content, what differs) of the files that are the same from the first start on."""
    config_now = values.complete(values.as_json(config))
    return [
        ("config.json", config_now, _differing_values),
        ("records.json", records, _differing_records),
        (task_of(config).ASSETS_FILE, assets.to_json(), values.differing_keys),
    ]


def _differing_values(stored, now):
    """The keys in which two configs differ, each with both values, as one would type them."""
    one, other = (values.flatten(values.complete(config)) for config in (stored, now))
    return [
        f"{key} ({one.get(key)} there, {other.get(key)} here)"
        for key in values.differences(stored, now)
    ]


def _differing_records(stored, now):
    return identity.differences(stored, now) if now is not None else []


def _refuse(workdir, name, differing, has_state):
    what = {"records.json": "other records"}.get(name, f"another {name}")
    trained = "" if has_state else " It has trained nothing yet: to start again, delete it."
    raise ValueError(
        f"{workdir} holds a run with {what}: {', '.join(differing)} differ. Use the same to "
        f"resume it, or another --workdir for a new run.{trained}"
    )


def _has_state(workdir):
    """Whether something was trained and saved."""
    files = (os.path.join(workdir, name) for name in ("metrics.jsonl", "model.keras"))
    return has_checkpoints(workdir) or any(map(os.path.exists, files))


def has_checkpoints(workdir):
    """Whether a run has a state to resume from, damaged or not."""
    return bool(checkpoint_paths(workdir))


def checkpoint_paths(workdir):
    """Paths of a run's checkpoints, without their endings, the newest first.

    By the numbers in their names: a list of them could be lost, too.
    """
    folder = os.path.join(workdir, "checkpoints")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [re.fullmatch(r"(ckpt-(\d+))\.index", name) for name in names]
    found = sorted((int(match[2]), match[1]) for match in found if match)
    return [os.path.join(folder, name) for _, name in reversed(found)]


# A run is read.


def load_run(workdir):
    """Loads a trained run.

    Returns:
      `Run`.

    Raises:
      ValueError: if the workdir lacks one of the files, or they cannot be read.
    """
    _require(workdir, "model.keras")
    config = read_config(workdir)
    task = task_of(config)  # Imported before: Keras must know its layers, too.
    _require(workdir, task.ASSETS_FILE)
    path = os.path.join(workdir, task.ASSETS_FILE)
    content = damage.read_json(path, _COPY_AGAIN)
    try:
        assets = task.assets_from_json(content)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path} does not hold what a run keeps ({error}). {_COPY_AGAIN}"
        ) from None
    return Run(_load_model(os.path.join(workdir, "model.keras")), config, assets, workdir)


def read_config(workdir):
    """A run's config as a `ConfigDict`, with the values that held where it lacks a key.

    Raises:
      ValueError: if the file is missing or damaged, or has a key that this program does not
        know, or something of another kind in the place of a value.
    """
    _require(workdir, "config.json")
    path = os.path.join(workdir, "config.json")
    stored = damage.read_json(path, _COPY_AGAIN)
    with _naming(path):
        config = values.complete(stored)
        values.check_kinds(config)
        return ConfigDict(config)


@contextlib.contextmanager
def _naming(path):
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _require(workdir, name):
    path = os.path.join(workdir, name)
    wrong = damage.what_is_wrong(path)
    if wrong == "is missing" and _has_state(workdir):
        if name == "model.keras" and not os.path.exists(os.path.join(workdir, "metrics.jsonl")):
            raise ValueError(
                f"There is no model in {workdir} yet: its first epoch is not done. Run the "
                "command that trains it again."
            )
        raise _lost(path, workdir)
    if wrong == "is missing":
        raise ValueError(
            f"There is no trained model in {workdir}: {path} is missing. "
            f"Train one: python main.py --mode=train --workdir={workdir}, with the --dataset "
            "or --config that it is for."
        )
    if wrong:
        raise ValueError(f"{path} {wrong}. {_COPY_AGAIN}")


def _lost(path, workdir):
    """The error of a file that a trained run has no more."""
    return ValueError(
        f"{path} is missing, but {workdir} holds a run that was trained. {_COPY_AGAIN}"
    )


def _wrong_with_model(path):
    """What is wrong with a model's file, as it follows its path; None if nothing is seen."""
    wrong = damage.what_is_wrong(path)
    if not wrong and not zipfile.is_zipfile(path):
        wrong = "is damaged: it has no end, or is no model of Keras"
    return wrong


def _load_model(path):
    wrong = _wrong_with_model(path)
    if wrong:
        raise ValueError(f"{path} {wrong}. {_COPY_AGAIN}")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras, zipfile and HDF5 tell of damage in many ways.
        cause = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{path} cannot be loaded ({cause}). If a copy was cut off, copy it again; "
            "else train with this version of the program."
        ) from error


def _check_metrics(workdir):
    """Their damage is found at the start, not when the next epoch has been trained."""
    path = os.path.join(workdir, "metrics.jsonl")
    done = [line["epoch"] for line in read_metrics(workdir)] if os.path.exists(path) else []
    # The first epoch's line comes before its checkpoint.
    if max(done, default=0) > 1 and not has_checkpoints(workdir):
        raise ValueError(
            f"{path} has {max(done)} epochs, but there is no checkpoint to resume from in "
            f"{workdir}/checkpoints. {_COPY_AGAIN} Or train again, into another --workdir."
        )


def check_best_model(workdir, best_epoch):
    """Finds at the start, not after hours, that the model of the best epoch is lost.

    Raises:
      ValueError: if `best_epoch`, 0 before the first, has left no whole model.keras.
    """
    path = os.path.join(workdir, "model.keras")
    wrong = _wrong_with_model(path)
    if best_epoch and wrong:
        raise ValueError(
            f"{path} {wrong}. It is the model of epoch {best_epoch}, the best one so far. "
            f"{_COPY_AGAIN} Or train again, into another --workdir."
        )


def has_epochs_left(train, epoch, best_epoch):
    """Whether a run goes on.

    Args:
      train: that section of its config; `epochs`, and `patience` where it is set.
      epoch, best_epoch: epochs that are done, and the one that was best so far.
    """
    patience = train.get("patience", 0)
    return epoch < train["epochs"] and not (patience and epoch - best_epoch >= patience)


# A run is written.


def save_model(workdir, model):
    """Writes `model.keras`, under a temporary name, renamed once complete."""
    # Keras tells the format by the ending.
    with written(os.path.join(workdir, "model.keras"), "partial.model.keras") as partial:
        model.save(partial)


def append_metrics(workdir, metrics):
    """Adds an epoch's line; one that a killed run left of the same epoch is replaced."""
    path = os.path.join(workdir, "metrics.jsonl")
    before = read_metrics(workdir) if os.path.exists(path) else []
    kept = [line for line in before if line["epoch"] < metrics["epoch"]]
    write_file(path, "".join(to_line(line) for line in [*kept, metrics]))


def write_json(path, content):
    """Writes a JSON file, under a temporary name, renamed once complete."""
    write_file(path, json.dumps(content, ensure_ascii=False, indent=1))


def read_json(path, what_to_do=_COPY_AGAIN):
    """The object that a run's JSON file holds.

    Raises:
      ValueError: if it holds none, saying `what_to_do`.
    """
    return damage.read_json(path, what_to_do)
