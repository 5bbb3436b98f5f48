"""A run of a model that answers questions, as a report sees it."""

import dataclasses

from hardvqa_tf.report_parts.finished_run import FinishedRun
from hardvqa_tf.report_parts.groups import most_common
from hardvqa_tf.vqa import slots
from hardvqa_tf.vqa.judging.judge import BEST


@dataclasses.dataclass(frozen=True)
class ReportedRun(FinishedRun):
    """One finished run: what its model is, what it looked at, and how right it is."""

    BEST = BEST

    def __post_init__(self):
        """Refuses a part that this program does not know."""
        for slot in slots.SLOTS.keys() & self.config["model"].keys():
            slots.part(slot, self.config["model"][slot])

    @property
    def attention(self):
        return self.config["model"]["attention"]

    @property
    def aggregator(self):
        return self.config["model"]["aggregator"]

    @property
    def keeps(self):
        """Which cells its attention keeps, `slots.Keeps`."""
        return slots.ATTENTIONS[self.attention].keeps

    @property
    def fused_layers(self):
        return len(self.config["model"]["fusion"]["units"])

    @property
    def num_cells(self):
        """Cells looked at, on average over the split's questions."""
        return self.evaluation["num_cells"]

    @property
    def share(self):
        """Share of the cells that was looked at, in 0..1."""
        return self.num_cells / self.evaluation["total_cells"]

    @property
    def accuracy(self):
        """In 0..1; None where the data set hides the answers."""
        return self.accuracy_of("all")

    def accuracy_of(self, question_type, name="accuracy"):
        """`name`: accuracy, or blind_by_text or blind_by_type, which needed no image."""
        for row in self.evaluation.get("rows", []):
            if row["type"] == question_type:
                return row.get(name)
        return None

    @property
    def question_types(self):
        return [row["type"] for row in self.evaluation.get("rows", [])]

    def settings(self):
        """As of any run, without the settings of parts that it does not use."""
        model = self.config["model"]
        unused = slots.all_names() - slots.names_in_use(model)
        not_used = {f"model.{part}.{name}" for part in unused for name in model.get(part, ())}
        for part, section in model.items():
            if isinstance(section, dict):
                counting = slots.arguments_that_count(section)
                not_used |= {f"model.{part}.{name}" for name in section.keys() - counting}
        return {key: value for key, value in self.flat.items() if key not in not_used}

    @property
    def order(self):
        """All cells first, then soft attention, HAN from many cells to few, AdaHAN; within
        these by aggregator and by number of fused layers."""
        return (
            list(slots.ATTENTIONS).index(self.attention),
            -self.num_cells,
            list(slots.AGGREGATORS).index(self.aggregator),
            self.fused_layers,
            self.name,
        )

    @staticmethod
    def labels(runs):
        """What attends, and what aggregates; and how many layers fuse, if that is unusual."""
        depths = [run.fused_layers for run in runs]
        return [
            _describe(run) + (f", {depth} fused" if depth != most_common(depths) else "")
            for run, depth in zip(runs, depths, strict=True)
        ]


def usual_depth(groups):
    """The groups with as many fused layers as most; the others are table 3's."""
    if not groups:
        return [], None
    layers = most_common([group.first.fused_layers for group in groups])
    return [group for group in groups if group.first.fused_layers == layers], layers


def aggregators_of(groups):
    """Their names, in the order of tables."""
    found = {group.first.aggregator for group in groups}
    return [name for name in slots.AGGREGATORS if name in found]


def aggregator_title(name):
    return slots.AGGREGATORS[name].title


def without_aggregator(group):
    """The label, where the aggregator stands above it."""
    return group.label.replace(f" + {aggregator_title(group.first.aggregator)}", "")


def _describe(run):
    """A run's model in a few words: what attends, and what aggregates."""
    name = slots.ATTENTIONS[run.attention].title
    if run.keeps is slots.Keeps.FIXED:
        name = f"{name} {run.num_cells:.0f}"
    return f"{name} + {aggregator_title(run.aggregator)}"
