"""Maps of several scales of any encoder, all of one width: what multi-scale decoders look at.

As in Deformable DETR (Zhu et al., https://arxiv.org/abs/2010.04159): the outputs of some stages
of an encoder, each through a 1x1 convolution and group normalisation; and coarser maps, each by
a 3x3 convolution of stride 2 and a normalisation, the first of the last stage's output itself,
the others of the one before.

Stage s is what comes after the s-th halving that follows the stem: of ResNets, SwiftFormers and
BiFormers stage 1 has a 4th of the image's sides, stage 4 a 32nd.

Letters: R images, h w cells of a map, D width of all maps.
"""

import keras

from hardvqa_tf.encoders.stages import stages_of


class FeaturePyramid:
    """The maps of an encoder; called again it has the same weights.

    Args:
        encoder: a functional `keras.Model` of one input and one output.
        stages: numbers of those whose outputs become maps, ascending, from 1. Stages behind the
            last of them are left out of what is built.
        extra_maps: coarser ones.
        width: D.
        num_groups: of the normalisation; divides D.
        name: the beginning of its layers' names.

    Attributes:
        num_stages: how many stages run, the last of `stages`.

    Raises:
        ValueError: for stages that the encoder does not have.
    """

    def __init__(self, encoder, stages, extra_maps=1, width=256, num_groups=32, name="pyramid"):
        self.stem, *self._stages = stages_of(encoder)
        stages = tuple(stages)
        known = len(self._stages)
        if not stages or list(stages) != sorted({*stages}) or not 1 <= stages[0]:
            raise ValueError(
                "`stages` must be ascending numbers of stages, from 1, at least one. Received: "
                f"stages={stages}. Pass e.g. (2, 3, 4)."
            )
        if stages[-1] > known:
            raise ValueError(
                f"The encoder {encoder.name} has {known} stages behind its stem. Received: "
                f"stages={stages}. Use numbers up to {known}, or build the encoder with more "
                "stages (in a config: model.pyramid.stages, and `stage` in the encoder's "
                "section)."
            )
        if width % num_groups:
            raise ValueError(
                "`num_groups` must divide `width`. Received: "
                f"num_groups={num_groups}, width={width}. Use a divisor of {width}."
            )
        self._numbers, self.num_stages = stages, stages[-1]
        self._project = [
            keras.layers.Conv2D(width, 1, name=f"{name}_{i}_project")
            for i in range(len(stages))
        ]
        self._halve = [
            [
                keras.layers.ZeroPadding2D(1, name=f"{name}_{i}_pad"),
                keras.layers.Conv2D(width, 3, 2, name=f"{name}_{i}_halve"),
            ]
            for i in range(len(stages), len(stages) + extra_maps)
        ]
        self._norms = [
            keras.layers.GroupNormalization(num_groups, epsilon=1e-5, name=f"{name}_{i}_norm")
            for i in range(len(stages) + extra_maps)
        ]

    def __call__(self, x, before=None, after=None):
        """Maps of what the stem gave, from fine to coarse.

        Args:
            x: symbolic float[R, H', W', D'], of `stem(image)`.
            before, after: functions (map, number of the stage from 0) -> map of the same shape,
                in front of each stage and behind it; None: nothing is done.

        Returns:
            list of symbolic float[R, h, w, D].
        """
        outputs = []
        for i, stage in enumerate(self._stages[: self.num_stages]):
            if before is not None:
                x = before(x, i)
            x = stage(x)
            if after is not None:
                x = after(x, i)
            if i + 1 in self._numbers:
                outputs.append(x)
        maps = [project(x) for project, x in zip(self._project, outputs, strict=True)]
        for pad, convolve in self._halve:
            x = convolve(pad(x))
            maps.append(x)
        return [norm(x) for norm, x in zip(self._norms, maps, strict=True)]
