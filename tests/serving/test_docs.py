"""What docs/serving.md tells a shell to do."""

import base64
import json
import pathlib
import subprocess

import numpy as np

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "serving.md"


def test_the_first_request_takes_an_image_of_any_size(tmp_path):
    """An argument of a command has 128 KiB at most."""
    script = DOCS.read_text().split("### Ask\n\n```bash\n")[1].split("```")[0]
    command, _, curl = script.partition(" | curl ")
    assert curl.startswith("-d @- http://127.0.0.1:8501/v1/models/sort_of_clevr:predict")
    image = np.random.default_rng(0).bytes(400_000)
    (tmp_path / "photo.jpg").write_bytes(image)
    body = subprocess.check_output(["bash", "-c", command], cwd=tmp_path)
    (row,) = json.loads(body)["instances"]
    assert base64.b64decode(row["image"]["b64"]) == image
    assert row["question"] == "What is the shape of the red object?"
