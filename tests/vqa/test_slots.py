"""The names that plug together stand once, and a config has a section of arguments for each."""

import subprocess
import sys

from hardvqa_tf.configs import base
from hardvqa_tf.vqa import model, slots

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
