"""What browser tests share: headless Chromium, and visits that note every noise."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium on the path")
    with playwright.sync_playwright() as driver:
        # Chromium refuses its sandbox to root, which containers run as.
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """An open page that notes every request and every message."""

    def __init__(self, browser, path, **options):
        options.setdefault("viewport", {"width": 1440, "height": 900})
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.noise = []
        self.page.on("console", lambda message: self.noise.append(message.text))
        self.page.on("pageerror", lambda error: self.noise.append(str(error)))
        self.page.on("request", self._note_request)
        self.page.goto(path.as_uri())
        self.address = path.as_uri()

    def _note_request(self, request):
        if not request.url.startswith("data:") and not request.is_navigation_request():
            self.noise.append(request.url)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.context.close()


@pytest.fixture(scope="session")
def open_page(browser):
    """Opens a page, ``open_page(path, **options)``, as a :class:`Visit` for ``with``."""
    return lambda path, **options: Visit(browser, path, **options)
