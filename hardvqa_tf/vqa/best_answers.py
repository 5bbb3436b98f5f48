"""How many answers are given with their probabilities, and which."""

import numpy as np

NUM_BEST = 5


def best_answers(logits, answers):
    """The most probable answers.

    Args:
      logits: float[A].
      answers: list of str, A of them.

    Returns:
      list of (answer, probability), best first: five, or all of fewer.
    """
    logits = np.asarray(logits, np.float64)
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    best = np.argsort(-logits, kind="stable")[:NUM_BEST]
    return [(answers[i], float(probabilities[i])) for i in best]
