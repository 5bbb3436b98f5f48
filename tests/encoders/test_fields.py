import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from hardvqa_tf import encoders
from hardvqa_tf.encoders import biformer, swiftformer
from hardvqa_tf.encoders.fields import Fields, fields_of
from tests.encoders.linear import linear_layers, looked_at, make_averaging

# What the model's own kernels, made positive, may move a centre by, in cells. (The greatest
# seen is 0.03, where a cell reads one 3x3 kernel of few features.)
TOLERANCE = 0.1


def check_by_gradients(model, fields, cells, tolerance=TOLERANCE):
    """Compares where cells look with where they are said to; returns how many were inner.

    Along each side of the image: a cell is inner if all that it sees lies in the image. What
    others see is clipped by it.
    """
    make_averaging(model)
    with linear_layers():
        seen = looked_at(model, cells)
    num_inner = 0
    for cell, mass in zip(cells, seen, strict=True):
        top, left, bottom, right = fields.field_box(*cell)
        for axis, box in ((0, (top, bottom)), (1, (left, right))):
            along = mass.sum(axis=1 - axis)
            (pixels,) = np.nonzero(along)
            assert (pixels[0], pixels[-1] + 1) == box, (cell, axis)
            centre = fields.centres()[axis][cell[axis]]
            reach = fields.extent[axis] / 2
            if centre - reach >= 0 and centre + reach <= fields.image_size[axis]:
                num_inner += 1
                off = np.average(np.arange(len(along)) + 0.5, weights=along) - centre
                assert abs(off) <= tolerance * fields.pitch[axis], (cell, axis, off)
    return num_inner


def some_cells(fields):
    """The first, the last, and one that is inner along each side where there is one."""
    middle = tuple(
        int(np.abs(centres - pixels / 2).argmin())
        for centres, pixels in zip(fields.centres(), fields.image_size)
    )
    return [(0, 0), middle, (fields.grid[0] - 1, fields.grid[1] - 1)]


SMALL = [(64, 64), (75, 75), (100, 100), (128, 128), (64, 256), (99, 57)]


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("size", SMALL)
def test_small_cnn(size, centred):
    keras.utils.set_random_seed(0)
    encoder = encoders.small_cnn(size, norm_first=True, centred=centred)
    fields = fields_of(encoder)
    every = [(row, column) for row in range(fields.grid[0]) for column in range(fields.grid[1])]
    assert check_by_gradients(encoder, fields, every) >= 8
    assert fields.pitch == (16, 16) and fields.extent == (31, 31)


# What a cell sees, along each side, of the smallest of a family: more than most images. Each
# image is longer than that along one side, so that there are inner cells, and short along the
# other; even and odd.
REACHES = [
    *(("swiftformer_xs", stage, reach) for stage, reach in enumerate((31, 87, 295, 583), 1)),
    *(("biformer_t", stage, reach) for stage, reach in enumerate((55, 159, 943, 1359), 1)),
    ("resnet101", None, 1027),
]
SIZES = [
    pytest.param(
        name,
        {"weights": None} if stage is None else {"stage": stage},
        size,
        marks=[pytest.mark.slow] if reach > 900 and i > 0 else [],
        id=f"{name}-{stage}-{size[0]}x{size[1]}",
    )
    for name, stage, reach in REACHES
    for i, size in enumerate(
        [(reach + 33, 32), (33, reach + 47), (reach + 64, 50), (64, reach + 75)]
    )
]


@pytest.mark.parametrize(("name", "arguments", "size"), SIZES)
def test_the_smallest_of_each_family_at_every_stage(name, arguments, size):
    keras.utils.set_random_seed(0)
    encoder = getattr(encoders, name)(size, **arguments)
    fields = fields_of(encoder)
    assert fields.grid == encoder.output_shape[1:3]
    assert check_by_gradients(encoder, fields, some_cells(fields)) >= 1


def _reach(depths, lines):
    """Of four stages whose blocks read so many lines around a cell, on each side together."""
    sees, pitch = 1 + 2 * (1 + 2), 4
    for stage, depth in enumerate(depths):
        if stage:
            sees, pitch = sees + 2 * pitch, 2 * pitch
        sees += pitch * depth * lines
    return sees


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "depths", "lines"),
    [
        *(
            (f"swiftformer_{v}", variant.depths, 2)
            for v, variant in swiftformer.VARIANTS.items()
        ),
        *((f"biformer_{v}", variant.depths, 2 + 4) for v, variant in biformer.VARIANTS.items()),
    ],
)
def test_larger_ones_see_more_around_the_same_centres(name, depths, lines):
    for stage in (1, 2, 3, 4):
        fields = fields_of(getattr(encoders, name)((96, 64), stage=stage))
        side = 2 ** (stage + 1)
        assert fields.origin == (0.5, 0.5) and fields.pitch == (side, side)
        assert fields.extent == (_reach(depths[:stage], lines),) * 2


# Graphs of few layers, from (41, 36) pixels of two channels.


def _model(build, size=(41, 36)):
    image = keras.Input((*size, 2))
    return keras.Model(image, build(image))


def _random_chain(seed):
    rng = np.random.default_rng(seed)

    def build(x):
        for _ in range(rng.integers(2, 5)):
            kernel, stride, dilation = rng.integers(1, [6, 3, 4], (2, 3)).T
            if (stride > 1).any():  # TensorFlow has no dilation with strides.
                stride, dilation = stride[:1].repeat(2), np.ones(2, int)
            wide = dilation * (kernel - 1) + 1
            padding = "same" if (wide >= x.shape[1:3]).any() else rng.choice(["same", "valid"])
            arguments = {"strides": tuple(map(int, stride)), "padding": str(padding)}
            kernel, dilation = tuple(map(int, kernel)), tuple(map(int, dilation))
            kind = rng.integers(5)
            if kind == 0:
                x = layers.Conv2D(3, kernel, dilation_rate=dilation, **arguments)(x)
            elif kind == 1:
                x = layers.DepthwiseConv2D(kernel, dilation_rate=dilation, **arguments)(x)
            elif kind == 2:
                x = layers.AveragePooling2D(kernel, **arguments)(x)
            elif kind == 3:
                x = layers.MaxPooling2D(kernel, **arguments)(x)
            else:
                pads = tuple(tuple(map(int, pair)) for pair in rng.integers(0, 3, (2, 2)))
                x = layers.Conv2D(3, 1)(layers.ZeroPadding2D(pads)(x))
        return x

    return build


@pytest.mark.parametrize("seed", range(25))
def test_any_chain_of_convolutions_poolings_and_paddings(seed):
    keras.utils.set_random_seed(seed)
    model = _model(_random_chain(seed))
    for layer in model.layers:
        if getattr(layer, "kernel", None) is not None:
            layer.kernel.assign(np.ones(layer.kernel.shape))
    fields = fields_of(model)
    assert fields.grid == model.output_shape[1:3]
    make_averaging(model)
    middle = tuple(int(cells) // 2 for cells in fields.grid)
    with linear_layers():
        (mass,) = looked_at(model, [middle])
    for axis, (centre, extent) in enumerate(zip(fields.centres(), fields.extent)):
        along, centre = mass.sum(axis=1 - axis), centre[middle[axis]]
        (pixels,) = np.nonzero(along)
        top_left_bottom_right = fields.field_box(*middle)
        assert top_left_bottom_right[axis] <= pixels[0]
        assert pixels[-1] + 1 <= top_left_bottom_right[axis + 2]
        if centre - extent / 2 >= 0 and centre + extent / 2 <= len(along):
            found = np.average(np.arange(len(along)) + 0.5, weights=along)
            assert found == pytest.approx(centre, abs=1e-4)  # sums of up to 1,000 in float32


def _shifted_branches(image):
    """Strides of 2: in place, and a 3x3 kernel that "same" lays below and right of an even."""
    short = layers.Conv2D(4, 1, strides=2)(image)
    long = layers.Conv2D(4, 3, strides=2, padding="same")(image)
    return short, long


def test_branches_that_look_elsewhere_are_averaged_by_their_mass():
    size = (40, 36)
    short, long = (
        fields_of(_model(lambda x, i=i: _shifted_branches(x)[i], size)) for i in (0, 1)
    )
    assert short.origin == (0.5, 0.5) and long.origin == (1.5, 1.5)

    def residual(x):
        x = layers.Add()(_shifted_branches(x))  # a mass of 2, at 1.0
        again = layers.Conv2D(4, 2, padding="same", name="half_a_cell")(x)  # at 2.0
        x = x + again  # a mass of 4, at 1.5
        return layers.Concatenate()([x, layers.Conv2D(2, 1)(again)])  # 4·4 at 1.5, 2·2 at 2.0

    model = _model(residual, size)
    fields = fields_of(model)
    centre = (4 * 4 * 1.5 + 2 * 2 * 2.0) / (4 * 4 + 2 * 2)
    assert fields.origin == pytest.approx((centre, centre)) and fields.pitch == (2, 2)
    for layer in model.layers:
        if getattr(layer, "kernel", None) is not None:
            layer.kernel.assign(np.ones(layer.kernel.shape))
    make_averaging(model)
    (mass,) = looked_at(model, [(9, 7)])
    found = np.average(np.arange(36) + 0.5, weights=mass.sum(axis=0))
    assert found == pytest.approx(fields.centres()[1][7], abs=1e-4)
    box = fields.field_box(9, 7)  # at least what it sees: from pixel 14 to 19
    assert box[1] <= 14 and box[3] >= 19


def test_what_keeps_cells_in_their_places_is_passed_through():
    inner = _model(lambda x: layers.Conv2D(3, 3, strides=2, padding="same")(x))

    def build(image):
        x = inner(image[..., ::-1])  # 21x18 cells
        x = layers.LayerNormalization()(x)
        x = layers.Reshape((21 * 18, 3))(x)
        x = x + layers.MultiHeadAttention(1, 2)(x, x)
        x = layers.Dense(5, activation="gelu")(x)
        x = layers.Reshape((21, 18, 5))(x)
        gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
        return x * layers.Dense(5, activation="sigmoid")(gate)

    fields = fields_of(_model(build))
    assert fields == fields_of(inner)
    assert fields == Fields((0.5, 1.5), (2, 2), (3, 3), (41, 36), (21, 18))


def test_what_has_no_place_in_the_image_has_no_fields():
    assert fields_of(encoders.no_image((75, 75))) is None
    assert fields_of(_model(lambda x: layers.GlobalAveragePooling2D()(x))) is None


def test_a_tensor_in_the_middle_and_inputs_that_are_no_images():
    image, words = keras.Input((20, 30, 3)), keras.Input((7,))
    grid = layers.Conv2D(4, 5, strides=5)(image)
    model = keras.Model(
        [words, image], layers.Flatten()(grid + layers.Dense(4)(words)[:, None, None])
    )
    assert fields_of(model) is None
    assert fields_of(model, grid) == Fields((2.5, 2.5), (5, 5), (5, 5), (20, 30), (4, 6))


class Hidden(layers.Layer):
    """A convolution that nobody sees from outside."""

    def __init__(self):
        super().__init__()
        self.convolution = layers.Conv2D(2, 3, padding="same")

    def call(self, inputs):
        return self.convolution(inputs)


class Told(Hidden):
    def field_branches(self):
        return [[self.convolution, self.convolution]]


def test_layers_of_ones_own_say_what_is_inside():
    assert fields_of(_model(lambda x: Told()(x))).extent == (5, 5)
    with pytest.raises(ValueError, match=r"\(Hidden\): it has a convolution .* inside"):
        fields_of(_model(lambda x: Hidden()(x)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: layers.UpSampling2D(2)(x), "a grid of 82x72 cells of one of 41x36"),
        (lambda x: layers.Conv2DTranspose(2, 3, padding="same")(x), "a convolution"),
        (lambda x: keras.ops.flip(x, axis=2), "it moves cells to other places"),
        (lambda x: x[:, :, ::2], "a grid of 41x18 cells"),
        (lambda x: keras.ops.conv(x, np.ones((3, 3, 2, 2)), padding="same"), "a convolution"),
    ],
)
def test_what_is_not_understood_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        fields_of(_model(build))


def test_branches_with_other_pitches_have_no_grid():
    def build(x):
        near = layers.Conv2D(2, (21, 19))(x)  # 21x18 cells one pixel apart
        far = layers.MaxPooling2D(2, padding="same")(x)
        return layers.Add(name="sum")([near, far])

    with pytest.raises(
        ValueError,
        match="sum adds grids of 21x18 cells 1x1 pixels apart and of 21x18 cells 2x2 pixels",
    ):
        fields_of(_model(build))


def test_an_image_of_a_fixed_size_and_one_grid_are_needed():
    with pytest.raises(ValueError, match="Build the encoder for one size of images"):
        fields_of(_model(lambda x: x + 1, size=(None, 36)))
    image = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="Pass one of them as `output`"):
        fields_of(keras.Model(image, [image + 1, image + 2]))


# What is drawn.

# 3 rows 16 pixels apart, of 38 pixels; 2 columns 20 apart, of 50.
FIELDS = Fields((5.5, 17.0), (16.0, 20.0), (31.0, 12.0), (38, 50), (3, 2))


def box_of_pitch(fields, row, column):
    """What a cell is drawn as."""
    return dataclasses.replace(fields, extent=None).field_box(row, column)


def test_cells_are_boxes_of_their_pitch_that_the_image_clips():
    rows, columns = FIELDS.centres()
    np.testing.assert_array_equal(rows, [5.5, 21.5, 37.5])
    np.testing.assert_array_equal(columns, [17, 37])
    rows, columns = FIELDS.edges()
    np.testing.assert_array_equal(rows, [[0, 13.5], [13.5, 29.5], [29.5, 38]])
    np.testing.assert_array_equal(columns, [[7, 27], [27, 47]])
    assert box_of_pitch(FIELDS, 2, 0) == (29.5, 7, 38, 27)


def test_what_a_cell_sees_is_its_extent_clipped():
    assert FIELDS.field_box(0, 1) == (0, 31, 21, 43)
    assert Fields.equal((38, 50), (2, 5)).field_box(1, 4) == (19, 40, 38, 50)


def test_a_place_belongs_to_the_cell_that_is_drawn_there_or_to_the_nearest():
    for row in range(3):
        for column in range(2):
            top, left, bottom, right = box_of_pitch(FIELDS, row, column)
            assert FIELDS.cell_of((left + right) / 2 / 50, (top + bottom) / 2 / 38) == (
                row,
                column,
            )
    assert FIELDS.cell_of(0.0, 0.0) == (0, 0)  # left of the first column's box
    assert FIELDS.cell_of(1.0, 1.0) == (2, 1)  # right of the last one's
    assert FIELDS.cell_of(26.9 / 50, 13.4 / 38) == (0, 0)
    assert FIELDS.cell_of(27.1 / 50, 13.6 / 38) == (1, 1)


def test_equal_division_is_said_to_be_one():
    fields = Fields.equal((75, 64), (5, 4))
    assert fields.origin == (7.5, 8) and fields.pitch == (15, 16)
    assert not fields.known and FIELDS.known
    rows, _ = fields.edges()
    np.testing.assert_array_equal(rows[:, 1], [15, 30, 45, 60, 75])


def test_json_and_back():
    for fields in (FIELDS, Fields.equal((7, 8), (2, 3))):
        stored = fields.to_json()
        assert Fields.from_json(stored) == fields
    assert FIELDS.to_json() == {
        "origin": [5.5, 17.0],
        "pitch": [16.0, 20.0],
        "extent": [31.0, 12.0],
        "image_size": [38, 50],
        "grid": [3, 2],
    }
    with pytest.raises(ValueError, match="Write them again with this version"):
        Fields.from_json({"origin": [0, 0]})
