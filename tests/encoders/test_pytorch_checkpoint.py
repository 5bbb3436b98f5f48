"""Checkpoints of PyTorch: what fits is loaded wholly, all else is an error that helps."""

import argparse
import pickle

import keras
import numpy as np
import pytest

from hardvqa_tf.encoders import biformer, swiftformer
from hardvqa_tf.encoders.pytorch_checkpoint import (
    CheckpointMismatch,
    assign,
    load_checkpoint,
    read_checkpoint,
)
from tests.encoders.drawn import drawn_checkpoint


@pytest.fixture(scope="module", name="tensors")
def _tensors():
    """All that a checkpoint of SwiftFormer-XS for classification holds."""
    return drawn_checkpoint("swiftformer_xs")


def _values(model):
    return {v.path: np.array(v) for v in model.variables if "seed" not in v.path}


def _changed(before, model):
    return {path for path, value in _values(model).items() if (value != before[path]).any()}


def _load(model, tensors, stage):
    """As `swiftformer` loads it for a grid."""
    assign(
        model,
        tensors,
        lambda name: swiftformer.modules_of(name, stage),
        lambda name: swiftformer._leaves_out(stage, name),
        may_lack=("norm",) if stage < 4 else (),
    )


def test_every_weight_comes_from_the_checkpoint(tensors):
    model = swiftformer.swiftformer((32, 32), stage=2)
    before = _values(model)
    _load(model, tensors, stage=2)
    # A norm after stage 2 is in no checkpoint for classification: still the identity.
    kept = {path for path in before if path.startswith("norm/")}
    assert len(kept) == 4
    assert _changed(before, model) == set(before) - kept
    for path in kept:
        np.testing.assert_array_equal(_values(model)[path], before[path])


def test_detections_norms_are_the_grids(tensors):
    names = ("weight", "bias", "running_mean", "running_var")
    fork = {f"norm2.{name}": np.arange(56.0) + i for i, name in enumerate(names)}
    model = swiftformer.swiftformer((32, 32), stage=2)
    _load(model, tensors | fork, stage=2)
    np.testing.assert_array_equal(model.get_layer("norm").beta, np.arange(56) + 1)


def _break(tensors, lacks=(), **adds):
    return {n: t for n, t in tensors.items() if n not in lacks} | adds


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lacks": ["network.0.1.pwconv1.bias"]}, "It lacks: network.0.1.pwconv1.bias"),
        (
            {"network.0.2.attn.to_key.weight": np.zeros((48, 47), "float32")},
            "network.0.2.attn.to_key.weight 48x47 for 48x48",
        ),
        (
            {"network.0.2.attn.w_g": np.zeros((47, 1), "float32")},
            "network.0.2.attn.w_g 47x1 for 48",
        ),
        (
            {"network.0.0.dwconv.weight": np.zeros((48, 48, 3, 3), "float32")},
            "network.0.0.dwconv.weight 48x48x3x3 for 3x3x48x1",
        ),
        (
            {"patch_embed.9.weight": np.zeros(3)},
            "what the model does not: patch_embed.9.weight",
        ),
    ],
    ids=["missing", "matrix", "vector", "depthwise", "unknown"],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(tensors, change, said):
    model = swiftformer.swiftformer((32, 32), stage=1)
    before = _values(model)
    with pytest.raises(CheckpointMismatch, match=said):
        _load(model, _break(tensors, **change), stage=1)
    assert not _changed(before, model)


def test_square_kernels_are_turned(tensors):
    """A matrix of 48 x 48 fits either way round."""
    model = swiftformer.swiftformer((32, 32), stage=1)
    _load(model, tensors, stage=1)
    attention = model.get_layer("stage_1_block_3_attention")
    expected = tensors["network.0.2.attn.to_key.weight"].T
    np.testing.assert_array_equal(attention.key.kernel, expected)


def test_another_variants_checkpoint_says_so(tensors):
    model = biformer.biformer((32, 32), stage=1, num_regions=2)
    with pytest.raises(CheckpointMismatch, match=r"and \d+ more.*Build the variant"):
        assign(model, tensors, biformer.modules_of)


def test_safetensors(tensors, tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "xs.safetensors"
    numpy.save_file({name: np.ascontiguousarray(t) for name, t in tensors.items()}, path)
    model = swiftformer.swiftformer((32, 32), stage=1, weights=path)
    kernel = np.array(model.get_layer("stem_2_conv").kernel)
    expected = np.transpose(tensors["patch_embed.3.weight"], (2, 3, 1, 0))
    np.testing.assert_array_equal(kernel, expected)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="If a copy was cut off, copy it again"):
        read_checkpoint(path)


def test_torch_files_as_training_scripts_write_them(tensors, tmp_path):
    torch = pytest.importorskip("torch")
    path = str(tmp_path / "xs.pth")
    state = {name: torch.from_numpy(np.array(t)) for name, t in tensors.items()}
    flags = argparse.Namespace(lr=1e-3, model="SwiftFormer_XS")
    torch.save({"model": state, "epoch": 299, "args": flags}, path)
    found = read_checkpoint(path)
    assert found.keys() == tensors.keys()
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor, tensors[name])
    with pytest.raises(ValueError, match="does not fit the model.*It lacks"):
        load_checkpoint(biformer.biformer((32, 32), stage=1), path, biformer.modules_of)


class Harm:
    """Unpickled, it would run a function."""

    done = []

    def __reduce__(self):
        return (Harm.done.append, ("harm",))


def test_code_in_a_checkpoint_does_not_run(tmp_path):
    torch = pytest.importorskip("torch")
    path = str(tmp_path / "harm.pth")
    torch.save({"model": {"weight": torch.zeros(1)}, "args": Harm()}, path)
    with pytest.raises(ValueError, match="without running code from it"):
        read_checkpoint(path)
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(ValueError, match="without running code from it"):
        read_checkpoint(tmp_path / "raw.pth")
    assert not Harm.done


def test_a_file_without_tensors_says_what_to_save(tmp_path):
    torch = pytest.importorskip("torch")
    path = str(tmp_path / "empty.pth")
    torch.save({"epoch": 3}, path)
    with pytest.raises(ValueError, match=r"Save the model's state_dict\(\)"):
        read_checkpoint(path)


def test_a_layer_that_nobody_knows_is_not_left_at_random():
    image = keras.Input((4, 5))
    model = keras.Model(image, keras.layers.LSTM(3, name="memory")(image))
    with pytest.raises(TypeError, match="No PyTorch counterpart is known of the layer memory"):
        assign(model, {}, lambda name: [name])
