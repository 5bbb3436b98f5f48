"""What the model card of an export says about a model that finds what a person drew."""

from hardvqa_tf.data.card_text import cells_text, in_table, percent, times
from hardvqa_tf.data.inputs import IMAGE
from hardvqa_tf.localize.judging.judge import THRESHOLD, threshold_of
from hardvqa_tf.localize.model import grid_fields
from hardvqa_tf.localize.signatures import OUTPUTS, number_of_boxes
from hardvqa_tf.localize.sketch_strokes import MAX_BYTES
from hardvqa_tf.localize.slots import GUIDANCES, LOCALIZER_ATTENTIONS, SELECTIONS
from records.drawings.strokes import MAX_POINTS, MOST_RAW_POINTS


def describe_export(run):
    """What a server or a page needs to know of a `runs.Run`: its part of model.json."""
    parts, fields = run.config.model, grid_fields(run.model)
    height, width = fields.image_size
    return {
        "image_size": [height, width],
        "grid": list(run.model.output["mask"].shape[2:]),
        "fields": fields.to_json() if fields.known else None,
        "num_boxes": number_of_boxes(run.model),
        "threshold": float(threshold_of(run.best_epoch)),
        "input": IMAGE,
        "attention": parts.attention,
        "selection": parts.selection,
        "guidance": parts.guidance.where,
    }


class Card:
    """The parts of a model card that are about images and drawings.

    Args:
      run: `runs.Run`.
      facts: the content of model.json.
    """

    needs = "TensorFlow"

    def __init__(self, run, facts):
        self._run, self._facts = run, facts

    def summary(self):
        """What the model does, in a few sentences."""
        facts = self._facts
        attention = LOCALIZER_ATTENTIONS[facts["attention"]].title
        return (
            "Finds all that a person drew in an image, which it sees as "
            f"{times(facts['image_size'])} pixels: boxes with scores, and which of "
            f"{times(facts['grid'])} cells it looked at. Attention: {attention}, cells "
            f"{SELECTIONS[facts['selection']]}; cells look at the drawing "
            f"{GUIDANCES[facts['guidance']]}"
        )

    def evaluation(self, result):
        """The table of what an evaluation_<split>.json holds."""
        lines = [
            f"Split `{result['split']}`: {result['num_queries']:,} queries about "
            f"{result['num_scenes']:,} scenes. A query is a scene that is asked for one class; "
            "AP by COCO's tool, of queries, which is not the AP of categories. The random row "
            "has perfect boxes of all objects with random scores.",
            "",
            "| asked with | queries | AP50 | AP | AR100 |",
            "|---|--:|--:|--:|--:|",
        ]
        for name, row in result["rows"].items():
            numbers = " | ".join(_share(row[key]) for key in ("AP50", "AP", "AR100"))
            lines.append(f"| {in_table(name)} | {row['num_images']:,} | {numbers} |")
        point, alarms = result["threshold"], result["alarms"]
        lines += [
            "",
            f"From the score {point['threshold']:.4g} on: precision "
            f"{percent(point['precision'])}, recall {percent(point['recall'])}. It looked at "
            f"{result['num_cells']:.1f} of {result['total_cells']} cells on average.",
        ]
        if alarms["num_queries"]:
            lines[-1] += (
                f" Something is found to {percent(alarms['alarmed'])} of the "
                f"{alarms['num_queries']:,} queries of a class that the scene does not show."
            )
        return "\n".join(lines)

    def epoch(self, metrics):
        """The table of an epoch's metrics, for a run that was never evaluated."""
        rows = [
            f"| {in_table(name.removeprefix('val/'))} | {_share(value)} |"
            for name, value in metrics.items()
            if name.startswith("val/") and name != THRESHOLD
        ]
        return "\n".join(["| | |", "|---|--:|", *rows])

    def calls(self):
        """How the model is called, by Python, REST and gRPC."""
        image, sketch = self._example()
        return _CALLS.format(
            name=self._facts["name"],
            image=image,
            sketch=sketch,
            threshold=self._facts["threshold"],
        )

    def outputs(self):
        """[(name, type and shape, meaning)] of what it gives to a query."""
        height, width = self._facts["grid"]
        sizes = {"H": height, "W": width, "R": self._facts["num_boxes"]}
        return [(o.name, o.kind(**sizes), o.meaning) for o in OUTPUTS]

    def cells(self):
        """Where the cells of a mask look in the image, and how to draw them."""
        return cells_text(self._facts["fields"], self._facts["grid"])

    def refused(self):
        """What a row is refused for, besides its image."""
        return [
            "no drawing; one that is neither a PNG or JPEG nor strokes in JSON; a picture of "
            "one\n  that an image would be refused for, but for transparency; on which nothing "
            "is drawn,\n  or too finely; or a photograph of a drawing under uneven light",
            "strokes that are not [[[x, y], ...], ...], have no point, a coordinate beyond a\n"
            f"  thousand million, more than {MOST_RAW_POINTS:,} points or {MAX_BYTES:,} bytes, "
            f"or so many\n  strokes that their ends alone are more than {MAX_POINTS} points; "
            "endless scribbles",
        ]

    def limits(self):
        """What to know before one trusts an answer."""
        return [
            "It gives boxes to every drawing, also where the image does not show the thing. A "
            f"box counts as found from a score of {self._facts['threshold']:.4g} on, which the "
            "validation split chose by the best F1; the score is not a probability.",
            "A drawing that is a picture: its ground is the median of its edge, and ink is "
            "what is darker, or lighter, than that; transparent pixels lie on white. Its "
            "orientation tag is ignored.",
            "Boxes are in pixels of the image as its file stores it, not turned.",
        ]

    def _example(self):
        for example in self._facts["examples"]:
            for query in example["queries"]:
                return tuple(
                    f"assets.extra/{path}" for path in (example["image"], query["sketch"])
                )
        return "image.jpg", "drawing.png"


_CALLS = """\
Python, with `tensorflow` alone, without `tensorflow-text`; `.` is the folder of this file:

```python
import tensorflow as tf

find = tf.saved_model.load(".").signatures["serving_default"]
image = open("{image}", "rb").read()
sketch = open("{sketch}", "rb").read()  # a PNG, a JPEG, or strokes in JSON
found = find(image=tf.constant([image]), sketch=tf.constant([sketch]))
number = int(found["num_found"][0])  # of boxes with a score of {threshold:.4g} and more
print(found["status"][0].numpy().decode(), number)
print(found["boxes"][0, :number].numpy(), found["scores"][0, :number].numpy())
print(found["mask"][0].numpy())  # the cells that were looked at
```

Strokes are a list of points for each stroke, y downwards, of any size, such as
`[[[0, 0], [90, 0], [90, 60]], [[10, 10]]]`: the text itself is the input. They are fitted,
centred and drawn in the graph by the rule that drew the training's drawings.

REST, from a server that serves the folder above this one as `{name}`
(`tensorflow_model_server --model_name={name} --model_base_path=... --rest_api_port=8501`):

```bash
{{ printf '{{"instances": [{{"image": {{"b64": "'
  base64 < {image} | tr -d '\\n'
  printf '"}}, "sketch": {{"b64": "'
  base64 < {sketch} | tr -d '\\n'
  printf '"}}}}]}}'
}} | curl -s -d @- http://localhost:8501/v1/models/{name}:predict
```

`saved_model_cli show --dir . --all` says what it takes, and runs it, too:

```bash
python -c 'import numpy as np; np.savez("inputs.npz",
  image=[open("{image}", "rb").read()], sketch=[open("{sketch}", "rb").read()])'
saved_model_cli run --dir . --tag_set serve --signature_def serving_default \\
  --inputs "image=inputs.npz[image];sketch=inputs.npz[sketch]"
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
for name, path in (("image", "{image}"), ("sketch", "{sketch}")):
    content = open(path, "rb").read()
    request.inputs[name].CopyFrom(tf.make_tensor_proto([content]))
found = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, 10.0)
print(found.outputs["num_found"].int_val[0])
```

Several drawings of one thing: the signature `several_drawings`, `image` string[N] and `sketch`
string[N, S]; their order changes nothing, and "" fills up a row. Many queries about one image,
which is decoded and encoded once: `many_queries`, `image` string[B] and `sketch`
string[B, Q, S]."""


def _share(value):
    return "-" if value < 0 else percent(value)
