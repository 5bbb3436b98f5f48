"""Judges a localizer by its answers to a split: in few numbers after an epoch, or at length."""

import functools

import numpy as np

from hardvqa_tf.localize.data import open_split
from hardvqa_tf.localize.judging.asking import ask_split, make_ask
from hardvqa_tf.localize.judging.by_cells import format_by_cells, measure_by_cells
from hardvqa_tf.localize.judging.coco import COCO_AREAS, precision_curve
from hardvqa_tf.localize.judging.faithfulness import format_faithfulness, measure_faithfulness
from hardvqa_tf.localize.judging.kept_cells import format_kept, measure_kept
from hardvqa_tf.localize.judging.queries import (
    areas_of,
    check_queries,
    is_of_nothing,
    to_ground_truth,
    to_results,
)
from hardvqa_tf.localize.judging.rows import compare, random_row
from hardvqa_tf.localize.judging.tables import format_rows, format_threshold
from hardvqa_tf.localize.judging.thresholds import (
    alarms,
    at_threshold,
    best_threshold,
    match_queries,
)
from hardvqa_tf.localize.judging.voc import format_voc, of_queries
from hardvqa_tf.localize.model import fields_of_maps, total_cells
from hardvqa_tf.localize.scenes import read_scenes
from records.class_set import in_words
from records.folder import has_records, read_info, what_is_known

BEST = "val/AP50"  # of `Judge.values`: what chooses the best epoch
THRESHOLD = "val/threshold"  # of the same: from which score on a box is shown
# Rows of an evaluation.
RIGHT, WRONG, RANDOM = "right drawing", "wrong drawing", "random scores"
SEVERAL = (3, 5)  # numbers of drawings, beside one
DRAWN = (RIGHT, WRONG, RANDOM)  # rows whose precision is drawn over recall


def threshold_of(epoch):
    """From which score on a box is shown, by an epoch's metrics; 0.5 where they do not say."""
    return epoch.get(THRESHOLD, 0.5)


class Judge:
    """Judges a model, as it is when asked, by the queries of a split.

    Args:
      model: from `build_localizer`.
      config: of the run.
      assets: `Classes`.
      split: "val", ...
      records_dir: where the split is; default: the config's.
    """

    def __init__(self, model, config, assets, split, *, records_dir=None):
        self._model, self._ask_model = model, make_ask(model)
        self._config, self._assets, self._split = config, assets, split
        self._records_dir = records_dir or config.records_dir

    def lines(self):
        """What needs to be known before training: the classes of its numbers."""
        return [*filter(None, [in_words(self._info.get("class_set"))])]

    def ask(self, data):
        """Asks every query of the split.

        Args:
          data: `QueryData(..., with_strings=True)`.

        Returns:
          `asking.Answers`.
        """
        return ask_split(
            self._ask_model,
            data,
            self._scenes,
            self._assets.group_of,
            of_segments=self._has_coco_areas,
        )

    def values(self, answers, data):
        """{name: number}: AP and others in 0..1, the threshold of the best F1, kept cells."""
        found = {RIGHT: answers.found, WRONG: answers.wrong_drawing()}
        rows = compare(answers.queries, found)
        point = best_threshold(match_queries(answers.queries, answers.found))
        names = ("AP50", "AP", "AP75", "AR100")
        return {f"val/{name}": rows[RIGHT][name] for name in names} | {
            "val/AP50_of_a_wrong_drawing": rows[WRONG]["AP50"],
            THRESHOLD: point["threshold"],
            "val/F1": point["f1"] or 0.0,
            "attention/num_cells": float(np.mean(answers.num_cells)),
        }

    def files(self, answers):
        """Ground truth and detections in COCO's format: {file's name, `<split>` at its end}."""
        # Whoever scores the file again takes COCO's sizes where it names none.
        areas = None if self._has_coco_areas else areas_of(answers.queries)
        return {
            "annotations": to_ground_truth(answers.queries, areas=areas),
            "predictions": to_results(answers.queries, answers.found),
        }

    def evaluate(self, answers, data):
        """All that there is to say of the answers.

        Returns:
          A dict: `num_queries`, of something, and `num_nothing`; `num_scenes`; `class_set`,
          that of the records, see `records.class_set`, None where scenes are composed;
          `num_cells` kept on average, of `total_cells`; `areas`, thirds of the objects, or
          COCO's sizes, and `rows`, see `rows.compare`, of the right drawing, of 3 and 5 of
          them, of a wrong one, and of random scores; `voc`, {row: `voc.of_queries`} where
          the records are PASCAL VOC's, else None; `precision_recall`, {row: precision at 101
          recalls} of DRAWN;
          `threshold`, see `thresholds.at_threshold`, and `alarms`, both None where there are no
          records of the split that chooses the threshold; `by_cells`, `kept_cells` and
          `faithfulness`, see the modules of these names.

        Raises:
          RuntimeError: if hard attention is found not to be what it claims, see `faithfulness`.
        """
        areas = COCO_AREAS if self._has_coco_areas else areas_of(answers.queries)
        several = {n: self._ask_with(n) for n in SEVERAL}
        found = {RIGHT: answers.found}
        found |= {f"{n} drawings": of.found for n, of in several.items()}
        found |= {WRONG: answers.wrong_drawing(), RANDOM: random_row(answers.queries)}
        nothing = sum(map(is_of_nothing, answers.queries))
        return {
            "num_queries": len(answers.queries) - nothing,
            "num_nothing": nothing,
            "num_scenes": len({query.scene for query in answers.queries}),
            "class_set": self._info.get("class_set"),
            "num_cells": float(np.mean(answers.num_cells)),
            "total_cells": total_cells(self._model),
            "areas": {name: [*bounds] for name, bounds in areas.items()},
            "rows": compare(answers.queries, found, areas=areas),
            "voc": self._voc(answers.queries, found),
            "precision_recall": {row: _curve(answers.queries, found[row]) for row in DRAWN},
            "val_split": self._config.train.val_split,
            **(shown := self._shown(answers)),
            **self._cells(answers, data, shown["threshold"], several[SEVERAL[0]]),
        }

    def plots(self, result):
        """{name: PNG file's bytes} of what `evaluate` returned."""
        from hardvqa_tf.localize.pictures.curves import draw_precision_recall

        curves = result["precision_recall"]
        return {"precision_recall": draw_precision_recall([("", [*curves.items()])])}

    @functools.cached_property
    def _info(self):
        return read_info(self._records_dir)

    @property
    def _has_coco_areas(self):
        return what_is_known(self._info)["areas_of_coco"]

    def _voc(self, queries, found):
        if not what_is_known(self._info)["judged_as_voc"]:
            return None
        return {row: of_queries(queries, of_row) for row, of_row in found.items()}

    @functools.cached_property
    def _scenes(self):
        return {s.image_id: s for s in read_scenes(self._records_dir, self._split)}

    def _ask_with(self, num_drawings):
        data = open_split(
            self._config,
            self._split,
            self._assets,
            records_dir=self._records_dir,
            with_ids=True,
            whole_images=True,
            num_drawings=num_drawings,
        )
        return self.ask(data)

    def _cells(self, answers, data, threshold, several):
        """What is to be said of the kept cells."""
        fields = fields_of_maps(self._model)
        fields = fields[0] if len(fields) == 1 else None
        shows = 0.5 if threshold is None else threshold["threshold"]
        return {
            "by_cells": measure_by_cells(self._model, data, answers),
            "kept_cells": measure_kept(answers, fields, several, SEVERAL[0]),
            "faithfulness": measure_faithfulness(self._model, data, answers, shows, fields),
        }

    def _shown(self, answers):
        """What is shown from the threshold on that the validation split chooses."""
        matches = match_queries(answers.queries, answers.found)
        config = self._config
        if self._split == config.train.val_split and self._records_dir == config.records_dir:
            threshold = best_threshold(matches)["threshold"]
        elif has_records(config.records_dir):
            judge = Judge(self._model, config, self._assets, config.train.val_split)
            data = open_split(config, config.train.val_split, self._assets, with_ids=True)
            chosen = judge.ask(data)
            threshold = best_threshold(match_queries(chosen.queries, chosen.found))["threshold"]
        else:
            return {"threshold": None, "alarms": None}
        return {
            "threshold": at_threshold(matches, threshold),
            "alarms": alarms(answers.queries, answers.found, threshold),
        }


def format_metrics(metrics):
    """Parts of the line that reports an epoch."""

    def percent(name):
        return f"{100 * metrics.get(name, float('nan')):.1f}"

    return [
        f"dense {metrics['train/dense']:.2f}, contrast {metrics['train/contrast']:.2f}",
        f"val AP50 {percent(BEST)}, AP {percent('val/AP')}, wrong drawing "
        + percent("val/AP50_of_a_wrong_drawing"),
        f"{metrics['train/num_cells']:.1f} cells",
    ]


def format_evaluation(result):
    """The result of `evaluate.evaluate_run` as a table for a terminal."""
    lines = [
        f"{result['split']}: {result['num_queries']:,} queries of {result['num_scenes']:,} "
        f"scenes, and {result['num_nothing']:,} of nothing; {result['num_cells']:.1f} of "
        f"{result['total_cells']} cells kept",
        *filter(None, [in_words(result.get("class_set"))]),
        *format_rows(result["rows"], result["areas"]),
    ]
    if result.get("voc"):
        lines += ["", *format_voc(result["voc"]), ""]
    if result["threshold"]:
        lines += format_threshold(result["threshold"], result["alarms"], result["val_split"])
    for name, format_measured in _MEASURED.items():
        if result[name]:
            lines += ["", *format_measured(result[name])]
    return "\n".join(lines)


_MEASURED = {
    "by_cells": format_by_cells,
    "kept_cells": format_kept,
    "faithfulness": format_faithfulness,
}


def _curve(queries, found):
    """Precision at the recalls 0, .01, ..., 1."""
    return precision_curve(check_queries(queries, found))["precision"].tolist()
