"""Which versions of which models are served, while their folders change.

The newest version that loads is served, and those that labels name. A version that does not
load is shown with its reason, and tried again when its files change; until then the last good
one serves on. An old version goes when the new one is ready and its own last request has ended.

Folders are looked at and models loaded in a thread of `poll`; requests only read.
"""

import dataclasses
import gc

from hardvqa_tf.serving import folders
from hardvqa_tf.serving.models import Servable
from hardvqa_tf.serving.refusals import Refusal, shown

LOADING, AVAILABLE, UNLOADING, END = "LOADING", "AVAILABLE", "UNLOADING", "END"
STATES = (LOADING, AVAILABLE, UNLOADING, END)


@dataclasses.dataclass
class Version:
    """A version that was seen on the disk, and what became of it.

    Args:
      reason: why it did not load, or "".
      fingerprint: of the files that did not.
    """

    number: int
    folder: str
    state: str = LOADING
    reason: str = ""
    servable: Servable | None = None
    fingerprint: list | None = None


class Model:
    """All versions of one model.

    Args:
      labels: {label: version}.
      log: called with lines to be logged.
      load: called with name, number and folder; returns a `Servable`.
    """

    def __init__(self, name, folder, labels=None, log=print, load=Servable):
        self.name, self.labels = name, dict(labels or {})
        self._folder, self._log, self._load = folder, log, load
        self._versions = {}  # number → Version
        self._serving = {}  # number → Servable; replaced, never changed: requests read it

    # --- Asked by requests.

    @property
    def serving(self):
        """Numbers of the versions that answer, ascending."""
        return sorted(self._serving)

    def states(self):
        """List of (number, state, reason), the newest first."""
        versions = sorted(self._versions.copy().values(), key=lambda v: -v.number)
        return [(v.number, v.state, v.reason) for v in versions]

    def find(self, version=None, label=None):
        """The `Servable` to ask; by default that of the newest version.

        Raises:
          Refusal: there is no such version or label.
        """
        serving = self._serving
        if label is not None:
            if label not in self.labels:
                raise Refusal(
                    400,
                    f"Model {self.name} has no label {shown(label)}. It has: "
                    f"{', '.join(sorted(self.labels)) or 'none'}.",
                )
            version = self.labels[label]
        if version is None and serving:
            return serving[max(serving)]
        if version not in serving:
            wanted = "" if version is None else f" {version}"
            raise Refusal(
                404,
                f"Version{wanted} of model {self.name} is not served. Served: "
                f"{', '.join(map(str, sorted(serving))) or 'none'}. Its status says more: "
                f"GET /v1/models/{self.name}",
            )
        return serving[version]

    # --- In the thread that polls.

    def poll(self):
        """Looks at the folder once, and loads and unloads what follows from it."""
        found = folders.list_versions(self._folder)
        keep = self._load_newest(found)
        keep |= {n for n in self.labels.values() if n in found and self._is_good(n, found[n])}
        if not keep:  # The folder is empty or gone: what there was goes on.
            keep = set(self._serving)
        self._retire(set(self._serving) - keep)
        self._forget(found)

    def _load_newest(self, found):
        for number in sorted(found, reverse=True):
            if self._is_good(number, found[number]):
                return {number}
        return set()

    def _is_good(self, number, folder):
        """Whether a version serves, after it was loaded if that had to be."""
        version = self._versions.get(number)
        if version and version.servable and number in self._serving:
            return True
        fingerprint = folders.fingerprint(folder)
        if version and version.reason and version.fingerprint == fingerprint:
            return False
        version = self._versions[number] = Version(number, folder, fingerprint=fingerprint)
        try:
            version.servable = self._load(self.name, number, folder)
        except Exception as error:  # A damaged SavedModel can raise anything.
            version.state, version.reason = END, _reason(error, folder)
            self._log(f"Version {number} of model {self.name} does not load: {version.reason}")
            return False
        self._serving = self._serving | {number: version.servable}
        version.state = AVAILABLE
        self._log(f"Serving version {number} of model {self.name}")
        return True

    def _retire(self, numbers):
        if numbers:
            self._serving = {n: s for n, s in self._serving.items() if n not in numbers}
        for number in numbers:
            self._versions[number].state = UNLOADING
        idle = [
            version
            for version in self._versions.values()
            if version.state == UNLOADING and not version.servable.users
        ]
        for version in idle:
            version.state, version.servable = END, None
            self._log(f"Unloaded version {version.number} of model {self.name}")
        if idle:
            _collect()

    def _forget(self, found):
        gone = [n for n, v in self._versions.items() if v.state == END and n not in found]
        for number in gone:
            del self._versions[number]


def _collect():
    """Frees unloaded models: TensorFlow's functions refer to each other in circles."""
    is_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    gc.collect()
    if is_frozen:
        gc.freeze()


def _reason(error, folder, length=500):
    text = " ".join(str(error).replace(folder, ".").split()) or type(error).__name__
    return text[:length]


class Registry:
    """The models that are served.

    Args:
      models: {name: `Model`}.
    """

    def __init__(self, models):
        self.models = models

    def find(self, name):
        if name not in self.models:
            known = ", ".join(sorted(self.models))
            raise Refusal(404, f"There is no model {shown(name)}. There are: {known}.")
        return self.models[name]

    def poll(self):
        for model in self.models.values():
            model.poll()

    @property
    def is_ready(self):
        return all(model.serving for model in self.models.values())


def open_models(model_dirs, labels=(), log=print):
    """Loads what is there.

    Args:
      model_dirs: see `folders.find_models`.
      labels: list of `label=version`, or `model:label=version`.

    Returns:
      `Registry`.

    Raises:
      ValueError: there is no model, or none that loads.
    """
    found = folders.find_models(model_dirs)
    by_model = _parse_labels(labels, found)
    registry = Registry(
        {name: Model(name, path, by_model[name], log) for name, path in found.items()}
    )
    registry.poll()
    broken = [model for model in registry.models.values() if not model.serving]
    if len(broken) == len(registry.models):
        reasons = [reason for _, _, reason in broken[0].states()]
        raise ValueError(
            f"No model can be served. {broken[0].name}: {reasons[0]} Export it again."
        )
    return registry


def _parse_labels(labels, models):
    """{model: {label: version}}."""
    by_model = {name: {} for name in models}
    for entry in labels:
        target, _, version = entry.partition("=")
        model, sign, label = target.rpartition(":")
        names = [model] if sign else list(models)
        known = all(name in models for name in names) and (sign or len(models) == 1)
        if not (known and label and version.isdecimal()):
            raise ValueError(
                "A label is label=VERSION, with several models model:label=VERSION. Received: "
                f"{entry!r}; models: {', '.join(models)}."
            )
        by_model[names[0]][label] = int(version)
    return by_model
