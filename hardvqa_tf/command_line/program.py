"""Visual question answering with hard attention, and finding what a person drew.

Modes, what each needs, and what it leaves:

  --mode=train      trains the model of --config, the embedded data set's by default, into
                    --workdir. Records are built first where that needs no download.
                    Run again, it goes on where it stopped.
  --mode=evaluate   accuracy by question type of the model in --workdir on --split, beside what
                    the question alone gives, or average precision of what was drawn; writes
                    predictions_<split>.json.
                    With --predictions=FILE and --annotations=FILE: the official score of any
                    result file, VQA's (accuracy; --questions=FILE checks it) or COCO's (average
                    precision of boxes), told by their content; --scores=FILE keeps it.
  --mode=predict    answers --question about --image with the model in --workdir, and draws
                    which cells it looked at. Of a localizer: finds what is in --sketch.
  --mode=export     writes the model in --workdir as a SavedModel that takes image bytes and a
                    question, or a drawing, into <workdir>/export/<version>/: for TensorFlow
                    Serving, or any program with TensorFlow. Its README.md says how to call it.
  --mode=build      writes the records of --dataset into --records_dir, from its official files
                    in --source_dir; with --verify checks records that are there. With
                    --features: maps of a frozen encoder (the config's `maps`) in the place of
                    the images of --source_records, so that training need not encode them.
  --mode=report     compares finished runs, --runs=FOLDER,FOLDER,... (or 'runs/*'): tables,
                    plots and masks side by side, as one HTML page and as Markdown in
                    --report_dir. With --grid=NAME, of hardvqa_tf/configs/grids, trains the
                    grid's runs first, into --workdir; run again, it goes on where it stopped.
  --mode=serve      answers HTTP requests about images with the exported models in --model_dir,
                    and shows a page to ask from, http://127.0.0.1:8501/. New versions are
                    taken up while it runs. It speaks TensorFlow Serving's REST protocol.

Any value of the config can be set, e.g. --config.model.attention=adahan (none, soft, han,
adahan), --config.model.aggregator=sum (sum, pairwise, relation), --config.train.epochs=20.
"""

import importlib
import os
import sys

from absl import app, logging

from hardvqa_tf.command_line import flags, paths
from hardvqa_tf.command_line.say import open_standard_streams
from hardvqa_tf.stopping import Stopped, ended_in_a_sentence
from records import quiet
from records.questions import is_unicode


def run_program():
    """Runs the mode that the flags name, and exits."""
    open_standard_streams()
    with ended_in_a_sentence():
        _check_arguments(sys.argv[1:])
        flags.define_config()
        _exit_after_help(sys.argv[1:])
        app.run(main, flags_parser=flags.parse)


def main(argv):
    if len(argv) > 1 and flags.RUNNER.value != "beam":
        _exit_at(f"Unexpected argument {argv[1]!r}. Flags look like --mode=train.")
    if flags.MODE.value is None:
        _exit_at(f"Say what to do: --mode={'|'.join(flags.MODES)}.")
    noisy = flags.FLAGS.verbosity > 0
    try:
        paths.check(flags.MODE.value)
    except ValueError as error:
        sys.exit(f"Error: {error}")
    if not noisy and not flags.PREDICTIONS.value:  # Scores a result file without TensorFlow.
        quiet.import_tensorflow()
        logging.set_verbosity(logging.WARNING)
    mode = importlib.import_module(f"hardvqa_tf.command_line.{flags.MODE.value}")
    try:
        mode.run(argv[1:])
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(os.EX_TEMPFAIL)  # 75: to be started again
    except (ValueError, OSError, MemoryError) as error:
        if noisy:
            raise
        said = paths.in_words(error) if isinstance(error, OSError) else error
        sys.exit(f"Error: {said}")


def _check_arguments(arguments):
    """Refuses bytes that are no text: neither TensorFlow nor a JSON file could hold them."""
    for argument in arguments:
        if not is_unicode(argument):
            sys.exit(
                f"Error: This argument is not Unicode text: {ascii(argument)}. Type it in a "
                "terminal whose encoding is UTF-8; a file or folder of such a name must be "
                "renamed first."
            )


def _exit_at(mistake):
    sys.exit(f"Error: {mistake} python main.py --help says what each mode needs.")


def _exit_after_help(arguments):
    """Shows --help and exits with 0; absl's own exits with 1, as if something had failed."""
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments  # Not Beam's.
    if not {"--help", "-help", "--helpshort", "-?"}.isdisjoint(ours):
        print(f"{__doc__}\nFlags:\n{flags.describe()}")
        sys.exit(0)
