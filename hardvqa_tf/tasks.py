"""What a task is, and which there are.

Training, evaluation, prediction, export and reports serve every task. They know one only by the
names below, which its module has: no base class, a module. `config.task` says which task a run
is of; a config of before there were several has no such key, and means `vqa`.

    from hardvqa_tf.tasks import task_of

    task = task_of(config)
    assets = task.assets_from_records(config)
    model = task.build_model(config, assets)

A module is imported when its task is first asked for. It imports layers, encoders, `data`,
`pictures`, `report_parts`, `request_parts` and `records`; nothing of those who reach it through
this file, and no other task. To add a task: its package, a line in TASKS, and its section in
configs/base.py; if it exports, its `requests`, by which a server knows it; a line in
`score_files.SCORERS`, if its results have a form of their own.
tests/training/brightness.py is a small one.

**Words.** The *items* of a task are what it learns and is judged by: questions, or queries. A
*batch* is a dict of tensors, B images in front; its `weights` float32[B, ...] are 1 for an item
that counts and 0 for padding. *Assets* are what a run keeps beside the weights.
"""

import importlib

TASKS = {"vqa": "hardvqa_tf.vqa.task", "localize": "hardvqa_tf.localize.task"}
BEFORE_TASKS = "vqa"

# What a task's module has: {name: what it is}. An argument after * is optional.
NAMES = {
    # Words and keys.
    "ITEMS": 'the items, in the plural: "questions"; also the sum that counts them',
    "ITEM_ID": 'their ids in a batch: "question_id"',
    "BEST": "the value of `Judge.values` that chooses the best epoch; greater is better",
    # Assets: objects with `to_json()`.
    "ASSETS_FILE": "the file of a workdir that they are kept in, as JSON",
    "assets_from_records": "(config) -> assets; ValueError where the records have none",
    "assets_from_json": "(what `to_json` returned) -> assets",
    "check_splits": "(config, assets) -> None; ValueError if train or val split cannot serve",
    # Batches: `learns`: with what the loss compares with; `with_ids`: with ids, and all that
    # judging and pictures need; `whole_images`: all items of an image in one group, however
    # many training puts there. What data has: see `data.batches`.
    "open_split": "(config, split, assets, *, records_dir, learns, with_ids, whole_images)"
    " -> data",
    # The model: a functional Keras model, in the precision that is set.
    "input_shape": "(config) -> (H, W, 3) of the images that it takes, (H, W, D) of maps",
    "build_model": "(config, assets, *, input_shape, static_shapes, pretrained) -> model",
    "describe_model": "(config) -> its parts, in a few words",
    # Training. A score is called within a step, see `vqa.score.Score`. Phases are pairs (end,
    # context), in order: steps before `end` (None: all that are left) run within `context()`.
    "make_score": "(config) -> score: names, (outputs, batch) -> sums, losses, divisor, means",
    "phases": "(model, config) -> list; how the first steps differ from the later ones",
    "format_metrics": "(an epoch's metrics) -> parts of the line that reports them",
    # Judging, see `vqa.judging.judge.Judge`: `ask(data)` gives answers, and of them `values` an
    # epoch's numbers by name, `files` {name: content} in the official formats, to be written as
    # <name>_<split>.json, `evaluate` all else, and `plots` of the latter {name: a PNG's bytes};
    # `lines()` is what to know before training.
    "Judge": "(model, config, assets, split, *, records_dir, and JUDGE_OPTIONS)",
    "JUDGE_OPTIONS": "names of options that evaluation has for this task alone",
    "MEASURES": "a number that rises when `evaluate` measures otherwise than before",
    "format_evaluation": "(result of `evaluate.evaluate_run`) -> table for a terminal",
    # Pictures of a few items, always the same: `for_board()` gives ({name: list of uint8
    # [H', W', 3]}, {name: values of a histogram}), `for_files()` a list of pictures.
    "open_gallery": "(model, data, assets, config) -> gallery",
    # Prediction: of a `runs.Run` about an image's bytes, which are `size` (H, W); a dict, and
    # the picture uint8[H', W', 3]. An option that is a must is None where it is not given.
    "predict": "(run, encoded, *, and PREDICT_OPTIONS) -> dict, picture",
    "PREDICT_OPTIONS": "names of options that prediction has for this task alone",
    "check_options": "options of `predict` alone; ValueError for what no model could answer",
    "format_prediction": "(result of `predict.predict_image`) -> lines for a terminal",
    "first_try": "(config, folder) -> {flag: value} for --mode=predict; files in the folder",
    "EXPORTS": "whether its runs can be exported; the names in EXPORT_NAMES follow",
    # Export: {name: `tf.function`} of a SavedModel and what they need to live, for a model of
    # an epoch with such metrics, {} where they are not at hand; what is known of a `runs.Run`,
    # for model.json; examples for a first try, their files written into a folder; and what the
    # model card says about the task, see `vqa.card.Card`.
    "make_signatures": "(model, assets, *, max_pixels, best_epoch) -> signatures, kept",
    "describe_export": "(run) -> dict: input, image_size, grid, and what the task knows",
    "pick_examples": "(config, records_dir, folder) -> list of dicts",
    "check_onnx": "(config) -> None; ValueError for a model that cannot be converted",
    "ONNX_AXES": "{axis: letter} of the axes of inputs and outputs whose size is not fixed",
    "Card": "(run, facts) -> card: summary, evaluation, epoch, calls, outputs, cells, ...",
    # Reports: what is said of a run, and the sections on the runs of one data set: `Group`s of
    # `report_parts.groups`; its records, where they are missing no model is asked anything, and
    # the page says so; what the pictures' names begin with; a run's folder -> `runs.Run`.
    "ReportedRun": "a `report_parts.finished_run.FinishedRun`, which knows more of its runs",
    "report_intro": "(runs, split) -> what the numbers are, a sentence",
    "report_sections": "(groups, split, records_dir, prefix, load_run) -> list of `Section`",
}


# Those that a task which cannot be exported does not have.
EXPORT_NAMES = (
    "make_signatures",
    "describe_export",
    "pick_examples",
    "check_onnx",
    "ONNX_AXES",
    "Card",
)


# What the module `requests` beside a task's own has, of which exports are served. It imports
# nothing of the model: a server needs no Keras.
REQUEST_NAMES = {
    "INPUTS": "{name: `request_parts.inputs.Input`} of all that its signatures take",
    "files_of_example": "(entry of `examples` in model.json) -> paths beside its image's, one"
    " for each of its items that is asked with a file",
    "PAGE": "the page that the server shows: a file in `serving/page`, without its ending",
    "PAGE_ASKS": "whether that page asks the model, or only says how to",
}


def requests_of(name):
    """The module that says what requests to the models of a task are made of.

    Args:
      name: of the task; of TASKS.
    """
    package = TASKS[name].rpartition(".")[0]
    return importlib.import_module(f"{package}.requests")


def task_of(config):
    """The module of the task that a config, or a result, says.

    Args:
      config: `ConfigDict` or dict.

    Raises:
      ValueError: for a task that there is not, with those that there are.
    """
    name = name_of_task(config)
    if name not in TASKS:
        raise ValueError(
            f"Unknown task. Received: config.task={name!r}. Use one of: {', '.join(TASKS)}."
        )
    return importlib.import_module(TASKS[name])


def name_of_task(config):
    return config.get("task") or BEFORE_TASKS


def check_exports(config, workdir):
    """Refuses to export a run whose task cannot be exported.

    Raises:
      ValueError: says what can be done with it.
    """
    if not task_of(config).EXPORTS:
        raise ValueError(
            f"{workdir} holds a run of the task {name_of_task(config)}, which cannot be "
            "exported yet: use --mode=predict, --mode=evaluate or --mode=report."
        )


def given_options(config, known, options):
    """Those options of a task that are given.

    Args:
      config: of the run.
      known: names of the options that the task has.
      options: {name: value}; None is as if left out.

    Raises:
      ValueError: for an option that the task does not have.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in known:
            there = f"; there are: {', '.join(known)}" if known else "; there are no others"
            raise ValueError(
                f"A run of the task {name_of_task(config)} has no option {name}. Received: "
                f"{name}={value!r}. Leave it out{there}."
            )
    return given
