"""Section 9 in the browser: what augmentation does to pictures, and which changes keep labels."""

from __future__ import annotations

import pytest

SHOWN = "images => Promise.all(images.map(i => i.decode().then(() => i.naturalWidth)))"
"""Widths of pictures, once each has been read; they load lazily."""


@pytest.fixture(params=[390, 1440])
def page(request, open_page, altered_page):
    """The report at both widths; silent and no wider than the window to the end."""
    with open_page(altered_page, viewport={"width": request.param, "height": 900}) as visit:
        yield visit.page
        assert visit.noise == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= request.param


def eager(page):
    page.eval_on_selector_all("#data img", "images => images.forEach(i => { i.loading = 'eager' })")


def test_five_pictures_at_three_strengths(page):
    eager(page)
    table = page.locator("table.altered")
    heads = table.locator("thead th").all_inner_texts()
    assert [head.split("\n")[0].strip() for head in heads] == [
        "picture", "as it is", "strength 0.2", "strength 0.4", "strength 0.8",
    ]  # fmt: skip
    assert [" ".join(head.split()) for head in heads if "in training" in head] == [
        "strength 0.4 as in training"
    ]
    assert table.locator("tbody tr").count() == 5
    pictures = table.locator("tbody td img")
    assert pictures.evaluate_all(SHOWN) == [60] * 20
    assert len(set(pictures.evaluate_all("images => images.map(i => i.src)"))) == 20
    assert table.locator("tbody th").first.inner_text().startswith("left <hook>")
    boxes = pictures.evaluate_all("x => x.map(i => i.getBoundingClientRect().width)")
    assert min(boxes) >= 48


def test_whose_augmentation_is_shown(page):
    section = page.locator("#data")
    assert "Shown is what trial 2 does to them" in section.inner_text()


def test_harm_is_said_with_its_pictures_and_the_option(page):
    eager(page)
    section = page.locator("#data")
    said = section.inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "Mirroring costs 100 points of accuracy" in said
    assert "most often left <hook> is then taken for right hook" in said
    assert section.locator("code", has_text="--invariances noise").is_visible()
    hurt = section.locator("ul.copies[aria-label$='mirroring']")
    assert hurt.is_visible()
    pairs = hurt.locator("li")
    assert pairs.count() == 4
    for pair in pairs.all():
        before, after = pair.locator(".picture").all()
        assert (
            before.inner_text().startswith("as it is: ")
            and "90\N{NO-BREAK SPACE}%" in before.inner_text()
        )
        assert (
            after.inner_text().startswith("then: ")
            and "90\N{NO-BREAK SPACE}%" in after.inner_text()
        )
        widths = [part.locator("img").evaluate_all(SHOWN) for part in (before, after)]
        assert widths == [[60], [60]]


def test_kinds_not_shown_to_hurt_fold_open_by_keyboard(page):
    others = page.locator("#data details", has_text="for the other kinds")
    harmless = page.locator("ul.copies[aria-label$='noise']")
    assert not harmless.is_visible()
    others.locator("summary").focus()
    page.keyboard.press("Enter")
    assert harmless.is_visible()


def test_the_table_tells_each_kind_apart(page):
    rows = page.locator("div[aria-label='What each kind of alteration does'] tbody tr")
    told = {
        row.locator("th").inner_text(): row.locator(".badge").inner_text() for row in rows.all()
    }
    assert told == {"mirroring": "hurts", "noise": "cannot be told"}
