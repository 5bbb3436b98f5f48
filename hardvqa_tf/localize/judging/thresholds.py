"""From which score on a detection is shown: AP needs no threshold, people do.

It is chosen on a validation split, queries of nothing included, whose detections are all wrong:
that of the best F1, at IoU .50 over all queries together. A detection is shown if its score is
at least the threshold.
"""

import numpy as np

from hardvqa_tf.localize.judging.coco import match
from hardvqa_tf.localize.judging.queries import check_queries, is_of_nothing

SHOWS_NOTHING = 1.0  # the threshold where no detection is right


def match_queries(queries, found):
    """`coco.Matches` of all queries, those of nothing included."""
    return match(check_queries(queries, found, with_nothing=True))


def at_threshold(matches, threshold):
    """How right and how complete is what is shown.

    Returns:
      A dict: `threshold`; `num_shown`; `precision`, None where nothing is shown; `recall` and
      `f1`, None where there is no object.
    """
    shown = matches.score >= threshold
    right, num_shown = int(matches.right[shown].sum()), int(shown.sum())
    return {
        "threshold": float(threshold),
        "num_shown": num_shown,
        "precision": right / num_shown if num_shown else None,
        "recall": right / matches.num_objects if matches.num_objects else None,
        "f1": _f1(right, num_shown, matches.num_objects) if matches.num_objects else None,
    }


def best_threshold(matches):
    """`at_threshold` of the best F1; of several such the greatest, which shows least.

    Where no detection is right, no threshold is good: SHOWS_NOTHING.
    """
    points = precision_recall(matches)
    if not matches.right.any():
        return at_threshold(matches, SHOWS_NOTHING)
    f1 = _f1(points["num_right"], points["num_shown"], matches.num_objects)
    return at_threshold(matches, points["threshold"][np.argmax(f1)])  # the first is greatest


def precision_recall(matches):
    """Precision and recall at every threshold at which they change, in descending order.

    Detections of one score come together. (`coco.precision_curve` is what AP counts instead:
    the best precision at a recall or beyond.)

    Returns:
      A dict of arrays [points]: `threshold`, `num_shown`, `num_right`, `precision`, `recall`,
      the last NaN where there is no object.
    """
    score = matches.score
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True)[: len(score)])
    num_shown, num_right = last + 1, np.cumsum(matches.right)[last]
    return {
        "threshold": score[last],
        "num_shown": num_shown,
        "num_right": num_right,
        "precision": num_right / num_shown,
        "recall": num_right / (matches.num_objects or np.nan),
    }


def alarms(queries, found, threshold):
    """What is shown to queries of nothing, where nothing should be.

    Returns:
      A dict: `num_queries` of nothing; `alarmed`, the share of them with a box that is shown;
      `boxes`, how many are shown on average; the last two None where there is no such query.
    """
    shown = [
        int(np.sum(np.asarray(of_query.scores, np.float64) >= threshold))
        for query, of_query in zip(queries, found, strict=True)
        if is_of_nothing(query)
    ]
    return {
        "num_queries": len(shown),
        "alarmed": float(np.mean([number > 0 for number in shown])) if shown else None,
        "boxes": float(np.mean(shown)) if shown else None,
    }


def _f1(num_right, num_shown, num_objects):
    """2 precision recall / (precision + recall), of whole numbers: equal ones are equal."""
    return 2 * num_right / (num_shown + num_objects)
