"""What is saved when an image's questions share its encoding?

    python benchmarks/questions.py
    KERAS_BACKEND=jax python benchmarks/questions.py --image_size 128 128

The whole model, from pixels and tokens to the weights' update, on random numbers: always the
same number of questions, on as many images, on fewer, on few. The reference is one question
on each image. Sort-of-CLEVR's default config gives the shapes (hard attention, 8 of 25 cells,
a relation network over unordered pairs). All questions differ: what equal ones save is not
counted here.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks import operations, shapes, steps
from benchmarks.timing import Variant, compare
from hardvqa_tf.vqa.model import build_vqa_model

WORDS = 40  # V
REFERENCE = "1 question on each image"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=160, help="of a batch")
    parser.add_argument("--questions_per_image", type=int, nargs="+", default=(2, 5, 10, 20))
    parser.add_argument("--image_size", type=int, nargs=2, default=(75, 75))
    parser.add_argument("--tokens", type=int, default=13, help="of a question")
    parser.add_argument("--filters", type=int, nargs="+", default=(32, 48, 64, 64))
    parser.add_argument("--question_units", type=int, default=64)
    parser.add_argument("--embedding_dim", type=int, default=32)
    parser.add_argument("--fusion_units", type=int, nargs="+", default=(128,))
    parser.add_argument("--num_cells", type=int, default=8, help="that are kept")
    parser.add_argument("--units", type=int, nargs="+", default=(128, 128), help="of g")
    parser.add_argument("--classifier_units", type=int, nargs="+", default=(256, 256))
    parser.add_argument("--num_answers", type=int, default=10)
    shapes.add_timing_flags(parser)
    arguments = parser.parse_args(argv)
    print(f"{steps.device_name()}\n{arguments}")
    variants = [make_variant(arguments, 1, REFERENCE)]
    for q in arguments.questions_per_image:
        if q > 1:
            variants.append(make_variant(arguments, q, f"{q} questions on each image"))
    matmuls = [steps.make_matmul(arguments.peak_size)]
    return compare(variants, matmuls, operations.matmul(arguments.peak_size), arguments.rounds)


def make_variant(arguments, q, name):
    if arguments.questions % q:
        raise ValueError(
            "All images must get equally many questions. Received: questions="
            f"{arguments.questions}, questions_per_image={q}. Choose a divisor."
        )
    b = arguments.questions // q
    model = build_model(arguments)
    inputs, answers = draw_batch(arguments, b, q)
    return Variant(
        name,
        steps.make_step(model, inputs, answers),
        count_operations(arguments, model, b, q),
        arguments.num_cells,
        REFERENCE,
    )


def build_model(arguments):
    strides = (2,) * len(arguments.filters)
    return build_vqa_model(
        image_size=tuple(arguments.image_size),
        vocabulary_size=WORDS,
        num_answers=arguments.num_answers,
        image_encoder_args={
            "filters": tuple(arguments.filters),
            "strides": strides,
            "norm_first": True,
        },
        question_encoder_args={
            "embedding_dim": arguments.embedding_dim,
            "units": arguments.question_units,
            "pool": "mean",
        },
        fusion_args={"units": tuple(arguments.fusion_units), "how": "multiply"},
        attention_args={"num_cells": arguments.num_cells},
        aggregator_args={"units": tuple(arguments.units), "pairs": "unordered"},
        classifier_units=tuple(arguments.classifier_units),
        static_shapes=keras.backend.backend() == "jax",
    )


def draw_batch(arguments, b, q, seed=0):
    rng = np.random.default_rng(seed)
    inputs = {
        "image": rng.random((b, *arguments.image_size, 3), np.float32),
        "question_tokens": rng.integers(1, WORDS, (b, q, arguments.tokens), dtype=np.int32),
    }
    return inputs, rng.integers(0, arguments.num_answers, (b, q), dtype=np.int32)


def count_operations(arguments, model, b, q):
    n, k, g = b * q, arguments.num_cells, arguments.units
    _, height, width, depth = model.get_layer("small_cnn").output_shape
    question_dim, cell_dim = arguments.question_units, arguments.fusion_units[-1]
    total = operations.small_cnn(b, arguments.image_size, arguments.filters)
    total += operations.lstm(n, arguments.tokens, arguments.embedding_dim, question_dim)
    total += operations.fusion(
        n, height * width, depth, question_dim, arguments.fusion_units, images=b
    )
    pairs = n * k * (k + 1) // 2
    total += operations.relation(n, n * k, pairs, cell_dim + 2, question_dim, g)
    return total + operations.chain(
        n, (g[-1], *arguments.classifier_units, arguments.num_answers)
    )


if __name__ == "__main__":
    main()
