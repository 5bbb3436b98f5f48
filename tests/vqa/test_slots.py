"""The names that plug together stand once, and a config has a section of arguments for each."""

import ast
import inspect
import pathlib
import subprocess
import sys

import pytest

from hardvqa_tf import layers
from hardvqa_tf.configs import base
from hardvqa_tf.maps import MAP_ENCODERS
from hardvqa_tf.vqa import model, slots

PACKAGE = pathlib.Path(slots.__file__).parents[1]

TABLES = {
    "image_encoder": model.IMAGE_ENCODERS,
    "mixer": model.MIXERS,
    "attention": model.ATTENTIONS,
    "aggregator": model.AGGREGATORS,
}


def test_the_model_makes_every_part():
    assert {slot: list(table) for slot, table in TABLES.items()} == {
        slot: list(parts) for slot, parts in slots.SLOTS.items()
    }
    empty = [(slot, name) for slot in TABLES for name in TABLES[slot] if not TABLES[slot][name]]
    assert empty == [("mixer", "none")]
    assert model.ATTENTIONS["adahan"].__name__ == "AdaptiveHardAttention"


def test_a_config_has_arguments_for_every_part():
    config = base.get_config().model
    assert slots.SLOTS.keys() <= set(config)
    assert slots.all_names() <= set(config)


def test_titles_tell_the_parts_of_a_slot_apart():
    for parts in slots.SLOTS.values():
        assert len({part.title for part in parts.values()}) == len(parts)
        assert len({part.description for part in parts.values()}) == len(parts)


def test_a_new_part_must_say_what_it_is():
    told = ("HardAttention", "new", "new attention")
    with pytest.raises(TypeError, match="'keeps' and 'alone'"):
        slots.Attention(*told)
    with pytest.raises(TypeError, match="'reads'"):
        slots.Mixer(*told)
    with pytest.raises(TypeError, match="'makes_maps'"):
        slots.ImageEncoder(*told)


def test_what_a_part_is_said_to_be_fits_the_layer():
    for parts in (slots.MIXERS, slots.ATTENTIONS, slots.AGGREGATORS):
        for part in parts.values():
            if part.maker:
                known = inspect.signature(getattr(layers, part.maker)).parameters
                assert part.static_args.keys() <= known.keys()
    makes_maps = {name for name, part in slots.IMAGE_ENCODERS.items() if part.makes_maps}
    assert makes_maps == MAP_ENCODERS.keys()


def test_nobody_else_compares_the_name_of_a_part():
    """A new part would be forgotten there, in silence: what a part is, `slots` says."""
    own = {name for table in slots.SLOTS.values() for name in table}
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and _has_slot(node) and _strings(node) & own:
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert not found, found


def _has_slot(node):
    """Whether what is compared is called as a slot is: `run.attention`, `facts["mixer"]`."""
    names = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return bool((names | _strings(node)) & slots.SLOTS.keys())


def _strings(node):
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}


def test_an_unknown_part_is_told_with_those_that_there_are():
    with pytest.raises(ValueError, match="attention='hard'. Use one of: none, soft, han, ada"):
        slots.part("attention", "hard")


def test_what_a_run_uses():
    used = {"image_encoder": "features", "attention": "soft", "aggregator": "sum"}
    assert slots.names_in_use(used) == {"features", "soft", "sum", "none"}  # before mixers
    assert slots.names_in_use(used | {"mixer": "additive"}) == {
        *("features", "soft", "sum", "additive")
    }


def test_names_need_no_keras():
    code = "import sys; from hardvqa_tf.vqa import slots; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
