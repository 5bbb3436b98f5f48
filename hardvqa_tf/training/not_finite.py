"""What is not a number any more: a gradient, and which items it came from; weights; metrics.

The gradient is looked at in every step. But one step at far too high a learning rate makes
weights, finite or not, whose gradient only the next step would see: so an epoch that ends is
looked at as well.
"""

import math

import numpy as np
import tensorflow as tf

from hardvqa_tf.training.steps import dense


def not_finite_error(model, score, batches, items, item_id, where):
    """The error that ends a run whose gradient is not a number any more.

    The update of such a step leaves the weights finite, so the model can be asked again.

    Args:
      model, score, batches, item_id: see `find_not_finite`.
      items: what the ids are of, in the plural.
      where: the steps and the learning rate, in words.

    Returns:
      `ValueError`, naming the items.
    """
    bad, every = find_not_finite(model, score, batches, item_id)
    if bad:
        which = f"it comes from {len(bad):,} of its {len(every):,} {items}: "
    else:
        which = f"by itself, none of its {len(every):,} {items} is to blame: "
    return ValueError(
        f"The gradient is not a number any more in {where}; {which}{list_ids(bad or every)}. "
        f"If a few {items} are to blame, look at their images or maps (the ids are those of "
        "the records); else lower train.learning_rate, or set train.clip_norm. Nothing of this "
        "epoch was saved since the last checkpoint."
    )


def check_finite_weights(model, epoch):
    """Refuses to end an epoch whose weights, or their averages, are not numbers.

    Args:
      model: with the weights that are evaluated and saved.
      epoch: counted from 1, for the message.

    Raises:
      ValueError: names the weights.
    """
    bad = [
        weight.path
        for weight in model.variables
        if weight.dtype in ("float32", "bfloat16", "float16")
        and not tf.reduce_all(tf.math.is_finite(weight.value))
    ]
    if bad:
        raise _end_of_epoch(epoch, f"{len(bad)} of its weights: {_list(bad)}")


def check_finite_metrics(metrics, epoch):
    """Refuses to end an epoch with a metric that is not a number.

    Raises:
      ValueError: names the metrics.
    """
    bad = [
        f"{name}={value}"
        for name, value in metrics.items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    if bad:
        raise _end_of_epoch(epoch, _list(bad))


def _end_of_epoch(epoch, what):
    return ValueError(
        f"Epoch {epoch} ended with what is not a finite number: {what}. Most often "
        "train.learning_rate is too high: train with a lower one, into another --workdir. "
        "Nothing of this epoch was saved since the last checkpoint."
    )


def _list(names, limit=5):
    return ", ".join(names[:limit]) + (
        f" and {len(names) - limit} more" if names[limit:] else ""
    )


def find_not_finite(model, score, batches, item_id):
    """Asks a model again, each image by itself if no loss tells.

    Args:
      model: with finite weights.
      score: of the task.
      batches: that training can learn from, with ids.
      item_id: what the ids are called in a batch.

    Returns:
      Ids, as bytes: of the items whose own loss is not finite or, if there are none, of the
      images whose gradient is not; and of all items.
    """
    bad, every = [], []
    for batch in batches:
        counts = batch["weights"].numpy() > 0
        finite = np.isfinite(_losses(model, score, batch).numpy())
        if finite[counts].all():
            of_images = _finite_gradients(model, score, batch)
            finite &= of_images.reshape(-1, *[1] * (finite.ndim - 1))
        ids = batch[item_id].numpy()
        every += list(ids[counts])
        bad += list(ids[counts & ~finite])
    return bad, every


def list_ids(ids, limit=20):
    """bytes ids -> text, of the first of them."""
    named = ", ".join(item_id.decode("utf-8") for item_id in ids[:limit])
    return named + (f" and {len(ids) - limit:,} more" if len(ids) > limit else "")


def _losses(model, score, batch):
    inputs = {tensor.name: batch[tensor.name] for tensor in model.inputs}
    return score.losses(model(inputs, training=False), batch)


def _finite_gradients(model, score, batch):
    """bool[B], one image at a time."""
    finite = []
    for row in range(len(batch["weights"])):
        image = {name: value[row : row + 1] for name, value in batch.items()}
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(_losses(model, score, image) * image["weights"])
        variables = model.trainable_variables
        norm = tf.linalg.global_norm(dense(tape.gradient(total, variables), variables))
        finite.append(np.isfinite(norm.numpy()))
    return np.array(finite)
