"""docs/attention.md: its examples run as they stand, its costs and claims are the layers'."""

import contextlib
import importlib.util
import io
import pathlib
import re
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import operations
from hardvqa_tf import layers
from hardvqa_tf.configs import sort_of_clevr
from hardvqa_tf.runs import Run
from hardvqa_tf.vqa.task import build_model

DOCS = pathlib.Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "attention.md").read_text(encoding="utf-8")


def test_the_examples_print_what_the_page_says():
    examples = re.findall(r"```python\n(.*?)```\n\n?((?:    [^\n]*\n)*)", PAGE, re.S)
    assert len(examples) == 9
    names = {}
    for code, expected in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        assert printed.getvalue() == textwrap.dedent(expected), code


# Costs.

SIZES = {"P": 24, "D": 10, "Dq": 7, "T": 5, "R": 4, "C": 3, "h": 11, "hops": 2}


def cost_on_the_page(way):
    """(formula, its value for Sort-of-CLEVR) of a row of the page's table."""
    row = rf"^\| `{way}` \| ([^|]*P·D[^|]*) \| ([\d,]+) \|"
    ((formula, value),) = re.findall(row, PAGE, re.M)
    return formula, int(value.replace(",", ""))


def evaluate(formula, sizes):
    return eval(formula.replace("·", "*").replace("²", "**2"), dict(sizes))


# Of a training step, held against TensorFlow's graph in test_benchmarks.py: six operations for
# each multiply-add, but two for the choice of routes, which has no gradient.
IN_TRAINING = {
    "soft": operations.soft_attention(1, 24, 10, 7, 11, 2),
    "additive": operations.additive(1, 24, 10, 7),
    "bilevel_routing": operations.bilevel_routing(1, 24, 10, 7, 4, 3 * 6, 3) + 4 * 4 * 4 * 10,
    "query_guided": operations.query_guided(1, 24, 5, 10, 7, 11),
}


@pytest.mark.parametrize("way", IN_TRAINING)
def test_the_formulas_are_those_of_the_benchmarks(way):
    formula, _ = cost_on_the_page(way)
    assert 6 * evaluate(formula, SIZES) == IN_TRAINING[way]


def test_the_numbers_are_those_of_the_config():
    model = sort_of_clevr.get_config().model
    assert model.bilevel_routing.local_kernel == 3
    sizes = {
        "P": 25,
        "D": model.fusion.units[-1],
        "Dq": model.question_lstm.units,
        "T": 13,  # words of the longest question
        "R": model.bilevel_routing.num_regions**2,
        "C": model.bilevel_routing.top_k,
        "hops": model.soft.num_hops,
    }
    for way in IN_TRAINING:
        formula, value = cost_on_the_page(way)
        hidden = {"h": model[way].get("hidden_dim")}
        assert evaluate(formula, sizes | hidden) == value, way
    for num_cells in (model.han.num_cells, 25):
        pairs = num_cells * (num_cells + 1) // 2
        trained = operations.relation(
            1, num_cells, pairs, sizes["D"] + 2, sizes["Dq"], model.relation.units
        )
        assert f"{trained // 6:,}" in PAGE  # forward: a third of a step, two operations each


# What a mask promises.

MIXERS = {
    "additive": layers.EfficientAdditiveAttention(use_question=True),
    "bilevel_routing": layers.BiLevelRoutingAttention(
        num_heads=2, num_regions=2, top_k=3, local_kernel=3, use_question=True
    ),
    "query_guided": layers.QueryGuidedAttention(num_heads=2, hidden_dim=11),
}


@pytest.mark.parametrize(
    ("mixer", "reaches"),
    [("none", False), ("additive", True), ("bilevel_routing", True), ("query_guided", False)],
)
def test_a_dropped_cell_reaches_the_answer_only_where_cells_met(mixer, reaches):
    rng = np.random.default_rng(0)
    cells = tf.Variable(rng.normal(size=(1, 24, 10)).astype("float32"))
    question = rng.normal(size=(1, 7)).astype("float32")
    words = rng.normal(size=(1, 5, 7)).astype("float32")
    with tf.GradientTape() as tape:
        if mixer == "none":
            mixed = cells
        elif mixer == "query_guided":
            mixed = MIXERS[mixer](cells, words)["cells"]
        else:
            grid = (1, 4, 6, 10) if mixer == "bilevel_routing" else (1, 24, 10)
            met = MIXERS[mixer](tf.reshape(cells, grid), question)["cells"]
            mixed = cells + tf.reshape(met, (1, 24, 10))
        kept = layers.HardAttention(num_cells=6)(mixed)
        answer = tf.reduce_sum(kept["cells"] ** 3)  # of squares, a norm fixes the sum
    gradient = np.abs(tape.gradient(answer, cells)).max(axis=-1)[0]
    mask = kept["mask"].numpy()[0]
    assert (gradient[mask] > 0).all()
    assert (gradient[~mask] > 0).any() == reaches


# The pictures.


@pytest.fixture(scope="module")
def pictures():
    path = DOCS / "attention_pictures.py"
    spec = importlib.util.spec_from_file_location("attention_pictures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_question_is_found_by_its_number(pictures, records_dir):
    encoded, text, answer = pictures.find_question(records_dir, "val", 0)
    assert encoded[:4] == b"\x89PNG" and text.endswith("?") and answer
    # Six questions an image: the next one is about the next image.
    other, *_ = pictures.find_question(records_dir, "val", 6)
    assert pictures.find_question(records_dir, "val", 5)[0] == encoded != other
    with pytest.raises(SystemExit, match="no question 36 .* below 36. Give another --question"):
        pictures.find_question(records_dir, "val", 36)


def test_a_model_is_asked(pictures, config, vocabularies, records_dir):
    config.model.mixer = "query_guided"
    run = Run(build_model(config, vocabularies), config, vocabularies)
    encoded, question, _ = pictures.find_question(records_dir, "val", 1)
    outputs, predictions, words = pictures.ask(run, encoded, question)
    assert "".join(words) == question.replace(" ", "").casefold()
    # The words are those that the weights are of: behind them is padding.
    read = outputs["word_weights"].sum(axis=(0, 1)) > 0
    assert np.flatnonzero(read).tolist() == list(range(len(words)))
    assert predictions[0][0] == vocabularies.answers.answers[outputs["logits"].argmax()]


def test_every_way_has_a_picture_of_the_same_size(pictures):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (20, 24, 3)).astype(np.uint8)
    mask = np.array([[True, False, True], [False, True, False]])
    hard = {"mask": mask, "presence": rng.random((2, 3), np.float32)}
    outputs = {
        "han": hard,
        "adahan": hard,
        "soft": hard | {"mask": rng.random((2, 3), np.float32)},
        "additive": hard | {"cell_weights": rng.normal(size=(2, 3))},
        "bilevel_routing": hard | {"routes": np.eye(4, dtype=bool)},
        "query_guided": hard | {"word_weights": rng.random((2, 3, 5), np.float32)},
    }
    words, answers = ["is", "it", "red", "?"], [("no", 0.6), ("yes", 0.4)]
    drawn = {
        way: pictures.draw_way(way, image, "is it red?", "yes", given, answers, words)
        for way, given in outputs.items()
    }
    assert [*drawn] == list(pictures.WAYS)
    assert {picture.shape for picture in drawn.values()} == {drawn["han"].shape}
    # The image is the same everywhere, and what is beside it nowhere.
    column = slice(pictures.MARGIN, pictures.MARGIN + pictures.COLUMN)
    beside = {picture[:, column.stop :].tobytes() for picture in drawn.values()}
    assert {picture[:, column].tobytes() for picture in drawn.values()} == {
        drawn["han"][:, column].tobytes()
    }
    assert len(beside) == len(drawn)
