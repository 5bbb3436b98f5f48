"""Do two versions of this program make the same records, weights, numbers and exports?

    python benchmarks/compare_checkouts.py OLD NEW --clevr_sample=FOLDER

OLD and NEW are folders with a checkout each. Both build records, of Sort-of-CLEVR, easy-VQA, a
sample of CLEVR in its layout, and the tests' own images, and the files are compared byte for
byte. Where NEW writes a later version of the format, every feature that OLD wrote is compared,
and what is new is listed. Then both train short runs on OLD's records, whose checkpoints and
models are compared bit for bit. NEW evaluates and exports OLD's run, as OLD does itself; the
numbers, the signatures and their outputs on the same inputs are compared.

Prints a line for each comparison, and exits with 1 if anything differs. It knows nothing of
either checkout but the flags of main.py and the files that they leave. Arithmetic has one
thread, so that the bits do not depend on who comes first.
"""

import argparse
import dataclasses
import glob
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import h5py
import numpy as np
import tensorflow as tf

from benchmarks.differences import (
    Report,
    compare_arrays,
    compare_bytes,
    compare_exports,
    compare_records,
    compare_values,
    read,
    read_features,
    read_json,
    read_lines,
)

ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "TF_NUM_INTRAOP_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": "",
}
_REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OWN_IMAGES = os.path.join(_REPOSITORY, "tests", "fixtures", "stored_1_1", "source")
INFO = "dataset_info.json"
# Of dataset_info.json, what a later version of the format must change.
_OF_VERSION = ("version", "num_bytes", "sha256", "files")
# Of metrics.jsonl, what a clock says; and of a checkpoint, the sums that hold seconds, too.
_TIMES = ("seconds", "questions_per_second", "input_wait")
_NOT_COMPARED = ("sums", "save_counter", "_CHECKPOINTABLE_OBJECT_GRAPH")

BUILDS = {
    "sort_of_clevr": [
        "--builder_args=num_train_images=150,num_val_images=30,num_test_images=30",
        "--num_shards=3",
    ],
    "easy_vqa": [],
    "clevr": [],
    "jsonl": [f"--source_dir={_OWN_IMAGES}"],
}
_SHORT = ["--config.train.epochs=2", "--config.train.steps_per_epoch=4"]
RUNS = {
    "sort_of_clevr": ["--config.train.all_cells_steps=3", "--config.train.ema_decay=0.0"],
    "easy_vqa": [
        "--config.model.mixer=query_guided",
        "--config.model.attention=adahan",
        "--config.model.aggregator=pairwise",
        "--config.train.augmentation.shift=3",
        "--config.train.ema_decay=0.9",
        "--config.train.loss=sigmoid",
    ],
    "clevr": [
        "--config.image_size=(64, 96)",
        "--config.model.mixer=additive",
        "--config.model.attention=soft",
        "--config.model.classifier.dropout=0.2",
        "--config.train.steps_per_execution=2",
    ],
    "jsonl": [
        "--config.image_size=(32, 32)",
        "--config.model.mixer=bilevel_routing",
        "--config.model.bilevel_routing.num_regions=2",
        "--config.model.question_norm_scale=0.1",
        "--config.train.schedule=slow_start",
    ],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", help="folder with the earlier checkout")
    parser.add_argument("new", help="folder with the later one")
    parser.add_argument("--clevr_sample", help="folder with images/, questions/, scenes/")
    parser.add_argument(
        "--new_flag",
        action="append",
        default=[],
        help="of NEW's training, where a default has changed; --new_flag=--config.NAME=VALUE",
    )
    parser.add_argument(
        "--not_compared",
        action="append",
        default=[],
        help="key of evaluation_<split>.json that NEW measures otherwise, e.g. masks",
    )
    parser.add_argument("--folder", help="where to work, and to keep all; default: a new one")
    arguments = parser.parse_args()
    report = Report()
    if arguments.folder:
        os.makedirs(arguments.folder)  # Refuses one that is there: it may hold other records.
        compare(arguments, arguments.folder, report)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(arguments, folder, report)
    print(report.summary())
    sys.exit(1 if report.num_different else 0)


def compare(arguments, folder, report):
    old = Side("OLD", os.path.abspath(arguments.old), os.path.join(folder, "old"))
    new = Side("NEW", os.path.abspath(arguments.new), os.path.join(folder, "new"))
    builds = dict(BUILDS)
    if arguments.clevr_sample:
        builds["clevr"] = [f"--source_dir={os.path.abspath(arguments.clevr_sample)}"]
    else:
        print("clevr is left out: it needs --clevr_sample=FOLDER.")
        del builds["clevr"]
    for dataset, flags in builds.items():
        for side in (old, new):
            side.call("--mode=build", f"--dataset={dataset}", *flags)
        compare_folders(
            report, f"records of {dataset}", *(s.records(dataset) for s in (old, new))
        )
    for dataset in builds:
        shutil.rmtree(new.records(dataset))
        shutil.copytree(old.records(dataset), new.records(dataset))
        for side, flags in ((old, []), (new, arguments.new_flag)):
            side.call("--mode=train", *run_flags(dataset), *flags)
        compare_runs(report, f"run on {dataset}", old.run(dataset), new.run(dataset))
        shutil.rmtree(new.run(dataset))
        shutil.copytree(old.run(dataset), new.run(dataset))
        compare_uses(report, dataset, old, new, arguments.not_compared)


def run_flags(dataset):
    return [f"--dataset={dataset}", f"--workdir=runs/{dataset}", *_SHORT, *RUNS[dataset]]


@dataclasses.dataclass(frozen=True)
class Side:
    """A checkout, and the folder in which its commands run: paths in their files are alike."""

    name: str
    checkout: str
    folder: str

    def call(self, *flags):
        """Runs main.py.

        Raises:
          SystemExit: if it fails, with what it printed.
        """
        os.makedirs(self.folder, exist_ok=True)
        command = [sys.executable, os.path.join(self.checkout, "main.py"), *flags]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | ENVIRONMENT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            printed = done.stdout + done.stderr
            sys.exit(f"{self.name} fails: python main.py {' '.join(flags)}\n{printed}")

    def records(self, dataset):
        return os.path.join(self.folder, "data", dataset)

    def run(self, dataset):
        return os.path.join(self.folder, "runs", dataset)


# --- Records.


def compare_folders(report, what, old, new):
    """Compares the files of two folders of records, one line each."""
    versions = [read_json(os.path.join(folder, INFO))["version"] for folder in (old, new)]
    for name in sorted({*os.listdir(old), *os.listdir(new)}):
        paths = [os.path.join(folder, name) for folder in (old, new)]
        missing = [path for path in paths if not os.path.exists(path)]
        if missing:
            report.say(f"{what}, {name}", "", [f"{missing[0]} is missing"])
        elif versions[0] == versions[1] or read(paths[0]) == read(paths[1]):
            report.say(f"{what}, {name}", *compare_bytes(*map(read, paths)))
        elif name == INFO:
            compared = compare_values(*map(read_json, paths), changing=_OF_VERSION)
            report.say(f"{what}, {name}", "versions " + " and ".join(versions), *compared)
        elif ".tfrecord" in name:
            report.say(f"{what}, {name}", *compare_records(*paths))
        else:
            report.say(f"{what}, {name}", *compare_bytes(*map(read, paths)))


# --- Runs.


def compare_runs(report, what, old, new):
    """Compares what two trainings left."""
    workdirs = old, new
    compared = compare_arrays(*map(read_checkpoint, workdirs))
    report.say(f"{what}, checkpoint", *compared)
    report.say(f"{what}, model.keras", *compare_arrays(*map(read_model, workdirs)))
    metrics = [read_lines(os.path.join(workdir, "metrics.jsonl")) for workdir in workdirs]
    size = f"{len(metrics[0])} epochs"
    report.say(f"{what}, metrics.jsonl", size, *compare_values(*metrics, changing=_TIMES))
    for name in ("config.json", "vocabularies.json"):
        values = [read_json(os.path.join(workdir, name)) for workdir in workdirs]
        report.say(f"{what}, {name}", f"{len(values[0])} keys", *compare_values(*values))


def compare_uses(report, dataset, old, new, not_compared):
    """Both sides evaluate and export OLD's run; compares what they say of it, but for keys."""
    split = "val" if dataset == "clevr" else "test"  # The sample has no test.
    for side in (old, new):
        side.call("--mode=evaluate", f"--workdir=runs/{dataset}", f"--split={split}")
        side.call("--mode=export", f"--workdir=runs/{dataset}")
    for name in (f"predictions_{split}.json", f"evaluation_{split}.json"):
        values = [read_json(os.path.join(side.run(dataset), name)) for side in (old, new)]
        left_out = [key for key in not_compared if key in values[0]]
        size = f"{len(values[0]):,} entries" + "".join(f", but for {k}" for k in left_out)
        for content in values if left_out else ():
            for key in left_out:  # Here alone: further inside, others may be called so.
                content.pop(key, None)
        compared = compare_values(*values)
        report.say(f"OLD's run on {dataset}, {name}", size, *compared)
    exports = [os.path.join(side.run(dataset), "export", "1") for side in (old, new)]
    inputs = read_inputs(old.records(dataset), split)
    compare_exports(report, f"export of OLD's run on {dataset}", *exports, *inputs)


def read_checkpoint(workdir):
    """{name: array} of the newest checkpoint, but for what a clock wrote."""
    path = tf.train.latest_checkpoint(os.path.join(workdir, "checkpoints"))
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_shape_map()
    return {n: reader.get_tensor(n) for n in names if n.split("/")[0] not in _NOT_COMPARED}


def read_model(workdir):
    """{name: array} of the weights in model.keras."""
    arrays = {}

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item)

    with zipfile.ZipFile(os.path.join(workdir, "model.keras")) as archive:
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            file.visititems(add)
    return arrays


# --- Exports.


def read_inputs(records_dir, split):
    """(images, questions): string[7] and string[7, 2]; the last image is none."""
    paths = sorted(glob.glob(os.path.join(records_dir, f"*-{split}.tfrecord-*")))
    images, questions = [], []
    for serialized in tf.data.TFRecordDataset(paths).take(6).as_numpy_iterator():
        features = read_features(serialized)
        images += features["image/encoded"][1]
        questions.append((features["question/text"][1] * 2)[:2])
    return np.array([*images, b"GIF89a"]), np.array([*questions, [b"", b"Unheard word?"]])


if __name__ == "__main__":
    main()
