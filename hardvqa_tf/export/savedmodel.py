"""A trained run leaves as a SavedModel, with a card of what it is; its task says what it takes.

It needs nothing of this repository to run, only TensorFlow and, where its task cuts texts into
words, tensorflow-text; or TensorFlow Serving, which links both.
"""

import contextlib
import json
import os
import re
import shutil
import time
import uuid

import keras
import tensorflow as tf

from hardvqa_tf.export.model_card import model_card, stale_evaluations
from hardvqa_tf.runs import load_run, write_json
from hardvqa_tf.tasks import check_exports, name_of_task, task_of
from hardvqa_tf.written import cannot_be_written, write_file
from records.damage import cause_of
from records.formats import MAX_PIXELS

_NOT_IN_NAMES = r"[^A-Za-z0-9._-]+"
_PARTIAL, _HOUR = "partial-", 3600


def export(workdir, records_dir=None, *, name=None, max_pixels=MAX_PIXELS, report=print):
    """Writes `<workdir>/export/<version>/` of a trained run, beside and renamed when whole.

    Args:
      workdir: folder of a trained run.
      records_dir: where the records are, for example images and the counts of the model card;
        default: where training found them. Where they are not at hand, there are none.
      name: of the model, as in a server's addresses; default: that of the workdir.
      max_pixels: height times width of the largest image that the graph decodes.
      report: called with a line where something is left out.

    Returns:
      The path of the new version.

    Raises:
      ValueError: if there is no trained run, or for a name that cannot be in an address.
    """
    name = _check_name(name) if name else _name_of(workdir)
    run = load_run(workdir)
    check_exports(run.config, workdir)
    task = task_of(run.config)
    for stale in stale_evaluations(workdir):
        report(
            f"{stale} is older than model.keras, so the model card leaves its numbers out. "
            "Evaluate again, and then export."
        )
    folder = os.path.join(workdir, "export")
    os.makedirs(folder, exist_ok=True)
    with _new_version(folder) as (partial, version):
        facts = {"name": name, "task": name_of_task(run.config), **task.describe_export(run)}
        facts |= {"data": run.config.dataset, "examples": []}
        signatures, kept = task.make_signatures(
            run.model, run.assets, max_pixels=max_pixels, best_epoch=run.best_epoch
        )
        write_saved_model(partial, run.model, signatures, kept)
        extra, assets = (os.path.join(partial, name) for name in ("assets.extra", "assets"))
        os.makedirs(extra, exist_ok=True)
        os.makedirs(assets, exist_ok=True)
        try:
            facts["examples"] = task.pick_examples(run.config, records_dir, extra)
        except ValueError as error:  # The model is whole without them.
            report(f"No example images are added: {error}")
        write_json(os.path.join(extra, "model.json"), facts)
        config = json.loads(run.config.to_json())
        write_json(os.path.join(assets, "config.json"), config)
        write_json(os.path.join(assets, task.ASSETS_FILE), run.assets.to_json())
        card = model_card(workdir, run, facts, version, max_pixels, records_dir)
        write_file(os.path.join(partial, "README.md"), card)
    return os.path.join(folder, str(version))


def _check_name(name):
    if re.search(_NOT_IN_NAMES, name):
        raise ValueError(
            "A model's name is part of a server's addresses: letters, digits and ._- are "
            f"taken. Received: {name!r}. Use e.g. {re.sub(_NOT_IN_NAMES, '_', name)!r}."
        )
    return name


def _name_of(workdir):
    return re.sub(_NOT_IN_NAMES, "_", os.path.basename(os.path.realpath(workdir)))


def write_saved_model(folder, model, signatures, kept=()):
    """Writes the SavedModel alone.

    Args:
      folder: path.
      model: that the signatures call.
      signatures: {name: `tf.function`}.
      kept: what else lives with them, such as tables of words.

    Raises:
      OSError: if it cannot be written, e.g. because the disk is full.
    """
    module = tf.Module()  # what a SavedModel holds: tensors that live on, and functions
    module.model_variables = [variable.value for variable in model.variables]
    module.kept = list(kept)
    try:
        with _on_any_device(model):
            tf.saved_model.save(module, folder, signatures)
    except tf.errors.OpError as error:
        raise cannot_be_written(folder, cause_of(error)) from error


def _all_layers(model):
    for layer in model.layers:
        yield layer
        yield from _all_layers(layer) if isinstance(layer, keras.Model) else ()


@contextlib.contextmanager
def _on_any_device(model):
    """Keeps operations out of the graph that only the machine's own GPU could run."""
    recurrent = [
        layer
        for layer in _all_layers(model)
        if isinstance(layer, (keras.layers.LSTM, keras.layers.GRU))
    ]
    before = [layer.use_cudnn for layer in recurrent]
    for layer in recurrent:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, value in zip(recurrent, before, strict=True):
            layer.use_cudnn = value


@contextlib.contextmanager
def _new_version(folder):
    """Gives (a folder to write into, the version's number); renames it at the end.

    Servers look for names that are numbers, so what is not whole is not seen by them.
    """
    _remove_leftovers(folder)
    taken = [int(name) for name in os.listdir(folder) if name.isdecimal()]
    version = max(taken, default=0) + 1
    partial = os.path.join(folder, f"{_PARTIAL}{uuid.uuid4().hex}")
    os.mkdir(partial)  # not by tempfile, whose folders no other user can read
    try:
        yield partial, version
        os.rename(partial, os.path.join(folder, str(version)))
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _remove_leftovers(folder):
    """Removes what killed exports left; not what another process may be writing just now."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith(_PARTIAL) and time.time() - os.path.getmtime(path) > _HOUR:
            shutil.rmtree(path, ignore_errors=True)
