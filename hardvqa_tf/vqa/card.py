"""What the model card of an export says about a model that answers questions."""

import json
import re

from hardvqa_tf.data.card_text import cells_text, in_table, percent, times
from hardvqa_tf.data.inputs import IMAGE, MAPS, takes_maps
from hardvqa_tf.vqa import slots
from hardvqa_tf.vqa.cell_fields import cell_fields
from hardvqa_tf.vqa.signatures import outputs_of
from hardvqa_tf.vqa.text import MAX_QUESTION_BYTES


def describe_export(run):
    """What a server or a page needs to know of a `runs.Run`: its part of model.json."""
    maps = takes_maps(run.model)
    parts, fields = run.config.model, cell_fields(run.model, run.config.records_dir)
    return {
        "image_size": None if maps else list(run.model.inputs[0].shape[1:3]),
        "grid": list(run.model.output["mask"].shape[2:]),
        "fields": fields.to_json() if fields.known else None,
        "num_answers": len(run.assets.answers),
        "input": MAPS if maps else IMAGE,
        "mixer": parts.mixer,
        "attention": parts.attention,
        "aggregator": parts.aggregator,
    }


class Card:
    """The parts of a model card that are about questions and answers.

    Args:
      run: `runs.Run`.
      facts: the content of model.json.
    """

    needs = "TensorFlow and tensorflow-text"

    def __init__(self, run, facts):
        self._run, self._facts = run, facts

    def summary(self):
        """What the model does, in a few sentences."""
        facts = self._facts
        height, width = facts["grid"]
        mixed = slots.part("mixer", facts["mixer"]).reads is not slots.Reads.NOTHING
        mixer = f"Mixer: `{facts['mixer']}`; attention" if mixed else "Attention"
        takes = (
            f"a map of {times(self._run.model.inputs[0].shape[1:])}"
            if facts["input"] == MAPS
            else f"an image, which it sees as {times(facts['image_size'])} pixels"
        )
        return (
            f"Answers a question about {takes}, and says which of {height} x {width} cells it "
            f"looked at. It chooses among {facts['num_answers']:,} answers. {mixer}: "
            f"`{facts['attention']}`; aggregator: `{facts['aggregator']}`"
        )

    def evaluation(self, result):
        """The table of what an evaluation_<split>.json holds."""
        metric = "the share of questions with the expected answer"
        if result.get("metric") == "vqa":
            metric = f"the official VQA metric, by the evaluator of {result['evaluator']}"
        lines = [
            f"Split `{result['split']}`, {result['num_questions']:,} questions. Accuracy: "
            f"{metric}. Blind: the same for the most frequent training answer to the same "
            "question."
        ]
        if result["rows"]:
            lines += [
                "",
                "| question type | questions | accuracy | blind |",
                "|---|--:|--:|--:|",
            ]
        else:
            lines = [f"Split `{result['split']}`: the answers are hidden."]
        lines += [
            f"| {in_table(row['type'])} | {row['num_questions']:,} "
            f"| {percent(row['accuracy'])} | {percent(row['blind_by_text'])} |"
            for row in result["rows"]
        ]
        cells = f"{result['num_cells']:.1f} of {result['total_cells']} cells"
        return "\n".join([*lines, "", f"It looked at {cells} on average."])

    def epoch(self, metrics):
        """The table of an epoch's metrics, for a run that was never evaluated."""
        rows = [
            f"| {in_table(name.removeprefix('val/'))} | {percent(value)} |"
            for name, value in metrics.items()
            if name.startswith("val/")
        ]
        return "\n".join(["| question type | accuracy |", "|---|--:|", *rows])

    def calls(self):
        """How the model is called, by Python, REST and gRPC."""
        question, name = self._question(), self._facts["name"]
        if self._facts["input"] == MAPS:
            shape, maps = times(self._run.model.inputs[0].shape[1:]), self._run.config.maps
            return _CALLS_WITH_MAPS.format(
                shape=shape,
                encoder=maps.encoder,
                image_size=times(maps.image_size),
                question=question,
                name=name,
            )
        return _CALLS.format(question=question, name=name)

    def outputs(self):
        """[(name, type and shape, meaning)] of what it gives for a question."""
        height, width = self._facts["grid"]
        sizes = {"H": height, "W": width, "T": self._run.assets.tokenizer.max_words}
        if "routes" in self._run.model.output:
            sizes["R"] = self._run.model.output["routes"].shape[-1]
        return [(o.name, o.kind(**sizes), o.meaning) for o in outputs_of(self._facts)]

    def cells(self):
        """Where the cells of a mask look in the image, and how to draw them."""
        return cells_text(self._facts["fields"], self._facts["grid"])

    def refused(self):
        """What a row is refused for, besides its picture."""
        longest = f"longer than {MAX_QUESTION_BYTES:,} bytes"
        return [
            "a question that is empty or of invisible characters alone, that has a NUL "
            f"character (U+0000), is not valid UTF-8, or is {longest}"
        ]

    def limits(self):
        """What to know before one trusts an answer."""
        tokenizer = self._run.assets.tokenizer
        return [
            f"It knows {len(tokenizer.words):,} words; others count as one unknown word. It "
            f"reads the first {tokenizer.max_words} words of a question.",
            "It chooses among the answers of its training data, also where none of them is "
            "right, and the probability is not calibrated.",
        ]

    def _question(self):
        """A question of the data, quoted as JSON and Python do it."""
        examples = self._facts["examples"]
        asked = [row["question"] for example in examples for row in example["questions"]]
        asked = asked or [" ".join([*self._run.assets.tokenizer.words[:3], "?"])]
        # Without what the shell or its printf would take for its own.
        text = re.sub(r"['\"\\%]", "", min(asked, key=len))
        return json.dumps(text, ensure_ascii=False)


_CALLS = """\
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

_CALLS_WITH_MAPS = """\
It takes maps, {shape} numbers an image, as `{encoder}` gives them for images of
{image_size} pixels. Python, with `tensorflow` and `tensorflow-text`:

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
`/v1/models/{name}:predict`; gRPC: inputs `features` and `question` of a
`PredictRequest`. Many questions about one map: the signature `many_questions`, `features`
float32[B, ...] and `question` string[B, Q]; an empty question fills up a row."""
