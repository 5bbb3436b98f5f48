"""The lines that training reports."""

from hardvqa_tf.training.lines import format_epoch
from hardvqa_tf.vqa import task


def test_the_line_of_an_epoch():
    metrics = {
        "epoch": 3,
        "train/loss": 0.12345,
        "train/accuracy": 0.5,
        "train/num_cells": 6.0,
        "questions_per_second": 5123.4,
        "input_wait": 0.025,
        "seconds": 41.2,
        "val/all": 0.876,
        "val/relational": 0.75,
        "val/relational: count": 0.5,
    }
    assert format_epoch(metrics, 20, task.ITEMS, task.format_metrics(metrics)) == (
        "epoch 3/20 | loss 0.123 | train 50.0 % | val 87.6 % (relational 75.0) | 6.0 cells | "
        "5,123 questions/s | waited for input 2.5 % | 41 s"
    )
