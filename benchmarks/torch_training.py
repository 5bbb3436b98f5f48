"""Trains a plain PyTorch relation network on records, as people write it, for some minutes.

    python benchmarks/torch_training.py --records_dir=data/sort_of_clevr --workdir=runs/torch

Santoro et al. (https://arxiv.org/abs/1706.01427): four convolutions, an LSTM, g over the
concatenated pairs of all cells with the question, f. Every question has its image to itself.
Adam at a constant rate. Writes `metrics.jsonl` as `main.py --mode=train` does: a line
whenever `--validate_every` seconds of training are over. Only training steps count as
seconds; images and questions lie decoded in memory before the clock starts.

Letters: N questions of a batch, T tokens, P cells, D width of a cell, A answers.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import torch
from torch import nn

from benchmarks.torch_head import best_device, layers_of, make_coordinates
from hardvqa_tf.runs import append_metrics
from hardvqa_tf.vqa import Vocabularies
from hardvqa_tf.vqa.data import VqaData


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records_dir", default="data/sort_of_clevr")
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--minutes", type=float, default=30.0, help="of training steps")
    parser.add_argument("--validate_every", type=float, default=120.0, help="seconds")
    parser.add_argument("--image_size", type=int, nargs=2, default=(75, 75))
    parser.add_argument("--batch_size", type=int, default=64, help="questions")
    parser.add_argument("--learning_rate", type=float, default=2.5e-4)
    parser.add_argument("--filters", type=int, nargs="+", default=(24, 24, 24, 24))
    parser.add_argument("--units", type=int, nargs="+", default=(256, 256, 256, 256))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    os.makedirs(arguments.workdir, exist_ok=True)
    torch.manual_seed(arguments.seed)
    vocabularies = Vocabularies.from_records(arguments.records_dir)
    train, val = (read_split(arguments, vocabularies, s) for s in ("train", "val"))
    model = RelationModel(
        vocabularies.tokenizer.vocabulary_size,
        len(vocabularies.answers),
        tuple(arguments.image_size),
        tuple(arguments.filters),
        tuple(arguments.units),
    ).to(best_device())
    return fit(model, train, val, arguments)


class RelationModel(nn.Module):
    """images uint8[N, H, W, 3], tokens int64[N, T] -> logits [N, A]."""

    def __init__(self, num_words, num_answers, image_size, filters, units, question_dim=128):
        super().__init__()
        convolutions, depth = [], 3
        height, width = image_size
        for outputs in filters:
            convolutions += [
                nn.Conv2d(depth, outputs, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.BatchNorm2d(outputs),
            ]
            depth, height, width = outputs, -(-height // 2), -(-width // 2)
        self.convolutions = nn.Sequential(*convolutions)
        self.register_buffer("coordinates", make_coordinates(height, width))
        self.embedding = nn.Embedding(num_words, 32, padding_idx=0)
        self.lstm = nn.LSTM(32, question_dim, batch_first=True)
        self.g = layers_of((2 * (depth + 2) + question_dim, *units))
        self.f = nn.Sequential(
            *layers_of((units[-1], 256)), nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5)
        )
        self.logits = nn.Linear(256, num_answers)

    def forward(self, images, tokens):
        pictures = images.permute(0, 3, 1, 2).float() / 255 - 0.5
        cells = self.convolutions(pictures).flatten(2).transpose(1, 2)  # [N, P, D]
        n, p, _ = cells.shape
        cells = torch.cat([cells, self.coordinates[None].expand(n, p, 2)], dim=-1)
        states, _ = self.lstm(self.embedding(tokens))
        last = (tokens != 0).sum(dim=1).clamp(min=1) - 1
        question = states[torch.arange(n, device=last.device), last]  # [N, Dq]
        first = cells[:, :, None].expand(n, p, p, -1)
        second = cells[:, None].expand(n, p, p, -1)
        questions = question[:, None, None].expand(n, p, p, -1)
        pairs = torch.cat([first, second, questions], dim=-1)
        return self.logits(self.f(self.g(pairs).sum(dim=(1, 2))))


def read_split(arguments, vocabularies, split):
    """Questions that do not count are left out.

    Returns:
        images uint8[images, H, W, 3]; of each question its image's number, tokens and answer.
    """
    data = VqaData(
        arguments.records_dir,
        split,
        vocabularies,
        image_size=tuple(arguments.image_size),
        batch_size=32,
    )
    batches = list(data.in_order().as_numpy_iterator())
    images = np.concatenate([np.round(255 * b["image"]).astype(np.uint8) for b in batches])
    tokens = np.concatenate([b["question_tokens"] for b in batches])  # [images, Q, T]
    answers = np.concatenate([b["answers"] for b in batches])
    counts = np.concatenate([b["weights"] for b in batches]) > 0
    number = np.broadcast_to(np.arange(len(images))[:, None], counts.shape)
    parts = (images, number[counts], tokens[counts].astype(np.int64), answers[counts])
    return tuple(torch.from_numpy(part) for part in parts)


def fit(model, train, val, arguments):
    """Trains until the minutes are over; returns the list of lines that it wrote."""
    device = best_device()
    images, number, tokens, answers = train
    optimizer = torch.optim.Adam(model.parameters(), arguments.learning_rate)
    loss_of = nn.CrossEntropyLoss(ignore_index=-1)
    lines, seconds, spent, steps = [], 0.0, 0.0, 0
    order = torch.empty(0, dtype=torch.int64)
    while seconds < 60 * arguments.minutes:
        started = time.perf_counter()
        if len(order) < arguments.batch_size:
            order = torch.randperm(len(answers))
        rows, order = order[: arguments.batch_size], order[arguments.batch_size :]
        optimizer.zero_grad()
        logits = model(images[number[rows]].to(device), tokens[rows].to(device))
        loss = loss_of(logits, answers[rows].long().to(device))
        loss.backward()
        optimizer.step()
        last_loss = loss.item()  # Waits for the step.
        took = time.perf_counter() - started
        seconds, spent, steps = seconds + took, spent + took, steps + 1
        if spent >= arguments.validate_every or seconds >= 60 * arguments.minutes:
            line = {"epoch": len(lines) + 1, "seconds": spent, "steps": steps}
            line |= {"train/loss": last_loss, "val/all": accuracy(model, val)}
            append_metrics(arguments.workdir, line)
            print(f"{seconds / 60:6.1f} min, {steps:,} steps: val {line['val/all']:.4f}")
            lines.append(line)
            spent = 0.0
    return lines


@torch.no_grad()
def accuracy(model, split, batch_size=64):
    device = best_device()
    images, number, tokens, answers = split
    model.eval()
    right = 0
    for rows in torch.arange(len(answers)).split(batch_size):
        logits = model(images[number[rows]].to(device), tokens[rows].to(device))
        right += int((logits.argmax(dim=-1).cpu() == answers[rows]).sum())
    model.train()
    return right / len(answers)


if __name__ == "__main__":
    main()
