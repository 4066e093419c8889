"""What the page's script reads: facts by column, nothing that ends its element, few rows."""

from __future__ import annotations

import dataclasses
import json

import pytest

from autosmall.report.charts import bundle
from autosmall.report.charts.linked import quantities
from autosmall.report.charts.live import columns, page_data
from autosmall.report.charts.settings import find_axes
from autosmall.report.charts.small_curves import in_words, small_curves
from autosmall.report.gathering import gather_facts
from autosmall.report.sections import configurations, effects
from autosmall.report.sections.effects import setting_sentence
from autosmall.report.sections.workers import fault_sentence


@pytest.fixture(scope="module")
def facts(drawn):
    return gather_facts(drawn.make_run(), "reports/drawn")


def expanded(column):
    if isinstance(column, dict):
        return [None if at is None else column["of"][at] for at in column["at"]]
    return column


def test_columns_hold_the_rows():
    rows = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 0.5, "b": None}]
    found = columns(rows)
    assert expanded(found["a"]) == [1, None, 0.5]
    assert expanded(found["b"]) == ["x", "y", None]
    assert columns([]) == {}


def test_embedded_data_cannot_end_their_element():
    text = page_data([], {"name": {"values": ["</script><!-- &", "<b>"]}})
    assert not set("<>&") & set(text)
    assert json.loads(text)["table"]["name"]["values"][0] == "</script><!-- &"


def test_the_bundle_is_kept_and_made_anew_where_it_cannot_be(monkeypatch, tmp_path):
    kept = tmp_path / "autosmall" / "bundle.js"
    monkeypatch.setattr(bundle, "cached_bundle_path", lambda: kept)
    monkeypatch.setattr(bundle, "_made", lambda: "made")
    bundle._bundle.cache_clear()
    try:
        assert bundle.vega_bundle() == "made" == kept.read_text()
        kept.write_text("kept")
        bundle._bundle.cache_clear()
        assert bundle.vega_bundle() == "kept"
        kept.unlink()
        kept.mkdir()
        bundle._bundle.cache_clear()
        assert bundle.vega_bundle() == "made"
    finally:
        bundle._bundle.cache_clear()


def test_the_bundle_keeps_its_names_to_itself():
    script = bundle.vega_bundle()
    assert "</script" not in script
    assert script.startswith("(() => {") and script.endswith("})();")
    assert "window.vegaEmbed" in script


def test_quantities_are_those_of_the_table(facts):
    rows = [row for row in facts.configurations.rows if row.rank]
    found = quantities("accuracy", rows, facts.effects.by_trial)
    assert found["trial"]["values"] == [row.trial for row in rows]
    assert found["score"]["values"] == pytest.approx([100 * row.score for row in rows], rel=1e-5)
    assert found["gap"]["values"] == pytest.approx([100 * row.gap for row in rows], rel=1e-4)
    assert expanded(found["strategy"]["values"]) == [row.strategy for row in rows]
    rates = [row.config.get("learning_rate") for row in rows]
    assert found["learning_rate"] == {"label": "learning rate", "values": rates}


def test_axes_end_at_what_was_tried(facts):
    rows = [row for row in facts.configurations.rows if row.rank]
    axes = {axis.field: axis for axis in find_axes("accuracy", rows)}
    rate = axes["learning_rate"]
    assert (rate.low, rate.high, rate.log) == (1e-5, 1e-2, True)
    assert rate.place(1e-5) == 0 and rate.place(1e-2) == pytest.approx(1)
    assert rate.place(None) is None
    assert list(axes)[-1] == "score"
    assert axes["strategy"].place(axes["strategy"].names[-1]) == 1
    assert find_axes("accuracy", rows[:1]) == ()


def test_many_configurations_are_thinned_and_the_page_says_so(drawn, monkeypatch):
    monkeypatch.setattr(configurations, "MOST_SHOWN", 6)
    monkeypatch.setattr(configurations, "FIRST_RANKS", 3)
    found = gather_facts(drawn.make_run(), "reports/drawn").configurations
    assert len(found.rows) == 10
    assert [row.rank for row in found.page_rows][:3] == [1, 2, 3]
    assert len(found.page_rows) == 6
    assert "show 6 of 10: the first 3 ranks" in found.shown_sentence
    assert all(not row.small_curves for row in found.rows if row.trial not in found.shown)


def test_small_curves_tell_their_ends(facts):
    row = next(row for row in facts.configurations.rows if row.strategy == "frozen")
    said = in_words(row.small_curves)
    first, last = row.small_curves[1].values[0], row.small_curves[1].values[-1]
    assert f"held-out {100 * first:.0f} to {100 * last:.0f} %" in said
    assert said.startswith("accuracy over 20 epochs")
    assert small_curves(row.small_curves).count("<polyline") == 2
    assert small_curves(()) == ""


def test_a_setting_is_told_only_where_trials_can(drawn):
    rates = [10 ** (-5 + i / 10) for i in range(40)]
    trials = [
        drawn.DrawnTrial("scratch", 0.9 if i >= 20 else 0.5, values={"learning_rate": rate})
        for i, rate in enumerate(rates)
    ]
    few = [drawn.DrawnTrial("frozen", 0.8, values={"learning_rate": r}) for r in (0.1, 0.2)]
    found = effects.gather(drawn.make_run([*trials, *few]))
    (rate,) = found.settings
    assert rate.sentence.startswith("In scratch, scores go with it by more than chance would show:")
    assert "learning rate in frozen (2 trials)" in found.too_few
    flat = dataclasses.replace(rate.effects[0], p_value=0.4)
    assert setting_sentence("accuracy", [flat]) == (
        "For scratch, the differences between its values are no larger than chance could make them."
    )


def test_means_of_log_losses_are_losses(drawn):
    trials = [
        drawn.DrawnTrial("scratch", 0.5 + 0.01 * i, values={"learning_rate": 10 ** (-5 + i / 10)})
        for i in range(30)
    ]
    found = effects.gather(drawn.make_run(trials, metric="log_loss"))
    bins = found.settings[0].effects[0].bins
    assert all(0 < b.mean_low < b.mean < b.mean_high for b in bins)
    assert bins[0].mean > bins[-1].mean


def test_faults_and_workers_are_counted(facts):
    work = facts.workers
    assert [(row.name, row.failed) for row in work.rows] == [("inline", 0), ("unnamed", 1)]
    assert sum(row.folds for row in work.rows) == facts.search.folds_done
    assert sum(row.seconds for row in work.rows) == pytest.approx(facts.search.fit_seconds)
    assert [(fault.kind, fault.fits, fault.trials) for fault in work.faults] == [
        ("MemoryError", 1, (9,))
    ]
    assert work.fault_sentence == (
        "The search went on after 1 fit that ended with an error: MemoryError (1)."
    )
    assert fault_sentence(()) == "No fit ended with an error."


def test_who_took_the_lead_adds_up(facts):
    rows = facts.search.proposers
    bests = [step.best_so_far for step in facts.search.steps]
    assert sum(row.led for row in rows) == len(set(bests))
