"""Batch normalisation of question vectors, in which equal questions count once.

Questions from templates repeat within a batch, some more often than others by chance. If each
row counted, that chance would move the statistics from batch to batch, and what a model learned
with a batch's statistics would not hold with their moving average (seen on Sort-of-CLEVR, where
counting then fell below guessing). So a question's weight is one over how often it occurs in
the batch: in the global batch, when several devices share it.

Occurrences are counted by a number made of the tokens; two questions with the same number share
their weight, which is rare and does no harm.

Letters: R rows (B images x Q questions each), T tokens, D width.
"""

import keras
import numpy as np
from keras import ops

_NUM_BUCKETS = 8_191  # a prime: the remainders of different sums spread evenly
# One for each place of a question, so that the order of its words matters; drawn, because
# factors in any regular sequence give small sums of different words the same value.
_FACTORS = np.random.RandomState(0).randint(1, 32_768, 1000)


@keras.saving.register_keras_serializable(package="hardvqa_tf")
class QuestionNorm(keras.layers.Layer):
    """Centres and scales each feature over the distinct questions of the batch.

    Args:
        scale: where the learned scale of every feature starts; a small one, e.g. 0.1, keeps the
            first products with image cells small.
        momentum: of the moving statistics, which are used outside of training.
        epsilon: added to the variance.

    Call arguments:
        questions: float[R, D].
        tokens: int32[R, T], of which the questions were made; 0 is padding.
        training: bool; True uses the batch's statistics.

    Returns:
        float[R, D].

    Example:
        >>> norm = QuestionNorm(scale=0.1, epsilon=0.0)
        >>> norm(np.array([[1.0], [1.0], [5.0]]), np.array([[7], [7], [9]]), training=True)
        [[-0.1], [-0.1], [0.1]]
    """

    def __init__(self, scale=1.0, momentum=0.9, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, questions_shape, tokens_shape=None):
        shape = (questions_shape[-1],)
        start = keras.initializers.Constant(self.scale)
        for name, initializer, trainable in (
            ("gamma", start, True),
            ("beta", "zeros", True),
            ("moving_mean", "zeros", False),
            ("moving_variance", "ones", False),
        ):
            weight = self.add_weight(
                shape=shape,
                initializer=initializer,
                trainable=trainable,
                autocast=False,  # float32, whatever the precision of the rest
                name=name,
            )
            setattr(self, name, weight)
        self.built = True

    def call(self, questions, tokens, training=None):
        x = ops.cast(questions, "float32")
        if training and self.trainable:
            mean, variance = self._statistics(x, tokens)
            keep = self.momentum
            self.moving_mean.assign(self.moving_mean * keep + mean * (1.0 - keep))
            self.moving_variance.assign(self.moving_variance * keep + variance * (1.0 - keep))
        else:
            mean, variance = self.moving_mean, self.moving_variance
        x = (x - mean) * (self.gamma * ops.rsqrt(variance + self.epsilon)) + self.beta
        return ops.cast(x, self.compute_dtype)

    def _statistics(self, x, tokens):
        """Mean and variance over the distinct questions: float32[D] twice."""
        weight = 1.0 / _occurrences(tokens)[:, None]  # [R, 1]
        total = _mean_of_all_devices(weight)
        mean = _mean_of_all_devices(weight * x) / total
        variance = _mean_of_all_devices(weight * ops.square(x - mean)) / total
        return mean, variance

    def compute_output_shape(self, questions_shape, tokens_shape=None):
        return questions_shape

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }


def _occurrences(tokens):
    """How often each row occurs in the global batch, up to a common factor: float32[R]."""
    tokens = ops.cast(tokens, "int32")
    place = ops.arange(ops.shape(tokens)[1], dtype="int32") % len(_FACTORS)
    factors = ops.take(ops.convert_to_tensor(_FACTORS, dtype="int32"), place)
    # Token ids below 65,536, so that no product passes the range of int32.
    terms = ((tokens % 65_536) * factors) % _NUM_BUCKETS
    bucket = ops.sum(terms, axis=1) % _NUM_BUCKETS
    ones = ops.ones(ops.shape(bucket), dtype="float32")
    counts = ops.segment_sum(ones, bucket, num_segments=_NUM_BUCKETS)
    return ops.take(_mean_of_all_devices(counts[None]), bucket)


def _mean_of_all_devices(rows):
    """The mean over all replicas' rows; on the TensorFlow backend there may be several."""
    together = keras.backend.backend() == "tensorflow"
    return ops.moments(rows, axes=[0], synchronized=together)[0]
