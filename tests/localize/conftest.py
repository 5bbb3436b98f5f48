"""Records that several test files of the localizer share."""

import pytest
import tensorflow as tf

from tests.localize import tiny_records


@pytest.fixture
def scene_config(scene_records):
    return tiny_records.config_of(scene_records)


@pytest.fixture(scope="module")
def untraced():
    """As `eagerly`, for a module: to trace the model in each of its phases takes longest."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
