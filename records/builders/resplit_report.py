"""What a re-split did: answers' frequencies per question type in both splits, and coverage.

`resplit.json` has all question types, `resplit.md` the same as a table, `resplit.png` the most
frequent ones as a plot. Train is here what the re-split calls train: before `val` is carved.
"""

import collections
import importlib.util
import io
import warnings

from records import folder
from records.builders.resplit import frequent_answer, words_of
from records.source import BuildError

_NUM_ANSWERS = 3  # of each split, in the tables
_NUM_TOP_ANSWERS = 1000  # whose coverage the authors of VQA-CP report, too
_NUM_PANELS = 12
_MAX_LABEL = 18  # characters


def require_plotting():
    """Says, before anything is written, that the plot needs matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        raise BuildError(
            "The report of a re-split has a plot, drawn by matplotlib, which is not installed. "
            "Install it: pip install matplotlib"
        )


def write_report(report):
    """Returns {file name: bytes} of a report that `measure` made."""
    return {
        "resplit.json": folder.to_json(report).encode(),
        "resplit.md": to_markdown(report).encode(),
        "resplit.png": to_png(report),
    }


def measure(rows, test_ids):
    """Compares the two sides of a split.

    Args:
      rows: list of (question id, question type, tuple of its answers, question).
      test_ids: set of the ids that make up test.

    Returns:
      A dict for resplit.json: numbers of questions; `mean_total_variation` over types, weighted
      by their questions in test; `coverage` of what is in test by train, a question counting
      with its most frequent answer; `question_types`, the most frequent first, each with its
      `total_variation` (half the sum of the differences of all answers' shares: 0 equal, 1 no
      answer in common; null where one side has none) and `answers`, the most frequent of both
      sides as [answer, share in train, share in test]. Shares are of all answers that people
      gave; of the most frequent ones alone, no type has any on both sides: so it was dealt.
    """
    by_type = collections.defaultdict(lambda: (_Side(), _Side()))
    answers, concepts = (collections.Counter(), collections.Counter()), (set(), set())
    for question_id, question_type, given, text in rows:
        side, answer = question_id in test_ids, frequent_answer(given)
        by_type[question_type][side].num_questions += 1
        by_type[question_type][side].answers.update(given)
        answers[side][answer] += 1
        concepts[side].update(words_of(text), words_of(answer))
    types = [_describe_type(name, *sides) for name, sides in by_type.items()]
    types.sort(key=lambda of: (-of["num_train"] - of["num_test"], of["question_type"]))
    in_both = [of for of in types if of["total_variation"] is not None]
    top = [answer for answer, _ in _most_frequent(answers[1], _NUM_TOP_ANSWERS)]
    return {
        "num_train": len(rows) - len(test_ids),
        "num_test": len(test_ids),
        "mean_total_variation": _share(
            sum(of["total_variation"] * of["num_test"] for of in in_both),
            sum(of["num_test"] for of in in_both),
        ),
        "coverage": {
            "concepts": _covered(concepts[1], concepts[0]),
            "top_answers": _covered(top, answers[0]),
            "questions_with_known_answer": _covered(answers[1].elements(), answers[0]),
        },
        "question_types": types,
    }


class _Side:
    """One question type in train, or in test."""

    def __init__(self):
        self.num_questions = 0
        self.answers = collections.Counter()

    def shares(self):
        """Returns {answer: its share of all answers}."""
        num_answers = sum(self.answers.values())
        return {answer: count / num_answers for answer, count in self.answers.items()}


def _describe_type(name, train, test):
    in_train, in_test = train.shares(), test.shares()
    shown = {
        answer: (in_train.get(answer, 0.0), in_test.get(answer, 0.0))
        for side in (train, test)
        for answer, _ in _most_frequent(side.answers, _NUM_ANSWERS)
    }
    return {
        "question_type": name,
        "num_train": train.num_questions,
        "num_test": test.num_questions,
        "total_variation": _total_variation(in_train, in_test)
        if in_train and in_test
        else None,
        "answers": [
            [answer, *(round(share, 4) for share in shown[answer])]
            for answer in sorted(shown, key=lambda answer: (-max(shown[answer]), answer))
        ],
    }


def _total_variation(in_train, in_test):
    answers = sorted(in_train | in_test)  # In order: sums of floats depend on it.
    differences = [abs(in_train.get(a, 0.0) - in_test.get(a, 0.0)) for a in answers]
    return round(sum(differences) / 2, 4)


def _most_frequent(counts, number):
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number]


def _covered(of_test, of_train):
    of_test = list(of_test)
    num_covered = sum(thing in of_train for thing in of_test)
    return {
        "in_test": len(of_test),
        "covered": num_covered,
        "share": _share(num_covered, len(of_test)),
    }


def _share(part, whole):
    return round(part / whole, 4) if whole else 0.0


def to_markdown(report):
    """Returns the report as Markdown."""
    coverage = report["coverage"]
    lines = [
        "# Re-split under changing priors",
        "",
        f"{report['num_train']:,} questions in train (`val` is carved out of them), "
        f"{report['num_test']:,} in test. Mean total variation between the answers of a "
        f"question type in train and in test: {report['mean_total_variation']:.3f} (0: equal, "
        "1: no answer in common).",
        "",
        "| of test | | in train, too | |",
        "|---|---:|---:|---:|",
    ]
    names = {
        "concepts": "concepts (distinct words of questions and answers)",
        "top_answers": f"most frequent answers, at most {_NUM_TOP_ANSWERS:,}",
        "questions_with_known_answer": "questions, by their answer",
    }
    for key, name in names.items():
        of = coverage[key]
        lines.append(f"| {name} | {of['in_test']:,} | {of['covered']:,} | {of['share']:.2%} |")
    lines += [
        "",
        "| question type | train | test | total variation | answers: share in train → test |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [_to_row(of) for of in report["question_types"]]
    return "\n".join(lines) + "\n"


def _to_row(of):
    distance = of["total_variation"]
    answers = ", ".join(
        f"{_cell(answer)} {train:.1%} → {test:.1%}" for answer, train, test in of["answers"]
    )
    shown = "one side only" if distance is None else f"{distance:.3f}"
    name = _cell(of["question_type"]) or "(none)"
    return f"| {name} | {of['num_train']:,} | {of['num_test']:,} | {shown} | {answers} |"


def _cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def to_png(report):
    """Returns a plot of the most frequent question types: same report, same bytes."""
    import matplotlib  # Here, because it is slow to import and needed by nothing else.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # A user's own settings would change the bytes.
        warnings.simplefilter("ignore")  # About characters that the font lacks.
        figure = Figure(figsize=(13, 10), dpi=100, layout="constrained")
        panels = FigureCanvasAgg(figure).figure.subplots(_NUM_PANELS // 3, 3).flat
        types = [of for of in report["question_types"] if of["total_variation"] is not None]
        for panel, of in zip(panels, types[:_NUM_PANELS], strict=False):
            _draw(panel, of)
        for panel in list(figure.axes)[len(types) :]:
            panel.set_visible(False)
        figure.suptitle(
            "Share of answers by question type (questions in train / in test)", fontsize=13
        )
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper right")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(panel, of):
    places = range(len(of["answers"]))
    for side, offset, label, color in (
        (1, -0.2, "train", "#3b6ea5"),
        (2, 0.2, "test", "#e08b2c"),
    ):
        widths = [answer[side] for answer in of["answers"]]
        panel.barh([p + offset for p in places], widths, 0.4, color=color, label=label)
    labels = [answer[:_MAX_LABEL] for answer, _, _ in of["answers"]]
    panel.set_yticks(places, labels, fontsize=9, parse_math=False)  # "$" is a dollar here.
    panel.invert_yaxis()
    panel.tick_params(axis="x", labelsize=8)
    title = f"{of['question_type'] or '(none)'}  ({of['num_train']:,} / {of['num_test']:,})"
    panel.set_title(title, fontsize=10, parse_math=False)
