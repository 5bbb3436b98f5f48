"""What a training says of records that are not there: the same for every data set."""

import pytest

from hardvqa_tf.building import Building
from hardvqa_tf.configs import base
from records.source import BuildError

SHARD = "d-train.tfrecord-00000-of-00001"
# Files of a records_dir without a dataset_info.json, and what is said of them.
FOLDERS = {
    "shards alone": ({SHARD: ""}, "dataset_info.json is missing, which says .* or delete the"),
    "Hugging Face's": ({"dataset_dict.json": "{}"}, "dict.json is of Hugging Face's datasets"),
}
PLAN = (
    '{"dataset": "jsonl", "version": "1.0.0", "arguments": {}, "source_fingerprint": "",'
    ' "num_shards": {"train": 1}}'
)


def config_of(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)
    config = base.get_config()
    config.records_dir = str(folder)
    return config


@pytest.mark.parametrize("dataset", ["jsonl", "sort_of_clevr"])
@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_there_instead_is_named(tmp_path, name, dataset):
    files, said = FOLDERS[name]
    with pytest.raises(BuildError, match=said):
        Building(dataset).build_missing(config_of(tmp_path, files))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


def test_an_unfinished_build_is_no_lack_of_records(tmp_path):
    config = config_of(tmp_path, {SHARD: "", "build_plan.json": PLAN})
    with pytest.raises(BuildError, match="not finished. Run their build command .*=jsonl"):
        Building("jsonl").build_missing(config)


def test_no_records_at_all(tmp_path):
    with pytest.raises(ValueError, match="no records in .*Build them .*--source_dir=FOLDER"):
        Building("jsonl").build_missing(config_of(tmp_path, {}))
