"""What several modes do with the flags about records."""

from hardvqa_tf.building import Building
from hardvqa_tf.command_line import flags
from hardvqa_tf.command_line.say import say
from hardvqa_tf.data.inputs import trains_on_maps


def building(config, pipeline_args=()):
    """`Building` of the records of --dataset, or of the config's data set."""
    return Building(
        dataset=flags.DATASET.value or config.dataset,
        source_dir=flags.SOURCE_DIR.value,
        builder_args=_config_builder_args(config) | _builder_args(),
        num_shards=flags.NUM_SHARDS.value,
        num_processes=flags.NUM_PROCESSES.value,
        on_error=flags.ON_ERROR.value,
        pipeline_args=pipeline_args if flags.RUNNER.value == "beam" else None,
        report=say,
    )


def image_records_dir(config):
    """Where records of images are: for a config that trains on maps, not where those are."""
    own = flags.DATASET.value in (None, config.dataset)
    if own and trains_on_maps(config) and not flags.RECORDS_DIR.value:
        return config.records_dir if flags.VERIFY.value else config.maps.image_records_dir
    return flags.records_dir()


def _config_builder_args(config):
    """The config's arguments of the builder, which are for its own data set alone."""
    own = flags.DATASET.value in (None, config.dataset)
    return dict(config.builder_args) if own else {}


def _builder_args():
    given = {}
    for item in flags.builder_args():
        name, sign, value = (part.strip() for part in item.partition("="))
        if not sign:
            raise ValueError(f"--builder_args takes name=value,... Received: {name!r}.")
        if name in given:
            raise ValueError(
                f"--builder_args has {name!r} twice. Received: {name}={given[name]} and "
                f"{name}={value}. Keep one of them."
            )
        given[name] = value
    resplit = flags.RESPLIT.value
    if resplit and given.get("resplit", resplit) != resplit:
        raise ValueError(
            f"--resplit={resplit} contradicts --builder_args=resplit={given['resplit']}. Keep "
            "one of them."
        )
    return given | ({"resplit": resplit} if resplit else {})
