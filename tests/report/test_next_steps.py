"""What to do next: each rule where its numbers give reason for it, and where they do not."""

from __future__ import annotations

import dataclasses
import shlex

import numpy as np
import pytest

from autosmall.analysis.continuing import further_search
from autosmall.analysis.label_keeping import HURTS, UNKNOWN
from autosmall.analysis.paired import PairedDifference
from autosmall.analysis.power_law import Expected
from autosmall.analysis.ranking import rank
from autosmall.analysis.sample_size import ClassGain, LearningCurve
from autosmall.analysis.stopping import Outlook
from autosmall.report.gathering import gather_facts
from autosmall.report.sections import (
    actions,
    actions_on_pictures,
    actions_on_search,
    next_steps,
)
from autosmall.report.sections.alternatives import AlternativeRow
from autosmall.report.sections.ensemble import EnsembleFacts, MemberFacts
from autosmall.report.sections.label_keeping import KIND_NOUNS, KindFacts
from autosmall.report.sections.trust import Finding
from autosmall.training.health.rules import DIVERGED


@pytest.fixture(scope="module")
def known(drawn):
    """A finished run of four good configurations, as the rules see it; no rule but the last."""
    trials = [
        drawn.DrawnTrial("baseline", 0.34, 0.0, 3, 0.01),
        drawn.DrawnTrial("classical", 0.7, 0.1, 900, 0.4),
        drawn.DrawnTrial("frozen", 0.9, 0.05, 5_000, 3.0),
        drawn.DrawnTrial("frozen", 0.9, 0.05, 1_500, 1.0),
    ]
    return known_of(drawn.make_run(trials))


def known_of(run):
    facts, ranking = gather_facts(run, "runs/a b"), rank(run)
    return actions.Known(
        run, "runs/a b", ranking, facts.trust, facts.errors, facts.training,
        facts.sample_size, facts.tradeoff.choices, facts.ensemble, facts.label_keeping,
    )  # fmt: skip


def with_settings(known, **settings):
    run = dataclasses.replace(known.run, settings={**known.run.settings, **settings})
    return dataclasses.replace(known, run=run)


def with_state(known, state):
    return dataclasses.replace(known, run=dataclasses.replace(known.run, state=state))


def with_part(known, part, **values):
    return dataclasses.replace(known, **{part: dataclasses.replace(getattr(known, part), **values)})


def with_finding(known, severity, code):
    return with_part(known, "trust", findings=(Finding(severity, code, "So and so."),))


def with_suspects(known, count, *, wrong=9, metric="accuracy"):
    confusion = ((40, 0, 0), (0, 40, 0), (wrong, 0, 40 - wrong))
    found = with_part(known, "errors", suspected_count=count, confusion=confusion)
    return with_settings(found, metric=metric)


def with_confusion(known, *confusion):
    return with_part(known, "errors", confusion=confusion, suspected_count=0)


def curve(low, value, high, *gains):
    expected = Expected(0.9, 0.85, 0.95)
    classes = tuple(
        ClassGain(name, 40, 0.8, Expected(mean, mean - arm, mean + arm), 1 / len(gains))
        for name, mean, arm in gains
    )
    gain = Expected(value, low, high)
    return LearningCurve(2, "frozen", 5, (), gain, expected, gain, expected, (), classes)


def with_curve(known, *found):
    return with_part(known, "sample_size", curves=(curve(*found),))


def with_vote(known, pays):
    members = (MemberFacts(2, "frozen", 0.5), MemberFacts(3, "frozen", 0.5)) if pays else ()
    command = "autosmall retrain 'runs/a b' --ensemble" if pays else ""
    vote = EnsembleFacts(pays, "Told.", members, 0.012, (0.002, 0.03), 9, 4.0, command)
    return dataclasses.replace(known, ensemble=vote)


def with_alterations(known, option, *rows):
    """Rows are kind, verdict, points lost, and whether augmentation may use it."""
    kinds = tuple(
        KindFacts(kind, KIND_NOUNS[kind], allowed, 0.9 - lost, lost, lost - 0.1, lost + 0.1,
                  0.0, 0.0, 0.0, 0.8, verdict, "", ())
        for kind, verdict, lost, allowed in rows
    )  # fmt: skip
    allowed = tuple(row.kind for row in kinds if row.allowed)
    known = with_settings(known, invariances=allowed)
    return with_part(known, "label_keeping", option=option, kinds=kinds)


NO_WEIGHTS = {"backbones_found": ("builtin", "patches"), "strategies": ("baseline", "frozen")}


@pytest.mark.parametrize(
    ("rule", "change", "action", "why"),
    [
        pytest.param(
            "mend_pictures", lambda k: with_finding(k, "blocking", "test-leak"),
            "Mend the pictures before you use any of these numbers", "So and so.",
            id="the number is worthless",
        ),
        pytest.param(
            "mend_pictures", lambda k: with_finding(k, "warning", "imbalance"), None, None,
            id="a warning is not worthless",
        ),
        pytest.param(
            "settle_labels", lambda k: with_finding(k, "warning", "label-conflict"),
            "Decide which label is right for pictures that stand under two", "So and so.",
            id="two labels for a picture",
        ),
        pytest.param(
            "go_on", lambda k: with_state(k, "interrupted"), "Go on with the search",
            "It was interrupted. Finished folds are kept and not done again.",
            id="interrupted",
        ),
        pytest.param("go_on", lambda k: k, None, None, id="finished, nothing to go on with"),
        pytest.param(
            "look_at_labels", lambda k: with_suspects(k, 3),
            "Look at the 3 labels that may be wrong",
            "They are 3 of the 9 mistakes. At the most, if the suggested class is right every"
            " time, the score was measured about 2.5 points too low (3 of 120 pictures); if it"
            " never is, nothing changes. Mend what is wrong, keep what is merely hard, and search"
            " anew.",
            id="suspected labels",
        ),
        pytest.param(
            "look_at_labels", lambda k: with_suspects(k, 1, metric="balanced_accuracy"),
            "Look at the label that may be wrong",
            "It is one of the 9 mistakes. Mend what is wrong, keep what is merely hard, and search"
            " anew.",
            id="a suspected label, what it moves is not said",
        ),
        pytest.param(
            "look_at_labels", lambda k: with_suspects(k, 20, wrong=30), None, None,
            id="a weak model is no judge of labels",
        ),
        pytest.param(
            "look_at_labels", lambda k: with_suspects(k, 0), None, None, id="no suspected label",
        ),
        pytest.param(
            "switch_off_alteration",
            lambda k: with_alterations(
                k, "noise", ("mirror", HURTS, 0.43, True), ("noise", UNKNOWN, 0.0, True)
            ),
            "Look whether labels survive mirroring; if not, search without",
            "Mirroring costs 43 points of accuracy (−53.0 to −33.0), and this search was free to"
            " train on such pictures. Where you would give them another label, leave it out; what"
            " that brings is not measured.",
            id="mirroring costs points",
        ),
        pytest.param(
            "switch_off_alteration",
            lambda k: with_alterations(
                k, "none", ("mirror", HURTS, 0.2, True), ("flip", HURTS, 0.3, True)
            ),
            "Look whether labels survive turning upside down and mirroring; if not, search without",
            "Turning upside down costs 30 points of accuracy (−40.0 to −20.0), and this search was"
            " free to train on such pictures. Where you would give them another label, leave it"
            " out; what that brings is not measured.",
            id="two alterations cost points, and nothing is left",
        ),
        pytest.param(
            "switch_off_alteration",
            lambda k: with_alterations(k, "", ("mirror", HURTS, 0.43, False)),
            None, None, id="what costs points is not used anyway",
        ),
        pytest.param(
            "switch_off_alteration",
            lambda k: with_alterations(k, "", ("rotate", HURTS, 0.43, True)),
            None, None, id="what comes in degrees may be too much of it only",
        ),
        pytest.param(
            "switch_off_alteration",
            lambda k: with_alterations(
                k, "noise", ("mirror", HURTS, 0.2, True), ("noise", HURTS, 0.5, True)
            ),
            "Look whether labels survive mirroring; if not, search without",
            "Mirroring costs 20 points of accuracy (−30.0 to −10.0), and this search was free to"
            " train on such pictures. Where you would give them another label, leave it out; what"
            " that brings is not measured.",
            id="what comes in degrees is not left out beside mirroring",
        ),
        pytest.param(
            "switch_off_alteration", lambda k: k, None, None, id="nothing known of alterations",
        ),
        pytest.param(
            "get_weights", lambda k: with_settings(k, **NO_WEIGHTS),
            "Get pretrained weights and search again",
            "No weights trained on ImageNet were found, so frozen had to do with the built-in"
            " backbone, which ships with the program, and patches of these pictures. What weights"
            " would bring here is not measured; the command downloads one small network.",
            id="no weights found",
        ),
        pytest.param(
            "get_weights",
            lambda k: with_settings(k, **{**NO_WEIGHTS, "backbones_found": ("patches",)}),
            "Get pretrained weights and search again",
            "No weights trained on ImageNet were found, so frozen had to do with patches of these"
            " pictures. What weights would bring here is not measured; the command downloads one"
            " small network.",
            id="not even the built-in backbone",
        ),
        pytest.param(
            "get_weights",
            lambda k: with_settings(k, **{**NO_WEIGHTS, "backbones_found": ("vgg16", "patches")}),
            None, None, id="weights found",
        ),
        pytest.param(
            "get_weights",
            lambda k: with_settings(k, **{**NO_WEIGHTS, "strategies": ("scratch",)}),
            None, None, id="nothing that weights serve",
        ),
        pytest.param("get_weights", lambda k: k, None, None, id="nothing known of weights"),
        pytest.param(
            "collect_tiny_class",
            lambda k: with_part(
                with_part(k, "trust", class_counts=(("apart", 110), ("both", 5), ("stuck", 5))),
                "errors", shares=((1.0, 0.0, 0.0), (0.2, 0.8, 0.0), (0.0, 0.0, 1.0)),
            ),
            "Collect more pictures of both",
            "It has 5 pictures: that 80.0 % of them are found may mean anything from 33 to 99 % of"
            " new ones.",
            id="a handful of pictures",
        ),
        pytest.param("collect_tiny_class", lambda k: k, None, None, id="no tiny class"),
        pytest.param(
            "vote", lambda k: with_vote(k, True),
            "Let 2 configurations vote, if cost does not matter",
            "Corrected for the choice of its members, a vote gains 1.2 points (+0.2 to +3.0), and"
            " asks for 2 predictions per picture instead of one.",
            id="a vote pays",
        ),
        pytest.param("vote", lambda k: with_vote(k, False), None, None, id="a vote does not pay"),
        pytest.param(
            "collect_pictures",
            lambda k: with_curve(k, 0.01, 0.03, 0.05, ("apart", 0.09, 0.01), ("both", 0.0, 0.01)),
            "Collect more pictures, of apart first",
            "Twice as many are expected to make accuracy better by 3 points (+1.0 to +5.0 points).",
            id="more would help, of one class most",
        ),
        pytest.param(
            "collect_pictures", lambda k: with_curve(k, 0.01, 0.03, 0.05),
            "Collect more pictures",
            "Twice as many are expected to make accuracy better by 3 points (+1.0 to +5.0 points).",
            id="more would help, no class known",
        ),
        pytest.param(
            "collect_pictures", lambda k: with_curve(k, -0.01, 0.03, 0.07), None, None,
            id="whether more would help cannot be told",
        ),
        pytest.param(
            "collect_pictures", lambda k: with_curve(k, 0.001, 0.004, 0.008), None, None,
            id="more would hardly help",
        ),
        pytest.param(
            "collect_weak_class", lambda k: with_confusion(k, (38, 2, 0), (20, 20, 0), (0, 2, 38)),
            "Collect more pictures of both",
            "20 of its 40 are found, of the other classes together 95 %. How much more pictures"
            " would bring is not measured.",
            id="one class is weak",
        ),
        pytest.param(
            "collect_weak_class", lambda k: with_confusion(k, (38, 2, 0), (5, 35, 0), (0, 2, 38)),
            None, None, id="one class is weakest by chance",
        ),
        pytest.param(
            "collect_weak_class",
            lambda k: with_curve(with_confusion(k, (38, 2, 0), (20, 20, 0), (0, 2, 38)),
                                 -0.01, 0.0, 0.01),
            None, None, id="the learning curve knows better",
        ),
        pytest.param(
            "search_on", lambda k: k, "Search on, if you have time",
            "0 configurations beyond the fixed starts ended, too few to tell what more would"
            " bring. This goes on with twice the limit.",
            id="nothing proposed yet",
        ),
        pytest.param("stop", lambda k: k, None, None, id="too little known to stop"),
        pytest.param(
            "search_on", lambda k: with_state(k, "interrupted"), None, None,
            id="an interrupted search goes on first",
        ),
    ],
)  # fmt: skip
def test_rules(known, rule, change, action, why):
    (asked,) = (each for each in next_steps.RULES if each.__name__ == rule)
    found = asked(change(known))
    if action is None:
        assert found is None
        return
    assert (found.action, found.why) == (action, why)
    assert shlex.split(found.command)[0] == "autosmall"


@pytest.mark.parametrize("option", ["noise", "none"])
def test_the_search_without_an_alteration(known, option):
    rows = [("mirror", HURTS, 0.4, True), ("noise", UNKNOWN, 0.0, option == "noise")]
    found = actions_on_pictures.switch_off_alteration(with_alterations(known, option, *rows))
    assert "--output-dir 'runs/a b-no-mirror' " in found.command
    assert f"--invariances {option} " in found.command
    assert found.section == "data"


def test_no_more_than_three_in_order_of_importance(known):
    busy = with_suspects(with_finding(with_settings(known, **NO_WEIGHTS), "blocking", "x"), 3)
    busy = with_settings(with_vote(busy, True), **NO_WEIGHTS)
    found = next_steps.gather(busy)
    assert [action.kind for action in found.actions] == ["mend", "labels", "weights"]
    assert found.sentence == (
        "Mend the pictures before you use any of these numbers. 2 more actions below."
    )


def test_nothing_while_the_search_runs(known):
    found = next_steps.gather(with_state(known, "running"))
    assert found == next_steps.NextSteps(next_steps.RUNNING, ())


def test_no_reason_to_do_anything():
    assert next_steps.answer(()) == (
        "These numbers give no reason to do anything but make the model."
    )


@pytest.mark.parametrize(
    ("statuses", "action", "command"),
    [
        (["failed", "failed"], "Find out why every configuration failed", "autosmall doctor"),
        (["failed", "raced_out"], "Give the search more time", "--time-budget 1200s"),
        ([], "Give the search more time", "--time-budget 1200s"),
    ],
)
def test_without_a_result(drawn, statuses, action, command):
    trials = [
        drawn.DrawnTrial("frozen", 0.8, status=s, folds=1, error="E: x" if s == "failed" else "")
        for s in statuses
    ]
    run = drawn.make_run(trials)
    run = dataclasses.replace(run, settings={**run.settings, "time_budget_seconds": 600.0})
    first = gather_facts(run, "run").next_steps.actions[0]
    assert first.action == action and command in first.command


def test_rates_that_are_too_high(drawn):
    ill = [
        drawn.DrawnTrial("scratch", 0.4, status="unhealthy", folds=1, diagnoses=(DIVERGED,),
                         values={"learning_rate": rate, "optimizer": "sgd"})
        for rate in (0.03, 0.1, 0.3)
    ]  # fmt: skip
    well = drawn.DrawnTrial("scratch", 0.8, values={"learning_rate": 0.001, "optimizer": "sgd"})
    without = drawn.DrawnTrial("scratch", 0.7)  # as heads that are solved, not trained
    found = actions_on_search.lower_learning_rates(known_of(drawn.make_run([*ill, well, without])))
    assert found.action == "Let scratch with sgd search below a learning rate of 0.03"
    assert found.why.startswith(
        "3 of 4 of these configurations had steps that are too long (diverged), all at 0.03 or "
        "above."
    )
    assert "--space my_space.toml" in found.command
    mild = known_of(drawn.make_run([*ill[:2], well]))
    assert actions_on_search.lower_learning_rates(mild) is None


@pytest.mark.parametrize(
    ("gain", "noise", "on", "stop"),
    [
        pytest.param(
            0.02, 0.01,
            "As many proposals again (40) are expected to bring 2.0 points; cross-validation errs"
            " by 1.0 points between the leaders.", None,
            id="going on pays",
        ),
        pytest.param(
            0.002, 0.01, None,
            "The next 40 configurations were expected to bring 0.2 points, no more than the 1.0"
            " points by which cross-validation errs between the leaders.",
            id="going on does not pay",
        ),
        pytest.param(0.0, 0.0, None, None, id="all alike: nothing is said"),
    ],
)  # fmt: skip
def test_whether_to_search_on(known, monkeypatch, gain, noise, on, stop):
    monkeypatch.setattr(actions_on_search, "further_search", lambda *_: Outlook(gain, noise, 40))
    further, ending = actions_on_search.search_on(known), actions_on_search.stop(known)
    assert (further.why if further else None, ending.why if ending else None) == (on, stop)


@pytest.mark.parametrize(("p_worse", "said"), [(0.3, True), (0.6, False)])
def test_a_cheaper_one_is_named_unless_it_is_probably_worse(known, p_worse, said):
    difference = PairedDifference(-0.01, -0.04, 0.02, 0.5, p_worse, 0.3, 0.7 - p_worse)
    row = AlternativeRow(
        ("fewest_parameters", "fastest"), 3, "frozen", difference, 1500, 1.0, 0.05,
        "1,500 parameters to train instead of 5,000", "1.0 points of accuracy (−2.0 to +4.0)",
        "Told.", "autosmall retrain run --trial 3",
    )  # fmt: skip
    found = actions_on_search.take_simpler(with_part(known, "choices", rows=(row,)))
    assert (found is not None) == said
    if found is not None:
        assert found.action == (
            "Take the smaller and quicker frozen of trial 3, if that matters more to you"
        )
        assert found.why == (
            "You gain 1,500 parameters to train instead of 5,000; you give up 1.0 points of "
            "accuracy (−2.0 to +4.0). Told."
        )


def test_the_outlook_counts_what_was_proposed_beyond_the_starts(drawn):
    run = drawn.make_run([drawn.DrawnTrial("frozen", 0.8)] * 6, samples=30)
    found = further_search(run, rank(run))
    assert found.proposals_left == 2  # drawn runs have four starts
    assert found.worthwhile and not np.isfinite(found.expected_gain)
