"""Does an exported model give the numbers of the Keras model, on questions of a real data set?

    python benchmarks/export_parity.py --workdir=runs/sort_of_clevr
    python benchmarks/export_parity.py --workdir=runs/easy_vqa --split=test --num_questions=1000

Asks the newest export of a run the first questions of a split, through both signatures, as
bytes and strings; and `model.keras` the same questions through `VqaData`, as evaluation does.
Prints the greatest difference of each output, and fails beyond --tolerance, or if one mask,
answer or number of cells is another.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers what the export needs

from hardvqa_tf.data.inputs import input_size
from hardvqa_tf.runs import load_run
from hardvqa_tf.vqa.data import VqaData
from records.folder import shard_paths
from records.schema import parse_example


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--records_dir", help="default: the run's")
    parser.add_argument("--split", default="val")
    parser.add_argument("--num_questions", type=int, default=200)
    parser.add_argument("--batch_size", type=int, default=16, help="images of a call")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args(argv)
    run = load_run(arguments.workdir)
    records_dir = arguments.records_dir or run.config.records_dir
    expected, number = ask_keras(run, records_dir, arguments)
    saved = newest_export(arguments.workdir)
    ask = tf.saved_model.load(saved).signatures
    raw = read_raw(records_dir, arguments.split, number)
    print(f"{saved}: {number} questions of {arguments.split} in {records_dir}")
    for name in ("many_questions", "serving_default"):
        found = ask_export(ask[name], raw, arguments.batch_size, one_by_one="many" not in name)
        print(name)
        compare(found, expected, arguments.tolerance)


def newest_export(workdir):
    folder = os.path.join(workdir, "export")
    versions = [name for name in os.listdir(folder) if name.isdecimal()]
    return os.path.join(folder, max(versions, key=int))


def ask_keras(run, records_dir, arguments):
    """Returns {output: array over questions} and their number, whole images."""
    model, answers = run.model, np.array(run.assets.answers.answers, object)
    data = VqaData(
        records_dir,
        arguments.split,
        run.assets,
        image_size=input_size(run.config, records_dir),
        batch_size=arguments.batch_size,
        with_strings=True,
    )
    parts, number = [], 0
    for batch in data.in_order():
        outputs = model({tensor.name: batch[tensor.name] for tensor in model.inputs})
        real = batch["is_question"].numpy()
        parts.append({name: np.asarray(value)[real] for name, value in outputs.items()})
        number += int(real.sum())
        if number >= arguments.num_questions:
            break
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    logits = found.pop("logits")
    best = np.argsort(-logits, axis=-1, kind="stable")[:, :5]
    found["top_answers"] = answers[best]
    found["top_probabilities"] = np.take_along_axis(
        keras.ops.convert_to_numpy(keras.ops.softmax(logits)), best, -1
    )
    found["mask"] = found["mask"] != 0
    return found, number


def read_raw(records_dir, split, number):
    """Pictures (bytes, or maps) with their questions, `number` of these in all."""
    pairs = []
    for serialized in tf.data.TFRecordDataset(shard_paths(records_dir, split)):
        record = parse_example(serialized)
        pairs.append((record["image/encoded"].numpy(), record["question/text"].numpy()))
        number -= len(pairs[-1][1])
        if number <= 0:
            return pairs
    return pairs


def ask_export(ask, raw, batch_size, one_by_one):
    """The same as `ask_keras` returns, from a signature."""
    if one_by_one:
        raw = [(picture, [text]) for picture, texts in raw for text in texts]
    parts = []
    for start in range(0, len(raw), batch_size):
        rows = raw[start : start + batch_size]
        longest = max(len(texts) for _, texts in rows)
        texts = [[*texts, *[b""] * (longest - len(texts))] for _, texts in rows]
        question = tf.constant([t[0] for t in texts] if one_by_one else texts)
        outputs = ask(image=tf.constant([picture for picture, _ in rows]), question=question)
        real = np.array(texts) != b""
        real = real[:, 0] if one_by_one else real
        parts.append({name: value.numpy()[real] for name, value in outputs.items()})
        status = parts[-1].pop("status")
        if (status != b"ok").any():
            raise SystemExit(f"A row was refused: {set(status)}")
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    found["top_answers"] = np.vectorize(bytes.decode)(found["top_answers"])
    return found


def compare(found, expected, tolerance):
    failed = []
    for name, value in expected.items():
        if value.dtype == np.float32:
            # Fewer answers than five are filled up.
            difference = np.abs(found[name][:, : value.shape[1]] - value).max()
            print(f"  {name:20} differs by {difference:.1e} at most")
            same = difference <= tolerance
        else:
            other = found[name][:, : value.shape[1]] if value.ndim > 1 else found[name]
            number = int((other != value).reshape(len(value), -1).any(axis=1).sum())
            print(f"  {name:20} differs in {number} of {len(value)} questions")
            same = number == 0
        if not same:
            failed.append(name)
    if failed:
        raise SystemExit(f"Not equal: {', '.join(failed)}")


if __name__ == "__main__":
    main()
