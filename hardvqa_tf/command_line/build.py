"""--mode=build: official files to records, records of images to records of maps; or a check."""

from hardvqa_tf.command_line import flags
from hardvqa_tf.command_line.say import say


def run(pipeline_args):
    if flags.FEATURES.value:
        _build_maps(pipeline_args)
        return
    from hardvqa_tf.command_line.records import building, image_records_dir

    records_dir = image_records_dir(flags.config())
    if flags.VERIFY.value:
        _verify(records_dir)
    else:
        building(flags.config(), pipeline_args).build(records_dir)


def _verify(records_dir):
    from hardvqa_tf.data.words import split_words
    from records.build import verify

    found = verify(records_dir, split_words=split_words)
    # What was counted depends on the kind of record: "81 drawings, 1 rasters".
    names = [name for name in found if name not in ("num_shards", "num_bytes")]
    counted = ", ".join(f"{found[name]:,} {name.removeprefix('num_')}" for name in names)
    say(f"{records_dir}: {counted} in {found['num_shards']} shards, all as they should be.")


def _build_maps(pipeline_args):
    from hardvqa_tf.maps import build_maps, encoder_from_config

    config, write_shards = flags.config(), None
    source_records = flags.SOURCE_RECORDS.value or config.maps.image_records_dir
    if not source_records or source_records == flags.records_dir():
        raise ValueError(
            "--features needs two folders: --source_records, of images, and another "
            "--records_dir to write. The configs of vqa_v2 and vqa_cp name both."
        )
    if flags.RUNNER.value == "beam":
        from records import beam

        write_shards = beam.map_shard_writer(pipeline_args)
    build_maps(
        source_records,
        flags.records_dir(),
        encoder_from_config(config),
        batch_size=config.maps.batch_size,
        on_error=flags.ON_ERROR.value,
        write_shards=write_shards,
        report=say,
    )
