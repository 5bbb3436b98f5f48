"""Names of the model's layers that others look up by `model.get_layer`.

Stored models have these names, so that none can change.

Letters: B images, Q questions per image, N = B·Q question rows, P cells, D width, A answers.
"""

CELLS = "cells"  # the encoder's grid [B, h, w, D] -> [B, P, D]
FUSION = "fusion"  # cells with the question: [N, P, D]
QUESTIONS = "questions_of_batch"  # [B, Q, D] -> [N, D]
COORDINATES = "coordinates"  # of each cell: [N, P, 2]
ATTENTION = "attention"
AGGREGATOR = "aggregator"
LOGITS = "classifier_logits"  # [N, D] -> [N, A]
