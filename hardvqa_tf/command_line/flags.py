"""Every flag of the program, and the config, of which flags set any value.

A mode reads them as `flags.WORKDIR.value`; nothing below the command line knows them.
"""

import os
import re
import sys

from absl import flags
from ml_collections import config_flags

from hardvqa_tf.command_line import config_file
from records.formats import ONE_OF_THEM

MODES = ("build", "train", "evaluate", "predict", "export", "report", "serve")

_CONFIGS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "configs")

FLAGS = flags.FLAGS
_REPEATED = flags.MultiFlag  # Each time it is given, it adds a value.
_COMMAS = flags.ListParser()
MODE = flags.DEFINE_enum("mode", None, MODES, "What to do; see above.")
DATASET = flags.DEFINE_string(
    "dataset",
    None,
    "Data set: sort_of_clevr, sketch_scenes, clevr, easy_vqa, vqa_v2, vqa_cp, jsonl, coco, "
    "voc or boxes. Chooses the config of that name, too. Default: the config's.",
)
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run. Default: runs/<name of the config>."
)
RECORDS_DIR = flags.DEFINE_string(
    "records_dir", None, "Folder of the records. Default: the config's, data/<data set>."
)
SOURCE_DIR = flags.DEFINE_string(
    "source_dir", None, "Folder of the data set's official files; see docs/data.md."
)
BUILDER_ARGS = flags.DEFINE_multi_string(
    "builder_args",
    [],
    "build: name=value,... of the builder, see docs/data.md. May be given several times.",
)
RESPLIT = flags.DEFINE_enum(
    "resplit",
    None,
    ("changing_priors",),
    "build: vqa_v2 dealt anew into train and test, with other priors of the answers.",
)
FEATURES = flags.DEFINE_bool("features", False, "build: maps in the place of images.")
SOURCE_RECORDS = flags.DEFINE_string(
    "source_records", None, "build --features: records of images. Default: the config's."
)
RUNNER = flags.DEFINE_enum(
    "runner",
    "local",
    ("local", "beam"),
    "build: local processes, or an Apache Beam pipeline, whose own flags follow after --.",
)
NUM_SHARDS = flags.DEFINE_integer("num_shards", None, "build: files per split.", lower_bound=1)
NUM_PROCESSES = flags.DEFINE_integer(
    "num_processes", None, "build: processes that write. Default: one per core.", lower_bound=1
)
ON_ERROR = flags.DEFINE_enum(
    "on_error", "stop", ("stop", "skip"), "build: at input that cannot be used; skip notes it."
)
VERIFY = flags.DEFINE_bool("verify", False, "build: check finished records instead.")
SPLIT = flags.DEFINE_string(
    "split", None, "train, val, test, ... Default of evaluate: val; of report: test."
)
EVALUATOR = flags.DEFINE_enum(
    "evaluator",
    None,
    ("2018", "2021"),
    "evaluate: the official VQA evaluator before or after its change of March 2021. "
    "Default: the config's, 2021.",
)
MASK_CELLS = flags.DEFINE_integer(
    "mask_cells",
    None,
    "evaluate: soft attention is cut to so many cells. Default: a quarter.",
    lower_bound=1,
)
PREDICTIONS = flags.DEFINE_string(
    "predictions", None, "evaluate: a result file, VQA's or COCO's."
)
QUESTIONS = flags.DEFINE_string(
    "questions", None, "evaluate: the official question file of a VQA result file."
)
ANNOTATIONS = flags.DEFINE_string(
    "annotations", None, "evaluate: the annotations, or COCO ground truth, of --predictions."
)
SCORES = flags.DEFINE_string("scores", None, "evaluate --predictions: writes them as JSON.")
IMAGE = flags.DEFINE_string("image", None, f"predict: {ONE_OF_THEM} file.")
QUESTION = flags.DEFINE_string("question", None, "predict: the question.")
SKETCH = flags.DEFINE_multi_string(
    "sketch",
    [],
    "predict: of a localizer: file of a drawing of what is to be found, PNG, JPEG, SVG or "
    "strokes. Several files of the same thing: give the flag again, or commas between them.",
)
THRESHOLD = flags.DEFINE_float(
    "threshold",
    None,
    "predict: of a localizer: from which score on a box is shown. Default: what val chose.",
)
OVERLAY = flags.DEFINE_string(
    "overlay", None, "predict: where to draw. Default: <workdir>/predict_<image>.png."
)
REGION = flags.DEFINE_list(
    "region",
    [],
    "predict: ROW,COLUMN, from 1, of the region whose routes are drawn, of a model with "
    "bilevel_routing. Default: that of the kept cell of greatest presence.",
)
FIELDS = flags.DEFINE_bool(
    "fields", False, "predict: also draw all that kept cells see, half as clear as themselves."
)
EXPORT_FORMAT = flags.DEFINE_enum(
    "export_format",
    "savedmodel",
    ("savedmodel", "onnx"),
    "export: onnx writes <workdir>/model.onnx, the model without what reads images and words.",
)
MODEL_NAME = flags.DEFINE_string(
    "model_name", None, "export: the model's name. Default: the workdir's."
)
MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels",
    None,
    "export, serve: height times width of the largest image that is decoded. Default: "
    "50,000,000 in the export, 25,000,000 of the server.",
    lower_bound=1,
)
RUNS = flags.DEFINE_list("runs", [], "report: folders of finished runs, or globs of such.")
GRID = flags.DEFINE_string(
    "grid", None, "report: a grid's name (hardvqa_tf/configs/grids) or file, to train first."
)
REPORT_DIR = flags.DEFINE_string(
    "report_dir", None, "report: folder to write into. Default: <workdir>/report, or report."
)
VIRTUAL = flags.DEFINE_integer(
    "num_virtual_devices", None, "train: split the CPU into so many devices.", lower_bound=1
)
MODEL_DIR = flags.DEFINE_list(
    "model_dir",
    [],
    "serve: folders, or NAME=folder: of a model, a run's workdir, or several models.",
)
HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "serve: address to listen at; 0.0.0.0 for all of this machine's."
)
PORT = flags.DEFINE_integer(
    "port", 8501, "serve: port; 0 for one that is free.", lower_bound=0, upper_bound=65535
)
VERSION_LABELS = flags.DEFINE_list(
    "version_labels", [], "serve: LABEL=VERSION or MODEL:LABEL=VERSION, kept beside the newest."
)
TOKEN_FILE = flags.DEFINE_string(
    "token_file",
    None,
    "serve: file with a token that requests must bear. Default: the variable HARDVQA_TOKEN.",
)
ALLOWED_HOSTS = flags.DEFINE_list(
    "allowed_hosts",
    [],
    "serve: names, beside --host and localhost, that requests may ask for where there is no "
    "token, such as that of a proxy; * for all.",
)
MAX_BATCH_SIZE = flags.DEFINE_integer(
    "max_batch_size", 32, "serve: rows that run together; 1 for no batching.", lower_bound=1
)
BATCH_WAIT_MS = flags.DEFINE_float(
    "batch_wait_ms",
    0.0,
    "serve: how long a row waits for others although it could run.",
    lower_bound=0.0,
)
BATCH_THREADS = flags.DEFINE_integer(
    "batch_threads", 1, "serve: batches that run at the same time.", lower_bound=1
)
MAX_QUEUE = flags.DEFINE_integer(
    "max_queue", 256, "serve: rows that wait; beyond it the answer is 503.", lower_bound=1
)
DEADLINE_SECONDS = flags.DEFINE_float(
    "deadline_seconds", 30.0, "serve: of a request; beyond it the answer is 504.", 0.1
)
MAX_REQUEST_MB = flags.DEFINE_float(
    "max_request_mb", 16.0, "serve: of a request's body; beyond it the answer is 413.", 0.001
)
IMAGE_MEMORY_MB = flags.DEFINE_float(
    "image_memory_mb", 64.0, "serve: images kept to be asked about again.", lower_bound=0.0
)


def define_config():
    """Defines --config; a mistake in its file or its keys is reported without a traceback."""
    if "config" in FLAGS:
        return
    given = config_file.given_in(sys.argv[1:])
    mistake = given is not None and config_file.mistake_in(given)
    if mistake:
        sys.exit(f"Error: {mistake}")
    path, purpose = _config_of_dataset(sys.argv), "Experiment, a file in hardvqa_tf/configs."
    try:
        config_flags.DEFINE_config_file("config", path, purpose)
    except (AttributeError, KeyError, flags.Error) as error:
        unknown = "\n".join(_unknown_keys(sys.argv[1:], _task(sys.argv[1:])))
        sys.exit(f"Error: {unknown or f'{path} cannot be used ({error!r}).'}")


def _task(arguments):
    """The task of the file that --config, or --dataset, names."""
    return config_file.task_of(config_file.given_in(arguments) or _config_of_dataset(arguments))


def _unknown_keys(arguments, task):
    """A line for each --config.* flag that names no value, or a section of values."""
    from hardvqa_tf.configs.table import values

    for flag in arguments:
        key, _, value = flag.lstrip("-").removeprefix("no").partition("=")
        if key.startswith("config.builder_args."):
            yield f"--{key}: a builder's arguments are given as --builder_args=NAME=VALUE,..."
        elif key.startswith("config."):
            entry = values.entry_of(key[len("config.") :], task)
            if entry is None:
                yield f"--{key}: there is no such value.{values.hint_at(key, task)}"
            elif isinstance(entry, dict):
                yield _of_a_section(key, value)


def _of_a_section(key, value):
    return f"--{key}={value}: give its values, --{key}.NAME=..."


def parse(arguments):
    """Parses the flags; a wrong one is reported in a line, with what it may be.

    Returns:
      The arguments that are no flags.
    """
    before = {name: FLAGS[name].present for name in FLAGS}
    try:
        rest = FLAGS(arguments)
    except flags.Error as error:
        sys.exit(f"Error: {_allowed(str(error), _task(arguments[1:])) or error}")
    for name in FLAGS:
        if FLAGS[name].present - before.get(name, 0) > 1 and not isinstance(
            FLAGS[name], _REPEATED
        ):
            sys.exit(f"Error: {_given_again(FLAGS[name])}")
    return rest


def _given_again(flag):
    """Of a flag of which absl takes the last value in silence."""
    how = (
        ", with commas between its values" if isinstance(flag.parser, flags.ListParser) else ""
    )
    return (
        f"--{flag.name} is given more than once, and the last would count alone. Give it once"
        f"{how}."
    )


def _allowed(message, task):
    """What a value of the config may be that cannot be read as its type; None for others."""
    from hardvqa_tf.configs.table import values

    found = re.match(r"flag --config\.(.+?)=(.*?): ", message, re.DOTALL)
    entry = found and values.entry_of(found[1], task)
    if isinstance(entry, dict):
        return _of_a_section(f"config.{found[1]}", found[2])
    if entry is None:
        return None
    allowed = entry.allowed.removesuffix(", or None")  # which no flag can say
    return f"--config.{found[1]}={found[2]}: must be {allowed}."


def _config_of_dataset(arguments):
    """The config named after --dataset, where there is one; else the embedded data set's."""
    name = "sort_of_clevr"
    for flag, following in zip(arguments, [*arguments[1:], ""], strict=True):
        key, sign, value = flag.lstrip("-").partition("=")
        if key == "dataset":
            name = value if sign else following
    path = os.path.join(_CONFIGS, f"{name}.py")
    return path if os.path.exists(path) else os.path.join(_CONFIGS, "sort_of_clevr.py")


def describe():
    """All flags with their defaults, as --help shows them."""
    listed = FLAGS.module_help(__name__).split("\n", 2)[-1]
    return listed if "--config:" in listed else listed + "\n" + _describe_config()


def _describe_config():
    return f"  --config: {FLAGS['config'].help}\n    (default: {FLAGS['config'].default!r})"


# What several modes make of them.


def config():
    """The config that --config and --config.* give.

    Raises:
      ValueError: if it has a value that cannot be.
    """
    from hardvqa_tf.configs.table import values

    values.check(FLAGS.config)
    return FLAGS.config


def changed_config_keys():
    """Names of the config's values that flags changed, sorted."""
    return sorted(config_flags.get_override_values(FLAGS["config"]))


def workdir():
    name = os.path.splitext(os.path.basename(config_flags.get_config_filename(FLAGS["config"])))
    return WORKDIR.value or os.path.join("runs", name[0])


def records_dir():
    if RECORDS_DIR.value:
        return RECORDS_DIR.value
    if DATASET.value and DATASET.value != config().dataset:
        return os.path.join("data", DATASET.value)
    return config().records_dir


def builder_args():
    """Each name=value of all --builder_args flags, as it was typed."""
    return [item for given in BUILDER_ARGS.value for item in _COMMAS.parse(given)]


def sketches():
    """Paths of all --sketch flags."""
    return [path for given in SKETCH.value for path in sketches_of(given)]


def sketches_of(given):
    """Paths of one --sketch flag: a file of that name, with its commas, or several files."""
    return [given] if os.path.exists(given) else given.split(",")


def evaluator():
    return int(EVALUATOR.value) if EVALUATOR.value else None


def require(mode, *names, also=""):
    """Raises ValueError for the first of these flags that was not given."""
    for name in names:
        if FLAGS[name].value is None:
            raise ValueError(f"--mode={mode} needs --{name}.{also}")
