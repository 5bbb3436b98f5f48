"""--mode=build: official files to records, records of images to records of maps; or a check."""

import os

from hardvqa_tf.command_line import flags
from hardvqa_tf.command_line.say import say

_MAX_KINDS = 10


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
    from records.build import read_info, verify
    from records.counts import counts_of

    info = read_info(records_dir)
    for part in info.get("parts", ()):
        _verify(os.path.join(records_dir, part))
    found = verify(records_dir, split_words=split_words)
    size = counts_of(info).size_in_words(found)
    say(f"{records_dir}: {size} in {found['num_shards']} shards, all as they should be.")
    if found["notices"]:
        say(_tell(found["notices"]))


def _tell(notices):
    """Of images that an older version took: no damage, so no error."""
    kinds = {}
    for notice in notices:
        kinds.setdefault(notice["reason"], []).append(notice)
    lines = [
        f"Notice: a build would refuse {len(notices):,} of these images today, for training "
        "sees other pixels of them than people do. An older version took them. They are no "
        "damage: training decodes them as it always did. Leave them, or build the records "
        "again, into another folder, with these images mended or --on_error=skip."
    ]
    for reason, own in [*kinds.items()][:_MAX_KINDS]:
        first = own[0]
        others = f" and {len(own) - 1:,} more" if len(own) > 1 else ""
        lines.append(f"  image {first['image_id']!r} of {first['shard']}{others}: {reason}")
    if len(kinds) > _MAX_KINDS:
        lines.append(f"  ... and {len(kinds) - _MAX_KINDS:,} more reasons")
    return "\n".join(lines)


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
