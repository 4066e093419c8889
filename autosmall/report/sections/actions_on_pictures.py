"""Rules that propose to look at the pictures, mend them, or collect more.

Each looks at one thing and returns an action, or none where the run gives no reason for it.
"""

from __future__ import annotations

from autosmall.analysis.exact import exact_interval
from autosmall.report import commands
from autosmall.report.numbers import (
    METRIC_WORDS,
    counted,
    interval_text,
    is_percent,
    listed,
    points_text,
    score_text,
    signed_interval_text,
)
from autosmall.report.sections import errors, label_keeping, sample_size
from autosmall.report.sections.actions import Action, Known, capital

TINY_CLASS = 10
"""Below this many pictures of a class, to collect more of it comes before all else about data."""

MOST_WRONG = 0.2
"""Share of mistakes above which the recommended configuration is no judge of labels."""


def mend_pictures(known: Known) -> Action | None:
    """Return what to mend first where a finding makes the number worthless."""
    blocking = [finding for finding in known.trust.findings if finding.severity == "blocking"]
    if not blocking:
        return None
    return Action(
        "mend",
        "Mend the pictures before you use any of these numbers",
        blocking[0].message,
        commands.audit_command(known.run),
        "trust",
    )


def settle_labels(known: Known) -> Action | None:
    """Return that pictures stand under two labels, one of which must be wrong."""
    found = [finding for finding in known.trust.findings if finding.code == "label-conflict"]
    if not found:
        return None
    return Action(
        "two_labels",
        "Decide which label is right for pictures that stand under two",
        found[0].message,
        commands.audit_command(known.run),
        "data",
    )


def look_at_labels(known: Known) -> Action | None:
    """Return that suspected labels should be looked at, and what they may bring at most.

    Nothing where the recommended configuration is wrong too often to judge labels.
    """
    count, mistakes = known.errors.suspected_count, _mistakes(known.errors)
    if not count or mistakes > MOST_WRONG * known.trust.pictures:
        return None
    return Action(
        "labels",
        f"Look at the {'label' if count == 1 else f'{count} labels'} that may be wrong",
        f"{_worth_of_labels(known, count, mistakes)} Mend what is wrong, keep what is merely hard, "
        "and search anew.",
        commands.anew_command(known.run, known.run_path, "mended"),
        "mistakes",
    )


def _mistakes(found: errors.Errors) -> int:
    return sum(sum(row) - row[k] for k, row in enumerate(found.confusion))


def _worth_of_labels(known: Known, count: int, mistakes: int) -> str:
    text = f"{'It is one' if count == 1 else f'They are {count}'} of the {mistakes} mistakes."
    if known.run.metric != "accuracy":
        return text
    most = points_text("accuracy", count / known.trust.pictures, 0.01)
    return (
        f"{text} At the most, if the suggested class is right every time, the score was measured "
        f"about {most} too low ({count} of {known.trust.pictures:,} pictures); if it never is, "
        "nothing changes."
    )


def switch_off_alteration(known: Known) -> Action | None:
    """Return that mirrored or turned pictures seem to bear another label, and the search without.

    Nothing of kinds that come in degrees: what hurts may merely be more than augmentation does.
    """
    kinds = label_keeping.advised_against(known.label_keeping)
    if not kinds:
        return None
    worst = kinds[0]
    cost = points_text("accuracy", worst.lost, (worst.lost_high - worst.lost_low) / 2)
    between = signed_interval_text("accuracy", -worst.lost_high, -worst.lost_low)
    nouns, option = listed([row.noun for row in kinds]), known.label_keeping.option
    return Action(
        "alteration",
        f"Look whether labels survive {nouns}; if not, search without",
        f"{capital(worst.noun)} costs {cost} of accuracy ({between}), and this search was free to "
        "train on such pictures. Where you would give them another label, leave it out; what that "
        "brings is not measured.",
        commands.anew_command(
            known.run,
            known.run_path,
            "-".join(["no", *(row.kind for row in kinds)]),
            invariances=() if option == "none" else tuple(option.split(",")),
        ),
        "data",
    )


def collect_tiny_class(known: Known) -> Action | None:
    """Return that a class with a handful of pictures needs more."""
    name, count = min(known.trust.class_counts, key=lambda pair: pair[1])
    if count >= TINY_CLASS or not known.ranking.rows:
        return None
    low, high = exact_interval(_recall(known, name), count)
    return Action(
        "tiny_class",
        f"Collect more pictures of {name}",
        f"It has {counted(count, 'picture')}: that {score_text('accuracy', _recall(known, name))} "
        f"of them are found may mean anything from {interval_text('accuracy', low, high)} of new "
        "ones.",
        commands.anew_command(known.run, known.run_path, "larger"),
        "mistakes",
    )


def collect_pictures(known: Known) -> Action | None:
    """Return that more pictures are expected to help, by the learning curve."""
    if not known.sample_size.curves:
        return None
    curve = known.sample_size.curves[0]
    if not (curve.gain.low > 0 and curve.gain.high >= sample_size.WORTH_HAVING):
        return None
    leads = bool(curve.classes) and sample_size.stands_out(curve.classes[0], curve.classes[1:])
    first = f", of {curve.classes[0].name} first" if leads else ""
    return Action(
        "collect",
        f"Collect more pictures{first}",
        f"Twice as many are expected to make {METRIC_WORDS[known.run.metric]} better by "
        f"{_points(known, curve.gain.value, curve.gain.low, curve.gain.high)}.",
        commands.anew_command(known.run, known.run_path, "larger"),
        "more",
    )


def collect_weak_class(known: Known) -> Action | None:
    """Return the class that is surely found less often than the others."""
    if known.sample_size.curves or not known.errors.confusion or len(known.errors.classes) < 3:
        return None
    found = _weakest(known.errors.confusion)
    if found is None:
        return None
    row, others = found
    name, total = known.errors.classes[row], sum(known.errors.confusion[row])
    return Action(
        "weak_class",
        f"Collect more pictures of {name}",
        f"{known.errors.confusion[row][row]} of its {total} are found, of the other classes "
        f"together {100 * others:.0f} %. How much more pictures would bring is not measured.",
        commands.anew_command(known.run, known.run_path, "larger"),
        "mistakes",
    )


def _weakest(confusion: tuple[tuple[int, ...], ...]) -> tuple[int, float] | None:
    """Return the class with the lowest recall, and that of the others, if it is surely lower.

    As the lowest of k is picked, its interval is one of ``1 - 0.05 / k``.
    """
    rows = [(row[k], sum(row)) for k, row in enumerate(confusion) if sum(row)]
    if len(rows) < len(confusion):
        return None
    worst = min(range(len(rows)), key=lambda k: rows[k][0] / rows[k][1])
    hits, total = rows[worst]
    rest = [pair for k, pair in enumerate(rows) if k != worst]
    others = sum(hit for hit, _ in rest) / sum(count for _, count in rest)
    high = exact_interval(hits / total, total, 1 - 0.05 / len(rows))[1]
    return (worst, others) if high < others else None


def _recall(known: Known, name: str) -> float:
    row = known.errors.classes.index(name)
    return known.errors.shares[row][row]


def _points(known: Known, value: float, low: float, high: float) -> str:
    unit = " points" if is_percent(known.run.metric) else ""
    interval = signed_interval_text(known.run.metric, low, high)
    return f"{points_text(known.run.metric, value, (high - low) / 2)} ({interval}{unit})"
