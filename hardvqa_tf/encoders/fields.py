"""Where in the image a cell of the grid looks: from kernels, strides, dilations and paddings.

A pixel p covers [p, p + 1], so its centre is p + 1/2. Along each side of the image an operation
with kernel k, stride s, dilation d and a zeros before its first input gives as output n

    out[n] = sum_j w_j in[s·n - a + d·j]                                   j = 0 .. k-1

If the inputs have their centres at c + q·m, and see the pixels from l to h around input 0, then

    c' = c + q·(d·(k-1)/2 - a)      l' = l - q·a
    q' = q·s                        h' = h + q·(d·(k-1) - a)

which starts at an image with c = 1/2, q = 1, l = 0, h = 1. "same" has a = floor(total / 2) with
total = max(0, s·(ceil(N/s) - 1) + d·(k-1) + 1 - N) for N inputs: of even N, a stride of 2 and a
kernel of 3 the total is 1, a is 0, and each such convolution moves c by one of its inputs.

c is the centre of mass of |d cell / d pixel| if every kernel averages what it reads. Branches
that meet (a residual sum) have a mass each, 1 at first; the sum has their masses together, and
as its c the mean of theirs by mass; of a concatenation the next kernel averages, so features
count. They see what any of them sees, and must have the same q: else there is no grid.

Formally, attention and normalisation see everything; the path is made linear without them:
they, activations and whatever else keeps the cells in their places count as the identity.
What has no place in the image (a mean over all cells, a question) is left out of sums.

Letters: H W pixels, h w cells of the grid, P = h·w.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Fields:
    """Where the cells of a grid look, in pixels of an image of `image_size`, (down, right).

    A cell is drawn as a box of `pitch` around its centre. The boxes lie side by side without
    a gap; the image clips them, and may reach beyond those at its borders.

    Attributes:
        origin: the centre of cell (0, 0).
        pitch: from the centre of a cell to that of the next.
        extent: height and width of what a cell sees, around its centre: its receptive field.
            None where it is not known.
        image_size: (H, W).
        grid: (h, w).
    """

    origin: tuple
    pitch: tuple
    extent: tuple | None
    image_size: tuple
    grid: tuple

    @classmethod
    def equal(cls, image_size, grid):
        """The image divided equally among the cells: for a grid of which no more is known.

        Args:
            image_size: (H, W) in pixels.
            grid: (h, w).
        """
        pitch = tuple(pixels / cells for pixels, cells in zip(image_size, grid, strict=True))
        return cls(tuple(q / 2 for q in pitch), pitch, None, tuple(image_size), tuple(grid))

    @property
    def known(self):
        """Whether the fields are those of an encoder, and not an equal division."""
        return self.extent is not None

    def centres(self):
        """The centres of rows, float[h], and of columns, float[w]."""
        return tuple(
            origin + pitch * np.arange(cells)
            for origin, pitch, cells in zip(self.origin, self.pitch, self.grid)
        )

    def edges(self):
        """Where rows and columns are drawn, clipped by the image: float[h, 2], float[w, 2].

        From the first number to the second, in pixels.
        """
        return self._around_centres(self.pitch)

    def field_box(self, row, column):
        """All that a cell sees, clipped by the image: (top, left, bottom, right) in pixels.

        Where that is not known it is the cell's own box.
        """
        return self._box(self.extent or self.pitch, row, column)

    def cell_of(self, x, y):
        """The cell that is drawn at a place of the image.

        Where the image reaches beyond the boxes at its border, it is the nearest cell.

        Args:
            x, y: in 0..1, from the left and from the top.

        Returns:
            (row, column).
        """
        pixels = (y * self.image_size[0], x * self.image_size[1])
        return tuple(
            int(np.clip(np.floor((pixel - origin) / pitch + 0.5), 0, cells - 1))
            for pixel, origin, pitch, cells in zip(pixels, self.origin, self.pitch, self.grid)
        )

    def to_json(self):
        """A dict of lists, the names of the attributes its keys."""
        values = dataclasses.asdict(self)
        return {name: value and list(value) for name, value in values.items()}

    @classmethod
    def from_json(cls, values):
        """What `to_json` gave.

        Raises:
            ValueError: if names are missing or are not known.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            raise ValueError(
                f"Fields of cells have the names {', '.join(sorted(names))}. Received: "
                f"{', '.join(sorted(values))}. Write them again with this version."
            )
        return cls(**{name: value and tuple(value) for name, value in values.items()})

    def _around_centres(self, lengths):
        """What lies `lengths` around the centres, clipped: float[h, 2], float[w, 2]."""
        return tuple(
            np.clip(centres[:, None] + length * np.array([-0.5, 0.5]), 0, pixels)
            for centres, length, pixels in zip(self.centres(), lengths, self.image_size)
        )

    def _box(self, lengths, row, column):
        rows, columns = self._around_centres(lengths)
        (top, bottom), (left, right) = rows[row], columns[column]
        return float(top), float(left), float(bottom), float(right)


def fields_of(model, output=None):
    """Where the cells of an encoder's grid look.

    A layer with convolutions inside says how they lead from its input to its output by
    `field_branches()`: a list of branches that are added, each a list of layers that follow one
    another; an empty branch is the input itself. (`layers.FullAttention` is an example.) A
    method, because Keras stores the weights that it finds behind a property under its name.

    Args:
        model: a functional `keras.Model`, of which one input is float[B, H, W, D] with a fixed
            H and W; others, such as questions, have no place in the image.
        output: a tensor of the model, float[B, h, w, D] or float[B, P, D]. None: its output.

    Returns:
        `Fields`; None if no cell of the output has a place in the image: if it sees nothing of
        it, or all of it in the same way, as a classifier does.

    Raises:
        ValueError: naming the layer that is not understood.

    Example:
        >>> fields_of(small_cnn((75, 75))).pitch
        (16.0, 16.0)
    """
    images = [tensor for tensor in model.inputs if len(tensor.shape) == 4]
    if len(images) != 1 or None in images[0].shape[1:3]:
        raise ValueError(
            "One input must be an image of a fixed size, [B, H, W, D]. Received: inputs of "
            f"shapes {[tuple(tensor.shape) for tensor in model.inputs]}. Build the encoder for "
            "one size of images."
        )
    outputs = model.outputs if output is None else [output]
    if len(outputs) != 1:
        raise ValueError(
            f"Which output is the grid? Received: a model with {len(outputs)}. Pass one of "
            "them as `output`."
        )
    size = images[0].shape[1:3]
    view = _view(outputs[0], [images[0]], [_View.of_pixels(size)])
    return view and view.to_fields(size)


@dataclasses.dataclass(frozen=True)
class _View:
    """What a tensor's cell 0 sees: c, q, l, h and the mass of the top of this file.

    Arrays of two: (down, right). `grid`: int[2], h and w.
    """

    grid: np.ndarray
    centre: np.ndarray
    pitch: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mass: float = 1.0

    @classmethod
    def of_pixels(cls, size):
        zeros = np.zeros(2)
        return cls(np.array(size), zeros + 0.5, zeros + 1, zeros, zeros + 1)

    def step(self, kernel, stride, dilation, before, grid):
        """Through an operation; each argument is two integers, `before` is a."""
        start = -self.pitch * before
        reach = self.pitch * dilation * (kernel - 1)
        return dataclasses.replace(
            self,
            grid=grid,
            centre=self.centre + start + reach / 2,
            pitch=self.pitch * stride,
            low=self.low + start,
            high=self.high + start + reach,
        )

    def has_cells_of(self, shape):
        """Whether a tensor has these cells, as a grid or one after the other."""
        one_after_the_other = len(shape) == 3 and shape[1] == self.grid.prod()
        return one_after_the_other or tuple(shape[1:3]) == tuple(self.grid)

    def to_fields(self, image_size):
        extent = 2 * np.maximum(self.centre - self.low, self.high - self.centre)
        values = (self.centre, self.pitch, extent, np.array(image_size), self.grid)
        return Fields(*(tuple(value.tolist()) for value in values))


def _view(output, inputs, views):
    """The view of a tensor, from those of the model's inputs; None: it has no place."""
    known = {id(tensor): view for tensor, view in zip(inputs, views, strict=True)}
    # With a stack of its own: deep networks have more layers than Python has calls.
    stack = [output]
    while stack:
        history = stack[-1]._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        missing = [tensor for tensor in node.input_tensors if id(tensor) not in known]
        if missing and id(stack[-1]) not in known:
            stack += missing
            continue
        tensor = stack.pop()
        if id(tensor) not in known:
            seen = [known[id(t)] for t in node.input_tensors]
            known[id(tensor)] = _through(history, tensor, node.input_tensors, seen)
    return known[id(output)]


def _through(history, tensor, inputs, views):
    """The view of what an operation of the model gives."""
    operation = history.operation
    if all(view is None for view in views):
        return None
    if getattr(operation, "inputs", None) and getattr(operation, "outputs", None):
        inside = operation.outputs[history.tensor_index]  # A model within the model.
        view = _view(inside, operation.inputs, views)
    elif hasattr(operation, "field_branches") or len(views) == 1:
        view = _through_layer(operation, views[0])  # Of others, cells come first.
    else:
        _refuse_convolution(operation)
        view = _together(operation.name, views, _weights(operation, inputs))
    if view is None or view.has_cells_of(tensor.shape):
        return None if view and _moves_cells(operation, tensor) else view
    of_grids = any(len(t.shape) == 4 for t, v in zip(inputs, views) if v is not None)
    if of_grids and len(tensor.shape) == 4 and _makes_another_grid(operation, tensor):
        raise _not_understood(
            operation,
            f"it makes a grid of {tensor.shape[1]}x{tensor.shape[2]} cells of one of "
            f"{view.grid[0]}x{view.grid[1]}, and is no convolution, pooling or padding",
        )
    return None


def _makes_another_grid(operation, tensor):
    """Whether a tensor of four axes is one: no mean over all, no heads of an attention."""
    return tuple(tensor.shape[1:3]) != (1, 1) and type(operation).__name__ != "Reshape"


def _through_layer(layer, view):
    """The view of what a layer with one input gives."""
    if view is None:
        return None
    if hasattr(layer, "field_branches"):
        branches = [_through_chain(chain, view) for chain in layer.field_branches()]
        return _together(layer.name, branches, [1.0] * len(branches))
    kernel = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if kernel is not None and not hasattr(layer, "output_padding"):
        return _through_kernel(layer, kernel, view)
    for name, sign in (("padding", 1), ("cropping", -1)):
        lines = getattr(layer, name, None)
        if np.shape(lines) == (2, 2):  # ((above, below), (left, right))
            before, after = sign * np.transpose(lines)
            one = np.ones(2, int)
            return view.step(one, one, one, before, view.grid + before + after)
    _refuse_convolution(layer)
    return view


def _through_chain(chain, view):
    for layer in chain:
        view = _through_layer(layer, view)
    return view


def _through_kernel(layer, kernel, view):
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise _not_understood(layer, 'its data_format is not "channels_last"')
    kernel = np.broadcast_to(kernel, 2)
    strides = getattr(layer, "strides", None)
    stride = kernel if strides is None else np.broadcast_to(strides, 2)
    dilation = np.broadcast_to(getattr(layer, "dilation_rate", 1), 2)
    wide = dilation * (kernel - 1) + 1
    if layer.padding == "valid":
        grid = (view.grid - wide) // stride + 1
        return view.step(kernel, stride, dilation, np.zeros(2, int), grid)
    grid = -(-view.grid // stride)
    total = np.maximum(stride * (grid - 1) + wide - view.grid, 0)
    return view.step(kernel, stride, dilation, total // 2, grid)


def _together(name, views, weights):
    """The view of a sum of branches; those without a place are left out."""
    pairs = [(view, weight) for view, weight in zip(views, weights) if view is not None]
    if not pairs:
        return None
    first = pairs[0][0]
    for view, _ in pairs:
        if (view.pitch != first.pitch).any() or (view.grid != first.grid).any():
            raise ValueError(
                f"{name} adds grids of {_describe(first)} and of {_describe(view)}: its cells "
                "have no place of their own in the image."
            )
    masses = np.array([view.mass * weight for view, weight in pairs])
    centres = np.stack([view.centre for view, _ in pairs])
    return dataclasses.replace(
        first,
        centre=masses @ centres / masses.sum(),
        low=np.min([view.low for view, _ in pairs], axis=0),
        high=np.max([view.high for view, _ in pairs], axis=0),
        mass=float(masses.sum()),
    )


def _weights(operation, inputs):
    """By what the masses of an operation's inputs are multiplied."""
    kind = type(operation).__name__
    if kind == "Concatenate":  # The next kernel averages over all features.
        features = np.array([tensor.shape[-1] for tensor in inputs])
        return features / features.sum()
    return np.full(len(inputs), 1 / len(inputs) if kind == "Average" else 1.0)


# Operations of `keras.ops` and layers that may keep a grid's shape, but not its cells' places.
_MOVING = {"Flip", "Roll", "Rot90", "Transpose", "Permute", "Swapaxes", "Moveaxis"}


def _moves_cells(operation, tensor):
    """Whether cells have lost their places; raises where they are still a grid."""
    if type(operation).__name__ not in _MOVING:
        return False
    axis = getattr(operation, "axis", None)
    if axis in (-1, len(tensor.shape) - 1):
        return False
    if len(tensor.shape) == 4:
        raise _not_understood(operation, "it moves cells to other places")
    return True


def _refuse_convolution(layer):
    """Raises if there are convolutions within a layer, of which nothing is known."""
    parts = layer._flatten_layers() if hasattr(layer, "_flatten_layers") else [layer]
    tells = ("kernel_size", "pool_size", "strides", "output_padding")
    if any(hasattr(part, name) for part in parts for name in tells):
        raise _not_understood(
            layer, "it has a convolution or a pooling inside, and no method `field_branches`"
        )


def _not_understood(operation, why):
    return ValueError(
        f"Where cells look is not known behind {operation.name} ({type(operation).__name__}): "
        f"{why}. Use Keras's Conv2D, DepthwiseConv2D, SeparableConv2D, ZeroPadding2D, "
        "MaxPooling2D or AveragePooling2D, or give the layer a method `field_branches`: see "
        "encoders.fields.fields_of."
    )


def _describe(view):
    h, w = view.grid
    return f"{h}x{w} cells {view.pitch[0]:g}x{view.pitch[1]:g} pixels apart"
