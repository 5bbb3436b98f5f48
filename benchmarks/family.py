"""What does a training step cost with each encoder and mixer of the attention family?

    python benchmarks/family.py
    python benchmarks/family.py --grid=attention_family_easy_vqa

Steps of `--mode=train` of every run of the grid, on its records, without the first ones that
look at every cell, in alternating order. The reference is `small_cnn_han`, without a mixer.
Operations are those of a training step (`operations`); of an encoder, three times those of its
way forward. Equal questions, which are encoded once, are counted as the one batch has them.
"""

import argparse
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import operations
from benchmarks.encoder_operations import multiply_adds
from benchmarks.options import make_trainer
from benchmarks.timing import alternate
from hardvqa_tf.report.grid import load_grid
from hardvqa_tf.vqa import layer_names

REFERENCE = "small_cnn_han"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grid", default="attention_family")
    parser.add_argument("--records_dir", help="default: the config's")
    parser.add_argument("--steps", type=int, default=20, help="of a run in a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    measures, counts = {}, {}
    for name, config in load_grid(arguments.grid, arguments.records_dir).items():
        config.train.all_cells_steps = 0
        measures[name], model, batch = make_trainer(config, arguments.steps)
        counts[name] = count_operations(config, model, batch)
    return print_table(alternate(measures, arguments.rounds), counts, arguments)


def count_operations(config, model, batch):
    """Of a training step."""
    parts = config.model
    tokens = batch["question_tokens"]
    b, q, t = tokens.shape
    n = b * q
    grid = model.get_layer(parts.image_encoder)
    _, height, width, depth = grid.output_shape
    p, d, dq = height * width, parts.fusion.units[-1], parts.question_lstm.units
    total = operations.image_encoder(b, multiply_adds(grid))
    rows = distinct_rows(tokens.numpy().reshape(n, t))
    total += operations.lstm(rows, t, parts.question_lstm.embedding_dim, dq)
    total += operations.fusion(n, p, depth, dq, parts.fusion.units, images=b)
    if parts.mixer == "additive":
        total += operations.additive(n, p, d, dq)
    elif parts.mixer == "bilevel_routing":
        r, kernel = parts.bilevel_routing.num_regions**2, parts.bilevel_routing.local_kernel
        seen = -(-p // r) * parts.bilevel_routing.top_k
        total += operations.bilevel_routing(n, p, d, dq, r, seen, kernel)
    elif parts.mixer == "query_guided":
        total += operations.query_guided(n, p, t, d, dq, parts.query_guided.hidden_dim)
    elif parts.mixer != "none":
        raise ValueError(f"Nobody counts the operations of the mixer {parts.mixer}: add it.")
    k = p
    if parts.attention == "soft":
        soft = parts.soft
        total += operations.soft_attention(n, p, d, dq, soft.hidden_dim, soft.num_hops)
    else:
        attention = model.get_layer(layer_names.ATTENTION)
        k = attention.num_cells or round(attention.fraction * p)
    vector = d
    if parts.aggregator == "relation":
        pairs = n * (k * (k + 1) // 2 if parts.relation.pairs == "unordered" else k * k)
        total += operations.relation(n, n * k, pairs, d + 2, dq, parts.relation.units)
        vector = parts.relation.units[-1]
    answers = model.output["logits"].shape[-1]
    return total + operations.chain(n, (vector, *parts.classifier.units, answers))


def distinct_rows(tokens):
    return len({tuple(row) for row in tokens.tolist()})


def print_table(seconds, counts, arguments):
    """Returns {name: (milliseconds of a step, GFLOP)}."""
    print(f"{arguments.grid}: {arguments.steps} steps, medians of {arguments.rounds} rounds")
    print(f"{'':24}{'GFLOP':>8}{'more':>8}{'ms':>10}{'slower':>9}")
    found = {}
    for name, times in seconds.items():
        ratios = [own / r for r, own in zip(seconds[REFERENCE], times, strict=True)]
        found[name] = 1e3 * statistics.median(times), counts[name] / 1e9
        print(
            f"{name:24}{found[name][1]:8.2f}{counts[name] / counts[REFERENCE]:7.2f}x"
            f"{found[name][0]:10.1f}{statistics.median(ratios):8.2f}x"
        )
    return found


if __name__ == "__main__":
    main()
