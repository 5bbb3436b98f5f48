"""What several files of the report's tests share: runs on disk."""

import pytest

from tests.conftest import tiny_config
from tests.report.made_runs import build_run, write_evaluation


@pytest.fixture(scope="module")
def runs_dir(records_dir, tmp_path_factory):
    """HAN with 3 of 9 cells, and soft attention, which has been evaluated."""
    folder = tmp_path_factory.mktemp("runs")
    for name, attention in (("hard", "han"), ("weights", "soft")):
        config = tiny_config(records_dir)
        config.model.attention = attention
        config.model.han.num_cells = 3
        build_run(str(folder / name), config)
    write_evaluation(folder / "weights", "test")
    (folder / "report").mkdir()  # no run
    return folder
