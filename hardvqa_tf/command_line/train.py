"""--mode=train: missing records, a trained model, its accuracy, and what to do next."""

import os
import shlex
import sys

from hardvqa_tf.command_line import flags
from hardvqa_tf.command_line.say import say


def run(_):
    from hardvqa_tf.command_line.evaluate import show_evaluation
    from hardvqa_tf.command_line.records import building
    from hardvqa_tf.training import strategies
    from hardvqa_tf.training.loop import train_model

    config, workdir = flags.config(), flags.workdir()
    config.records_dir = flags.records_dir()
    building(config).build_missing(config)
    on_terminal = sys.stderr.isatty()
    train_model(config, workdir, flags.VIRTUAL.value, report=say, progress=on_terminal)
    if strategies.is_chief():
        show_evaluation(workdir, config.train.val_split)
        _say_what_next(config, workdir)


def _say_what_next(config, workdir):
    from hardvqa_tf.tasks import task_of

    folder = shlex.quote(workdir)
    say(f"\nNext:\n  python main.py --mode=evaluate --workdir={folder} --split=test")
    asked = task_of(config).first_try(config, workdir)
    if asked:
        given = " ".join(f"--{name}={shlex.quote(value)}" for name, value in asked.items())
        say(f"  python main.py --mode=predict --workdir={folder} {given}")
    say(f"  tensorboard --logdir={shlex.quote(os.path.join(workdir, 'logs'))}")
    if task_of(config).EXPORTS:
        say(f"  python main.py --mode=export --workdir={folder}")
        say(f"  python main.py --mode=serve --model_dir={folder}")
