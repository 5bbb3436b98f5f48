"""A run of a localizer, as a report sees it."""

import dataclasses

from hardvqa_tf.localize.judging.judge import BEST
from hardvqa_tf.localize.slots import (
    KEEPS_ALL,
    KEEPS_ITS_CHOICE,
    KEEPS_NUMBER,
    LOCALIZER_ATTENTIONS,
    LOCALIZER_ENCODERS,
    MAPS,
    SELECTIONS,
)
from hardvqa_tf.report_parts.finished_run import FinishedRun


@dataclasses.dataclass(frozen=True)
class ReportedRun(FinishedRun):
    """One finished run: what its model is, what it found, and by which cells."""

    BEST = BEST

    @property
    def attention(self):
        return self.config["model"]["attention"]

    @property
    def keeps(self):
        """How many cells its attention keeps, as `slots` says; None if unknown."""
        part = LOCALIZER_ATTENTIONS.get(self.attention)
        return part.keeps if part else None

    @property
    def is_adaptive(self):
        """Whether the number of its cells is the model's own choice."""
        return self.keeps == KEEPS_ITS_CHOICE

    @property
    def leaves_none_out(self):
        """Whether it never learnt to leave cells out."""
        return self.keeps == KEEPS_ALL

    @property
    def keeps_all(self):
        return self.num_cells == self.evaluation["total_cells"]

    @property
    def num_cells(self):
        """Kept on average over the split's queries."""
        return self.evaluation["num_cells"]

    def precision(self, row, name):
        """A value of a row of the evaluation; None where there is no object."""
        return _known(self.evaluation["rows"].get(row, {}).get(name))

    def voc(self, row, name):
        """A value of `judging.voc` of a row; None where it was not counted."""
        return _known((self.evaluation.get("voc") or {}).get(row, {}).get(name))

    def by_cells(self, way, num_cells=None):
        """AP50 with other cells, see `judging.by_cells`; None where it was not asked so."""
        for row in self.evaluation.get("by_cells", {}).get("rows", ()):
            if row["by"] == way and num_cells in (None, row["num_cells"]):
                return _known(row["AP50"])
        return None

    def kept(self, name, key):
        """A share of `judging.kept_cells`, or its chance."""
        return self.evaluation.get("kept_cells", {}).get(name, {}).get(key)

    def faithful(self, row, name):
        """A value of a row of `judging.faithfulness`."""
        return _known(
            self.evaluation.get("faithfulness", {}).get("rows", {}).get(row, {}).get(name)
        )

    @property
    def order(self):
        """All cells first, then HAN from many cells to few, AdaHAN."""
        known = [*LOCALIZER_ATTENTIONS]
        place = known.index(self.attention) if self.attention in known else len(known)
        return (place, -self.num_cells, self.name)

    @staticmethod
    def labels(runs):
        """What keeps cells, and how many; and the encoder, where they differ."""
        encoders = {run.config["model"]["image_encoder"] for run in runs}
        return [_describe(run, len(encoders) > 1) for run in runs]


def _describe(run, with_encoder):
    model = run.config["model"]
    name = LOCALIZER_ATTENTIONS.get(run.attention, ("", run.attention))[1]
    if run.keeps == KEEPS_NUMBER:
        name = f"{name} {run.num_cells:.0f}"
    if model["selection"] != "presence" and not run.leaves_none_out:
        name += f" {SELECTIONS.get(model['selection'], model['selection'])}"
    if model.get("decoder_memory") == MAPS:
        name += ", full maps"
    if with_encoder:
        encoder = model["image_encoder"]
        name = f"{LOCALIZER_ENCODERS.get(encoder, ('', encoder))[1]} + {name}"
    return name


def _known(value):
    return None if value is None or value < 0 else value
