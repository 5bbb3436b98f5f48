"""Which questions a loss or gradient that is not a number came from."""

import numpy as np
import tensorflow as tf

from hardvqa_tf.training.steps import pick_loss


def find_not_finite(model, loss, batches):
    """Asks a model again, each image by itself if no loss tells.

    Args:
      model: from `build_vqa_model`, with finite weights.
      loss: a name in `train_steps.LOSSES`.
      batches: of `VqaData(..., with_strings=True)`.

    Returns:
      Ids, as bytes: of the questions whose own loss is not finite or, if there are none, of the
      images whose gradient is not; and of all questions.
    """
    bad, every = [], []
    for batch in batches:
        counts = batch["weights"].numpy() > 0
        finite = np.isfinite(_losses(model, loss, batch).numpy())
        if finite[counts].all():
            finite &= _finite_gradients(model, loss, batch)[:, None]
        ids = batch["question_id"].numpy()
        every += list(ids[counts])
        bad += list(ids[counts & ~finite])
    return bad, every


def list_ids(ids, limit=20):
    """bytes ids -> text, of the first of them."""
    named = ", ".join(question_id.decode("utf-8") for question_id in ids[:limit])
    return named + (f" and {len(ids) - limit:,} more" if len(ids) > limit else "")


def _losses(model, loss, batch):
    loss_of, target = pick_loss(loss)
    inputs = {tensor.name: batch[tensor.name] for tensor in model.inputs}
    return loss_of(model(inputs, training=False)["logits"], batch[target])


def _finite_gradients(model, loss, batch):
    """bool[B], one image at a time."""
    finite = []
    for row in range(len(batch["weights"])):
        image = {name: value[row : row + 1] for name, value in batch.items()}
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(_losses(model, loss, image) * image["weights"])
        gradients = tape.gradient(total, model.trainable_variables)
        norm = tf.linalg.global_norm([tf.convert_to_tensor(g) for g in gradients])
        finite.append(np.isfinite(norm.numpy()))
    return np.array(finite)
