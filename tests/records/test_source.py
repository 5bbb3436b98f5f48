"""JSON of others: what cannot be read is named."""

import gzip

import pytest

from records.source import BuildError, read_plain_or_gzip_json


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[1, ", "x.json:1:5: not JSON"),
        (b"[" * 100_000, "x.json: cannot be read: it is nested too deeply"),
        (b"1" * 5000, "x.json: cannot be read: .* thousands of digits"),
        (b'["\xff"]', "x.json:1: not UTF-8"),
        (gzip.compress(b"[1]", mtime=0)[:-9], "x.json: broken gzip file"),
    ],
)
def test_what_cannot_be_read(tmp_path, data, message):
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(BuildError, match=message):
        read_plain_or_gzip_json(tmp_path / "x.json")


def test_plain_or_gzipped(tmp_path):
    for data in (b"[1]", b"\xef\xbb\xbf[1]", gzip.compress(b"[1]")):
        (tmp_path / "x.json").write_bytes(data)
        assert read_plain_or_gzip_json(tmp_path / "x.json") == [1]
