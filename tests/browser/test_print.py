"""The report on paper: printed to PDF, it is complete, and folded parts are open."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest

from autosmall.report.html import SECTIONS

pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")


def squeezed(text):
    """Return text without white space and ligatures: PDF files have their own."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


@pytest.fixture(scope="module")
def printed(open_page, altered_page):
    """The text of the printed page, squeezed, and its sheets.

    Before that its reader, who reads in the dark, looked at a linked chart.
    """
    with open_page(altered_page, color_scheme="dark") as visit:
        figure = visit.page.locator("figure[data-live=scatter]")
        figure.scroll_into_view_if_needed()
        visit.page.wait_for_selector("figure[data-live=scatter].is-live .live svg")
        data = visit.page.pdf()
        assert visit.noise == []
    pages = pypdf.PdfReader(io.BytesIO(data)).pages
    return squeezed("".join(page.extract_text() for page in pages)), pages


def test_all_sections_are_there(printed):
    text, _ = printed
    places = [text.find(squeezed(heading)) for _, heading in SECTIONS]
    assert min(places) >= 0
    assert places == sorted(places)
    assert len(SECTIONS) == 13


def test_the_recommendation_and_its_command_are_on_the_first_page(printed):
    _, pages = printed
    first = squeezed(pages[0].extract_text())
    assert "autosmallretrainreports/hooks" in first
    assert "Usefrozen(trial1):expect" in first
    assert "95%interval" in first


def test_rows_are_folded_open(printed):
    text, _ = printed
    for trial in (0, 1, 2):
        assert f"autosmallretrainreports/hooks--trial{trial}" in text
        assert f"Foldsoftrial{trial}" in text
    assert "learning_rate0.01" in text
    assert "behindby40points" in text
    assert "Whichchangeskeepthelabel?" in text
    assert "Changedmostbynoise" in text  # folded on the screen
    assert "dataset'sfingerprintf1d2" in text


def test_pictures_stand_in_place_of_linked_charts(printed):
    text, _ = printed
    assert text.count("accuracyintraining(%)") == 1
    assert "Dragovermarks" not in text
    assert "Clearmarks" not in text and "Copied" not in text


def test_pictures_of_the_data_are_there(printed):
    """Of five pictures four versions each, two kinds with four pairs, and more beside them."""
    _, pages = printed
    assert sum(len(page.images) for page in pages) >= 20 + 16


def test_the_pictures_behind_the_confusion_matrix_are_printed(printed):
    text, _ = printed
    assert "rightlytakenfor" in text and "surestof" in text
    assert "Backtothematrix" not in text


def test_nothing_is_wider_than_the_paper(open_page, altered_page):
    """On A4 less its margins, 184 mm are 695 px."""
    with open_page(altered_page, viewport={"width": 695, "height": 900}) as visit:
        visit.page.emulate_media(media="print")
        too_wide = visit.page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => e.checkVisibility() && "
            "e.getBoundingClientRect().right > 696).map(e => e.outerHTML.slice(0, 80))"
        )
        assert too_wide == []
