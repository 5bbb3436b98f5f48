"""The whole report of runs on disk."""

import re
from functools import partial

from hardvqa_tf.report.write import write_report
from tests.report.made_runs import write_evaluation
from tests.report.written_pages import check_markdown, check_page


def test_report(runs_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "hardvqa_tf.evaluate.evaluate_run", partial(write_evaluation, num_cells=3)
    )
    lines, folder = [], tmp_path / "new" / "report"
    path = write_report([str(runs_dir / "*")], str(folder), title="Two runs", say=lines.append)
    assert path == str(folder / "report.html")
    assert lines[0] == f"{runs_dir / 'hard'}: evaluating on test (1 of 2)" and len(lines) == 2
    page, text = check_page(folder / "report.html"), check_markdown(folder / "report.md")
    assert "Two runs" in page.texts and text.startswith("# Two runs\n")
    assert "2 runs, 4 minutes of training steps" in text
    assert "| HAN | 3 of 9 | 33 % | 62.50 |" in text
    assert "| soft (weights) | 9 of 9 | 100 % | 62.50 |" in text
    for heading in ("Share of cells", "time", "masks hold", "from the masks", "look at", "All"):
        assert re.search(rf"^## .*{heading}", text, re.MULTILINE), heading
    assert "| soft + sum, cut to 3 | 3 (cut) |" in text  # as many as HAN
    # Of five images a question each: the image, HAN's mask and soft attention's weights.
    tiles = [image for image in page.all("img") if "width" not in image]
    assert len(tiles) == 5 * 3
    assert sum("looked at 3 of 9 cells" in tile["alt"] for tile in tiles) == 5
