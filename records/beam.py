"""Records and maps by an Apache Beam pipeline, on a cluster engine that people already have.

    build("vqa_cp", ..., write_shards=beam.shard_writer(["--runner=FlinkRunner", ...]))
    build_features(..., write_shards=beam.map_shard_writer(["--runner=FlinkRunner", ...]))

The machine that starts the pipeline reads the source, plans the shards and, when all of them
are written, checks and counts them, as without Beam. A worker writes whole shards, by the same
functions as the local writer, so the bytes are the same, and an engine that tries one twice
does no harm: each try has a file of its own, which is renamed when it is whole.

What the workers need:
* `records_dir` and the source folder on a file system that all of them share, under the same
  absolute path (NFS, Filestore, Lustre, ...). A bucket mounted as a folder serves as a source;
  as `records_dir` only if it renames a file in one step.
* This program and its requirements: a container image with both is the simplest
  (--sdk_container_image); Beam's --setup_file does it, too.
* For maps: memory for the encoder, once per worker process, and its weights (Keras's cache, or
  a file on the shared file system). A worker uses all GPUs that it sees.

`apache-beam` is optional (requirements-beam.txt), because it holds back protobuf and others.
"""

import dataclasses
import os
import pickle

from records import map_shards, writer
from records.source import BuildError

try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.utils import shared
except ImportError:
    beam = None


def shard_writer(pipeline_args=()):
    """Returns a `write_shards` for `build`.

    Args:
      pipeline_args: list of Beam's own flags, e.g. ["--runner=DataflowRunner", "--region=..."].
        Without a runner among them, Beam's DirectRunner runs on this machine.

    Raises:
      BuildError: if apache-beam is not installed.
    """
    _require_beam()

    def write_shards(shards, on_error):
        shards = [_absolute(shard, "path") for shard in shards]
        work = [_leave_work(shard, on_error) for shard in shards]
        _run(work, beam.Map(_write_shard), pipeline_args)
        _check_written(shards)

    return write_shards


def map_shard_writer(pipeline_args=()):
    """Returns a `write_shards` for `build_features`; arguments as of `shard_writer`."""
    _require_beam()

    def write_shards(shards, encoding):
        shards = [_absolute(shard, "path", "source") for shard in shards]
        _run(shards, beam.ParDo(_WriteMaps(encoding)), pipeline_args)
        _check_written(shards)

    return write_shards


def _require_beam():
    if beam is None:
        raise BuildError(
            "A pipeline needs the package apache-beam, which is not installed. Install it into "
            "an environment of its own: pip install -r requirements-beam.txt. Or build without "
            "--runner=beam."
        )


def _absolute(shard, *names):
    """Returns the shard with absolute paths: a worker starts in another folder."""
    return dataclasses.replace(
        shard, **{name: os.path.abspath(getattr(shard, name)) for name in names}
    )


def _leave_work(shard, on_error):
    """Writes what a worker has to do beside the shard to be; returns that file's path.

    The questions of a large data set are too much for the description of a pipeline, which
    engines limit; paths are little. The name is one that `writer.remove_leftovers` knows.
    """
    path = f"{shard.path}.partial-work"
    with open(path, "wb") as file:
        pickle.dump((shard, on_error), file)
    return path


def _write_shard(work):
    with open(work, "rb") as file:
        shard, on_error = pickle.load(file)
    writer.write_shard(shard, on_error)


class _WriteMaps(beam.DoFn if beam else object):
    """Writes shards of maps with an encoder that is made once per worker process."""

    def __init__(self, encoding):
        self._encoding = encoding
        self._shared = shared.Shared()  # A process has several threads, each with its copy.

    def setup(self):
        self._encode = self._shared.acquire(self._encoding.make_encode)

    def process(self, shard):
        map_shards.write_map_shard(shard, self._encode, self._encoding)


def _run(elements, write, pipeline_args):
    options = PipelineOptions(list(pipeline_args))
    try:
        with beam.Pipeline(options=options) as pipeline:
            # Reshuffled: else an engine may fuse all of it into one worker's work.
            pipeline | beam.Create(elements) | beam.Reshuffle() | "Write" >> write
    except Exception as error:  # Each engine has its own.
        raise BuildError(
            f"The Beam pipeline failed: {error}. Run the same command again when that is "
            "mended: finished shards are kept."
        ) from error


def _check_written(shards):
    missing = [shard.path for shard in shards if not os.path.exists(shard.path)]
    if missing:
        raise BuildError(
            f"{len(missing)} of {len(shards)} shards are not there after the pipeline, e.g. "
            f"{missing[0]}. The workers wrote them elsewhere: --records_dir must be on a file "
            "system that all of them share, under the same path."
        )
