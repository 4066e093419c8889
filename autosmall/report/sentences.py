"""Sentences made from numbers by rules. None may claim more than its numbers show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autosmall.analysis.mistakes import Mistakes
from autosmall.analysis.overfitting import (
    FEWEST_FOR_TREND,
    StrategyGap,
    Trend,
)
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.report.numbers import (
    METRIC_WORDS,
    count_text,
    counted,
    interval_text,
    listed,
    points_text,
    range_share_text,
    score_text,
    seconds_text,
    signed_interval_text,
)
from autosmall.schema.config import BASELINE

if TYPE_CHECKING:
    from autosmall.report.sections.training import Curve, DiagnosisRow

NOTHING_COMPLETE = "No configuration has finished all its folds yet, so there is nothing to show."

UNSEEN = 0.0005
"""A cost of picking below this rounds to 0.0 points."""

TENTHS = 0.01
"""Scores that are compared with each other are told to a tenth of a point."""

POOR_RECONSTRUCTION = 0.8
"""Above this share of the mean picture's error, little of the single picture has come through."""

SMALL_CLASS = 20
"""Below this many pictures of a class its share of the score rests on little."""


def recommendation(
    metric: str,
    chosen: TrialSummary,
    corrected: CorrectedScore,
    majority: float,
    *,
    leads: bool = True,
) -> str:
    """Return what to use and what to expect of it.

    ``majority`` may be NaN; ``leads`` tells whether it has the best score.
    """
    interval = interval_text(metric, corrected.low, corrected.high)
    score = score_text(metric, corrected.score, _half(corrected))
    text = (
        f"Use {chosen.strategy} (trial {chosen.trial}): expect {_measured(metric, score)} "
        f"({interval}) on new pictures of the same kind."
    )
    if chosen.strategy == BASELINE:
        return f"{text} That is always answering the commonest class: {_rivals(corrected, leads)}."
    if math.isnan(majority):
        return text
    above, below = corrected.low > majority, corrected.high < majority
    better, worse = (above, below) if metric != "log_loss" else (below, above)
    reference = score_text(metric, majority, _half(corrected))
    if better:
        return f"{text} Always answering the commonest class gets {reference}."
    if worse:
        return f"{text} Always answering the commonest class is better: it gets {reference}."
    return (
        f"{text} The interval does not exclude {reference}, which is what always answering the "
        "commonest class gets: these pictures do not show that anything was learned."
    )


def _rivals(corrected: CorrectedScore, leads: bool) -> str:
    if corrected.candidates == 1:
        return "no other configuration has finished all its folds"
    return "nothing tried does better" if leads else "nothing tried does clearly better"


def trust(
    metric: str,
    corrected: CorrectedScore | None,
    blocking: int,
    warnings: int,
    *,
    audited: bool = True,
) -> str:
    """Return whether the number can be believed."""
    if corrected is None:
        return NOTHING_COMPLETE
    found = _findings_text(blocking, warnings) if audited else "The pictures were not audited"
    if blocking:
        return f"Not before this is mended: {found}."
    width = points_text(metric, corrected.high - corrected.low, _half(corrected))
    reach = f"Within its interval, which spans {width}, and for pictures like these"
    return f"{reach}; {found}." if warnings else f"{reach}. {found}."


def correction(metric: str, naive: float | None, corrected: CorrectedScore | None) -> str:
    """Return what choosing among many costs."""
    if corrected is None or naive is None:
        return NOTHING_COMPLETE
    before = score_text(metric, naive, TENTHS)
    after = score_text(metric, corrected.score, TENTHS)
    interval = interval_text(metric, corrected.low, corrected.high)
    text = (
        f"Cross-validation gave {before}; corrected for having picked it is {after} ({interval})."
    )
    if corrected.candidates == 1:
        return f"{text} Only one configuration finished, so nothing was picked."
    if corrected.optimism < UNSEEN:
        return f"{text} No cost of picking could be seen among {corrected.candidates} candidates."
    cost = points_text(metric, corrected.optimism, 0.01)
    return (
        f"{text} Choosing among {corrected.candidates} made it look about {cost} too good; "
        "with other pictures drawn, the same one was picked in "
        f"{100 * corrected.same_pick_share:.0f} % of the draws."
    )


def final_model(metric: str, corrected: CorrectedScore, pictures: int, fold_pictures: float) -> str:
    """Return what the model of all pictures may be worth beyond those of the folds."""
    text = (
        f"The models measured had learned from about {fold_pictures:,.0f} pictures each; the final "
        f"one learns from all {pictures:,}"
    )
    gain = corrected.final_gain
    if gain is None:
        return (
            f"{text} and is likely to be somewhat better. How much was not measured, and the "
            "interval does not count it."
        )
    unit = "" if metric == "log_loss" else " points"
    change = f"{signed_interval_text(metric, gain.low, gain.high)}{unit}"
    return (
        f"{text}, which is worth {change} by the learning curve. The interval is drawn out to "
        "hold that; the corrected score does not count it."
    )


def caution(pictures: int, smallest_class: int) -> str:
    """Return what the stored results cannot show."""
    text = (
        "The score holds for new pictures that come about as these did: another camera, place or "
        "time is not covered."
    )
    if smallest_class < SMALL_CLASS:
        rest = counted(smallest_class, "picture")
        return f"{text} The smallest class has {rest}, so little can be said about it alone."
    return text


def reconstructions(
    trial: int, error: float, train_error: float, mean_picture_error: float, *, fine_tuned: bool
) -> str:
    """Return how far reconstructions are off, and what to read from the examples."""
    found, train, mean = map(range_share_text, (error, train_error, mean_picture_error))
    text = (
        f"The autoencoder of trial {trial}, the best of its kind, is off by {found} of the range "
        f"from black to white on held-out pictures ({train} on training pictures); showing the "
        f"mean picture in place of each would be off by {mean}. "
    )
    if math.isfinite(error) and error >= POOR_RECONSTRUCTION * mean_picture_error:
        text += "Little of the single picture comes through. "
    text += (
        "Blurred copies are normal; where what tells your classes apart is gone from them, this "
        "training has not taught the encoder to keep it."
    )
    if fine_tuned:
        text += " Labels have changed the encoder since; the pictures show it before."
    return text


def tradeoff(metric: str, chosen: TrialSummary | None, gaps: Sequence[StrategyGap]) -> str:
    """Return what the gap of the recommended one is, and where gaps are large and small."""
    if chosen is None:
        return NOTHING_COMPLETE
    size = (
        f"{_parameters(chosen)} to train, {count_text(chosen.parameters_per_picture)} per training "
        "picture."
    )
    text = f"The recommended configuration does {_gap_words(metric, chosen.gap)} with {size}"
    if not math.isfinite(chosen.gap):
        text = f"The recommended configuration's score in training is not known; it has {size}"
    learned = [gap for gap in gaps if gap.strategy != BASELINE]
    if len(learned) < 2:
        return text
    small, large = learned[0], learned[-1]
    return (
        f"{text} Typical gaps run from {points_text(metric, small.median, 0.01)} ({small.strategy})"
        f" to {points_text(metric, large.median, 0.01)} ({large.strategy})."
    )


def trend(metric: str, found: Trend | None) -> str:
    """Return how size and gap went together."""
    if found is None:
        return (
            f"Fewer than {FEWEST_FOR_TREND} trained configurations of different size finished, "
            "too few to say how size and gap go together."
        )
    correlation = f"{found.correlation:.2f}".replace("-", "\N{MINUS SIGN}")
    strength = f"rank correlation {correlation}, {counted(found.count, 'configuration')}"
    if found.p_value > 0.05:
        return f"No connection between size and gap can be shown here ({strength})."
    if found.correlation > 0:
        return f"Bigger models had larger gaps here ({strength})."
    return f"Bigger models had smaller gaps here ({strength}); pretraining can do that."


def heads(
    trial: int,
    features: int,
    parameters: int,
    map_values: int | None,
    flattened_parameters: int | None,
) -> str:
    """Return how large the head on frozen features is, and how large pooling spares it to be."""
    text = (
        f"Only the head of a frozen backbone is trained: in trial {trial} it has {parameters:,} "
        f"parameters on {features:,} features per picture."
    )
    if map_values is None or flattened_parameters is None or map_values <= features:
        return text
    return (
        f"{text} Flattened instead of pooled, its feature maps would give it {map_values:,} "
        f"numbers per picture and {flattened_parameters:,} parameters, "
        f"{flattened_parameters / parameters:.0f} times as many."
    )


def training(trials: int, diagnoses: Sequence[DiagnosisRow]) -> str:
    """Return whether training went well."""
    if not trials:
        return NOTHING_COMPLETE
    ill = {trial for row in diagnoses for trial in row.trials}
    if not ill:
        return f"No health rule fired in any of {counted(trials, 'configuration')}."
    most = diagnoses[0]
    name = most.name.replace("_", " ")
    told = f"most often {name} ({len(most.trials)})" if len(ill) > 1 else name
    return f"{len(ill)} of {counted(trials, 'configuration')} showed signs of ill health, {told}."


def curves(found: Sequence[Curve], diagnoses: Sequence[str]) -> str:
    """Return what the mean curves do at their end."""
    if diagnoses:
        return f"Diagnosed: {listed([name.replace('_', ' ') for name in diagnoses])}."
    loss = next((c for c in found if c.name == "validation_loss" and len(c.mean) > 3), None)
    if loss is None or not all(map(math.isfinite, loss.mean)):
        return "No health rule fired."
    lowest = min(range(len(loss.mean)), key=lambda index: loss.mean[index])
    if loss.mean[-1] > 1.1 * loss.mean[lowest] and lowest < len(loss.mean) - 1:
        return (
            "No health rule fired, but the mean validation loss is lowest at epoch "
            f"{loss.epochs[lowest]} of {loss.epochs[len(loss.mean) - 1]} and rises after it: the "
            "last epochs make it surer of its mistakes."
        )
    return "No health rule fired, and the mean validation loss ends near its lowest."


def errors(classes: Sequence[str], found: Mistakes) -> str:
    """Return how many mistakes there are, and which is the most frequent."""
    total = sum(sum(row) for row in found.confusion)
    if not found.wrong:
        return f"None of {counted(total, 'held-out picture')} was given a wrong class."
    pairs = [
        (found.confusion[i][j], classes[i], classes[j])
        for i in range(len(classes))
        for j in range(len(classes))
        if i != j
    ]
    count, truth, taken_for = max(pairs, key=lambda pair: pair[0])
    alone = sum(pair[0] == count for pair in pairs) == 1
    which = "the most frequent mistake is" if alone else "no mistake is more frequent than"
    return (
        f"{found.wrong} of {counted(total, 'held-out picture')} "
        f"{'was' if found.wrong == 1 else 'were'} given a wrong class; {which} {truth} taken for "
        f"{taken_for} ({count})."
    )


def configurations(ranked: int, tied: int, others: Mapping[str, int]) -> str:
    """Return how many were ranked, tied with the leader, and left unranked, by status."""
    rest = [f"{count} {status.replace('_', ' ')}" for status, count in sorted(others.items())]
    tail = f" Not ranked: {listed(rest)}." if rest else ""
    if not ranked:
        return NOTHING_COMPLETE + tail
    text = f"{counted(ranked, 'configuration')} finished all folds"
    if ranked == 1:
        return f"{text}.{tail}"
    if tied == 1:
        return f"{text}; none of the others is tied with the leader.{tail}"
    return f"{text}; {counted(tied - 1, 'other')} cannot be told from the leader.{tail}"


def search(state: str, end_reason: str, trials: int, by_status: Mapping[str, int]) -> str:
    """Return how far the search is or how it ended."""
    complete = by_status.get("complete", 0)
    done = f"{counted(trials, 'configuration')} begun, {complete} of them complete"
    if state == "running":
        return f"The search is still running: {done}."
    ending = f" ({end_reason})" if end_reason else ""
    if state == "interrupted":
        return f"The search was interrupted{ending}: {done}. The same command goes on with it."
    return f"The search is finished{ending}: {done}."


def source(path: object, backbones: object) -> str:
    """Return where the backbone that the search trained itself comes from; empty if there is none.

    ``path`` is the setting ``source``, ``backbones`` the names found, its own first.
    """
    if not path or not isinstance(backbones, tuple) or not backbones:
        return ""
    return (
        f"The backbone {backbones[0]} was trained for this search on the pictures in {path}; "
        "copies of training pictures were left out, test pictures were not looked at. What it "
        "learned from, and how, stands in backbone.md in the run folder."
    )


def effort(trials: int, complete: int, search_seconds: float) -> str:
    """Return what was tried and for how long."""
    return (
        f"{counted(trials, 'configuration')} tried in {seconds_text(search_seconds)}; {complete} "
        "finished all folds."
    )


def no_recommendation(state: str, trials: int, by_status: Mapping[str, int]) -> str:
    """Return why there is no recommendation."""
    if not trials:
        text = "No configuration has been tried yet"
    elif by_status.get("failed", 0) == trials:
        text = f"Every configuration failed ({trials} of {trials}); the reasons stand in the table"
    else:
        text = f"None of {counted(trials, 'configuration')} has finished all its folds"
    return f"{text}; the search is still running." if state == "running" else f"{text}."


def _measured(metric: str, score: str) -> str:
    words = METRIC_WORDS[metric]
    if metric in ("accuracy", "balanced_accuracy"):
        return f"{score} {words}"
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words} of {score}"


def _half(corrected: CorrectedScore) -> float:
    return (corrected.high - corrected.low) / 2


def _findings_text(blocking: int, warnings: int) -> str:
    if not blocking and not warnings:
        return "The audit found nothing that speaks against it"
    parts = []
    if blocking:
        parts.append(f"{blocking} that {'makes' if blocking == 1 else 'make'} it worthless")
    if warnings:
        parts.append(f"{counted(warnings, 'warning')}")
    return f"the audit found {listed(parts)}"


def _parameters(summary: TrialSummary) -> str:
    count = summary.trainable_parameters
    return f"{count_text(count)} {'parameter' if count == 1 else 'parameters'}"


def _gap_words(metric: str, gap: float) -> str:
    if abs(gap) < 5e-4:
        return "as well in training as on held-out pictures,"
    way = "better" if gap > 0 else "worse"
    return f"{points_text(metric, gap, 0.01)} {way} in training than on held-out pictures,"
