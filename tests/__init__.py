"""Tests lie as the tree does: those of `hardvqa_tf/a/b.py` are `tests/a/test_b.py`, those of
`records/b.py` are `tests/records/test_b.py`; test_borders.py holds it.

What several modules do together stands in the folder of these, under a name of its own
(`layers/test_gather_equals_mask.py`). What the whole program does stands here: the door
(`test_main*.py`), the borders, what is stored, and what benchmarks and docs say.
"""
