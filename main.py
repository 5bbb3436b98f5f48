"""Visual question answering with hard attention.

Modes, what each needs, and what it leaves:

  --mode=train      trains the model of --config, the embedded data set's by default, into
                    --workdir. Records are built first where that needs no download.
                    Run again, it goes on where it stopped.
  --mode=evaluate   accuracy by question type of the model in --workdir on --split, beside what
                    the question alone gives; writes predictions_<split>.json.
                    With --predictions=FILE and --annotations=FILE: the official VQA accuracy
                    of any result file; --questions=FILE checks it, --scores=FILE keeps it.
  --mode=predict    answers --question about --image with the model in --workdir, and draws
                    which cells it looked at.
  --mode=export     writes the model in --workdir as a SavedModel that takes image bytes and a
                    question, into <workdir>/export/<version>/: for TensorFlow Serving, or any
                    program with TensorFlow. Its README.md says how to call it.
  --mode=build      writes the records of --dataset into --records_dir, from its official files
                    in --source_dir; with --verify checks records that are there. With
                    --features: maps of a frozen encoder (the config's `maps`) in the place of
                    the images of --source_records, so that training need not encode them.
  --mode=report     compares finished runs, --runs=FOLDER,FOLDER,... (or 'runs/*'): tables,
                    plots and masks side by side, as one HTML page and as Markdown in
                    --report_dir. With --grid=NAME, of hardvqa_tf/configs/grids, trains the
                    grid's runs first, into --workdir; run again, it goes on where it stopped.
  --mode=serve      answers HTTP requests about images with the exported models in --model_dir,
                    and shows a page to ask from, http://127.0.0.1:8501/. New versions are
                    taken up while it runs. It speaks TensorFlow Serving's REST protocol.

Any value of the config can be set, e.g. --config.model.attention=adahan (none, soft, han,
adahan), --config.model.aggregator=sum (sum, pairwise, relation), --config.train.epochs=20.
"""

import json
import os
import shlex
import sys

from absl import app, flags, logging
from ml_collections import config_flags

_HERE = os.path.dirname(os.path.abspath(__file__))
_CONFIGS = os.path.join(_HERE, "hardvqa_tf", "configs")
_MODES = ("build", "train", "evaluate", "predict", "export", "report", "serve")

FLAGS = flags.FLAGS
_MODE = flags.DEFINE_enum("mode", None, _MODES, "What to do; see above.")
_DATASET = flags.DEFINE_string(
    "dataset",
    None,
    "Data set: sort_of_clevr, clevr, easy_vqa, vqa_v2, vqa_cp or jsonl. Chooses the config of "
    "that name, too. Default: the config's.",
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run. Default: runs/<name of the config>."
)
_RECORDS_DIR = flags.DEFINE_string(
    "records_dir", None, "Folder of the records. Default: the config's, data/<data set>."
)
_SOURCE_DIR = flags.DEFINE_string(
    "source_dir", None, "Folder of the data set's official files; see docs/data.md."
)
_BUILDER_ARGS = flags.DEFINE_list(
    "builder_args", [], "build: name=value,... of the builder, see docs/data.md."
)
_RESPLIT = flags.DEFINE_enum(
    "resplit",
    None,
    ("changing_priors",),
    "build: vqa_v2 dealt anew into train and test, with other priors of the answers.",
)
_FEATURES = flags.DEFINE_bool("features", False, "build: maps in the place of images.")
_SOURCE_RECORDS = flags.DEFINE_string(
    "source_records", None, "build --features: records of images. Default: the config's."
)
_RUNNER = flags.DEFINE_enum(
    "runner",
    "local",
    ("local", "beam"),
    "build: local processes, or an Apache Beam pipeline, whose own flags follow after --.",
)
_NUM_SHARDS = flags.DEFINE_integer("num_shards", None, "build: files per split.", lower_bound=1)
_NUM_PROCESSES = flags.DEFINE_integer(
    "num_processes", None, "build: processes that write. Default: one per core.", lower_bound=1
)
_ON_ERROR = flags.DEFINE_enum(
    "on_error", "stop", ("stop", "skip"), "build: at input that cannot be used; skip notes it."
)
_VERIFY = flags.DEFINE_bool("verify", False, "build: check finished records instead.")
_SPLIT = flags.DEFINE_string(
    "split", None, "train, val, test, ... Default of evaluate: val; of report: test."
)
_EVALUATOR = flags.DEFINE_enum(
    "evaluator",
    None,
    ("2018", "2021"),
    "evaluate: the official VQA evaluator before or after its change of March 2021. "
    "Default: the config's, 2021.",
)
_MASK_CELLS = flags.DEFINE_integer(
    "mask_cells",
    None,
    "evaluate: soft attention is cut to so many cells. Default: a quarter.",
    lower_bound=1,
)
_PREDICTIONS = flags.DEFINE_string("predictions", None, "evaluate: a VQA result file.")
_QUESTIONS = flags.DEFINE_string("questions", None, "evaluate: its official question file.")
_ANNOTATIONS = flags.DEFINE_string("annotations", None, "evaluate: its official annotations.")
_SCORES = flags.DEFINE_string("scores", None, "evaluate --predictions: writes them as JSON.")
_IMAGE = flags.DEFINE_string("image", None, "predict: JPEG, PNG, BMP or GIF file.")
_QUESTION = flags.DEFINE_string("question", None, "predict: the question.")
_OVERLAY = flags.DEFINE_string(
    "overlay", None, "predict: where to draw. Default: <workdir>/predict_<image>.png."
)
_REGION = flags.DEFINE_list(
    "region",
    [],
    "predict: ROW,COLUMN, from 1, of the region whose routes are drawn, of a model with "
    "bilevel_routing. Default: that of the kept cell of greatest presence.",
)
_EXPORT_FORMAT = flags.DEFINE_enum(
    "export_format",
    "savedmodel",
    ("savedmodel", "onnx"),
    "export: onnx writes <workdir>/model.onnx, the model without what reads images and words.",
)
_MODEL_NAME = flags.DEFINE_string(
    "model_name", None, "export: the model's name. Default: the workdir's."
)
_MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels",
    None,
    "export, serve: height times width of the largest image that is decoded. Default: "
    "50,000,000 in the export, 25,000,000 of the server.",
    lower_bound=1,
)
_RUNS = flags.DEFINE_list("runs", [], "report: folders of finished runs, or globs of such.")
_GRID = flags.DEFINE_string(
    "grid", None, "report: a grid's name (hardvqa_tf/configs/grids) or file, to train first."
)
_REPORT_DIR = flags.DEFINE_string(
    "report_dir", None, "report: folder to write into. Default: <workdir>/report, or report."
)
_VIRTUAL = flags.DEFINE_integer(
    "num_virtual_devices", None, "train: split the CPU into so many devices.", lower_bound=1
)
_MODEL_DIR = flags.DEFINE_list(
    "model_dir",
    [],
    "serve: folders, or NAME=folder: of a model, a run's workdir, or several models.",
)
_HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "serve: address to listen at; 0.0.0.0 for all of this machine's."
)
_PORT = flags.DEFINE_integer(
    "port", 8501, "serve: port; 0 for one that is free.", lower_bound=0, upper_bound=65535
)
_VERSION_LABELS = flags.DEFINE_list(
    "version_labels", [], "serve: LABEL=VERSION or MODEL:LABEL=VERSION, kept beside the newest."
)
_TOKEN_FILE = flags.DEFINE_string(
    "token_file",
    None,
    "serve: file with a token that requests must bear. Default: the variable HARDVQA_TOKEN.",
)
_MAX_BATCH_SIZE = flags.DEFINE_integer(
    "max_batch_size", 32, "serve: rows that run together; 1 for no batching.", lower_bound=1
)
_BATCH_WAIT_MS = flags.DEFINE_float(
    "batch_wait_ms",
    0.0,
    "serve: how long a row waits for others although it could run.",
    lower_bound=0.0,
)
_BATCH_THREADS = flags.DEFINE_integer(
    "batch_threads", 1, "serve: batches that run at the same time.", lower_bound=1
)
_MAX_QUEUE = flags.DEFINE_integer(
    "max_queue", 256, "serve: rows that wait; beyond it the answer is 503.", lower_bound=1
)
_DEADLINE_SECONDS = flags.DEFINE_float(
    "deadline_seconds", 30.0, "serve: of a request; beyond it the answer is 504.", 0.1
)
_MAX_REQUEST_MB = flags.DEFINE_float(
    "max_request_mb", 16.0, "serve: of a request's body; beyond it the answer is 413.", 0.001
)
_IMAGE_MEMORY_MB = flags.DEFINE_float(
    "image_memory_mb", 64.0, "serve: images kept to be asked about again.", lower_bound=0.0
)


def main(argv):
    if len(argv) > 1 and _RUNNER.value != "beam":
        raise app.UsageError(f"Unexpected argument {argv[1]!r}. Flags look like --mode=train.")
    if _MODE.value is None:
        raise app.UsageError(f"Say what to do: --mode={'|'.join(_MODES)}")
    run = {
        "build": build,
        "train": train,
        "evaluate": evaluate,
        "predict": predict,
        "export": export,
        "report": report,
        "serve": serve,
    }
    noisy = FLAGS.verbosity > 0
    if not noisy and not _PREDICTIONS.value:  # A result file is scored without TensorFlow.
        _silence_tensorflow()
    from hardvqa_tf.stopping import Stopped

    try:
        run[_MODE.value](argv[1:])
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(os.EX_TEMPFAIL)  # 75: to be started again
    except (ValueError, OSError) as error:  # OSError: a config or folder that is not there
        if noisy:
            raise
        sys.exit(f"Error: {error}")


def build(pipeline_args):
    from records import build as records_build

    if _FEATURES.value:
        _build_features(pipeline_args)
        return
    dataset, records_dir = _DATASET.value or _config().dataset, _image_records_dir()
    if _VERIFY.value:
        from hardvqa_tf.vqa.text import split_words

        found = records_build.verify(records_dir, split_words=split_words)
        print(
            f"{records_dir}: {found['num_images']:,} images, {found['num_questions']:,} "
            f"questions in {found['num_shards']} shards, all as they should be."
        )
        return
    builder_args = _config_builder_args(dataset) | _builder_args()
    if _RESPLIT.value:
        builder_args["resplit"] = _RESPLIT.value
    _build_records(dataset, records_dir, builder_args, pipeline_args)


def _build_features(pipeline_args):
    from hardvqa_tf.maps import build_maps, encoder_from_config

    config, write_shards = _config(), None
    source_records = _SOURCE_RECORDS.value or config.maps.image_records_dir
    if not source_records or source_records == _records_dir():
        raise ValueError(
            "--features needs two folders: --source_records, of images, and another "
            "--records_dir to write. The configs of vqa_v2 and vqa_cp name both."
        )
    if _RUNNER.value == "beam":
        from records import beam

        write_shards = beam.map_shard_writer(pipeline_args)
    build_maps(
        source_records,
        _records_dir(),
        encoder_from_config(config),
        batch_size=config.maps.batch_size,
        on_error=_ON_ERROR.value,
        write_shards=write_shards,
        report=_say,
    )


def train(_):
    from hardvqa_tf.training import strategies
    from hardvqa_tf.training.loop import train_model

    config, workdir = _config(), _workdir()
    config.records_dir = _records_dir()
    _build_missing_records(config)
    on_terminal = sys.stderr.isatty()
    train_model(config, workdir, _VIRTUAL.value, report=_say, progress=on_terminal)
    if strategies.is_chief():
        _show_evaluation(workdir, config.train.val_split)
        _say_what_next(config, workdir)


def _say_what_next(config, workdir):
    folder = shlex.quote(workdir)
    _say(f"\nNext:\n  python main.py --mode=evaluate --workdir={folder} --split=test")
    if config.model.image_encoder != "features":  # A model of maps takes no image.
        from hardvqa_tf.predict import save_example

        path = os.path.join(workdir, "example.png")
        question = save_example(config.records_dir, config.train.val_split, path)
        image, question = shlex.quote(path), shlex.quote(question)
        _say(
            f"  python main.py --mode=predict --workdir={folder} --image={image} "
            f"--question={question}"
        )
    _say(f"  tensorboard --logdir={shlex.quote(os.path.join(workdir, 'logs'))}")
    _say(f"  python main.py --mode=export --workdir={folder}")
    _say(f"  python main.py --mode=serve --model_dir={folder}")


def evaluate(_):
    if _PREDICTIONS.value or _ANNOTATIONS.value:
        _score_file()
    else:
        _show_evaluation(_workdir(), _SPLIT.value or "val")


def _score_file():
    for name in ("predictions", "annotations"):
        if FLAGS[name].value is None:
            raise ValueError(f"To score a result file, give --{name}, too.")
    from hardvqa_tf.vqa.judging import score_files

    result = score_files.score_files(
        _PREDICTIONS.value, _QUESTIONS.value, _ANNOTATIONS.value, _evaluator() or 2021
    )
    print(score_files.format_scores(result))
    if _SCORES.value:
        with open(_SCORES.value, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)


def _evaluator():
    return int(_EVALUATOR.value) if _EVALUATOR.value else None


def predict(_):
    for name in ("image", "question"):
        if FLAGS[name].value is None:
            raise ValueError(
                f"--mode=predict needs --{name}. Also --workdir, of a trained run."
            )
    from hardvqa_tf import predict as prediction

    result = prediction.predict_answer(
        _workdir(), _IMAGE.value, _QUESTION.value, _OVERLAY.value, _region()
    )
    print(prediction.format_prediction(result))


def _region():
    if not all(number.isdecimal() for number in _REGION.value):
        raise ValueError(
            f"--region takes a row and a column, from 1. Received: {','.join(_REGION.value)}. "
            "Give e.g. --region=2,3."
        )
    return [int(number) for number in _REGION.value] or None


def export(_):
    if _EXPORT_FORMAT.value == "onnx":
        from hardvqa_tf.export.onnx import export_onnx

        _say(f"{export_onnx(_workdir())}: what goes in and comes out: docs/serving.md")
        return
    from hardvqa_tf.export import savedmodel as exporting

    limits = {"max_pixels": _MAX_PIXELS.value} if _MAX_PIXELS.value else {}
    version = exporting.export(
        _workdir(), _RECORDS_DIR.value, name=_MODEL_NAME.value, report=_say, **limits
    )
    _say(f"{version}: a SavedModel; how to call it: {os.path.join(version, 'README.md')}")


def report(_):
    if bool(_RUNS.value) == bool(_GRID.value):
        raise ValueError(
            "--mode=report needs either --runs=FOLDER,FOLDER,... (finished runs, or 'runs/*') "
            "or --grid=NAME (runs to train first, e.g. sort_of_clevr_tables)."
        )
    from hardvqa_tf.report.write import write_report
    from hardvqa_tf.stopping import stopping

    if FLAGS.verbosity <= 0:  # TensorFlow warns that it traces functions for every model anew.
        logging.set_verbosity(logging.ERROR)
    folders, workdir, title = _RUNS.value, "", None
    with stopping():
        if _GRID.value:
            title = os.path.splitext(os.path.basename(_GRID.value))[0]
            workdir = _WORKDIR.value or os.path.join("runs", title)
            folders = _run_grid(workdir)
        page = write_report(
            folders,
            _REPORT_DIR.value or os.path.join(workdir, "report"),
            _SPLIT.value or "test",
            _RECORDS_DIR.value,
            title,
            say=_say,
        )
    _say(f"{page}, and report.md beside it")


def _run_grid(workdir):
    from hardvqa_tf.report.grid import load_grid, run_grid

    changed = sorted(config_flags.get_override_values(FLAGS["config"]))
    if changed:
        raise ValueError(
            f"A grid has values of its own. Received: --config.{changed[0]} with --grid="
            f"{_GRID.value}. Copy its file from hardvqa_tf/configs/grids, change it there, and "
            "give the copy's path as --grid."
        )
    configs = load_grid(_GRID.value, _RECORDS_DIR.value)
    for config in configs.values():
        _build_missing_records(config)
    return run_grid(configs, workdir, _say, progress=sys.stderr.isatty())


def serve(_):
    from hardvqa_tf.serving.limits import Limits
    from hardvqa_tf.serving.serve import serve as serve_models

    limits = Limits(
        max_batch_size=_MAX_BATCH_SIZE.value,
        batch_wait_ms=_BATCH_WAIT_MS.value,
        batch_threads=_BATCH_THREADS.value,
        max_queue=_MAX_QUEUE.value,
        deadline_seconds=_DEADLINE_SECONDS.value,
        max_request_mb=_MAX_REQUEST_MB.value,
        **({"max_pixels": _MAX_PIXELS.value} if _MAX_PIXELS.value else {}),
        image_memory_mb=_IMAGE_MEMORY_MB.value,
    )
    serve_models(
        _MODEL_DIR.value,
        limits,
        _HOST.value,
        _PORT.value,
        _VERSION_LABELS.value,
        _TOKEN_FILE.value,
        report=_say,
    )


def _show_evaluation(workdir, split):
    from hardvqa_tf import evaluate as evaluation

    result = evaluation.evaluate_run(
        workdir, split, _RECORDS_DIR.value, _evaluator(), _MASK_CELLS.value
    )
    print(evaluation.format_evaluation(result))


def _build_missing_records(config):
    if os.path.exists(os.path.join(config.records_dir, "dataset_info.json")):
        return
    from hardvqa_tf.training import strategies
    from records import build as records_build

    dataset = _DATASET.value or config.dataset
    records_build.builder_for(dataset)  # Names the known ones if it is unknown.
    if strategies.num_hosts() > 1:
        raise ValueError(
            f"There are no records in {config.records_dir}. Several machines train together "
            "(TF_CONFIG): build the records once before, on a disk that all of them see: "
            f"python main.py --mode=build --dataset={dataset}"
        )
    if config.model.image_encoder == "features":
        raise ValueError(
            f"There are no records of maps in {config.records_dir}. Build records of images, "
            "then their maps (docs/data.md): python main.py --mode=build --dataset="
            f"{dataset} --source_dir=FOLDER; python main.py --mode=build --dataset={dataset} "
            "--features"
        )
    if dataset not in ("sort_of_clevr", "easy_vqa") and not _SOURCE_DIR.value:
        raise ValueError(
            f"There are no records in {config.records_dir}. Build them from the official "
            f"files of {dataset} (docs/data.md): give --source_dir=FOLDER."
        )
    builder_args = dict(config.builder_args) if dataset == config.dataset else {}
    _build_records(dataset, config.records_dir, builder_args)


def _build_records(dataset, records_dir, builder_args, pipeline_args=()):
    from hardvqa_tf.vqa.text import split_words
    from records import build as records_build

    write_shards = None
    if _RUNNER.value == "beam":
        from records import beam

        write_shards = beam.shard_writer(pipeline_args)

    _say(f"Building the records of {dataset} in {records_dir}")
    info = records_build.build(
        dataset,
        records_dir,
        source_dir=_SOURCE_DIR.value,
        builder_args=builder_args,
        num_shards=_NUM_SHARDS.value,
        num_processes=_NUM_PROCESSES.value,
        on_error=_ON_ERROR.value,
        split_words=split_words,
        write_shards=write_shards,
    )
    for split, found in info["splits"].items():
        _say(
            f"{split}: {found['num_questions']:,} questions, {found['num_answered']:,} with "
            f"answers; unknown to train: {found['num_unknown_words']:,} words, "
            f"{found['num_unknown_answers']:,} answers"
        )


def _config_builder_args(dataset):
    """The config's arguments of the builder, which are for its own data set alone."""
    return dict(_config().builder_args) if dataset == _config().dataset else {}


def _builder_args():
    pairs = [item.partition("=") for item in _BUILDER_ARGS.value]
    for name, sign, _ in pairs:
        if not sign:
            raise ValueError(f"--builder_args takes name=value,... Received: {name!r}.")
    return {name: value for name, _, value in pairs}


def _config():
    return FLAGS.config


def _workdir():
    name = os.path.splitext(os.path.basename(config_flags.get_config_filename(FLAGS["config"])))
    return _WORKDIR.value or os.path.join("runs", name[0])


def _records_dir():
    if _RECORDS_DIR.value:
        return _RECORDS_DIR.value
    if _DATASET.value and _DATASET.value != _config().dataset:
        return os.path.join("data", _DATASET.value)
    return _config().records_dir


def _image_records_dir():
    """Where records of images are: for a config that trains on maps, not where those are."""
    config = _config()
    own = _DATASET.value in (None, config.dataset)
    if own and config.model.image_encoder == "features" and not _RECORDS_DIR.value:
        return config.records_dir if _VERIFY.value else config.maps.image_records_dir
    return _records_dir()


def _say(line):
    print(line, flush=True)


def _silence_tensorflow():
    """Imports TensorFlow without its start-up messages, some of which no setting reaches."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
    logging.set_verbosity(logging.WARNING)


def _define_config():
    """Defines --config; a misspelt key of it is told in one line, without a traceback."""
    path, purpose = _config_of_dataset(sys.argv), "Experiment, a file in hardvqa_tf/configs."
    try:
        config_flags.DEFINE_config_file("config", path, purpose)
    except (AttributeError, KeyError) as error:
        cause = error.args[0]  # For a key within a section, it is the KeyError itself.
        reason = cause.args[0] if isinstance(cause, KeyError) else str(cause)
        reason = reason.replace("\n", ". ")
        sys.exit(f"Error: a --config.* flag names no value of the config: {reason}")


def _config_of_dataset(arguments):
    """The config named after --dataset, where there is one; else the embedded data set's."""
    name = "sort_of_clevr"
    for flag, following in zip(arguments, [*arguments[1:], ""], strict=True):
        key, sign, value = flag.lstrip("-").partition("=")
        if key == "dataset":
            name = value if sign else following
    path = os.path.join(_CONFIGS, f"{name}.py")
    return path if os.path.exists(path) else os.path.join(_CONFIGS, "sort_of_clevr.py")


def _exit_after_help(arguments):
    """Shows --help and exits with 0; absl's own exits with 1, as if something had failed."""
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments  # Not Beam's.
    if not {"--help", "-help", "--helpshort", "-?"}.isdisjoint(ours):
        app.usage(shorthelp=True, writeto_stdout=True, exitcode=0)


if __name__ == "__main__":
    _define_config()
    _exit_after_help(sys.argv[1:])
    app.run(main)
