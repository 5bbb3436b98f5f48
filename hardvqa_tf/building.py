"""How a run's records come to be: built from the data set's files where they are missing."""

import dataclasses
import os
from collections.abc import Callable

from hardvqa_tf.data.inputs import trains_on_maps
from hardvqa_tf.data.words import split_words
from hardvqa_tf.training import strategies
from records import build, folder
from records.counts import counts_of


@dataclasses.dataclass(frozen=True)
class Building:
    """What is to be built, and how; see `records.build.build`.

    `pipeline_args`: of an Apache Beam pipeline that writes the shards; None: local processes.
    """

    dataset: str
    source_dir: str | None = None
    builder_args: dict = dataclasses.field(default_factory=dict)
    num_shards: int | None = None
    num_processes: int | None = None
    on_error: str = "stop"
    pipeline_args: list | None = None
    report: Callable[[str], None] = print

    def build(self, records_dir):
        """Builds the records, or finds them finished; tells what each split holds."""
        self.report(f"Building the records of {self.dataset} in {records_dir}")
        info = build.build(
            self.dataset,
            records_dir,
            source_dir=self.source_dir,
            builder_args=self.builder_args,
            num_shards=self.num_shards,
            num_processes=self.num_processes,
            on_error=self.on_error,
            split_words=split_words,
            write_shards=self._shard_writer(),
        )
        for split, found in info["splits"].items():
            self.report(f"{split}: {counts_of(info).in_words(found)}")

    def build_missing(self, config):
        """Builds the records that a config trains on, where they are not there.

        Raises:
          ValueError: if they cannot be built without more than the config says.
        """
        if os.path.exists(os.path.join(config.records_dir, folder.INFO_NAME)):
            return
        folder.check_place(config.records_dir)
        folder.check_described(config.records_dir)
        # Names the known ones if it is unknown.
        needs_source = build.knows(build.builder_for(self.dataset))["needs_source"]
        lacks_source = needs_source and not self.source_dir
        if lacks_source or trains_on_maps(config) or strategies.num_hosts() > 1:
            folder.check_finished(config.records_dir)  # Else the build resumes below.
        if strategies.num_hosts() > 1:
            raise ValueError(
                f"There are no records in {config.records_dir}. Several machines train "
                "together (TF_CONFIG): build the records once before, on a disk that all of "
                f"them see: python main.py --mode=build --dataset={self.dataset}"
            )
        if trains_on_maps(config):
            raise ValueError(
                f"There are no records of maps in {config.records_dir}. Build records of "
                "images, then their maps (docs/data.md): python main.py --mode=build "
                f"--dataset={self.dataset} --source_dir=FOLDER; python main.py --mode=build "
                f"--dataset={self.dataset} --features"
            )
        if lacks_source:
            raise ValueError(
                f"There are no records in {config.records_dir}. Build them from the official "
                f"files of {self.dataset} (docs/data.md): give --source_dir=FOLDER."
            )
        self.build(config.records_dir)

    def _shard_writer(self):
        if self.pipeline_args is None:
            return None
        from records import beam

        return beam.shard_writer(self.pipeline_args)
