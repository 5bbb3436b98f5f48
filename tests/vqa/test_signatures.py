"""The table of an export's outputs says what the graph gives, and all who show it agree."""

import pathlib
import re

import pytest

from hardvqa_tf.vqa.pictures.looks import LOOKS
from hardvqa_tf.vqa.signatures import OUTPUTS, AnswerGraph, Output, outputs_of
from hardvqa_tf.vqa.slots import MIXERS, SLOTS, Reads, who_gives
from tests.export.test_savedmodel import MIXER_ARGS, VOCABULARIES, build_model

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("attention", "mixer"),
    [("han", "none"), ("soft", "additive"), ("han", "bilevel_routing")]
    + [("none", "query_guided")],
)
def test_the_table_is_what_the_graph_gives(attention, mixer):
    mixed = {} if mixer == "none" else {"mixer": mixer, "mixer_args": MIXER_ARGS[mixer]}
    graph = AnswerGraph(build_model(attention, **mixed), VOCABULARIES)
    found = graph.answer.get_concrete_function().structured_outputs
    table = outputs_of({"attention": attention, "mixer": mixer})
    assert set(found) == {output.name for output in table}
    sizes = {"H": 3, "W": 3, "R": 4, "T": 5}  # of `build_model` and MIXER_ARGS
    for output in table:
        expected = [sizes.get(axis, axis) for axis in output.axes]
        assert found[output.name].shape.as_list() == [None, *expected], output.name
        assert found[output.name].dtype.name == output.dtype, output.name


def test_a_name_stands_once_and_what_parts_give_is_known():
    names = [output.name for output in OUTPUTS]
    assert len(set(names)) == len(names) and {*LOOKS} < {*names}
    given = [
        name for parts in SLOTS.values() for part in parts.values() for name in part.outputs
    ]
    assert len(set(given)) == len(given) and {*given} < {*names}
    for mixer in MIXERS.values():  # What each looked at can be drawn.
        number = 0 if mixer.reads is Reads.NOTHING else 1
        assert len({*mixer.outputs} & {*LOOKS}) == number


def test_a_kind_is_written_as_documents_have_it():
    output = Output("word_weights", "float32", ("H", "W", "T"), "")
    assert output.kind("B", "Q") == "float32[B, Q, H, W, T]"
    assert output.kind(H=2, W=3, T=7) == "float32[2, 3, 7]"
    assert Output("status", "string", (), "").kind() == "string"


def test_the_docs_have_the_table():
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    lines = text[text.index("| output | | | of a model with |") :].split("\n\n")[0].splitlines()
    assert lines[2:] == [
        f"| `{output.name}` | {output.kind('N')} | {output.meaning} | "
        + (f"`{'='.join(giver)}` |" if (giver := who_gives(output.name)) else "|")
        for output in OUTPUTS
    ]


def block_of_page(name):
    """{name: text} of an object of strings in the page's NAMES."""
    path = ROOT / "hardvqa_tf" / "serving" / "page" / "vqa.js"
    text = path.read_text(encoding="utf-8")
    block = re.search(rf"\b{name}: \{{([^{{}}]*)\}}", text[text.index("const NAMES") :])[1]
    found = re.findall(r'(\w+): "([^"]*)"', block)
    assert len(found) == block.count(":") - sum(text.count(":") for _, text in found)
    return dict(found)


def test_the_page_reads_what_there_is():
    assert {*block_of_page("outputs").values()} == {output.name for output in OUTPUTS}


@pytest.mark.parametrize("slot", ["mixer", "attention", "aggregator"])
def test_the_page_has_words_for_every_part(slot):
    assert block_of_page(slot) == {name: part.description for name, part in SLOTS[slot].items()}
