"""What browser tests share: headless Chromium, and visits that note every noise."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
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


CLASSES = ("left <hook>", "right hook")
"""Names of classes that a mirror swaps; one must be escaped."""


@pytest.fixture(scope="session")
def altered_run(drawn):
    """A run with small copies of its pictures, altered ones, and what models make of those.

    Mirroring turns every answer into the other class; noise changes nothing.
    """
    from autosmall.schema.altered_pictures import AlteredPictures
    from autosmall.schema.altered_predictions import AlteredPredictions, ChangedPicture

    trials = [
        drawn.DrawnTrial("baseline", 0.5, 0.0, 0, 0.01),
        drawn.DrawnTrial("frozen", 0.9, 0.05, 1539, values={"learning_rate": 0.01}),
        drawn.DrawnTrial("scratch", 0.8, 0.1, 96_000, values={"augmentation_strength": 0.4}),
        drawn.DrawnTrial("scratch", 0.5, status="raced_out", folds=2, reason="behind by 40 points"),
    ]
    run = drawn.make_run(trials, samples=60, classes=CLASSES)
    parts = []
    for fold in range(5):
        rows = run.folds.validation_index(fold)
        plain = np.where(np.eye(2)[run.labels[rows]], 0.9, 0.1).astype(np.float32)
        row, both = int(rows[0]), (jpeg(fold), jpeg(50 + fold))
        examples = tuple(ChangedPicture(kind, row, 0, *both) for kind in ("mirror", "noise"))
        by_kind = {"mirror": plain[np.newaxis, :, ::-1], "noise": plain[np.newaxis]}
        parts.append(AlteredPredictions(1, fold, rows, plain, by_kind, examples))
    return replace(
        run,
        settings={**run.settings, "invariances": ("mirror", "noise")},
        previews={row: jpeg(row) for row in range(60)},
        altered_predictions=tuple(parts),
        altered_pictures=AlteredPictures(
            2, "affine", 0.4, ("mirror", "noise"), (0.2, 0.4, 0.8), (0, 1, 2, 3, 4),
            tuple(tuple(jpeg(4 * row + k) for k in range(4)) for row in range(5)),
        ),
    )  # fmt: skip


def jpeg(shade):
    """Return a small picture of one shade as a JPEG file, another one for each ``shade``."""
    from autosmall.data.previews import encode_preview

    return encode_preview(np.full((40, 60, 3), (shade, 4 * shade, 200), np.uint8))


@pytest.fixture(scope="session")
def altered_page(altered_run, tmp_path_factory):
    """The report of ``altered_run``."""
    from autosmall.report.charts.build import build_figures
    from autosmall.report.gathering import gather_facts
    from autosmall.report.html import render_page

    facts = gather_facts(altered_run, "reports/hooks")
    page = tmp_path_factory.mktemp("altered") / "report.html"
    page.write_text(render_page(facts, build_figures(facts)), encoding="utf-8")
    return page
