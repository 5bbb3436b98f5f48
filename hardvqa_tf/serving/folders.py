"""Which models a --model_dir names, and which versions of each are on the disk.

A model's folder holds a SavedModel in a folder named by each version's number, as TensorFlow
Serving wants it. A run's workdir has it in `export`.
"""

import os
import re

from records import strict_json
from records.regular import read_regular

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")  # What a URL holds as it is.
_VERSION = re.compile(r"[0-9]{1,18}")
_SAVED_MODEL = "saved_model.pb"
_EXPORT = "export"
EXTRA = "assets.extra"
_HOW = "Export one: python main.py --mode=export --workdir=FOLDER"


def find_models(model_dirs):
    """Resolves a list of `folder` or `name=folder`.

    A folder is that of one model (its versions or an `export` inside), one version itself, or
    holds folders of models.

    Returns:
      {name: folder}; a folder to be asked for its versions with `list_versions`.

    Raises:
      ValueError: there is no model, or two of the same name.
    """
    models = {}
    for entry in model_dirs:
        name, sign, folder = entry.partition("=")
        found = _models_in(folder if sign else entry, name if sign else None)
        for name, folder in found:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    "A model's name has letters, digits, _, . and -. Received: "
                    f"{name!r} of {folder}. Name it: --model_dir=NAME={folder}"
                )
            if name in models:
                raise ValueError(
                    f"Two models have the name {name!r}: {models[name]} and {folder}. Name "
                    f"them: --model_dir=one={models[name]},two={folder}"
                )
            models[name] = folder
    if not models:
        raise ValueError(f"--mode=serve needs --model_dir, of an exported model. {_HOW}")
    return models


def list_versions(folder):
    """Versions that are whole enough to be tried.

    Returns:
      {number: folder}.
    """
    if os.path.exists(os.path.join(folder, _SAVED_MODEL)):
        name = os.path.basename(os.path.abspath(folder))
        return {int(name) if _VERSION.fullmatch(name) else 1: folder}
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    return {
        int(name): os.path.join(folder, name)
        for name in names
        if _VERSION.fullmatch(name) and os.path.exists(os.path.join(folder, name, _SAVED_MODEL))
    }


def fingerprint(folder):
    """Changes when any file of a version does."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.stat(os.path.join(parent, name))
            except OSError:  # Removed meanwhile.
                continue
            found.append((parent, name, status.st_size, status.st_mtime_ns))
    return sorted(found)


def _models_in(path, name):
    """List of (name, folder)."""
    if not os.path.isdir(path):
        raise ValueError(f"There is no folder {path}. {_HOW}")
    if folder := _model_folder(path):
        return [(name or _name_of(folder), folder)]
    inside = sorted(os.path.join(path, entry) for entry in os.listdir(path))
    folders = [folder for folder in map(_model_folder, inside) if folder]
    if not folders:
        raise ValueError(
            f"There is no SavedModel in {path}: neither versions (folders named by numbers) "
            f"nor folders of models. {_HOW}"
        )
    if name and len(folders) > 1:
        raise ValueError(
            f"{path} holds {len(folders)} models, for which one name is not enough. Received: "
            f"--model_dir={name}={path}. Leave the name out."
        )
    return [(name or _name_of(folder), folder) for folder in folders]


def _model_folder(path):
    """The folder of versions that a path stands for, or None."""
    for folder in (path, os.path.join(path, _EXPORT)):
        if os.path.isdir(folder) and list_versions(folder):
            return folder
    return None


def read_card(version_folder):
    """What an export says of itself, assets.extra/model.json, or None."""
    try:
        return strict_json.loads(
            read_regular(os.path.join(version_folder, EXTRA, "model.json"))
        )
    except FileNotFoundError:
        return None


def _name_of(folder):
    """The name that the newest version was exported with, else the folder's or the run's."""
    newest = max(list_versions(folder).items())[1]
    try:
        return str(read_card(newest)["name"])
    except (OSError, ValueError, KeyError, TypeError):  # None, or none that can be read.
        pass
    folder = os.path.abspath(folder)
    name = os.path.basename(folder)
    if _VERSION.fullmatch(name):  # A version itself.
        folder = os.path.dirname(folder)
        name = os.path.basename(folder)
    return os.path.basename(os.path.dirname(folder)) if name == _EXPORT else name
