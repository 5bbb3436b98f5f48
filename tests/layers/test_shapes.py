"""A layer that is given a grid for flat cells, or the other way round, says so."""

import numpy as np
import pytest

from hardvqa_tf import layers

QUESTION, WORDS = np.zeros((2, 8), "f4"), np.zeros((2, 4, 8), "f4")
OF_FLAT_CELLS = {
    "HardAttention": (layers.HardAttention(num_cells=2), {}),
    "AdaptiveHardAttention": (layers.AdaptiveHardAttention(), {}),
    "SoftAttention": (layers.SoftAttention(hidden_dim=4), {"question": QUESTION}),
    "NoAttention": (layers.NoAttention(), {}),
    "SumPooling": (layers.SumPooling(), {}),
    "NonLocalPairwise": (layers.NonLocalPairwise(), {}),
    "RelationNetwork": (layers.RelationNetwork(units=(4,)), {"question": QUESTION}),
    "QueryGuidedAttention": (layers.QueryGuidedAttention(2, 4), {"query": WORDS}),
}
OF_GRIDS = {
    "BiLevelRoutingAttention": layers.BiLevelRoutingAttention(2, num_regions=1, top_k=1),
    "FullAttention": layers.FullAttention(2),
}


@pytest.mark.parametrize("shape", [(2, 8), (2, 2, 3, 8)], ids=str)
@pytest.mark.parametrize("name", OF_FLAT_CELLS)
def test_of_flat_cells(name, shape):
    layer, others = OF_FLAT_CELLS[name]
    with pytest.raises(ValueError, match=r"\[N, P, D\]. Received: cells .* flat cells"):
        layer(np.zeros(shape, "f4"), **others)


@pytest.mark.parametrize("shape", [(2, 6, 8), (2, 1, 2, 3, 8)], ids=str)
@pytest.mark.parametrize("name", OF_GRIDS)
def test_of_grids(name, shape):
    with pytest.raises(ValueError, match=r"\[N, H, W, D\]. Received: cells .* Give the grid"):
        OF_GRIDS[name](np.zeros(shape, "f4"))
