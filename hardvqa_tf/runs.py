"""What a training run leaves in its workdir besides checkpoints, and how it is read again.

    config.json         every value of the experiment
    vocabularies.json   {"words": [...], "answers": [...], "max_words": T}
    model.keras         the model of the epoch that was best on the validation split
    metrics.jsonl       a line per epoch

Together they answer questions without the records that the model was trained on.
"""

import dataclasses
import json
import os
import zipfile

import keras
from ml_collections import ConfigDict

# Imported for their layers and schedules, which Keras must know to load a model.
from hardvqa_tf import encoders, layers  # noqa: F401
from hardvqa_tf.configs.table import values
from hardvqa_tf.training import schedules  # noqa: F401
from hardvqa_tf.vqa import model as vqa_model  # noqa: F401
from hardvqa_tf.vqa.vocabularies import Vocabularies


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model with what it needs to be asked."""

    model: keras.Model
    config: ConfigDict
    vocabularies: Vocabularies


def start_run(workdir, config, vocabularies, write=True):
    """Writes config and vocabularies, or checks that they are those of the run that is there.

    Args:
      write: False on a machine that must leave the folder as it is.

    Raises:
      ValueError: if the workdir holds a run with another config or vocabulary, naming the keys
        that differ.
    """
    os.makedirs(workdir, exist_ok=True)
    content = values.complete(values.as_json(config))
    _write_or_compare(workdir, "config.json", content, values.differences, write)
    content = vocabularies.to_json()
    _write_or_compare(workdir, "vocabularies.json", content, values.differing_keys, write)


def load_run(workdir):
    """Loads a trained run.

    Returns:
      `Run`.

    Raises:
      ValueError: if the workdir lacks one of the files, or they cannot be read.
    """
    names = ("model.keras", "config.json", "vocabularies.json")
    path, *others = (os.path.join(workdir, name) for name in names)
    missing = [p for p in (path, *others) if not os.path.isfile(p)]
    if missing:
        raise ValueError(
            f"There is no trained model in {workdir}: {missing[0]} is missing. "
            f"Train one: python main.py --mode=train --workdir={workdir}"
        )
    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be loaded ({error}). If a copy was cut off, copy it again; "
            "else train with this version of the program."
        ) from error
    return Run(model, read_config(workdir), Vocabularies(**read_json(others[1])))


def read_config(workdir):
    """A run's config as a `ConfigDict`, with the values that held where it lacks a key.

    Raises:
      ValueError: if the file is damaged, or has a key that this program does not know.
    """
    path = os.path.join(workdir, "config.json")
    stored = read_json(path)
    try:
        return ConfigDict(values.complete(stored))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def has_epochs_left(train, epoch, best_epoch):
    """Whether a run goes on.

    Args:
      train: that section of its config; `epochs`, and `patience` where it is set.
      epoch, best_epoch: epochs that are done, and the one that was best so far.
    """
    patience = train.get("patience", 0)
    return epoch < train["epochs"] and not (patience and epoch - best_epoch >= patience)


def save_model(workdir, model):
    """Writes `model.keras`, beside and renamed when whole."""
    partial = os.path.join(workdir, "partial.model.keras")
    model.save(partial)
    os.replace(partial, os.path.join(workdir, "model.keras"))


def append_metrics(workdir, metrics):
    """Adds an epoch's line; one that a killed run left of the same epoch is replaced."""
    path, lines = os.path.join(workdir, "metrics.jsonl"), []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            lines = [line for line in file if json.loads(line)["epoch"] < metrics["epoch"]]
    with open(path + ".partial", "w", encoding="utf-8") as file:
        file.writelines([*lines, json.dumps(metrics) + "\n"])
    os.replace(path + ".partial", path)


def write_json(path, content):
    partial = path + ".partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
    os.replace(partial, path)


def _write_or_compare(workdir, name, content, differing_keys, write):
    path = os.path.join(workdir, name)
    if not os.path.exists(path):
        if write:
            write_json(path, content)
        return
    differing = differing_keys(read_json(path), content)
    if differing:
        raise ValueError(
            f"{workdir} holds a run with another {name}: {', '.join(differing)} differ. "
            "Use the same values to go on with it, or another --workdir for a new run."
        )


def read_json(path, what_to_do="Copy the run's folder again."):
    """What a run's JSON file holds.

    Raises:
      ValueError: if it is not JSON, saying `what_to_do`.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}). {what_to_do}") from None
