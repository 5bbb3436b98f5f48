"""Precision over recall, and average precision against the number of kept cells."""

import numpy as np

from hardvqa_tf.report_parts.plots import Series, draw_panels

RECALLS = np.linspace(0.0, 1.0, 101)


def draw_precision_recall(panels):
    """Precision over recall, of detections at an IoU of .50.

    Args:
      panels: list of (title, list of (label, precision at each of RECALLS)).

    Returns:
      Bytes of a PNG file.
    """
    drawn = []
    for title, curves in panels:
        series = [
            Series(label, list(zip(RECALLS.tolist(), of_row, strict=True)), i, marked=False)
            for i, (label, of_row) in enumerate(curves)
            if min(of_row) >= 0  # -1: there is no object.
        ]
        drawn.append((title, series))
    return draw_panels(drawn, "recall", "precision, IoU .50", shares=True)
