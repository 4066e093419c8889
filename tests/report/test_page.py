"""The page, read as a parser reads it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from autosmall.report.charts.build import build_figures
from autosmall.report.gathering import gather_facts
from autosmall.report.html import SECTIONS, render_page

HOSTILE = (
    "</script><script>window.PWN=1</script>",
    '"><img src=x onerror="window.PWN=1">',
    "\u202eevil\u2066 & 'quotes' " + "x" * 200,
)


class Elements(HTMLParser):
    """Collects start tags with their attributes, and all text."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def page_of(run):
    facts = gather_facts(run, "reports/drawn")
    return render_page(facts, build_figures(facts))


SCRIPTS = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def without_scripts(page):
    return SCRIPTS.sub("", page)


def parse(page):
    elements = Elements()
    elements.feed(page)
    return elements


@pytest.fixture(scope="module")
def page(drawn):
    return page_of(drawn.make_run())


def test_sections_stand_in_order_and_are_linked(page):
    tags = parse(page).tags
    assert [a["id"] for t, a in tags if t == "section"] == [anchor for anchor, _ in SECTIONS]
    links = [a["href"] for t, a in tags if t == "a"]
    anchors = {a["id"] for _, a in tags if "id" in a}
    assert {link.removeprefix("#") for link in links} <= anchors
    assert len(anchors) == len([a for _, a in tags if "id" in a])  # no id twice


def test_nothing_is_fetched(page):
    for tag, attributes in parse(page).tags:
        assert "src" not in attributes
        if tag in ("link", "a"):
            assert attributes["href"].startswith(("#", "data:"))
    written = without_scripts(page)
    assert "url(" not in written
    urls = set(re.findall(r"https?://[^\"' )<]+", written))
    assert urls <= {"http://www.w3.org/2000/svg"}


def test_the_scripts_are_those_allowed(page):
    scripts = SCRIPTS.findall(page)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    policy = next(a["content"] for t, a in parse(page).tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert f"script-src {allowed};" in policy
    assert len(scripts) == 4  # the page, the table, Vega, the live charts
    tags = [a for t, a in parse(page).tags if t == "script"]
    assert [a for a in tags if a] == [{"type": "application/json", "id": "linked-data"}]
    assert len(tags) == 5
    assert not any(name.startswith("on") for _, a in parse(page).tags for name in a)


def test_hostile_names_are_text(drawn):
    names = [f"{HOSTILE[i % 3]}/{HOSTILE[i % 3]}{i}" for i in range(60)]
    audit = {
        "findings": [{"severity": "warning", "code": "x", "message": HOSTILE[0]}],
        "unreadable": [{"name": HOSTILE[1], "reason": HOSTILE[0]}],
    }
    trials = (
        drawn.DrawnTrial("frozen", 0.6, values={"backbone": HOSTILE[0]}),
        drawn.DrawnTrial("scratch", 0.5, status="failed", error=HOSTILE[1], reason=HOSTILE[0]),
    )
    run = drawn.make_run(trials, samples=60, classes=HOSTILE, names=names, audit=audit)
    found = parse(page_of(run))
    assert [tag for tag, _ in found.tags].count("script") == 5
    assert "img" not in [tag for tag, _ in found.tags]
    text = "".join(found.text)
    assert all(name in text for name in HOSTILE)


def test_tables_have_captions_and_scopes(page):
    tags = parse(page).tags
    tables = sum(tag == "table" for tag, _ in tags)
    assert tables > 5
    assert sum(tag == "caption" for tag, _ in tags) == tables
    assert all("scope" in a for tag, a in tags if tag == "th")
    boxes = [a for _, a in tags if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in boxes)


def test_charts_have_text_alternatives_and_no_colours_of_their_own(page):
    charts = re.findall(r"<svg xmlns.*?</svg>", page, re.DOTALL)
    assert len(charts) == 2 * page.count("<figure")  # wide and narrow
    assert len(charts) >= 18
    for chart in charts:
        assert re.match(r'<svg [^>]*role="img" aria-label="[^"]{20,}"', chart)
        assert not re.findall(r'(?:fill|stroke)="(?!none|transparent|var\()[^"]*"', chart)


def test_labels_of_an_axis_keep_their_digits(drawn):
    trials = [drawn.DrawnTrial("frozen", 0.8, parameters=10**i) for i in range(3)]
    page = page_of(drawn.make_run(trials, samples=1200))
    assert ">0.001</text>" in page  # 1 parameter to 960 training pictures


def test_the_numbers_on_the_page_are_the_facts(drawn, page):
    facts = gather_facts(drawn.make_run(), "reports/drawn")
    rows = re.findall(r'<tbody data-strategy="\w+" data-status="\w+" data-trial="(\d+)"', page)
    assert [int(trial) for trial in rows] == [row.trial for row in facts.configurations.rows]
    values = [row.score for row in facts.configurations.rows if row.score == row.score]
    for value in values:
        assert f'data-value="{value:.6g}">{100 * value:.1f} %' in page
    assert facts.headline.replace(" %", "\N{NO-BREAK SPACE}%") in page
    assert facts.recommendation.retrain_command in page


@pytest.mark.parametrize(
    ("trials", "state", "expected"),
    [
        ([], "running", "No configuration has been tried yet"),
        (["failed"] * 3, "finished", "Every configuration failed (3 of 3)"),
        (["running"], "running", "None of 1 configuration has finished"),
        (["complete"], "interrupted", "Use frozen"),
    ],
)
def test_a_page_for_every_state(drawn, trials, state, expected):
    drawn_trials = [
        drawn.DrawnTrial("frozen", 0.8, status=status, error="E: x" if status == "failed" else "",
                         folds=None if status == "complete" else 1)
        for status in trials
    ]  # fmt: skip
    page = page_of(drawn.make_run(drawn_trials, state=state))
    assert expected in page
    assert ("Still running" in page) == (state == "running")
    assert ("Interrupted: " in page) == (state == "interrupted")


@pytest.mark.parametrize("metric", ["log_loss", "balanced_accuracy", "roc_auc"])
def test_a_page_for_every_kind_of_metric(drawn, metric):
    page = page_of(drawn.make_run(metric=metric, repeats=2))
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower().split()


@pytest.mark.slow
def test_two_hundred_trials_make_a_page_of_moderate_size(drawn):
    strategies = ("frozen", "scratch", "fine_tune")
    trials = [drawn.DrawnTrial(strategies[i % 3], 0.6 + 0.001 * i) for i in range(200)]
    page = page_of(drawn.make_run(trials, samples=300))
    assert len(page.encode()) < 3_000_000
    assert page.count("<tbody data-strategy=") == 200
