"""The report in headless Chromium: silent, contained, usable by keyboard and without script."""

from __future__ import annotations

import numpy as np
import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

WIDTHS = (390, 1440)


@pytest.fixture(scope="module")
def pages(drawn, tmp_path_factory):
    """Report pages by situation."""
    from autosmall.data.previews import encode_preview, write_previews
    from autosmall.report import write_comparison, write_report
    from autosmall.run_folder.store import PREVIEWS

    picture = encode_preview(np.full((60, 90, 3), (200, 120, 80), np.uint8))
    hostile = "</script><script>window.PWN=1</script>"
    names = [f'"><img src=x onerror="window.PWN=1">{i}' for i in range(60)]
    failed = drawn.DrawnTrial("scratch", 0.5, status="failed", folds=1, error="E: x", reason="E: x")
    long_classes = [f"class_{'x' * 60}_{i}" for i in range(12)]
    runs = {
        "usual": drawn.make_run(),
        "empty": drawn.make_run([], state="running"),
        "failed": drawn.make_run([failed] * 3),
        "hostile": drawn.make_run(samples=60, classes=(hostile, "b"), names=names),
        "many classes": drawn.make_run(classes=long_classes),
        "reconstructions": drawn.with_reconstructions(
            drawn.make_run([drawn.DrawnTrial("autoencoder", 0.7)], samples=60, names=names)
        ),
    }
    root = tmp_path_factory.mktemp("pages")
    paths = {}
    for name, run in runs.items():
        folder = root / name.replace(" ", "_")
        drawn.store_run(run, folder)
        if name in ("usual", "hostile"):
            write_previews(folder / PREVIEWS, [picture] * len(run.labels))
        paths[name] = write_report(folder)
    compared = [root / name for name in ("usual", "hostile", "empty", "reconstructions")]
    paths["comparison"] = write_comparison(compared, root / "comparison.html")
    return paths


SITUATIONS = (
    "usual",
    "empty",
    "failed",
    "hostile",
    "many classes",
    "reconstructions",
    "comparison",
)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_silent_and_no_wider_than_the_window(open_page, pages, situation, width):
    view = {"width": width, "height": 900}
    with open_page(pages[situation], viewport=view) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.noise == []
        assert visit.page.evaluate("window.PWN") is None


def test_only_what_is_cut_off_fades(open_page, pages):
    """Where a table goes on beyond its box, until it is scrolled to that end."""
    with open_page(pages["usual"], viewport={"width": 390, "height": 900}) as visit:
        tables = visit.page.locator(".scroll:visible")
        fades = "box => getComputedStyle(box).maskImage !== 'none'"
        is_cut = "box => box.scrollWidth > box.clientWidth + 1"
        cut = [table for table in tables.all() if table.evaluate(is_cut)]
        assert 0 < len(cut) < tables.count()
        for table in tables.all():
            assert table.evaluate(fades) == table.evaluate(is_cut)
        cut[0].evaluate("box => { box.scrollLeft = box.scrollWidth }")
        visit.page.wait_for_timeout(100)
        mask = cut[0].evaluate("box => getComputedStyle(box).maskImage")
        assert mask.startswith("linear-gradient(to right, rgba(0, 0, 0, 0)")  # the left side only


def test_what_a_row_unfolds_stays_inside_its_table(open_page, pages):
    with open_page(pages["usual"], viewport={"width": 390, "height": 900}) as visit:
        box = visit.page.locator(".all-rows").bounding_box()
        for summary in visit.page.locator(".fold-row summary").all():
            summary.scroll_into_view_if_needed()
            found = summary.bounding_box()
            assert box["x"] <= found["x"]
            assert found["x"] + found["width"] <= box["x"] + box["width"]


@pytest.mark.parametrize("width", WIDTHS)
def test_each_figure_is_shown_once_in_the_size_that_fits(open_page, pages, width):
    with open_page(pages["usual"], viewport={"width": width, "height": 900}) as visit:
        shown = visit.page.locator("figure svg[role=img]:visible, figure .live:visible")
        assert shown.count() == visit.page.locator("figure").count() == 11
        for chart in shown.all():
            box = chart.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("situation", ["usual", "empty", "hostile", "comparison"])
def test_axe_finds_no_violation(open_page, pages, situation, scheme):
    with open_page(pages[situation], color_scheme=scheme, bypass_csp=True) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        found = axe.Axe().run(visit.page)
        assert found.violations_count == 0, found.generate_report()


def test_pictures_of_mistakes_are_shown(open_page, pages):
    with open_page(pages["usual"]) as visit:
        pictures = visit.page.locator("#mistakes .gallery img:visible")
        assert pictures.count() >= 10
        pictures.first.scroll_into_view_if_needed()
        # Pictures load lazily; decode() waits for that, and fails where one cannot be read.
        width = "image => image.decode().then(() => image.naturalWidth)"
        assert pictures.first.evaluate(width) == 90


def test_recommendation_is_marked_and_seen_first(open_page, pages):
    with open_page(pages["usual"]) as visit:
        assert visit.page.locator("[data-fact=headline]").bounding_box()["y"] < 300
        chosen = visit.page.locator("#ranking tbody.chosen")
        assert chosen.count() == 1
        chosen.scroll_into_view_if_needed()  # far from the window nothing of the table is laid out
        assert "recommended" in chosen.text_content()


def test_sorting_by_keyboard(open_page, pages):
    with open_page(pages["usual"]) as visit:
        header = visit.page.locator("#ranking thead th").nth(2)
        header.locator("button").focus()
        visit.page.keyboard.press("Enter")
        assert header.get_attribute("aria-sort") == "ascending"
        values = (
            "[...document.querySelectorAll('#ranking > tbody')]"
            ".map(group => group.rows[0].cells[2].dataset.value)"
        )
        rising = [float(v) for v in visit.page.evaluate(values) if v]
        assert rising == sorted(rising) and len(set(rising)) > 2
        visit.page.keyboard.press("Enter")
        falling = visit.page.evaluate(values)
        assert falling[-1] == ""  # what has no score stays at the end
        assert [float(v) for v in falling if v] == rising[::-1]


def test_filtering_by_text_strategy_and_status(open_page, pages):
    with open_page(pages["usual"]) as visit:
        shown = visit.page.locator("#ranking > tbody:visible")
        everything = shown.count()
        visit.page.select_option("[name=strategy]", "scratch")
        assert shown.count() == 3
        assert visit.page.locator("#ranking-filter output").inner_text() == "3 of 10 shown"
        visit.page.select_option("[name=status]", "failed")
        assert shown.count() == 1
        visit.page.select_option("[name=strategy]", "")
        visit.page.select_option("[name=status]", "")
        visit.page.fill("[name=text]", "OUT OF memory")
        assert shown.count() == 1
        visit.page.fill("[name=text]", "")
        assert shown.count() == everything == 10


def test_folding_open_and_copying_by_keyboard(open_page, pages):
    with open_page(pages["usual"], permissions=["clipboard-read"]) as visit:
        first = visit.page.locator("#ranking tbody").first
        first.locator("summary").focus()
        visit.page.keyboard.press("Enter")
        assert first.locator("pre").is_visible()
        command = first.locator("pre").inner_text()
        assert command.startswith("autosmall retrain ")
        first.locator("button[data-copy]").focus()
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("window.getSelection().toString()") == command
        assert first.locator("button[data-copy]").inner_text() == "Copied"


def test_without_script_all_is_readable(open_page, pages):
    with open_page(pages["usual"], java_script_enabled=False) as visit:
        assert visit.page.locator("[data-fact=headline]").is_visible()
        assert visit.page.locator("#ranking tbody[data-trial]").count() == 10
        assert not visit.page.locator("#ranking-filter").is_visible()
        assert visit.page.locator("button:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page, pages, scheme):
    """WCAG 2.2 AA: 4.5 to 1 for text, 3 to 1 for marks."""
    with open_page(pages["usual"], color_scheme=scheme) as visit:
        colors = visit.page.evaluate(
            """() => {
              const probe = document.createElement("span");
              document.body.append(probe);
              const read = (value) => {
                probe.style.color = value;
                return getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
              };
              const names = ["page", "panel", "ink", "muted", "link", "bad", "warn", "good",
                "accent", "accent-soft", "train", "axis", "s0", "s1", "s2", "s3", "s4", "s5"];
              return Object.fromEntries(names.map((name) => [name, read(`var(--${name})`)]));
            }"""
        )
    for text in ("ink", "muted", "link", "bad", "warn", "good", "accent"):
        for ground in ("page", "panel", "accent-soft"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    for mark in ("accent", "train", "axis", "s0", "s1", "s2", "s3", "s4", "s5"):
        assert contrast(colors[mark], colors["page"]) >= 3, mark
    assert (sum(colors["page"]) < 200) == (scheme == "dark")


def contrast(first, second):
    """Return the contrast ratio of WCAG 2.2 of two sRGB colours."""

    def luminance(color):
        parts = [c / 255 for c in color]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_wide_table_can_be_reached_by_keyboard(open_page, pages):
    with open_page(pages["usual"], viewport={"width": 390, "height": 900}) as visit:
        unreachable = visit.page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => e.scrollWidth > e.clientWidth + 1"
            " && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.tabIndex < 0)"
            ".map(e => e.outerHTML.slice(0, 80))"
        )
        assert unreachable == []


def test_print_shows_what_is_folded(open_page, pages, tmp_path):
    with open_page(pages["usual"]) as visit:
        visit.page.emulate_media(media="print")
        assert visit.page.locator("#ranking dl.values").first.is_visible()
        assert not visit.page.locator("nav.contents").is_visible()
        assert visit.page.pdf()[:5] == b"%PDF-"


def test_reconstructions_are_shown(open_page, pages):
    with open_page(pages["reconstructions"]) as visit:
        widths = visit.page.eval_on_selector_all(
            ".pairs img", "images => images.map(image => [image.complete, image.naturalWidth])"
        )
        assert widths == [[True, 34]] * 8  # twice 16 px and the gap
