"""Which loss a config trains on."""

import math

import pytest

from hardvqa_tf.training.loop import train_model
from tests.training.runs import without_pictures

# Said of every tf.data pipeline while other functions run eagerly.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


@pytest.mark.parametrize("loss", ["softmax_sampled", "sigmoid"])
def test_other_losses_train(eagerly, loss, config, tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    config.train.loss = loss
    config.train.epochs = 1
    metrics = train_model(config, str(tmp_path / "run"), report=lambda line: None)
    assert math.isfinite(metrics["train/loss"]) and metrics["train/loss"] > 0


def test_an_unknown_loss_lists_the_known_ones(config, tmp_path):
    config.train.loss = "soft"
    with pytest.raises(ValueError, match="must be one of: softmax, softmax_sampled, sigmoid"):
        train_model(config, str(tmp_path / "run"))
