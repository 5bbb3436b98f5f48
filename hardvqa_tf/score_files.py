"""Scores anybody's result file against its ground truth, as the task does whose form they have.

The content of the files says which task that is. A task's scorer is a module that has

    FORM           an entry of its results, in words
    recognises     (content of a JSON file) -> whether it is of this task
    OPTIONS        {name: default} of what else may be given
    score_files    (predictions=path, annotations=path, and OPTIONS) -> dict that JSON can hold
    format_scores  (that dict) -> table for a terminal

and imports no TensorFlow. To add one: a line in SCORERS.
"""

import importlib
import json

from records.source import read_plain_or_gzip_json

SCORERS = {
    "vqa": "hardvqa_tf.vqa.judging.score_files",
    "localize": "hardvqa_tf.localize.judging.score_files",
}


def score_files(predictions, annotations, **options):
    """Scores a file of predictions.

    Args:
      predictions, annotations: paths of JSON files, plain or gzipped.
      **options: of the task's scorer, in its OPTIONS; None is as if left out.

    Returns:
      `task`, and what the scorer says of them.

    Raises:
      ValueError: for files that cannot be read or do not belong together, and for an option
        that the scorer does not have; names file and ids.
    """
    task = _task_of(predictions) or _task_of(annotations)
    if task is None:
        forms = " or of ".join(_scorer(name).FORM for name in SCORERS)
        content = json.dumps(read_plain_or_gzip_json(predictions))
        raise ValueError(
            f"{predictions}: these are no results that can be scored. Expected a JSON list of "
            f"{forms}. Received: {content[:80]}. Is it the right file?"
        )
    scorer = _scorer(task)
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in scorer.OPTIONS:
            raise ValueError(
                f"{predictions}: to score entries of {scorer.FORM}, there is no option {name}. "
                f"Received: {name}={given[name]!r}. Leave it out."
            )
    try:
        scores = scorer.score_files(
            predictions=predictions, annotations=annotations, **(scorer.OPTIONS | given)
        )
    except ValueError:
        other = _task_of(annotations)
        if other in (None, task):
            raise
        raise ValueError(
            f"{predictions} and {annotations} do not belong together. Received: entries of "
            f"{scorer.FORM}, and the ground truth of entries of {_scorer(other).FORM}. Give "
            "two files of one kind."
        ) from None
    return {"task": task, **scores}


def format_scores(result):
    """The result of `score_files` as a table for a terminal."""
    return _scorer(result["task"]).format_scores(result)


def _task_of(path):
    content = read_plain_or_gzip_json(path)
    return next((name for name in SCORERS if _scorer(name).recognises(content)), None)


def _scorer(task):
    return importlib.import_module(SCORERS[task])
