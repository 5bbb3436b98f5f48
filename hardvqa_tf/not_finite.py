"""Which questions a loss or gradient that is not a number came from."""

import numpy as np

from hardvqa_tf.train_steps import pick_loss


def find_not_finite(model, loss, batches):
    """Asks a model again.

    Args:
      model: from `build_vqa_model`, with finite weights.
      loss: a name in `train_steps.LOSSES`.
      batches: of `VqaData(..., with_strings=True)`.

    Returns:
      Ids, as bytes: of the questions whose own loss is not finite, and of all questions.
    """
    loss_of, target = pick_loss(loss)
    bad, every = [], []
    for batch in batches:
        inputs = {tensor.name: batch[tensor.name] for tensor in model.inputs}
        losses = loss_of(model(inputs, training=False)["logits"], batch[target]).numpy()
        counts = batch["weights"].numpy() > 0
        ids = batch["question_id"].numpy()
        every += list(ids[counts])
        bad += list(ids[counts & ~np.isfinite(losses)])
    return bad, every


def list_ids(ids, limit=20):
    """bytes ids -> text, of the first of them."""
    named = ", ".join(question_id.decode("utf-8") for question_id in ids[:limit])
    return named + (f" and {len(ids) - limit:,} more" if len(ids) > limit else "")
