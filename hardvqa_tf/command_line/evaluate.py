"""--mode=evaluate: how good a trained run is on a split, or anybody's result file."""

import json
import os

from hardvqa_tf.command_line import flags


def run(_):
    if flags.PREDICTIONS.value or flags.ANNOTATIONS.value:
        _score_file()
    else:
        for name in ("questions", "scores"):
            if flags.FLAGS[name].value is not None:
                raise ValueError(
                    f"--{name} is for a result file. Received: --{name}="
                    f"{flags.FLAGS[name].value} without --predictions. Give that, too, or "
                    f"leave --{name} out: what a run's evaluation measures, its workdir keeps."
                )
        show_evaluation(flags.workdir(), flags.SPLIT.value or "val")


def show_evaluation(workdir, split):
    from hardvqa_tf.evaluate import evaluate_run, format_evaluation

    result = evaluate_run(
        workdir,
        split,
        flags.RECORDS_DIR.value,
        evaluator=flags.evaluator(),
        mask_cells=flags.MASK_CELLS.value,
    )
    print(format_evaluation(result))


def _score_file():
    for name in ("predictions", "annotations"):
        if flags.FLAGS[name].value is None:
            raise ValueError(f"To score a result file, give --{name}, too.")
    from hardvqa_tf.score_files import format_scores, score_files
    from hardvqa_tf.written import write_file

    result = score_files(
        flags.PREDICTIONS.value,
        flags.ANNOTATIONS.value,
        questions=flags.QUESTIONS.value,
        evaluator=flags.evaluator(),
    )
    print(format_scores(result))
    if flags.SCORES.value:
        os.makedirs(os.path.dirname(os.path.abspath(flags.SCORES.value)), exist_ok=True)
        write_file(flags.SCORES.value, json.dumps(result, indent=1))
