"""The table of an export's outputs says what the graph gives, and all who show it agree."""

import pathlib
import re

import pytest

from hardvqa_tf.vqa.pictures.looks import LOOKS
from hardvqa_tf.vqa.signatures import OUTPUTS, AnswerGraph, Output, outputs_of
from hardvqa_tf.vqa.slots import SLOTS
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


def test_a_name_stands_once_and_its_part_is_known():
    names = [output.name for output in OUTPUTS]
    assert len(set(names)) == len(names) and {*LOOKS} < {*names}
    for output in OUTPUTS:
        assert (output.slot is None) == (output.part is None)
        assert output.slot is None or output.part in SLOTS[output.slot]


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
        + (f"`{output.slot}={output.part}` |" if output.slot else "|")
        for output in OUTPUTS
    ]


def test_the_page_reads_what_there_is():
    path = ROOT / "hardvqa_tf" / "serving" / "page" / "vqa.js"
    block = re.search(r"outputs: \{(.*?)\}", path.read_text(encoding="utf-8"), re.DOTALL)[1]
    assert set(re.findall(r': "(\w+)"', block)) == {output.name for output in OUTPUTS}
