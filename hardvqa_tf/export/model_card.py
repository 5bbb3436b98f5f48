"""The model card of an export: what is known of a model, how to ask it, and what it refuses.

Every value comes from the run's own files; of what they do not say, nothing is said.
"""

import json
import os
import re

from hardvqa_tf.data.image_status import MAX_SIDE
from hardvqa_tf.runs import read_json
from hardvqa_tf.vqa.signatures import outputs_of
from hardvqa_tf.vqa.text import MAX_QUESTION_BYTES
from records.folder import INFO_NAME


def model_card(workdir, run, facts, version, max_pixels, records_dir=None):
    """Writes the text.

    Args:
      workdir: folder of the run.
      run: `runs.Run`.
      facts: the content of model.json.
      version: of the export, int.
      max_pixels: height times width of the largest image that the graph decodes.
      records_dir: where the records are; default: where training found them.

    Returns:
      str, Markdown.
    """
    sections = [
        _title(run, facts, version),
        _data(run, facts, records_dir or run.config.records_dir),
        _metrics(workdir),
        _calls(run, facts),
        _outputs(run, facts),
        _guards(facts, max_pixels),
        _limits(run, facts),
        _config(run),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def stale_evaluations(workdir):
    """Names of evaluation files that are older than the model: the numbers may be another's."""
    made = os.path.getmtime(os.path.join(workdir, "model.keras"))
    return [
        name
        for name in _evaluation_files(workdir)
        if os.path.getmtime(os.path.join(workdir, name)) < made
    ]


def _title(run, facts, version):
    height, width = facts["grid"]
    mixed = facts["mixer"] != "none"
    mixer = f"Mixer: `{facts['mixer']}`; attention" if mixed else "Attention"
    takes = (
        f"a map of {_times(run.model.inputs[0].shape[1:])}"
        if facts["input"] == "features"
        else f"an image, which it sees as {_times(facts['image_size'])} pixels"
    )
    return (
        f"# {facts['name']}, version {version}\n\n"
        f"Answers a question about {takes}, and says which of {height} x {width} cells it "
        f"looked at. It chooses among {facts['num_answers']:,} answers. {mixer}: "
        f"`{facts['attention']}`; aggregator: `{facts['aggregator']}`; "
        f"{run.model.count_params():,} parameters. A TensorFlow SavedModel; it needs "
        "TensorFlow and tensorflow-text, or TensorFlow Serving, and nothing else."
    )


def _data(run, facts, records_dir):
    lines = [f"## Data\n\nTrained on `{facts['data']}`, split `{run.config.train.split}`."]
    path = os.path.join(records_dir, INFO_NAME)
    info = read_json(path) if os.path.exists(path) else {}
    splits = info.get("splits", {}) if info.get("dataset") == facts["data"] else {}
    for split, found in splits.items():
        lines.append(
            f"- `{split}`: {found['num_questions']:,} questions about "
            f"{found['num_images']:,} images"
        )
    return "\n".join([lines[0], "", *lines[1:]]).rstrip()


def _metrics(workdir):
    stale = stale_evaluations(workdir)
    names = [name for name in _evaluation_files(workdir) if name not in stale]
    tables = [_evaluation(read_json(os.path.join(workdir, name))) for name in names]
    if not names:
        tables = [_best_epoch(workdir)]
    tables = [table for table in tables if table]
    return "\n\n".join(["## Metrics", *tables]) if tables else ""


def _evaluation(result):
    metric = "the share of questions with the expected answer"
    if result.get("metric") == "vqa":
        metric = f"the official VQA metric, by the evaluator of {result['evaluator']}"
    lines = [
        f"Split `{result['split']}`, {result['num_questions']:,} questions. Accuracy: "
        f"{metric}. Blind: the same for the most frequent training answer to the same question."
    ]
    if result["rows"]:
        lines += ["", "| question type | questions | accuracy | blind |", "|---|--:|--:|--:|"]
    else:
        lines = [f"Split `{result['split']}`: the answers are hidden."]
    lines += [
        f"| {_in_table(row['type'])} | {row['num_questions']:,} | {_percent(row['accuracy'])} "
        f"| {_percent(row['blind_by_text'])} |"
        for row in result["rows"]
    ]
    cells = f"{result['num_cells']:.1f} of {result['total_cells']} cells"
    return "\n".join([*lines, "", f"It looked at {cells} on average."])


def _best_epoch(workdir):
    """The numbers of training, for a run that was never evaluated."""
    path = os.path.join(workdir, "metrics.jsonl")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        epochs = [json.loads(line) for line in file if line.strip()]
    epochs = [epoch for epoch in epochs if "val/all" in epoch]
    if not epochs:
        return ""
    best = max(epochs, key=lambda epoch: epoch["val/all"])
    rows = [
        f"| {_in_table(name.removeprefix('val/'))} | {_percent(value)} |"
        for name, value in best.items()
        if name.startswith("val/")
    ]
    return "\n".join(
        [
            f"After epoch {best['epoch']}, on the split that the best epoch was chosen on:",
            "",
            "| question type | accuracy |",
            "|---|--:|",
            *rows,
        ]
    )


def _calls(run, facts):
    question = _a_question(run, facts)
    if facts["input"] == "features":
        return _calls_with_maps(run, facts, question)
    name = facts["name"]
    return f"""## How to ask it

Python, with `tensorflow` and `tensorflow-text`; `.` is the folder of this file:

```python
import tensorflow as tf
import tensorflow_text  # registers its operations

ask = tf.saved_model.load(".").signatures["serving_default"]
image = open("image.jpg", "rb").read()
found = ask(image=tf.constant([image]), question=tf.constant([{question}]))
print(found["answer"][0].numpy().decode(), found["answer_probability"][0].numpy())
print(found["mask"][0].numpy())  # the cells that were looked at
```

REST, from a server that serves the folder above this one as `{name}`
(`tensorflow_model_server --model_name={name} --model_base_path=... --rest_api_port=8501`):

```bash
{{ printf '{{"instances": [{{"image": {{"b64": "'
  base64 < image.jpg | tr -d '\\n'
  printf '"}}, "question": {question}}}]}}'
}} | curl -s -d @- http://localhost:8501/v1/models/{name}:predict
```

`saved_model_cli show --dir . --all` says what it takes. To `run` it, that program must know the
operations of tensorflow-text:

```bash
python -c 'import numpy as np; np.savez("inputs.npz",
  image=[open("image.jpg", "rb").read()], question=["What is it?"])'
python -c 'import tensorflow_text
from tensorflow.python.tools.saved_model_cli import main; main()' \\
  run --dir . --tag_set serve --signature_def serving_default \\
  --inputs "image=inputs.npz[image];question=inputs.npz[question]"
```

gRPC, with `tensorflow-serving-api`:

```python
import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

channel = grpc.insecure_channel("localhost:8500")
request = predict_pb2.PredictRequest()
request.model_spec.name = "{name}"
request.model_spec.signature_name = "serving_default"
image = open("image.jpg", "rb").read()
request.inputs["image"].CopyFrom(tf.make_tensor_proto([image]))
request.inputs["question"].CopyFrom(tf.make_tensor_proto([{question}]))
found = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, 10.0)
print(found.outputs["answer"].string_val[0].decode())
```

Many questions about one image: the signature `many_questions`, `image` string[B] and `question`
string[B, Q]; the image is decoded and encoded once. An empty question fills up a row."""


def _calls_with_maps(run, facts, question):
    shape = _times(run.model.inputs[0].shape[1:])
    maps = run.config.maps
    return f"""## How to ask it

It takes maps, {shape} numbers an image, as `{maps.encoder}` gives them for images of
{_times(maps.image_size)} pixels. Python, with `tensorflow` and `tensorflow-text`:

```python
import numpy as np
import tensorflow as tf
import tensorflow_text  # registers its operations

ask = tf.saved_model.load(".").signatures["serving_default"]
features = np.load("map.npy").astype(np.float32)  # {shape}
found = ask(features=tf.constant(features[None]), question=tf.constant([{question}]))
print(found["answer"][0].numpy().decode(), found["answer_probability"][0].numpy())
```

REST: `{{"instances": [{{"features": [[[...]]], "question": {question}}}]}}` to
`/v1/models/{facts["name"]}:predict`; gRPC: inputs `features` and `question` of a
`PredictRequest`. Many questions about one map: the signature `many_questions`, `features`
float32[B, ...] and `question` string[B, Q]; an empty question fills up a row."""


def _outputs(run, facts):
    height, width = facts["grid"]
    sizes = {"H": height, "W": width, "T": run.vocabularies.tokenizer.max_words}
    if facts["mixer"] == "bilevel_routing":
        sizes["R"] = run.model.output["routes"].shape[-1]
    table = "\n".join(
        f"| `{output.name}` | {output.kind(**sizes)} | {output.meaning} |"
        for output in outputs_of(facts)
    )
    return f"## What it gives\n\nFor each question:\n\n| | | |\n|---|---|---|\n{table}"


def _guards(facts, max_pixels):
    if facts["input"] == "features":
        return f"""## What is guarded

A row of the following kinds gets a `status`, and the other rows of the batch are answered: a
map with numbers that are not finite in float16; a question that is empty, not valid UTF-8, or
longer than {MAX_QUESTION_BYTES:,} bytes."""
    return f"""## What is guarded

A row of the following kinds gets a `status`, and the other rows of the batch are answered:

- bytes that are not JPEG, PNG, GIF or BMP, or none;
- an image whose header says more than {max_pixels:,} pixels, or a side above {MAX_SIDE:,}: it
  is not decoded;
- an image whose end is missing (a JPEG's, PNG's or GIF's end mark, a BMP's last pixel);
- a JPEG whose header is broken, or that is lossless, arithmetically coded or of twelve bits; a
  BMP that is compressed or has colours in a palette;
- a question that is empty, not valid UTF-8, or longer than {MAX_QUESTION_BYTES:,} bytes.

Of a GIF, which is decoded with all of its frames, the first must be its whole screen, and the
others lie within it; all together have at most four times as many pixels as an image may have.

Not guarded, because only decoding shows it: damage within an image whose header and end are
whole, for instance a PNG with a wrong checksum. TensorFlow's decoder then fails the whole call.
A server that answers strangers should ask again row by row when a call fails."""


def _limits(run, facts):
    tokenizer = run.vocabularies.tokenizer
    lines = [
        f"It knows {len(tokenizer.words):,} words; others count as one unknown word. It reads "
        f"the first {tokenizer.max_words} words of a question.",
        "It chooses among the answers of its training data, also where none of them is right, "
        "and the probability is not calibrated.",
    ]
    if facts["input"] == "image":
        lines.append(
            f"Every image is resized to {_times(facts['image_size'])} pixels, each side by "
            "itself. A photo's orientation tag and transparency are ignored, and of a moving "
            "image the first frame is seen."
        )
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _config(run):
    text = json.dumps(json.loads(run.config.to_json()), indent=1, ensure_ascii=False)
    return f"## Config\n\nAlso in `assets/config.json`.\n\n```json\n{text}\n```"


def _a_question(run, facts):
    """A question of the data, quoted as JSON and Python do it."""
    asked = [q["question"] for example in facts["examples"] for q in example["questions"]]
    asked = asked or [" ".join([*run.vocabularies.tokenizer.words[:3], "?"])]
    # Without what the shell or its printf would take for its own.
    return json.dumps(re.sub(r"['\"\\%]", "", min(asked, key=len)), ensure_ascii=False)


def _evaluation_files(workdir):
    names = sorted(os.listdir(workdir))
    return [n for n in names if n.startswith("evaluation_") and n.endswith(".json")]


def _times(sizes):
    return " x ".join(str(size) for size in sizes)


def _percent(share):
    return f"{100 * share:.2f} %"


def _in_table(text):
    return text.replace("|", "\\|")
