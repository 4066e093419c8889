"""Every number on the page is one of ``report.json``, and those are what the stored files give.

Written apart from the report: the page is read as text, ``report.json`` as JSON, and the scores
are worked out anew with pandas and NumPy from ``trials.csv``, ``folds.csv`` and ``predictions/``.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from autosmall.report import write_report
from autosmall.run_folder.tables import write_tables

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")

OF_THE_TEMPLATES = {"95", "1", "2"}
"""Numbers that the page says whatever the run: 95 % intervals, 1 point, ranks and folds from 1."""


HIDDEN = ("svg", "style", "script", "option")


class Text(HTMLParser):
    """Collects what a reader sees, without charts, and the cells of each table.

    Attributes:
        parts: All text.
        tables: Tables of rows of cells; one inside another is a table of its own.
    """

    def __init__(self, page):
        super().__init__()
        self.parts, self.tables, self._open, self._cells, self._hidden = [], [], [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._hidden += tag in HIDDEN
        if self._cells:
            self._cells[-1].append(" ")
        if tag == "table":
            self.tables.append([])
            self._open.append(self.tables[-1])
        elif tag == "tr":
            self._open[-1].append([])
        elif tag in ("td", "th"):
            self._cells.append([])

    def handle_endtag(self, tag):
        self._hidden -= tag in HIDDEN
        if tag == "table":
            self._open.pop()
        elif tag in ("td", "th"):
            self._open[-1][-1].append(" ".join("".join(self._cells.pop()).split()))

    def handle_data(self, data):
        if not self._hidden:
            self.parts.append(data)
            if self._cells:
                self._cells[-1].append(data)


DRAWN_ONLY = {"curves", "points", "steps"}
"""Facts that stand in charts alone, which are left out of the page's text here."""


def numbers_in(document):
    """Return every number of a JSON document, those inside its texts, and the lengths of lists."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from numbers_in(value) if name not in DRAWN_ONLY else ()
            yield from numbers_in(str(name))
    elif isinstance(document, list):
        yield len(document)
        for value in document:
            yield from numbers_in(value)
    elif isinstance(document, str):
        yield from NUMBER.findall(document)
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield document


def ways_to_write(value):
    """Return how a number may stand on the page, without its sign."""
    if isinstance(value, str):
        return {value}
    size = abs(value)
    ways = {f"{size:,}", f"{size:.0f}", f"{size:,.0f}", f"{size:.2g}", f"{size:.3g}", str(size)}
    ways |= {f"{size:.{digits}f}" for digits in (1, 2, 3)}
    ways |= {f"{100 * size:.{digits}f}" for digits in (0, 1, 2)}
    ways |= {f"{size / unit:,.3g}" for unit in (1e3, 1e6, 1e9) if size >= 1e3}
    seconds = int(size + 0.5)
    ways |= {str(seconds % 60), str(seconds // 60), str(seconds % 3600 // 60), str(seconds // 3600)}
    return ways | {"100"} if value > 1 else ways


def unexplained(page, document):
    """Return the numbers on the page that ``document`` does not hold."""
    allowed = set(OF_THE_TEMPLATES)
    for value in numbers_in(document):
        allowed |= ways_to_write(value)
    text = Text(page)
    return {n for n in NUMBER.findall(" ".join(text.parts)) if n.rstrip(",") not in allowed}


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers") / "drawn"
    run = drawn.make_run(samples=90)
    drawn.store_run(run, folder)
    write_tables(run, folder)
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_every_number_on_the_page_is_in_the_document(page, document):
    assert unexplained(page, document) == set()


def test_a_number_from_elsewhere_would_be_seen(page, document):
    """Most numbers of three digits are none of this run's, so a wrong one is likely to be seen."""
    others = [f"{number / 10:.1f}" for number in range(100, 1000)]
    seen = unexplained(page + " ".join(others), document)
    assert len(seen & set(others)) > 0.5 * len(others)


def cells(page, column):
    """Return the rows of the first table that has ``column``."""
    return next(table for table in Text(page).tables if column in table[0])


def percent(value, digits=1):
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def signed(value):
    """Return points with a sign, none for a zero, and a real minus."""
    if value is None:
        return "–"
    text = f"{100 * value:+.1f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def test_the_ranking_says_what_the_document_says(page, document):
    rows = [row for row in cells(page, "in training")[1:] if len(row) == 9]
    for cell, row in zip(rows, document["configurations"]["rows"], strict=True):
        assert cell[0] == ("–" if row["rank"] is None else str(row["rank"]))
        assert cell[1].startswith(f"{row['strategy']}, trial {row['trial']}")
        assert (cell[2], cell[5]) == (percent(row["score"]), percent(row["train_score"]))
        assert (cell[4], cell[6]) == (signed(row["difference"]), signed(row["gap"]))
    values = re.findall(r'data-value="(-?[\d.e-]+)">[\d.]+ %</td>', page)
    scores = [row["score"] for row in document["configurations"]["rows"]]
    sorted_by = {float(value) for value in values}
    assert sorted_by >= {float(f"{score:.6g}") for score in scores if score is not None}


def test_strategies_leaders_gaps_and_times_say_what_the_document_says(page, document):
    strategies = cells(page, "verdict")[1:]
    for cell, row in zip(strategies, document["strategies"]["rows"], strict=True):
        assert cell[0] == row["strategy"] and cell[3] == row["sentence"]
        assert cell[1] == percent(row["score"])
        assert cell[4] == f"{row['complete']} of {row['tried']}"
    gaps = cells(page, "median gap")[1:]
    for cell, row in zip(gaps, document["tradeoff"]["gaps"], strict=True):
        assert cell == [
            row["strategy"],
            str(row["count"]),
            *map(signed, (row["median"], row["low"], row["high"])),
        ]
    heads = {tuple(table[0]): table[1:] for table in Text(page).tables}
    front = next(rows for head, rows in heads.items() if head[3:4] == ("trainable parameters",))
    for cell, row in zip(front, document["tradeoff"]["choices"]["front"], strict=True):
        assert cell[0].startswith(f"{row['strategy']}, trial {row['trial']}")
        assert cell[1] == percent(row["score"])


def test_the_confusion_matrix_says_what_the_document_says(page, document):
    classes = document["errors"]["classes"]
    table = next(t for t in Text(page).tables if all(any(c in h for h in t[0]) for c in classes))
    counts = [
        [int(re.match(r"\d+", cell)[0]) for cell in row[1 : 1 + len(classes)]] for row in table[1:]
    ]
    assert counts == document["errors"]["confusion"]


@pytest.fixture(scope="module")
def stored(folder):
    """Return what the files hold: trials, folds, and labels and predictions per trial and fold."""
    folds = pd.read_csv(folder / "folds.csv")
    classes = sorted(folds["label"].unique())
    labels = folds["label"].map(classes.index).to_numpy()
    predictions = {}
    for path in sorted((folder / "predictions").glob("*/fold_*.npz")):
        fold = int(path.stem.split("_")[1])
        with np.load(path) as arrays:
            if arrays["probabilities"].size:
                held_out = labels[folds["fold"].to_numpy() == fold]
                predictions.setdefault(int(path.parent.name), {})[fold] = (
                    held_out, arrays["probabilities"],
                )  # fmt: skip
    return {
        "trials": pd.read_csv(folder / "trials.csv"),
        "folds": pd.read_csv(folder / "fold_results.csv"),
        "labels": labels,
        "predictions": predictions,
    }


def accuracies(stored, trial):
    return [
        float(np.mean(probabilities.argmax(axis=1) == labels))
        for labels, probabilities in stored["predictions"].get(trial, {}).values()
    ]


def test_scores_are_those_of_the_stored_predictions(document, stored):
    for row in document["configurations"]["rows"]:
        own = accuracies(stored, row["trial"])
        if own:
            assert row["score"] == pytest.approx(np.mean(own), abs=1e-12)
            assert [fold["score"] for fold in row["folds"]] == pytest.approx(own, abs=1e-12)
        else:
            assert row["score"] is None


def test_costs_and_training_scores_are_those_of_the_table(document, stored):
    table = stored["trials"].set_index("trial")
    for row in document["configurations"]["rows"]:
        line = table.loc[row["trial"]]
        assert row["status"] == line["status"] and row["strategy"] == line["strategy"]
        assert row["trainable_parameters"] == line["trainable_parameters"]
        for name in ("score", "train_score", "gap", "fit_seconds"):
            expected = None if pd.isna(line[name]) else pytest.approx(line[name])
            assert row[name] == expected
    assert document["search"]["fit_seconds"] == pytest.approx(stored["folds"]["fit_seconds"].sum())


def test_the_order_is_the_recommended_one_and_then_by_score(document, stored):
    ranked = [row for row in document["configurations"]["rows"] if row["rank"]]
    table = stored["trials"]
    complete = table[table["status"] == "complete"].sort_values("score", ascending=False)
    expected = [t for t in complete["trial"].tolist() if t != document["recommendation"]["trial"]]
    scores = complete.set_index("trial")["score"]
    found = [row["trial"] for row in ranked[1:]]
    assert sorted(found) == sorted(expected)
    assert [scores[t] for t in found] == pytest.approx([scores[t] for t in expected])
    assert document["recommendation"]["leader"] in complete["trial"].tolist()[:2]


def test_the_recommendation_and_its_references(document, stored):
    found = document["recommendation"]
    assert found["naive_score"] == pytest.approx(np.mean(accuracies(stored, found["trial"])))
    majority = np.bincount(stored["labels"]).max() / len(stored["labels"])
    by_name = {r["short_name"]: r["score"] for r in found["references"]}
    baseline = stored["trials"].query("strategy == 'baseline'")["score"].item()
    assert by_name["commonest class"] == pytest.approx(baseline)
    assert abs(baseline - majority) < 0.15  # it predicts the commonest class of each training part
    classical = stored["trials"].query("strategy == 'classical' and status == 'complete'")
    assert by_name["best classical"] == pytest.approx(classical["score"].max())


def test_the_corrected_score_by_a_plain_bootstrap(document, stored):
    """The mean score on left-out pictures of whichever leads on the drawn ones.

    The rule of recommendation is not replayed here, so this one is the leader's; both are means of
    left-out accuracies of good configurations, and differ by a few points at most.
    """
    complete = stored["trials"].query("status == 'complete'")["trial"].tolist()
    right = np.array(
        [
            np.concatenate(
                [p.argmax(axis=1) == labels for labels, p in stored["predictions"][t].values()]
            )
            for t in complete
        ]
    )
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(500):
        drawn = rng.integers(0, right.shape[1], right.shape[1])
        left_out = np.setdiff1d(np.arange(right.shape[1]), drawn)
        leader = right[:, drawn].mean(axis=1).argmax()
        scores.append(right[leader, left_out].mean())
    found = document["recommendation"]
    low, high = found["corrected_interval"]
    assert low < np.mean(scores) < high
    assert found["corrected_score"] == pytest.approx(np.mean(scores), abs=0.04)


def test_mistakes_classes_and_strategies_add_up(document, stored):
    trial = document["recommendation"]["trial"]
    confusion = np.zeros((3, 3), int)
    for labels, probabilities in stored["predictions"][trial].values():
        np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
    assert document["errors"]["confusion"] == confusion.tolist()
    counts = [count for _, count in document["trust"]["class_counts"]]
    assert counts == np.bincount(stored["labels"]).tolist()
    complete = stored["trials"].query("status == 'complete'")
    best = complete.groupby("strategy")["score"].max()
    for row in document["strategies"]["rows"]:
        assert row["score"] == (
            pytest.approx(best[row["strategy"]]) if row["strategy"] in best else None
        )
    status = stored["trials"]["status"].value_counts().to_dict()
    assert document["search"]["by_status"] == status


def test_the_front_is_what_the_table_gives(document, stored):
    complete = stored["trials"].query("status == 'complete'")
    costs = complete[["score", "trainable_parameters", "fit_seconds"]].to_numpy() * [-1, 1, 1]
    kept = [
        trial
        for trial, own in zip(complete["trial"], costs, strict=True)
        if not any((costs <= own + 1e-12).all(axis=1) & (costs < own - 1e-12).any(axis=1))
    ]
    assert sorted(row["trial"] for row in document["tradeoff"]["choices"]["front"]) == sorted(kept)
