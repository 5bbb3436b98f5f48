"""An evaluation as a table for a terminal."""

from hardvqa_tf.vqa.judging.faithfulness import format_faithfulness
from hardvqa_tf.vqa.judging.mask_dependence import format_dependence
from hardvqa_tf.vqa.judging.mask_quality import format_masks


def format_evaluation(result):
    """The result of `evaluate.evaluate_run` as a table for a terminal."""
    lines = _rows(result)
    if result["metric"] == "vqa":
        lines.append(f"VQA accuracy as the official evaluator of {result['evaluator']} has it.")
    if result["coverage"].get("questions", 1.0) < 1.0:
        lines.append(format_coverage(result["coverage"], result["num_classes"]))
    spread = f" (standard deviation {result['num_cells_std']:.1f})"
    lines.append(
        f"Looked at {result['num_cells']:.1f} of {result['total_cells']} cells on average"
        f"{spread if result['num_cells_std'] else ''}; pictures in {result['masks_dir']}"
    )
    if result["masks"]:
        lines += ["", *format_masks(result["masks"], result["mask_cells"])]
    if result["mask_dependence"]:
        lines += ["", *format_dependence(result["mask_dependence"], result["mask_cells"])]
    if result["faithfulness"]:
        lines += ["", *format_faithfulness(result["faithfulness"], result["mask_cells"])]
    return "\n".join(lines)


def format_coverage(shares, num_answers):
    """One line on what a vocabulary can express."""
    line = (
        f"The {num_answers:,} answers of the model are {100 * shares['answers']:.1f} % of all "
        "that people gave"
    )
    if "questions" in shares:
        line += f", and hold one to {100 * shares['questions']:.1f} % of the questions"
    if "best_score" in shares:
        line += f"; the best score they allow is {100 * shares['best_score']:.2f} %"
    return line + "."


def _rows(result):
    """Accuracy by question type."""
    if not result["rows"]:
        return [f"{result['split']}: the answers are hidden, so there is no accuracy."]
    width = max(len(_indent(row["type"])) for row in result["rows"])
    title = f"{result['split']:{width}}"
    lines, heading = [f"{title}  questions  accuracy  blind by question  blind by type"], ""
    for row in result["rows"]:
        group = row["type"].split(": ")[0]
        if group == "question type" != heading:  # VQA's: no row of their own stands above
            lines.append(group)
        heading = group
        accuracy, text, kind = (
            f"{100 * row[name]:.2f} %"
            for name in ("accuracy", "blind_by_text", "blind_by_type")
        )
        name = f"{_indent(row['type']):{width}}"
        lines.append(
            f"{name}  {row['num_questions']:9,}  {accuracy:>8}  {text:>17}  {kind:>13}"
        )
    return lines


def _indent(name):
    """ "relational: count" stands under its group as "  count"."""
    return "  " + name.split(": ", 1)[1] if ": " in name else name
