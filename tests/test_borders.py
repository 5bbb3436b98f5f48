"""The laws of the house: who may import whom, that everything imports, and every config."""

import ast
import importlib
import pathlib
import re
import subprocess
import sys

import pytest

from hardvqa_tf.localize.model import build_localizer
from hardvqa_tf.score_files import SCORERS
from hardvqa_tf.tasks import TASKS
from hardvqa_tf.vqa.task import build_model
from hardvqa_tf.vqa.text import AnswerVocabulary, QuestionTokenizer

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("records", "hardvqa_tf")
COMMAND_LINE = pathlib.Path("hardvqa_tf/command_line")
FILES = sorted(
    path.relative_to(ROOT)
    for path in [
        ROOT / "main.py",
        *(p for name in PACKAGES for p in (ROOT / name).rglob("*.py")),
    ]
)
CONFIGS = sorted(
    path.stem
    for path in (ROOT / "hardvqa_tf" / "configs").glob("*.py")
    if path.stem != "__init__"
)

# Parameters of every config's model, for a vocabulary of 20 words and 11 answers.
GOLDEN = {
    "base": 336_883,
    "boxes": 678_897,
    "clevr": 701_683,
    "clevr_sample": 356_667,
    "coco": 678_897,
    "coco_maps": 105_155_749,
    "coco_maps_before": 91_684_389,
    "coco_maps_biformer": 84_532_325,
    "coco_maps_last": 86_325_157,
    "coco_maps_resnet101": 124_226_213,
    "coco_maps_swiftformer": 69_533_605,
    "easy_vqa": 224_059,
    "jsonl": 356_155,
    "sketch_scenes": 678_897,
    "quickdraw_scenes": 678_897,
    "sketch_scenes_full": 678_897,
    "sort_of_clevr": 282_427,
    "sort_of_clevr_full": 406_075,
    "voc": 678_897,
    "voc_maps": 105_155_749,
    "vqa_cp": 5_892_563,
    "vqa_cp_adahan_pairwise": 6_683_603,
    "vqa_cp_adahan_sum": 5_892_563,
    "vqa_cp_all_cells": 5_892_563,
    "vqa_cp_han_pairwise": 6_683_603,
    "vqa_cp_no_fused_layers": 6_415_827,
    "vqa_cp_san": 6_943_187,
    "vqa_v2": 5_892_563,
}


def modules_of(path):
    """Full names of everything that a file imports anywhere, functions included."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full, not relative ones"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages_of(path):
    return {name.split(".")[0] for name in modules_of(path)}


def below(*folders):
    return [path for path in FILES if path.parts[: len(folders)] == folders]


def test_the_files_are_found():
    names = {str(path) for path in FILES}
    assert {"main.py", "records/schema.py", "hardvqa_tf/layers/fusion.py"} <= names


@pytest.mark.parametrize("path", below("records"), ids=str)
def test_records_know_no_model(path):
    allowed = {
        "records",
        "numpy",
        "tensorflow",
        "PIL",
        "scipy",
        "tqdm",
        *sys.stdlib_module_names,
    }
    optional = {
        "easy_vqa.py": "easy_vqa",
        "beam.py": "apache_beam",
        "svg.py": "svgpathtools",
        "resplit_report.py": "matplotlib",
    }
    allowed.add(optional.get(path.name))
    assert packages_of(path) <= allowed


def test_easy_vqa_is_imported_only_when_needed():
    tree = ast.parse(
        (ROOT / "records" / "builders" / "easy_vqa.py").read_text(encoding="utf-8")
    )
    at_the_top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert not any("easy_vqa" in ast.unparse(node).split() for node in at_the_top)


# Modules of the task that compute with any backend.
KERAS_OF_LOCALIZE = (
    "boxes",
    "decoder",
    "guidance",
    "heads",
    "layer_names",
    "losses",
    "map_model",
    "map_rows",
    "model",
    "parts",
    "phases",
    "reading",
    "postprocess",
    "rows",
    "slots",
)


@pytest.mark.parametrize(
    "path",
    [
        *below("hardvqa_tf", "layers"),
        *below("hardvqa_tf", "encoders"),
        pathlib.Path("hardvqa_tf/vqa/model.py"),
        pathlib.Path("hardvqa_tf/vqa/losses.py"),
        pathlib.Path("hardvqa_tf/vqa/slots.py"),
        *(pathlib.Path(f"hardvqa_tf/localize/{name}.py") for name in KERAS_OF_LOCALIZE),
        pathlib.Path("hardvqa_tf/training/schedules.py"),
    ],
    ids=str,
)
def test_the_model_runs_on_every_keras_backend(path):
    assert packages_of(path).isdisjoint(
        {"tensorflow", "tensorflow_text", "tf_keras", "records"}
    )
    own = {name for name in modules_of(path) if name.startswith("hardvqa_tf.")}
    allowed = {"hardvqa_tf.layers"}
    if path.parent.name == "localize":
        allowed |= {f"hardvqa_tf.localize.{name}" for name in KERAS_OF_LOCALIZE}
        allowed |= {"hardvqa_tf.data.inputs", "hardvqa_tf.encoders"}
        own.discard("hardvqa_tf.localize")  # the package around them
    if path == pathlib.Path("hardvqa_tf/vqa/model.py"):
        allowed |= {
            "hardvqa_tf.data.inputs",
            "hardvqa_tf.encoders",
            "hardvqa_tf.vqa.layer_names",
            "hardvqa_tf.vqa.slots",
        }
        own.discard("hardvqa_tf.vqa")  # the package around the slots, which imports nothing
    if path.parent.name == "encoders":
        allowed.add("hardvqa_tf.encoders")
    assert all(any(name.startswith(a) for a in allowed) for name in own), own


@pytest.mark.parametrize("path", FILES, ids=str)
def test_flags_live_on_the_command_line_alone(path):
    source = (ROOT / path).read_text(encoding="utf-8")
    names = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
    flags = ("absl", "ml_collections.config_flags")
    uses_flags = "FLAGS" in names or any(n.startswith(flags) for n in modules_of(path))
    assert not uses_flags or path.parent == COMMAND_LINE


# The packages of tasks, below hardvqa_tf.
TASK_PARTS = sorted({name.split(".")[1] for name in TASKS.values()} | {"localize"})
# What each part of hardvqa_tf may import of the others, besides `records`. Names of a task's
# slots are plain Python, and all that the table of config values knows of a task.
ARROWS = {
    "layers": set(),
    "encoders": {"layers"},
    "data": set(),
    "epochs": set(),
    "pictures": set(),
    "stopping": set(),
    "tasks": set(),  # which imports a task when it is asked for
    "written": set(),
    "score_files": set(),  # which imports scorers so, too
    "report_parts": {"pictures"},
    "request_parts": set(),
    **dict.fromkeys(
        TASK_PARTS,
        {"layers", "encoders", "data", "pictures", "report_parts", "request_parts", "written"},
    ),
    "configs": {"tasks", *(f"{task}.slots" for task in TASK_PARTS)},
    "runs": {"configs", "data", "encoders", "epochs", "layers", "tasks", "written"},
    "training": {"configs", "data", "epochs", "runs", "stopping", "tasks"},
    "evaluate": {"pictures", "runs", "tasks", "written"},
    "predict": {"pictures", "runs", "tasks", "written"},
    "export": {"data", "runs", "tasks", "training", "written"},
    "report": {"configs", "evaluate", "report_parts", "runs", "tasks", "training", "written"},
    "serving": {"request_parts", "stopping", "tasks"},
    "building": {"data", "training"},
    "maps": {"data", "encoders", "training"},
}


def part_of(name):
    """The part of hardvqa_tf that a full name is in, and all after hardvqa_tf."""
    _, _, inside = name.partition("hardvqa_tf.")
    return inside.split(".")[0], inside


def test_every_part_has_its_arrows():
    parts = {path.with_suffix("").parts[1] for path in below("hardvqa_tf")} - {"__init__"}
    assert parts == {*ARROWS, "command_line"}  # which imports all


@pytest.mark.parametrize(
    "path",
    [p for p in below("hardvqa_tf") if p.parts[1] not in ("__init__.py", "command_line")],
    ids=str,
)
def test_arrows_point_down(path):
    here = path.with_suffix("").parts[1]
    allowed = {here, *ARROWS[here]}
    for name in modules_of(path):
        part, inside = part_of(name)
        if part:
            names = {inside.rsplit(".", i)[0] for i in range(inside.count(".") + 1)}
            around = any(a.startswith(f"{inside}.") for a in allowed)  # its package, empty
            assert names & allowed or around, f"{path} imports {name}"


@pytest.mark.parametrize(
    "path",
    [p for p in below("hardvqa_tf", "command_line") if p.name != "records.py"],
    ids=str,
)
def test_the_command_line_imports_the_rest_within_its_functions(path):
    """So that --help need not wait; records.py is what some functions import.

    Ctrl-C has its sentence from the start, so `stopping`, which needs nothing, is there.
    """
    heavy = {"tensorflow", "keras", "tensorflow_text", "numpy"}
    for name in imports_at_once(path):
        part, _ = part_of(name)
        assert part in ("", "command_line", "stopping"), name
        assert name.split(".")[0] not in heavy, name


def test_no_task_imports_another():
    assert all(not ARROWS[part] & {*TASK_PARTS} for part in TASK_PARTS)


# What training must not know, in names, texts and comments: what VQA alone has.
WORDS_OF_VQA = re.compile("question|answer|vocabular|cells|attention|aggregator", re.IGNORECASE)


@pytest.mark.parametrize(
    "path",
    [*below("hardvqa_tf", "training"), pathlib.Path("hardvqa_tf/data/batches.py")],
    ids=str,
)
def test_training_has_no_word_of_vqa(path):
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if WORDS_OF_VQA.search(line)]


@pytest.mark.parametrize("path", below("hardvqa_tf", "pictures"), ids=str)
def test_pictures_know_no_task_and_need_no_tensorflow(path):
    assert packages_of(path) <= {"hardvqa_tf", "numpy", "PIL", *sys.stdlib_module_names}
    own = [name for name in modules_of(path) if name.startswith("hardvqa_tf.")]
    assert all(name.startswith("hardvqa_tf.pictures") for name in own), own


def test_tests_lie_as_the_tree_does():
    """Each folder of tests is one of the tree, and a test named as a module lies as it does."""
    homes = {}  # {name of a module: folders of tests that are its own}
    for path in FILES:
        inside = path.parent.parts
        inside = inside[1:] if inside[:1] == ("hardvqa_tf",) else inside
        homes.setdefault(path.stem, set()).add(pathlib.Path("tests", *inside))
    folders = {folder for of_name in homes.values() for folder in of_name}
    for path in sorted(p.relative_to(ROOT) for p in (ROOT / "tests").rglob("test_*.py")):
        assert path.parent in folders, f"{path}: there is no such folder in the tree"
        expected = homes.get(path.stem.removeprefix("test_"), {path.parent})
        assert path.parent in expected, f"{path} should lie in {sorted(map(str, expected))}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_module_is_long(path):
    """Of 400 lines nobody keeps the beginning in mind at the end."""
    lines = (ROOT / path).read_text("utf-8").count("\n")
    assert lines <= 400, f"{path} has {lines} lines: take it apart"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nobody_imports_main(path):
    assert "main" not in packages_of(path)


# Names that everybody knows these by.
KNOWN_AS = {
    "apache_beam": "beam",
    "api": "hparams",
    "hypothesis.strategies": "st",
    "numpy": "np",
    "pyplot": "plt",
    "strategies": "st",
    "tensorflow": "tf",
    "tensorflow_text": "tf_text",
}


def test_nothing_is_imported_under_another_name():
    """A name that clashes is mended where it is given."""
    found = []
    for folder in ("main.py", "records", "hardvqa_tf", "tests", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")) or [ROOT / folder]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    continue
                for name, other in ((alias.name, alias.asname) for alias in node.names):
                    if other not in (None, KNOWN_AS.get(name)):
                        found.append(f"{path.relative_to(ROOT)}: {name} as {other}")
    assert not found


def test_what_keras_stores_has_a_name_of_its_own():
    """Of two classes of one name, the one imported last would be loaded for both."""
    found = {}
    for path in below("hardvqa_tf"):
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and any(
                "register" in ast.unparse(decorator) for decorator in node.decorator_list
            ):
                found.setdefault(node.name, []).append(str(path))
    assert {"HardAttention", "ObjectDecoder", "CountCells", "CountKept"} <= found.keys()
    assert not {name: paths for name, paths in found.items() if len(paths) > 1}


@pytest.mark.parametrize("path", below("hardvqa_tf"), ids=str)
def test_a_layer_is_looked_up_by_a_name_that_stands_once(path):
    """Those of the model in vqa/layer_names.py; a part knows its own."""
    if path.parent.name in ("layers", "encoders"):
        return
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_layer":
            assert not isinstance(node.args[0], ast.Constant), ast.unparse(node)


def imports_at_once(path):
    """Full names of what is imported when a file is, and not first when it is used."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages_of_mode(mode, function="run"):
    """Packages of others that are imported before a mode's function works."""
    tree = ast.parse((ROOT / COMMAND_LINE / f"{mode}.py").read_text(encoding="utf-8"))
    body = next(n for n in tree.body if getattr(n, "name", "") == function)
    todo = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(body)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    seen, packages = set(), set()
    while todo:
        parts = todo.pop().split(".")
        if parts[0] not in PACKAGES:
            packages.add(parts[0])
            continue
        # The name is a module's, or one in it; and the packages around are imported, too.
        ends = [pathlib.Path(*parts[:i]) for i in range(1, len(parts) + 1)]
        for path in {*(p.with_suffix(".py") for p in ends), *(p / "__init__.py" for p in ends)}:
            if path in FILES and path not in seen:
                seen.add(path)
                todo.update(imports_at_once(path))
                if path.name == "tasks.py":  # imported when a config says which
                    todo.update(TASKS.values())
                if path == pathlib.Path("hardvqa_tf/score_files.py"):
                    todo.update(SCORERS.values())
    return packages - {*sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("mode", "function", "not_needed"),
    [
        ("build", "run", {"keras", "tensorboard", "matplotlib"}),
        ("train", "run", {"matplotlib"}),
        ("evaluate", "show_evaluation", {"tensorboard", "matplotlib"}),
        ("predict", "run", {"tensorboard", "matplotlib"}),
        ("report", "_report", {"tensorboard"}),
        ("evaluate", "_score_file", {"keras", "tensorflow", "tensorboard", "matplotlib"}),
    ],
)
def test_a_mode_imports_only_what_it_needs(mode, function, not_needed):
    packages = packages_of_mode(mode, function)
    assert packages.isdisjoint(not_needed), packages & not_needed


def test_what_a_mode_imports_is_found():
    assert {"keras", "tensorflow", "tensorboard", "tqdm"} <= packages_of_mode("train")


# Imports every module named on the command line as the first one of ours.
IMPORT_EACH = """
import importlib, sys
failed = 0
for name in sys.argv[1:]:
    for module in list(sys.modules):
        if module.split(".")[0] in ("main", "records", "hardvqa_tf"):
            del sys.modules[module]
    try:
        importlib.import_module(name)
    except Exception as error:
        failed = 1
        print(f"{name}: {type(error).__name__}: {error}")
sys.exit(failed)
"""


def test_every_module_imports_first():
    """Each in the state of a new process, so that a circle of imports cannot hide."""
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in FILES]
    # Flags cannot be defined twice; tests/test_main.py runs these.
    names = [name for name in names if name != "main" and "command_line" not in name]
    command = [sys.executable, "-c", IMPORT_EACH, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


class Words:
    """Stands for the vocabularies of some records."""

    tokenizer = QuestionTokenizer([f"word{i}" for i in range(20)], max_words=5)
    answers = AnswerVocabulary([f"answer{i}" for i in range(11)])


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_builds_its_model(name):
    config = importlib.import_module(f"hardvqa_tf.configs.{name}").get_config()
    assert config.is_locked
    config.model.resnet101.weights = None  # No download, and no other number of parameters.
    if config.task == "localize":
        count = build_localizer(config, pretrained=False).count_params()
    else:
        maps = (10, 10, 2048) if config.model.image_encoder == "features" else None
        count = build_model(config, Words, input_shape=maps).count_params()
    assert name in GOLDEN, (
        f'A config without a golden count: add "{name}": {count:_} to GOLDEN.'
    )
    assert count == GOLDEN[name], (
        f"{name}.py has another number of parameters than before. If that was meant, write "
        f'"{name}": {count:_} into GOLDEN.'
    )


def test_no_golden_outlives_its_config():
    assert set(GOLDEN) <= set(CONFIGS)
