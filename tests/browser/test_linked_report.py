"""What one touches in the report: charts and table brushed together, by mouse and by keys."""

from __future__ import annotations

import re

import pytest


@pytest.fixture(scope="module")
def page_path(drawn, tmp_path_factory):
    """A report with two optimisers, raced-out and failed trials, and all linked charts."""
    from autosmall.report import write_report

    trials = [drawn.DrawnTrial("baseline", 0.34, 0.0, 0, 0.01)]
    for i in range(36):
        values = {
            "learning_rate": 10 ** (-5 + i / 9),
            "optimizer": ("adam", "sgd")[i % 2],
            "dropout_rate": 0.1 * (i % 5),
            "image_size_px": 32,
        }
        dropped = {"status": "raced_out", "folds": 2, "reason": "behind by 20 points"}
        ended = dropped if i % 6 == 5 else {}
        strategy = ("scratch", "fine_tune")[i % 4 > 1]
        accuracy = 0.85 - 0.006 * abs(i - 18)
        trials.append(
            drawn.DrawnTrial(strategy, accuracy, 0.1, 10 ** (2 + i % 4), values=values, **ended)
        )
    trials.append(drawn.DrawnTrial("scratch", 0.5, status="failed", folds=1, error="E: no room"))
    folder = tmp_path_factory.mktemp("linked") / "run"
    drawn.store_run(drawn.make_run(trials, samples=60), folder)
    return write_report(folder)


@pytest.fixture
def visit(open_page, page_path):
    """The page, wide; silent to the end of the test."""
    with open_page(page_path) as opened:
        yield opened
        assert opened.noise == []


REGIONS = {
    "learning_rate": ((0.12, 0.15), (0.42, 0.75)),  # in the first panel
    "settings": ((0.86, 0.25), (0.97, 0.5)),  # over the last axis alone, below its title
}
"""Where a drag meets some marks and not all of a chart, from and to shares of width and height."""


def chart(page, name):
    """Return the figure of a live chart once it is drawn."""
    figure = page.locator(f"figure[data-live={name}]")
    figure.scroll_into_view_if_needed()
    page.wait_for_selector(f"figure[data-live={name}].is-live .live svg")
    return figure


def drag(page, figure, start, end):
    """Drag over a chart, from and to shares of its width and height."""
    figure.locator(".live svg").scroll_into_view_if_needed()
    box = figure.locator(".live svg").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=6)
    page.mouse.up()


def wait_for_marks(page):
    page.locator("#ranking tbody.marked").first.wait_for(state="attached")


def marked(page):
    return [int(t) for t in page.eval_on_selector_all(
        "#ranking tbody.marked", "rows => rows.map(row => row.dataset.trial)")]  # fmt: skip


def scores(page, trials):
    """Return the shown score of each trial's row, in percent."""
    texts = [
        page.locator(f"#ranking tbody[data-trial='{t}'] tr").first.locator("td").nth(1).inner_text()
        for t in trials
    ]
    return [float(text.replace("%", "")) for text in texts]


def visible_rows(page):
    return page.eval_on_selector_all(
        "#ranking > tbody", "rows => rows.filter(r => !r.hidden).map(r => Number(r.dataset.trial))"
    )


@pytest.mark.parametrize("name", ["scatter", "gap", "learning_rate", "dropout_rate", "settings"])
def test_dragging_over_any_chart_marks_rows_and_all_charts_show_it(visit, name):
    figure = chart(visit.page, name)
    assert not figure.locator(".wide").is_visible()
    drag(visit.page, figure, *REGIONS.get(name, ((0.12, 0.15), (0.97, 0.45))))
    wait_for_marks(visit.page)
    found = marked(visit.page)
    assert 0 < len(found) < 38
    assert figure.locator(".marked-note").inner_text().startswith(f"{len(found)} marked.")
    other = chart(visit.page, "dropout_rate" if name == "scatter" else "scatter")
    other.locator(".live path[opacity='0.12']").first.wait_for(state="attached")
    assert other.locator(".marked-note button", has_text="Clear").is_visible()
    other.locator(".marked-note button", has_text="Clear").click()
    assert marked(visit.page) == []


def test_a_brush_marks_what_lies_in_it_and_no_more(visit):
    figure = chart(visit.page, "scatter")
    drag(visit.page, figure, (0.1, 0.05), (0.99, 0.45))
    wait_for_marks(visit.page)
    low, high = map(float, re.search(r"in\.score=([\d.]+?)\.\.([\d.]+)", visit.page.url).groups())
    found = set(marked(visit.page))
    for row in visit.page.locator("#ranking > tbody[data-status=complete]").all():
        trial = int(row.get_attribute("data-trial"))
        score = 100 * float(
            row.locator("tr").first.locator("td").nth(1).get_attribute("data-value")
        )
        assert (trial in found) == (low <= score <= high), trial


def test_marked_rows_are_shown_alone_on_demand(visit):
    figure = chart(visit.page, "scatter")
    drag(visit.page, figure, (0.1, 0.05), (0.99, 0.45))
    wait_for_marks(visit.page)
    figure.locator(".marked-note button", has_text="Show them in the table").click()
    assert visible_rows(visit.page) == marked(visit.page) != []
    assert f"{len(marked(visit.page))} of 38 shown" in visit.page.inner_text(
        "#ranking-filter output"
    )


def test_marking_by_a_range_with_the_keyboard_alone(visit):
    visit.page.locator("#ranking-range [name=quantity]").focus()
    visit.page.keyboard.type("accuracy on held-out")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.type("80")
    visit.page.keyboard.press("Enter")
    found = marked(visit.page)
    assert found
    rows = visit.page.locator("#ranking > tbody[data-status=complete]").count()
    assert len(found) < rows
    assert min(scores(visit.page, found)) >= 80
    visit.page.locator("#ranking-filter [name=only]").focus()
    visit.page.keyboard.press("Space")
    assert visible_rows(visit.page) == found
    visit.page.get_by_role("button", name="Clear marks").focus()
    visit.page.keyboard.press("Enter")
    assert marked(visit.page) == []
    assert len(visible_rows(visit.page)) == 38


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_single_rows_are_marked(visit, way):
    box = visit.page.get_by_label("Mark trial 7")
    if way == "mouse":
        box.click()
    else:
        box.focus()
        visit.page.keyboard.press("Space")
    assert marked(visit.page) == [7]
    assert "marks=7" in visit.page.url
    figure = chart(visit.page, "scatter")
    assert figure.locator(".marked-note").inner_text().startswith("1 marked.")


def test_clicking_a_point_opens_its_row(visit):
    figure = chart(visit.page, "scatter")
    figure.locator(".live path[d*='4']").first.wait_for()
    point = visit.page.evaluate_handle(
        "[...document.querySelectorAll('figure[data-live=scatter] .live svg path')]"
        ".find(path => path.__data__ && path.__data__.datum && path.__data__.datum.trial === 19)"
    ).as_element()
    point.click()
    row = visit.page.locator("#ranking tbody[data-trial='19']")
    assert row.locator("details").get_attribute("open") is not None
    assert row.locator("dl.values").is_visible()
    assert "open=19" in visit.page.url


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_an_open_row_has_a_ring_in_the_chart(visit, way):
    chart(visit.page, "scatter")
    summary = visit.page.locator("#ranking tbody[data-trial='19'] summary")
    if way == "mouse":
        summary.click()
    else:
        summary.focus()
        visit.page.keyboard.press("Enter")
    ring = visit.page.locator("figure[data-live=scatter] .live path[stroke-width='3']")
    ring.wait_for(state="attached")
    assert ring.evaluate("path => path.__data__.datum.trial") == 19
    assert visit.page.locator("#ranking tbody[data-trial='19'] .small-curves").is_visible()


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_sorting_filtering_and_copying(open_page, page_path, way):
    with open_page(page_path, permissions=["clipboard-read"]) as visit:
        page = visit.page
        header = page.locator("#ranking thead th").nth(6).locator("button")
        row = page.locator("#ranking tbody[data-trial='17']")
        if way == "mouse":
            header.click()
            page.locator("[name=strategy]").select_option("scratch")
            row.locator("summary").click()
            row.locator("button[data-copy]").click()
        else:
            header.focus()
            page.keyboard.press("Enter")
            page.locator("[name=strategy]").focus()
            page.keyboard.type("scr")
            row.locator("summary").focus()
            page.keyboard.press("Enter")
            row.locator("button[data-copy]").focus()
            page.keyboard.press("Enter")
        assert page.locator("#ranking thead th").nth(6).get_attribute("aria-sort") == "ascending"
        gaps = page.eval_on_selector_all(
            "#ranking > tbody:not([hidden])",
            "rows => rows.map(r => [r.dataset.strategy, r.rows[0].cells[6].dataset.value])",
        )
        known = [float(gap) for _, gap in gaps if gap]
        assert {strategy for strategy, _ in gaps} == {"scratch"}
        assert known == sorted(known) and len(set(known)) > 5
        assert row.locator("button[data-copy]").inner_text() == "Copied"
        assert page.evaluate("navigator.clipboard.readText()").endswith(" --trial 17")


def test_a_view_can_be_sent(open_page, page_path):
    """What one reader chose is in the address; another who opens it sees the same."""
    with open_page(page_path) as first:
        page = first.page
        drag(page, chart(page, "scatter"), (0.1, 0.05), (0.99, 0.45))
        wait_for_marks(page)
        page.locator("#ranking-filter [name=only]").check()
        page.locator("[name=strategy]").select_option("scratch")
        page.locator("#ranking thead th").nth(2).locator("button").click()
        shown = page.locator("#ranking > tbody:visible")
        shown.first.locator("summary").click()
        page.wait_for_url(re.compile("open="))
        address, chosen = page.url, visible_rows(page)
        opened = page.locator("#ranking details[open]").count()
    assert chosen and opened == 1
    with open_page(page_path) as second:
        page = second.page
        page.goto("about:blank")
        page.goto(address)
        assert visible_rows(page) == chosen
        assert page.locator("#ranking-filter [name=only]").is_checked()
        assert page.locator("[name=strategy]").input_value() == "scratch"
        assert page.locator("#ranking details[open]").count() == 1
        assert page.locator("#ranking thead th").nth(2).get_attribute("aria-sort") == "ascending"
        page.locator("nav.contents a[href='#search']").first.click()
        page.wait_for_url(re.compile(r"#search\?"))
        assert visible_rows(page) == chosen
        assert second.noise == []


@pytest.mark.parametrize(
    "hash_text",
    ["#?open=x.99999&marks=1e9&brush=no&in.nothing=1..2&sort=99a", "#?brush=scatter&in.score=a..b"],
)
def test_a_mangled_address_does_no_harm(open_page, page_path, hash_text):
    with open_page(page_path) as visit:
        visit.page.goto("about:blank")
        visit.page.goto(page_path.as_uri() + hash_text)
        assert len(visible_rows(visit.page)) == 38
        assert visit.noise == []


def test_printing_and_no_script_show_the_pictures(open_page, page_path):
    with open_page(page_path) as visit:
        figure = chart(visit.page, "scatter")
        visit.page.emulate_media(media="print")
        assert figure.locator(".wide svg").is_visible()
        assert not figure.locator(".live").is_visible()
        assert not figure.locator(".marked-note").is_visible()
    with open_page(page_path, java_script_enabled=False) as visit:
        figure = visit.page.locator("figure[data-live=scatter]")
        assert figure.locator(".wide svg").is_visible()
        assert not figure.locator(".live").is_visible()
        assert not visit.page.locator("#ranking-range").is_visible()


def test_live_charts_fit_narrow_screens(open_page, page_path):
    with open_page(page_path, viewport={"width": 390, "height": 900}) as visit:
        for name in ("scatter", "learning_rate", "settings"):
            box = chart(visit.page, name).locator(".live svg").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.noise == []


FINGERS = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}


def mark_of(figure, trial):
    """Return the middle of a trial's mark on the window."""
    box = figure.evaluate(
        """(figure, trial) => {
          const own = [...figure.querySelectorAll(".live path")].find((path) =>
            path.__data__ && path.__data__.datum && path.__data__.datum.trial === trial
            && path.__data__.mark.marktype === "symbol");
          own.scrollIntoView({ block: "center" });
          const box = own.getBoundingClientRect();
          return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
        }""",
        trial,
    )
    return tuple(box)


@pytest.mark.parametrize("name", ["scatter", "learning_rate", "settings"])
def test_a_finger_marks_by_taps(open_page, page_path, name):
    with open_page(page_path, **FINGERS) as visit:
        page, figure = visit.page, chart(visit.page, name)
        note = figure.locator(".marked-note")
        assert note.inner_text().startswith("Tap marks")
        page.touchscreen.tap(*mark_of(figure, 19))
        wait_for_marks(page)
        first = marked(page)
        assert 19 in first and len(first) < 20
        assert note.inner_text().startswith(f"{len(first)} marked.")
        assert page.locator("#ranking details[open]").count() == 0
        page.touchscreen.tap(*mark_of(figure, 3))
        page.wait_for_function(f"view.state.marks.length > {len(first)}")
        assert {3, *first} <= set(marked(page))
        page.touchscreen.tap(*mark_of(figure, 3))
        page.wait_for_function("!view.state.marks.includes(3)")
        note.locator("button", has_text="Show them in the table").tap()
        assert visible_rows(page) == marked(page) != []
        assert visit.noise == []


def test_a_finger_that_scrolls_over_a_chart_marks_nothing(open_page, page_path):
    with open_page(page_path, **FINGERS) as visit:
        page, figure = visit.page, chart(visit.page, "scatter")
        figure.locator(".live svg").evaluate("svg => svg.scrollIntoView({ block: 'center' })")
        box, before = figure.locator(".live svg").bounding_box(), page.evaluate("scrollY")
        touches = visit.context.new_cdp_session(page)
        x, y = box["x"] + 0.5 * box["width"], box["y"] + 0.9 * box["height"]
        for step in range(11):
            kind = "touchMove" if step else "touchStart"
            points = [{"x": x + step, "y": y - 18 * step}]
            touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        touches.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_function(f"scrollY > {before}")
        assert marked(page) == []
        assert page.evaluate("view.state.brush") is None
        assert visit.noise == []
