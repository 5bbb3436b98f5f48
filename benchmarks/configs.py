"""The config that a benchmark's flags name, and the records that it reads."""

import importlib


def add_flags(parser):
    parser.add_argument("--records_dir", help="default: the config's")
    parser.add_argument("--config", default="sort_of_clevr", help="a file's name in configs/")


def from_flags(arguments):
    config = importlib.import_module(f"hardvqa_tf.configs.{arguments.config}").get_config()
    if arguments.records_dir:
        config.records_dir = arguments.records_dir
    return config
