"""A run of questions and answers, as a report sees it."""

import pytest

from tests.report.made_runs import reported


@pytest.mark.parametrize(("attention", "aggregator"), [("hard", "sum"), ("han", "mean")])
def test_a_part_that_is_not_known_is_told_and_not_left_out(attention, aggregator):
    with pytest.raises(ValueError, match="Unknown .*'(hard|mean)'. Use one of: "):
        reported("a", attention, aggregator, 0.5)
