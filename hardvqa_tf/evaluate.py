"""Evaluates a trained run on a split: what it says of every item, and how good that is."""

import os

from hardvqa_tf.pictures.panels import to_png
from hardvqa_tf.runs import load_run, write_json
from hardvqa_tf.tasks import given_options, name_of_task, task_of
from hardvqa_tf.written import write_file
from records.damage import naming_damage
from records.folder import shard_paths


def evaluate_run(workdir, split, records_dir=None, **options):
    """Evaluates a trained run on a split.

    Writes `predictions_<split>.json` in the official result format of the task (VQA: a list of
    {"question_id", "answer"}; localize: COCO's, and `annotations_<split>.json` as its truth),
    `evaluation_<split>.json`, what is returned here, pictures of what the model looked at
    in `masks_<split>`, and plots, `<name>_<split>.png`, where the task has some.

    Args:
      workdir: folder of a trained run.
      split: "val", "test", ...
      records_dir: the records to ask about; default: those that the run was trained on.
      **options: of the task's `Judge`, in its `JUDGE_OPTIONS`; None is as if left out.

    Returns:
      A dict: `task`, `measures` (its MEASURES), `workdir`, `split`, `masks_dir`, and what
      `Judge.evaluate` of the task says.

    Raises:
      ValueError: if there is no such split or no trained run, and for an option that cannot be.
      RuntimeError: if the model is found not to be what it claims, see `Judge.evaluate`.
    """
    run = load_run(workdir)
    records_dir = records_dir or run.config.records_dir
    with naming_damage(lambda: shard_paths(records_dir, split)):
        return _evaluate(run, workdir, split, records_dir, options)


def _evaluate(run, workdir, split, records_dir, options):
    config, assets, task = run.config, run.assets, task_of(run.config)
    options = given_options(config, task.JUDGE_OPTIONS, options)
    judge = task.Judge(run.model, config, assets, split, records_dir=records_dir, **options)
    data = task.open_split(
        config, split, assets, records_dir=records_dir, with_ids=True, whole_images=True
    )
    answers = judge.ask(data)
    masks_dir = os.path.join(workdir, f"masks_{split}")
    _write_pictures(masks_dir, task.open_gallery(run.model, data, assets, config).for_files())
    for name, content in judge.files(answers).items():
        write_json(os.path.join(workdir, f"{name}_{split}.json"), content)
    result = {
        "task": name_of_task(config),
        "measures": task.MEASURES,
        "workdir": workdir,
        "split": split,
        "masks_dir": masks_dir,
        **judge.evaluate(answers, data),
    }
    write_json(os.path.join(workdir, f"evaluation_{split}.json"), result)
    for name, png in judge.plots(result).items():
        write_file(os.path.join(workdir, f"{name}_{split}.png"), png)
    return result


def format_evaluation(result):
    """The result of `evaluate_run` as a table for a terminal."""
    return task_of(result).format_evaluation(result)


def _write_pictures(folder, pictures):
    """Numbered PNG files; those of an earlier evaluation are replaced."""
    os.makedirs(folder, exist_ok=True)
    for number, picture in enumerate(pictures):
        write_file(os.path.join(folder, f"{number:02d}.png"), to_png(picture))
