"""The five best answers."""

import numpy as np

from hardvqa_tf.vqa.best_answers import best_answers


def test_best_answers_are_the_softmax_in_order():
    logits = np.log(np.array([0.1, 0.6, 0.1, 0.2], np.float32)) + 1000  # must not overflow
    best = best_answers(logits, ["a", "b", "c", "d"])
    assert [answer for answer, _ in best] == ["b", "d", "a", "c"]  # equal ones in their order
    # 1000 leaves float32 four digits behind the point.
    np.testing.assert_allclose([p for _, p in best], [0.6, 0.2, 0.1, 0.1], atol=1e-4)
    assert len(best_answers(np.zeros(9), list("abcdefghi"))) == 5
