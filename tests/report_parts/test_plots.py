"""Curves in panels."""

from hardvqa_tf.report_parts.plots import Series, draw_panels


def test_equal_values_draw_equal_bytes():
    panels = [
        (title, [Series("HAN", [(0.1, 0.5, 0.02), (1, 0.7, None)]), Series("b", [(1, 0.1)], 1)])
        for title in ("sum", "more")
    ]
    first = draw_panels(panels, "share", "accuracy", [(0.1, "10 %"), (1, "100 %")])
    assert first == draw_panels(panels, "share", "accuracy", [(0.1, "10 %"), (1, "100 %")])
    assert len(first) < 100_000
