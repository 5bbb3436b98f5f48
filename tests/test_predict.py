"""Prediction from a run's folder: a tiny untrained model, and everything that can be wrong."""

import io
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver
from PIL import Image

from hardvqa_tf.predict import format_prediction, predict_image
from hardvqa_tf.runs import load_run
from hardvqa_tf.vqa import predicting
from hardvqa_tf.vqa.model import build_vqa_model, grid_fields
from hardvqa_tf.vqa.pictures import looks
from records.decode import decode_image

ANSWERS = ["yes", "no", "two", "red", "größer", "blue"]
WORDS = ["is", "it", "red", "?"]


def build_model(**changed):
    arguments = {
        "image_size": (16, 24),  # a grid of 2 x 3 cells
        "vocabulary_size": len(WORDS) + 2,
        "num_answers": len(ANSWERS),
        "image_encoder_args": {"filters": (4, 5, 6), "strides": (2, 2, 2)},
        "question_encoder_args": {"embedding_dim": 3, "units": 7},
        "fusion_args": {"units": (8,)},
        "attention_args": {"num_cells": 2},
        "aggregator": "sum",
        "classifier_units": (9,),
    }
    return build_vqa_model(**(arguments | changed))


# A grid of 2 x 3 in 2 x 2 regions: two columns of cells on the left, one on the right.
MIXER_ARGS = {
    "additive": {},
    "bilevel_routing": {"num_heads": 2, "num_regions": 2, "top_k": 2, "local_kernel": 0},
    "query_guided": {"num_heads": 2, "hidden_dim": 5},
}


def write_run(folder, model, image_size=(16, 24)):
    model.save(folder / "model.keras")
    (folder / "config.json").write_text(json.dumps({"image_size": image_size}))
    stored = {"words": WORDS, "answers": ANSWERS, "max_words": 5}
    (folder / "vocabularies.json").write_text(json.dumps(stored), encoding="utf-8")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(1)
    write_run(folder, build_model())
    return folder


@pytest.fixture
def image(tmp_path):
    """40 x 50 pixels: not the size that the model takes."""
    path = tmp_path / "my photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_the_answer_and_the_picture(workdir, image):
    result = predict_image(str(workdir), str(image), question="Is it red?")
    assert result["answer"] == result["best_answers"][0][0]
    probabilities = [p for _, p in result["best_answers"]]
    assert len(probabilities) == 5 and probabilities == sorted(probabilities, reverse=True)
    assert 1 - min(probabilities) <= sum(probabilities) < 1  # the sixth answer has the rest
    assert (result["num_cells"], result["total_cells"]) == (2, 6)
    assert result["unknown_words"] == [] and result["ignored_words"] == []
    assert result["overlay"] == str(workdir / "predict_my photo.png")
    picture = np.asarray(Image.open(result["overlay"]))
    # The first panel is the image as it is in the file, enlarged six times (326 // 50).
    top, left = 24 + 28 + 2, 24 + 2
    np.testing.assert_array_equal(
        picture[top : top + 240 : 6, left : left + 300 : 6], np.asarray(Image.open(image))
    )


# By hand: three convolutions with stride 2 move the first cell's centre to 7.5 of 16 x 24
# pixels, so that the lines between cells are at 3.5, 11.5 and 19.5. The picture has 15 pixels
# for each down, 12.5 right; a half is rounded to even.
ROWS, COLUMNS = (52, 172, 240), (44, 144, 244, 300)


def read_mask(path):
    top, left = 24 + 28 + 2, 24 + (1080 - 48 - 304) // 2 + 2
    return np.asarray(Image.open(path))[top : top + 240, left : left + 300]


def test_kept_cells_are_drawn_where_they_look(workdir, image):
    model = load_run(str(workdir)).model
    large, row = ask(model, image)
    result = predict_image(str(workdir), str(image), question="Is it red?")
    same = (read_mask(result["overlay"]) == large).all(axis=-1)
    kept = np.zeros((240, 300), bool)
    for i, j in np.argwhere(row["mask"]):
        kept[ROWS[i] : ROWS[i + 1], COLUMNS[j] : COLUMNS[j + 1]] = True
    assert 0 < kept.sum() < 240 * 300 / 2
    assert same[kept].all() and same[~kept].mean() < 0.01


def test_what_kept_cells_see_is_drawn_where_it_is_asked_for(workdir, image, door, capsys):
    without = predict_image(str(workdir), str(image), question="Is it red?")
    plain = read_mask(without["overlay"]).astype(int)
    given = {"mode": "predict", "workdir": str(workdir), "image": str(image)}
    with flagsaver.as_parsed(**given, question="Is it red?", fields="true"):
        door.main(["main.py"])
    path = capsys.readouterr().out.splitlines()[-1].partition(": ")[2]
    model = load_run(str(workdir)).model
    large, row = ask(model, image)
    shown = read_mask(path).astype(int)
    # A cell sees 15 pixels around its centre.
    seen = np.zeros((240, 300), bool)
    for i, j in np.argwhere(row["mask"]):
        top, left = 15 * 8 * i, 12.5 * 8 * j
        seen[int(top) : int(top) + 225, int(left) : int(left) + 188] = True
    changed = (shown != plain).any(axis=-1)
    assert changed.any() and not changed[~seen].any()
    # Half way from the dim image to the image itself, but for rounding.
    half = np.abs(2 * shown - plain - large)[changed]
    assert half.max() <= 2


@pytest.fixture(scope="module")
def mixed_runs(tmp_path_factory):
    """{mixer: (workdir, model)}."""
    runs = {}
    for mixer, arguments in MIXER_ARGS.items():
        keras.utils.set_random_seed(2)
        model = build_model(mixer=mixer, mixer_args=arguments)
        runs[mixer] = tmp_path_factory.mktemp(mixer), model
        write_run(*runs[mixer])
    return runs


def read_look(path):
    """The panel below the first row of panels, in which the image is six times as large."""
    top = 24 + 28 + 244 + 46 + 28
    return np.asarray(Image.open(path))[top : top + 244, 24 : 24 + 304]


def ask(model, image):
    """The image as it is drawn, and the model's outputs for "Is it red?"."""
    pixels = decode_image(image.read_bytes(), (16, 24))
    row = predicting.ask(model, pixels, tf.constant([[2, 3, 4, 5, 0]]))
    return np.asarray(Image.open(image)).repeat(6, axis=0).repeat(6, axis=1), row


@pytest.mark.parametrize("mixer", MIXER_ARGS)
def test_what_the_mixer_looked_at_is_drawn(mixed_runs, image, mixer):
    workdir, model = mixed_runs[mixer]
    result = predict_image(str(workdir), str(image), question="Is it red?")
    large, row = ask(model, image)
    fields = grid_fields(model)
    if mixer == "additive":
        expected = looks.draw_cell_weights(large, row["cell_weights"], row["mask"], fields)
    elif mixer == "bilevel_routing":
        region = looks.strongest_region(row["presence"], row["mask"], 2)
        expected = looks.draw_routes(large, row["routes"], region, (2, 3), fields)
    else:
        first = int(looks.word_means(row["word_weights"], row["mask"])[:4].argmax())
        weights = row["word_weights"][..., first]
        expected = looks.draw_cell_weights(large, weights, row["mask"], fields)
    np.testing.assert_array_equal(read_look(result["overlay"]), expected)
    assert set(result) == {"question", "answer", "best_answers", "num_cells", "total_cells"} | {
        *("overlay", "unknown_words", "ignored_words", "task")
    }


def test_the_region_that_asks_can_be_chosen(mixed_runs, image, door, capsys):
    workdir, model = mixed_runs["bilevel_routing"]
    large, row = ask(model, image)
    given = {"mode": "predict", "workdir": str(workdir), "image": str(image)}
    given |= {"question": "Is it red?", "region": "2,1"}
    with flagsaver.as_parsed(**given):
        door.main(["main.py"])
    path = capsys.readouterr().out.splitlines()[-1].partition(": ")[2]
    np.testing.assert_array_equal(
        read_look(path),
        looks.draw_routes(large, row["routes"], 2, (2, 3), grid_fields(model)),
    )
    with flagsaver.as_parsed(**given | {"region": "2,-1"}), pytest.raises(SystemExit) as error:
        door.main(["main.py"])
    assert "Received: 2,-1. Give e.g. --region=2,3." in str(error.value)


def test_the_probabilities_are_the_models(workdir, image):
    run = load_run(str(workdir))
    model, tokenizer = run.model, run.assets.tokenizer
    assert run.assets.answers.answers == ANSWERS
    assert tuple(run.config.image_size) == (16, 24)
    np.testing.assert_array_equal(tokenizer(["red is?"]), [[4, 2, 5, 0, 0]])
    pixels = decode_image(image.read_bytes(), (16, 24)).numpy()
    batch = {"image": pixels[None] / np.float32(255), "question_tokens": [[[2, 3, 4, 5, 0]]]}
    batch["question_tokens"] = np.array(batch["question_tokens"], np.int32)
    expected = keras.ops.softmax(model(batch)["logits"])[0, 0].numpy()
    result = predict_image(str(workdir), str(image), question="is IT red ?")
    best = dict(result["best_answers"])
    for answer, probability in best.items():
        # Divided by 255 in another order of operations: float32 rounding.
        assert probability == pytest.approx(expected[ANSWERS.index(answer)], abs=1e-6)


def test_the_picture_goes_where_it_is_asked_for(workdir, image, tmp_path):
    output = tmp_path / "new" / "picture.png"
    result = predict_image(str(workdir), str(image), str(output), question="red?")
    assert result["overlay"] == str(output)
    assert output.stat().st_size > 1000
    before = image.read_bytes()
    with pytest.raises(ValueError, match="would overwrite the image"):
        predict_image(str(workdir), str(image), str(image), question="red?")
    assert image.read_bytes() == before


def test_unknown_and_ignored_words_are_reported(workdir, image):
    result = predict_image(str(workdir), str(image), question="Is the cat, the CAT red?")
    assert result["unknown_words"] == ["the", "cat", ","]
    assert result["ignored_words"] == ["cat", "red", "?"]  # longer than five words
    text = format_prediction(result)
    assert "never seen: the, cat, ," in text
    assert "longest question: cat, red, ?" in text


def test_the_table_for_the_terminal():
    result = {
        "question": "Is it red?",
        "best_answers": [("yes", 0.9), ("größer", 0.1), ("no", 0.0)],
        "num_cells": 8,
        "total_cells": 25,
        "overlay": "run/predict_a.png",
        "unknown_words": [],
        "ignored_words": [],
    }
    assert format_prediction(result).splitlines() == [
        "Is it red?",
        "  yes      90.0 %  ###########################",
        "  größer   10.0 %  ###",
        "  no        0.0 %",
        "Looked at 8 of 25 cells: run/predict_a.png",
    ]


def test_no_run_says_which_command_trains_one(image, tmp_path):
    with pytest.raises(ValueError, match="--mode=train --workdir=.*nowhere"):
        predict_image(str(tmp_path / "nowhere"), str(image), question="red?")


def test_a_model_file_that_was_cut_off(workdir, image, tmp_path):
    shutil.copytree(workdir, tmp_path / "run")
    model = tmp_path / "run" / "model.keras"
    model.write_bytes(model.read_bytes()[:999])
    with pytest.raises(ValueError, match="model.keras is damaged: it has no end.*Copy the run"):
        predict_image(str(tmp_path / "run"), str(image), question="red?")


def test_bad_images_are_named(workdir, image, tmp_path):
    with pytest.raises(ValueError, match=r"none\.png \(No such file"):
        predict_image(str(workdir), str(tmp_path / "none.png"), question="red?")
    text = tmp_path / "notes.jpg"
    text.write_text("no image")
    with pytest.raises(ValueError, match=r"notes\.jpg: not an image"):
        predict_image(str(workdir), str(text), question="red?")
    buffer = io.BytesIO()
    Image.open(image).save(buffer, "JPEG")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(buffer.getvalue()[:-200])
    with pytest.raises(ValueError, match=r"cut\.jpg: broken or truncated"):
        predict_image(str(workdir), str(cut), question="red?")


@pytest.mark.parametrize("question", ["", "  \n", None, "\u200b", "\0", "\u00ad\u3164"])
def test_an_empty_question_is_refused_before_the_model_is_loaded(
    workdir, image, question, monkeypatch
):
    monkeypatch.setattr("hardvqa_tf.predict.load_run", None)  # Whoever calls it fails.
    with pytest.raises(ValueError, match="has no words"):
        predict_image(str(workdir), str(image), question=question)


@pytest.mark.parametrize(
    "question, sentence",
    [("Is it \ud83d red?", "half a character"), ("Is it\0 red?", "has a NUL character")],
)
def test_a_question_that_is_no_text_is_refused(workdir, image, question, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        predict_image(str(workdir), str(image), question=question)
    assert ascii(question) in str(raised.value)


def test_an_image_that_is_not_found(workdir, tmp_path):
    (tmp_path / "Photo.PNG").write_bytes(b"")
    with pytest.raises(ValueError, match=r"There is 'Photo\.PNG': capitals count"):
        predict_image(str(workdir), str(tmp_path / "photo.png"), question="red?")
    with pytest.raises(ValueError, match="It is an address, not a file: download the image"):
        predict_image(str(workdir), "https://example.org/a.png", question="red?")


def test_a_model_on_feature_maps_cannot_answer_from_a_file(image, tmp_path):
    maps = keras.Input((2, 3, 4), name="features")
    tokens = keras.Input((None, None), dtype="int32", name="question_tokens")
    model = keras.Model([maps, tokens], {"logits": keras.layers.Flatten()(maps)})
    write_run(tmp_path, model, image_size=(2, 3, 4))
    with pytest.raises(ValueError, match="cannot answer from an image file"):
        predict_image(str(tmp_path), str(image), question="red?")


def test_an_option_of_another_task_is_refused(workdir, image):
    with pytest.raises(ValueError, match="vqa has no option sketch. .* there are: question, r"):
        predict_image(str(workdir), str(image), question="red?", sketch="cat.png")
