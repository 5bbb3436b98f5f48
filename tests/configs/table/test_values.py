"""Configs are checked by the table in base.py, filled where a key is absent, and compared."""

import importlib
import pathlib
import re

import pytest
from ml_collections import ConfigDict

from hardvqa_tf import configs, layers
from hardvqa_tf.configs import base
from hardvqa_tf.configs.table import values
from hardvqa_tf.configs.table.kinds import Value, choice, count, merge, to_config
from hardvqa_tf.encoders import question_lstm
from hardvqa_tf.maps import MAP_ENCODERS
from hardvqa_tf.vqa.score import LOSSES

TABLE = values.flatten(base.TABLES["vqa"])
NAMES = sorted(p.stem for p in pathlib.Path(configs.__file__).parent.glob("*.py"))
EXPERIMENTS = [name for name in NAMES if name != "__init__"]
NAN, INF = float("nan"), float("inf")

# A value that cannot be, of each kind, and what is said of it.
REFUSED = [
    ("model.attention", "typo", "must be one of: none, soft, han, adahan."),
    ("model.attention", "hann", "Did you mean 'han'?"),
    ("model.aggregator", "relations", "Did you mean 'relation'?"),
    ("model.mixer", "bilevel", "Did you mean 'bilevel_routing'?"),
    ("model.image_encoder", "resnet50", "Did you mean 'resnet101'?"),
    ("model.adahan.norm", "l1", "must be one of: l2, squared."),
    ("model.additive.token_weights", "", "must be one of: l2, ones, softmax, none."),
    ("metric", "accuracy", "must be one of: exact, vqa."),
    ("evaluator", 2019, "must be one of: 2018, 2021."),
    ("train.schedule", "cosin", "Did you mean 'cosine'?"),
    ("train.precision", "float16", "must be one of: float32, mixed_bfloat16."),
    ("train.batch_size", 0, "must be a whole number of at least 1."),
    ("train.batch_size", None, "must be a whole number of at least 1."),
    ("train.epochs", -1, "must be a whole number of at least 1."),
    ("train.epochs", True, "must be a whole number of at least 1."),
    ("train.questions_per_image", -1, "must be a whole number of at least 1, or None."),
    ("num_answers", -1, "must be a whole number of at least 1, or None."),
    ("max_words", 0, "must be a whole number of at least 1, or None."),
    ("model.han.num_cells", 0, "must be a whole number of at least 1, or None."),
    ("train.batch_size", 99999999999, "must be at most 2,147,483,647."),
    ("train.epochs", 2**31, "must be at most 2,147,483,647."),
    ("train.steps_per_epoch", 2**63, "must be at most 2,147,483,647."),
    ("train.warmup_steps", 10**400, "must be at most 2,147,483,647."),
    ("train.questions_per_image", 2**31, "must be at most 2,147,483,647."),
    ("model.question_lstm.units", 2**31, "must be at most 2,147,483,647."),
    ("model.classifier.units", (8, 2**31), "must be at most 2,147,483,647."),
    ("model.bilevel_routing.local_kernel", 2**31 + 1, "must be an odd whole number, or 0."),
    ("image_size", (100000, 100000), "must be at most 65,500."),
    ("maps.image_size", (320, 65501), "must be at most 65,500."),
    ("train.learning_rate", 1e39, "must be a finite number above 0."),
    ("train.patience", -1, "must be a whole number of at least 0."),
    ("seed", -1, "must be a whole number from 0 to 4,294,967,295."),
    ("seed", 2**32, "must be a whole number from 0 to 4,294,967,295."),
    ("model.swiftformer_l1.stage", 5, "must be a whole number from 1 to 4."),
    ("model.bilevel_routing.local_kernel", 4, "must be an odd whole number, or 0."),
    ("train.learning_rate", -1.0, "must be a finite number above 0."),
    ("train.learning_rate", 0.0, "must be a finite number above 0."),
    ("train.learning_rate", NAN, "must be a finite number above 0."),
    ("train.learning_rate", INF, "must be a finite number above 0."),
    ("train.learning_rate", 1e-50, "above 0. In float32 it is 0."),
    ("train.ema_decay", 0.99999999999, "below 1. In float32 it is 1."),
    ("model.classifier.dropout", 1 - 1e-9, "below 1. In float32 it is 1."),
    ("model.question_norm_scale", 1e-320, "above 0, or None. In float32 it is 0."),
    ("model.han.fraction", 1e-46, "In float32 it is 0."),
    ("train.weight_decay", NAN, "must be a finite number at least 0."),
    ("train.checkpoint_minutes", INF, "must be a finite number at least 0."),
    ("train.ema_decay", 1.0, "must be a finite number at least 0 and below 1."),
    ("model.classifier.dropout", 1.0, "must be a finite number at least 0 and below 1."),
    ("model.han.fraction", 1.5, "must be a finite number above 0 and at most 1."),
    ("train.augmentation.fill", 2.0, "must be a finite number at least 0 and at most 1."),
    ("model.question_norm_scale", 0.0, "must be a finite number above 0, or None."),
    ("train.val_split", " ", "must be a text that is not empty."),
    ("records_dir", "", "must be a text that is not empty."),
    ("train.jit_compile", None, "must be True or False."),
    ("image_size", (75,), "must be 2 whole numbers of at least 1, e.g. (75, 75)."),
    ("image_size", (75, 0), "must be 2 whole numbers of at least 1, e.g. (75, 75)."),
    ("image_size", ("a", "b"), "must be 2 whole numbers of at least 1, e.g. (75, 75)."),
    ("maps.image_size", (31, 32), "must be 2 whole numbers of at least 32, e.g. (320, 320)."),
    ("model.small_cnn.filters", (), "must be whole numbers of at least 1, e.g. "),
    ("model.fusion.units", (0,), "e.g. (128, 128), or () for none."),
    ("model.relation.buckets", (16, 8), "must be ascending whole numbers of at least 1"),
    ("model.han", None, "must hold values by their names: num_cells, fraction."),
]


def section_of(config, key):
    """The section that holds a dotted key, and the key's name in it."""
    *sections, name = key.split(".")
    for part in sections:
        config = config[part]
    return config, name


def changed(key, value):
    config = base.get_config()
    section, name = section_of(config, key)
    with section.ignore_type():
        section[name] = value
    return config


@pytest.mark.parametrize(("key", "value", "said"), REFUSED, ids=str)
def test_what_cannot_be_is_refused_in_a_line(key, value, said):
    with pytest.raises(ValueError) as error:
        values.check(changed(key, value))
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"config.{key}={value!r}: ") and said in line


@pytest.mark.parametrize("key", TABLE)
def test_no_value_takes_what_is_of_no_type(key):
    """Every key is looked at: what is neither name, number nor tuple is refused."""
    with pytest.raises(ValueError, match=f"config.{key}=<object"):
        values.check(changed(key, object()))


def test_the_key_of_another_task_is_called_so_and_never_suggested():
    hint = values.hint_at("config.model.aggregator", "localize")
    assert hint == " It is a value of the task vqa; this config is of the task localize."
    assert "of the task localize;" in values.hint_at("config.train.contrast_weight", "vqa")
    assert values.hint_at("config.model.aggregater", "localize") == ""
    assert "train.contrast_weight'?" in values.hint_at(
        "config.train.contrast_wieght", "localize"
    )
    keys = {key for table in base.TABLES.values() for key in values.flatten(table)}
    for task in base.TABLES:  # Whatever is suggested to a task is its own.
        for key in sorted(keys):
            near = re.findall(r"'config\.(.+)'", values.hint_at(f"config.{key}s", task))
            assert all(values.entry_of(name, task) for name in near)
    config = base.get_config("localize")
    with config.unlocked():
        config.train.questions_per_image = 3
    with pytest.raises(ValueError, match="no such value. It is a value of the task vqa; this"):
        values.check(config)


@pytest.mark.parametrize(("own", "called"), [("localize", "vqa"), ("vqa", "localize")])
def test_a_config_that_is_called_of_another_task_is_refused_in_one_sentence(own, called):
    config = base.get_config(own)
    config.task = called
    with pytest.raises(ValueError) as error:
        values.check(config)
    said = str(error.value)
    assert said.startswith(f"config.task='{called}': the other values of this config are those")
    assert f"of the task {own}. " in said and "\n" not in said


def test_every_wrong_value_has_a_line():
    config = changed("train.batch_size", 0)
    config.model.mixer = "adaptive"
    with pytest.raises(ValueError) as error:
        values.check(config)
    assert [line.split("=")[0] for line in str(error.value).splitlines()] == [
        "config.model.mixer",
        "config.train.batch_size",
    ]


def test_a_misspelt_key_is_refused_with_the_nearest_one():
    config = base.get_config()
    with config.unlocked():
        config.train.epoch = 3
    with pytest.raises(ValueError, match="config.train.epoch=3: there is no .* 'epochs'?"):
        values.check(config)
    with pytest.raises(ValueError, match="config.task='vqa2': must be one of: vqa"):
        values.check({"task": "vqa2"})


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_passes(name):
    config = importlib.import_module(f"hardvqa_tf.configs.{name}").get_config()
    values.check(config)
    values.check(values.completed(config))  # as it is stored: tuples are lists


def test_the_table_is_what_a_config_has():
    config = base.get_config()
    assert values.flatten(config).keys() == TABLE.keys() - {"builder_args"}
    assert all(isinstance(entry, Value) for entry in TABLE.values())
    for key, entry in TABLE.items():
        section, name = section_of(config, key)
        assert section.get_type(name) in (entry.type, ConfigDict), key
        assert entry.comment and entry.allowed, key
        assert entry.complaint(entry.default) is None, key
        assert entry.complaint(entry.where_absent) is None, key


TAKES_CHOICE = [
    ("model.additive.token_weights", layers.EfficientAdditiveAttention, {}),
    ("model.adahan.norm", layers.AdaptiveHardAttention, {}),
    ("model.fusion.how", layers.Fusion, {"units": (3,)}),
    ("model.relation.pairs", layers.RelationNetwork, {"units": (3,)}),
    ("model.question_lstm.pool", question_lstm, {"vocabulary_size": 5}),
]


@pytest.mark.parametrize(
    ("key", "make", "others"), TAKES_CHOICE, ids=lambda v: getattr(v, "__name__", str(v))
)
def test_the_names_of_the_table_are_those_of_the_part(key, make, others):
    argument = key.rpartition(".")[2]
    for name in TABLE[key].choices:
        make(**others, **{argument: name})
    with pytest.raises(ValueError, match=argument):
        make(**others, **{argument: "another"})


def test_the_names_of_the_table_are_those_of_the_program():
    assert TABLE["train.loss"].choices == tuple(LOSSES)
    assert TABLE["maps.encoder"].choices == tuple(MAP_ENCODERS)


# A program that is newer than a run: keys that the run lacks, one with another default now.
NEWER = {
    "seed": count(1, "a"),
    "part": {"centred": choice("yes", ("yes", "no"), "b", absent="no"), "size": count(3, "c")},
}


@pytest.fixture
def newer(monkeypatch):
    monkeypatch.setitem(base.TABLES, "vqa", NEWER)


def test_a_key_that_a_run_lacks_has_the_value_of_then(newer):
    assert to_config(NEWER).part.centred == "yes"  # today's
    assert values.complete({"seed": 2}) == {"seed": 2, "part": {"centred": "no", "size": 3}}
    assert values.complete({"part": {"centred": "yes"}})["part"]["centred"] == "yes"
    assert values.completed(to_config(NEWER)).part.centred == "yes"


def test_what_new_runs_have_and_older_ones_do_not():
    of_older = {"model.small_cnn.centred": False}
    table = values.flatten(base.TABLES["vqa"])
    changed = {key: v.where_absent for key, v in table.items() if v.where_absent != v.default}
    assert changed == of_older
    older = values.flatten(values.complete({"seed": 0}))
    assert {key: older[key] for key in of_older} == of_older


def test_two_configs_differ_where_their_filled_values_do(newer):
    config = to_config(NEWER)
    config.part.centred = "no"
    assert values.differences({"seed": 1}, config) == []  # a run of before there was a part
    config.part.centred, config.part.size = "yes", 4
    assert values.differences({"seed": 1}, config) == ["part.centred", "part.size"]


def test_a_stored_key_that_is_not_known_is_refused(newer):
    with pytest.raises(ValueError, match="does not know part.x={'y': 2}. A newer version of"):
        values.complete({"part": {"x": {"y": 2}}})


@pytest.mark.parametrize("stored", [[], "x", None, {"model": 3}, {"train": [1]}], ids=str)
def test_what_is_no_config_is_refused(stored):
    with pytest.raises(ValueError, match="should be values by their names. Received: "):
        values.complete(stored)


def test_a_key_under_its_older_name():
    stored = {"model": {"question_lstm": {"norm_scale": 0.1, "units": 7}}}
    filled = values.complete(stored)["model"]
    assert filled["question_norm_scale"] == 0.1
    assert filled["question_lstm"]["units"] == 7 and "norm_scale" not in filled["question_lstm"]


def test_what_a_config_stores_is_stored_as_it_is():
    config = base.get_config()
    config.builder_args = {"num_train_images": 3}
    stored = values.as_json(config)
    assert stored["image_size"] == [75, 75]
    assert values.complete(stored) == stored
    assert values.differences(stored, config) == []


def test_flatten():
    config = {"a": {"b": 1, "c": {}}, "d": ConfigDict({"e": (2, 3)})}
    assert values.flatten(config) == {"a.b": 1, "d.e": (2, 3)}


def test_merge():
    assert merge({"a": {"b": 1}, "c": 2}, {"a": {"d": 3}, "e": 4}) == {
        "a": {"b": 1, "d": 3},
        "c": 2,
        "e": 4,
    }


def test_the_nearest_key_has_a_near_name():
    assert "config.train.patience" in values.nearest_key("config.train.patienc")
    assert values.nearest_key("config.train.optimizer") == ""
