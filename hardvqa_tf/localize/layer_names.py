"""Names of the model's layers that others look up by `model.get_layer`.

Stored models have these names, so that none can change.

Letters: B images, Q queries of an image, N = B·Q rows, P cells, D width, K kept cells.
"""

GRID = "grid"  # of the image [B, h, w, D], not guided
GUIDED = "guided_cells"  # [N, P, D], whose norm is the presence
ATTENTION = "attention"
DECODER = "decoder"
