"""Which items a loss or gradient that is not a number came from."""

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
