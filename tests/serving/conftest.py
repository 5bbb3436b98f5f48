import pytest

from tests.serving import fakes, tiny_models


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory):
    """A folder with version 3 of a model with our signatures. Only read it."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny_models.save_tiny_vqa(folder / "3")
    return folder


@pytest.fixture(scope="session")
def tiny_servable(tiny_export):
    from hardvqa_tf.serving.models import Servable

    return Servable("tiny", 3, str(tiny_export / "3"))


@pytest.fixture(scope="session")
def half_export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("half")
    tiny_models.save(tiny_models.HalfPlusTwo(), folder / "5", "total")
    return folder


@pytest.fixture
def client(tiny_servable):
    with fakes.open_client(fakes.make_service(tiny_servable)) as client:
        yield client
