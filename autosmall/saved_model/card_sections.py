"""What the cards of single models and of ensembles tell alike."""

from __future__ import annotations

import math
from collections.abc import Mapping

from autosmall.analysis.thresholds import RareClass
from autosmall.saved_model.decisions import Decisions
from autosmall.schema.settings import METRICS


def expected_sentence(search: Mapping[str, object]) -> str:
    """Return the search's estimate in words: ``accuracy 0.941 (95 % interval 0.90 to 0.97)``."""
    corrected = search["corrected_score"]
    value = number_text(search["naive_score"] if corrected is None else corrected)
    interval = search["corrected_interval"]
    if not isinstance(interval, list):
        return f"{search['metric']} {value}"
    low, high = map(number_text, interval)
    return f"{search['metric']} {value} (95 % interval {low} to {high})"


def opened_words(count: int) -> str:
    """Return ``opened once`` or ``opened 3 times``."""
    return "opened once" if count == 1 else f"opened {count} times"


def expected_lines(search: Mapping[str, object]) -> list[str]:
    """Return what the search expects."""
    lines = [f"Cross-validation in the search expects **{expected_sentence(search)}** "]
    if search["corrected_score"] is None:
        lines[0] += "on pictures like the training pictures."
        lines.append(
            "This configuration is not the search's recommendation: the score is its own mean over "
            "the folds and takes no account of its having been picked."
        )
        return lines
    lines[0] += "on pictures like the training pictures, corrected for the choice among many."
    lines.append(f"Without that correction it was {number_text(search['naive_score'])}.")
    return lines


def tested_lines(test: Mapping[str, object] | None) -> list[str]:
    """Return what the test pictures showed, or that there were none."""
    if test is None:
        return ["No test pictures were kept back: the expected score above is all there is."]
    opened = test["opened"]
    assert isinstance(opened, int)
    scores = {name: value for name, value in test.items() if name in METRICS}
    return [
        f"Scored on {test['n']} pictures that took no part in the search "
        f"({test['part']}), {opened_words(opened)}.",
        *(["A test that is opened repeatedly says less each time."] if opened > 1 else []),
        "",
        "| metric | value |",
        "|---|---|",
        *(f"| {name} | {number_text(value)} |" for name, value in scores.items()),
    ]


def data_lines(class_counts: Mapping[str, int]) -> list[str]:
    """Return how many training pictures each class had."""
    return [
        "| class | pictures |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in class_counts.items()),
    ]


def decision_lines(metrics: Mapping[str, Mapping[str, object]], decisions: Decisions) -> list[str]:
    """Return how the probabilities were calibrated, and which thresholds are stored."""
    told = metrics["calibration"]
    before, after = told["before"], told["after"]
    assert isinstance(before, dict) and isinstance(after, dict)
    lines = [
        f"Probabilities are scaled by the temperature {decisions.temperature:.3f}, fitted to the "
        "predictions for held-out pictures in the search. There the calibration error went from "
        f"{number_text(before['calibration_error'])} to {number_text(after['calibration_error'])} "
        f"(perfect calibration would show {number_text(after['calibration_error_if_perfect'])} on "
        f"{told['pictures']} pictures) and the log loss from {number_text(before['log_loss'])} to "
        f"{number_text(after['log_loss'])}; the figures after scaling are cross-fitted.",
    ]
    if decisions.rare_class is None or not decisions.rare_class.thresholds:
        return lines
    return [*lines, "", *_threshold_lines(decisions.rare_class)]


def _threshold_lines(rare: RareClass) -> list[str]:
    return [
        f"`autosmall predict --recall R` or `--precision P` calls a picture `{rare.name}` from a "
        "stored probability on, whatever is most probable. Figures are cross-fitted on held-out "
        f"pictures, of which {100 * rare.share:.1f} % are `{rare.name}`; precision is lower where "
        "fewer are.",
        "",
        "| wanted | probability from | recall | precision |",
        "|---|---|---|---|",
        *(
            f"| {t.goal} {t.wanted:g} | {t.probability:.3f} | {t.recall:.3f} | "
            f"{number_text(None if math.isnan(t.precision) else t.precision)} |"
            for t in rare.thresholds
        ),
    ]


def number_text(value: object) -> str:
    """Return a number in three digits after the point, ``undefined`` for ``None``."""
    if value is None:
        return "undefined"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
