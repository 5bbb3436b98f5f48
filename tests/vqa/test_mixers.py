"""What refines the fused cells before the attention, in the whole model."""

import keras
import numpy as np
import pytest

from hardvqa_tf.vqa.model import MIXERS
from tests import small_models
from tests.small_models import HEIGHT, WIDTH, B, Q, T, assert_close, inputs, numpy

MIXER_ARGS = {
    "additive": {"use_question": True},
    "bilevel_routing": {"num_heads": 2, "num_regions": 2, "top_k": 3, "use_question": True},
    "query_guided": {"num_heads": 2, "hidden_dim": 9},
}
LOOKED_AT = {  # name, shape after [B, Q], dtype
    "additive": ("cell_weights", (HEIGHT, WIDTH), "float32"),
    "bilevel_routing": ("routes", (4, 4), "bool"),
    "query_guided": ("word_weights", (HEIGHT, WIDTH, T), "float32"),
}


def build(mixer, **changed):
    return small_models.build(mixer=mixer, mixer_args=MIXER_ARGS[mixer], **changed)


@pytest.fixture(scope="module", params=MIXER_ARGS, name="mixer")
def _mixer(request):
    return request.param


@pytest.fixture(scope="module", name="model")
def _model(mixer):
    keras.utils.set_random_seed(5)
    return build(mixer)


def test_all_are_tested():
    assert {"none", *MIXER_ARGS} == MIXERS.keys()


def test_what_it_looked_at_is_an_output(model, mixer):
    outputs = numpy(model(inputs()))
    extra = outputs.keys() - {"logits", "mask", "presence", "num_cells"}
    name, shape, dtype = LOOKED_AT[mixer]
    assert extra == {name}
    assert outputs[name].shape == (B, Q, *shape) and outputs[name].dtype.name == dtype
    symbolic = model.output[name]
    assert symbolic.dtype == dtype and symbolic.shape[2:4] == shape[:2]
    if mixer == "additive":
        norms = np.linalg.norm(outputs[name].reshape(B, Q, -1), axis=-1)
        np.testing.assert_allclose(norms, 1.0, atol=1e-5)
    elif mixer == "bilevel_routing":
        assert (outputs[name].sum(-1) == 3).all()
    else:
        np.testing.assert_allclose(outputs[name].sum(-1), 1.0, atol=1e-5)


def test_a_training_step_reaches_every_weight(model):
    small_models.gradients_of_a_step(model)


def test_saves_and_loads(model, tmp_path):
    small_models.check_saving(model, tmp_path)


def test_padding_does_not_move_the_outputs(model, mixer):
    batch, longer = small_models.with_longer_padding(inputs())
    found, expected = numpy(model(longer)), numpy(model(batch))
    if mixer == "query_guided":
        assert (found["word_weights"][..., T:] == 0).all()
        assert (found["word_weights"][1, 0, ..., 2:] == 0).all()
        found["word_weights"] = found["word_weights"][..., :T]
    assert_close(found, expected)


def test_a_question_does_not_depend_on_its_neighbours(model):
    batch = inputs()
    batch["question_tokens"][0, 2] = batch["question_tokens"][0, 0]  # encoded once
    expected = numpy(model(batch))
    found = numpy(model(small_models.one_question(batch)))
    assert_close(found, {n: value[:1, 1:2] for n, value in expected.items()})


def test_words_of_equal_questions_are_the_same_encoded_once_or_each():
    once = build("query_guided")
    each = build("query_guided", static_shapes=True)
    weights = {variable.path: variable for variable in once.weights}
    for variable in each.weights:
        variable.assign(weights[variable.path])
    batch = inputs()
    batch["question_tokens"][1] = batch["question_tokens"][0, 2]
    assert_close(numpy(each(batch)), numpy(once(batch)))


def test_word_weights_are_in_the_order_of_the_question_whichever_way_it_is_read():
    keras.utils.set_random_seed(6)
    forwards, backwards = (
        build("query_guided", question_encoder_args={"units": 7, "reverse": reverse})
        for reverse in (False, True)
    )
    backwards.set_weights(forwards.get_weights())
    batch = inputs()
    tokens = batch["question_tokens"]
    tokens[1, 2, 3:] = 0
    turned = tokens[..., ::-1].copy()
    turned[1, 2] = [*tokens[1, 2, 2::-1], 0, 0]
    found = numpy(backwards(batch))
    expected = numpy(forwards(batch | {"question_tokens": turned}))
    weights = expected["word_weights"].copy()
    expected["word_weights"] = weights[..., ::-1].copy()
    expected["word_weights"][1, 2] = weights[1, 2][..., [2, 1, 0, 3, 4]]
    assert_close(found, expected)
    assert np.ptp(found["word_weights"], axis=-1).min() > 1e-3, "words must be told apart"
