"""The model of `heads.py` over all cells, in plain PyTorch, as people write it.

Santoro et al. (https://arxiv.org/abs/1706.01427), full grid: the question is copied to every
cell and to every pair, the pairs are concatenated, and g is a stack of linear layers over them.
Nothing is factorised, nothing is compiled.

Letters: N question rows, P cells of the grid, D width of a cell, A answers.
"""

import numpy as np
import torch
from torch import nn


class Head(nn.Module):
    """grid [N, P, Dg], question [N, Dq] -> logits [N, A]. Its arguments are a `Shape`."""

    def __init__(self, shape):
        super().__init__()
        fusion = (shape.grid_dim + shape.question_dim, *shape.fusion_units)
        pair = 2 * (fusion[-1] + 2) + shape.question_dim
        self.fusion = layers_of(fusion)
        self.g = layers_of((pair, *shape.units))
        self.classifier = layers_of((shape.units[-1], *shape.classifier_units))
        self.logits = nn.Linear(shape.classifier_units[-1], shape.num_answers)
        self.register_buffer("coordinates", make_coordinates(*shape.grid))

    def forward(self, grid, question):
        n, p, _ = grid.shape
        questions = question[:, None].expand(n, p, -1)
        cells = self.fusion(torch.cat([grid, questions], dim=-1))  # [N, P, D]
        coordinates = self.coordinates[None].expand(n, p, 2)
        cells = torch.cat([cells, coordinates], dim=-1)  # [N, P, D + 2]
        first = cells[:, :, None].expand(n, p, p, -1)
        second = cells[:, None].expand(n, p, p, -1)
        questions = question[:, None, None].expand(n, p, p, -1)
        pairs = torch.cat([first, second, questions], dim=-1)  # [N, P, P, 2(D + 2) + Dq]
        pooled = self.g(pairs).sum(dim=(1, 2))  # [N, G]
        return self.logits(self.classifier(pooled))


def layers_of(widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def make_coordinates(height, width):
    """x and y of each cell's centre, in [-1, 1]: float32[P, 2]."""
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
    )
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


def set_weights(model, weights):
    """Copies Keras's weights in their order; a kernel is a `Linear`'s weight transposed."""
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(weight.T)))


def make_step(model, inputs, answers, learning_rate=0.0):
    """As `steps.make_step`, but of PyTorch's own Adam and loss."""
    device = best_device()
    optimizer = torch.optim.Adam(model.parameters(), learning_rate, eps=1e-7)  # Keras's epsilon
    grid, question = (torch.from_numpy(inputs[k]).to(device) for k in ("grid", "question"))
    answers = torch.from_numpy(answers).long().to(device)

    def run():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(grid, question), answers)
        loss.backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return loss.item()

    return run


def logits_of(model, inputs):
    """NumPy float32[N, A]."""
    tensors = (torch.from_numpy(inputs[name]).to(best_device()) for name in inputs)
    with torch.no_grad():
        return model(*tensors).cpu().numpy()


def make_matmul(size):
    """As `steps.make_matmul`."""
    first, second = (torch.rand(size, size, device=best_device()) for _ in range(2))
    return lambda: torch.matmul(first, second)[0, 0].item()


def best_device():
    return "cuda" if torch.cuda.is_available() else "cpu"
