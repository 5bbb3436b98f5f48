import shutil

import pytest

from tests.serving import fakes, tiny_models
from tests.serving.page_replies import ADDRESS, Replies

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


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
def localizer_servable(exported_localizer):
    """A small localizer as it leaves. It shares the session's export: only read it."""
    from hardvqa_tf.serving.models import Servable

    return Servable("finder", 1, f"{exported_localizer}/export/1")


@pytest.fixture(scope="session")
def half_export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("half")
    tiny_models.save(tiny_models.HalfPlusTwo(), folder / "5", "total")
    return folder


@pytest.fixture
def client(tiny_servable):
    with fakes.open_client(fakes.make_service(tiny_servable)) as client:
        yield client


# The page in a browser.


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install -r requirements-dev.txt"
    )
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is on PATH")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tab(browser):
    """One for all tests, for each new one takes longer than most of them."""
    page = browser.new_page(service_workers="block")
    page.set_default_timeout(600_000)
    # As long as somebody listens, no file dialog opens, not even for a moment.
    page.on("filechooser", lambda chooser: None)
    page.said, page.requests = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.requests.append(request))
    return page


@pytest.fixture
def replies():
    return Replies()


@pytest.fixture
def open_page(tab, replies):
    """A function that opens the page; no request may go to another host."""

    def open_page(width=1000, height=800, scheme="light", motion="reduce"):
        tab.set_viewport_size({"width": width, "height": height})
        tab.emulate_media(color_scheme=scheme, reduced_motion=motion)
        tab.goto(ADDRESS)
        return tab

    tab.route("**/*", replies)
    tab.said.clear()
    yield open_page
    tab.evaluate("sessionStorage.clear()")
    tab.unroute("**/*")
    assert replies.outside == []
    # Refused requests are told on the console, too; those are what some tests are about.
    assert [line for line in tab.said if "Failed to load resource" not in line] == []
