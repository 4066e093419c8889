"""Section: what should I do next?

Each rule looks at one thing and returns an action, or none where the run's numbers give no reason
for it. The first three are shown, in the order of the rules: what makes the number worthless, what
is cheap and may change the labels or the candidates, what costs pictures, and whether to go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from autosmall.analysis.alternatives import FASTEST, FEWEST_PARAMETERS
from autosmall.analysis.continuing import further_search
from autosmall.analysis.diagnoses import Contrast, contrasts
from autosmall.analysis.exact import exact_interval
from autosmall.analysis.ranking import Ranking
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
from autosmall.report.sections import (
    alternatives,
    ensemble,
    errors,
    label_keeping,
    sample_size,
    training,
    trust,
)
from autosmall.schema.backbone_source import (
    BUILTIN,
    EXAMPLE_BACKBONE,
    SERVED_BY_WEIGHTS,
    WITHOUT_WEIGHTS,
)
from autosmall.schema.run_data import UNFINISHED, RunData
from autosmall.training.health.rules import DIVERGED, OSCILLATING

MOST_ACTIONS = 3

RUNNING = "This is told when the search has ended."

TINY_CLASS = 10
"""Below this many pictures of a class, to collect more of it comes before all else about data."""

MOST_WRONG = 0.2
"""Share of mistakes above which the recommended configuration is no judge of labels."""

LEAST_GAIN = 0.0005
"""An expected gain below this (0.05 points, or 0.0005 of a loss) is none."""

SERIOUS_SHARE = 0.25
"""Share of a strategy's configurations, lost to too long steps, from which that is an action."""


@dataclass(frozen=True)
class Action:
    """Something to do.

    Attributes:
        kind: Name of the rule.
        action: What to do, in words.
        why: What it may bring, from the run's numbers.
        command: The command for it.
        section: Anchor of the section that shows more.
    """

    kind: str
    action: str
    why: str
    command: str
    section: str


@dataclass(frozen=True)
class NextSteps:
    """Up to three actions, the main one first, and the answer in a sentence."""

    sentence: str
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Known:
    """What the rules look at: the run and the facts of the other sections."""

    run: RunData
    run_path: str
    ranking: Ranking
    trust: trust.Trust
    errors: errors.Errors
    training: training.Training
    sample_size: sample_size.SampleSize
    choices: alternatives.Choices
    ensemble: ensemble.EnsembleFacts | None
    label_keeping: label_keeping.LabelKeepingFacts


def gather(known: Known) -> NextSteps:
    """Return what to do next; nothing while the search runs."""
    if known.run.state == "running":
        return NextSteps(RUNNING, ())
    found = [action for rule in RULES if (action := rule(known)) is not None]
    actions = tuple(found[:MOST_ACTIONS])
    return NextSteps(answer(actions), actions)


def answer(actions: tuple[Action, ...]) -> str:
    """Return the main action, and how many more there are."""
    if not actions:
        return "These numbers give no reason to do anything but make the model."
    first = actions[0].action
    more = len(actions) - 1
    return f"{first}." if not more else f"{first}. {counted(more, 'more action')} below."


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


def get_a_first_result(known: Known) -> Action | None:
    """Return what to do where no configuration finished."""
    if known.ranking.rows:
        return None
    failed = sum(trial.status == "failed" for trial in known.run.trials)
    if failed and failed == len(known.run.trials):
        return Action(
            "failed",
            "Find out why every configuration failed",
            f"{failed} of {failed} ended with an error; the table of configurations holds them.",
            "autosmall doctor",
            "configurations",
        )
    return Action(
        "continue",
        "Give the search more time",
        "No configuration has finished all its folds, so there is nothing to recommend yet.",
        commands.further_command(known.run, 2),
        "search",
    )


def go_on(known: Known) -> Action | None:
    """Return the command that goes on with an interrupted search."""
    if known.run.state != "interrupted":
        return None
    open_ones = sum(trial.status == UNFINISHED for trial in known.run.trials)
    said = f"; {counted(open_ones, 'configuration')} had not finished" if open_ones else ""
    return Action(
        "resume",
        "Go on with the search",
        f"It was interrupted{said}. Finished folds are kept and not done again.",
        commands.repeat_command(known.run),
        "search",
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
        f"{_capital(worst.noun)} costs {cost} of accuracy ({between}), and this search was free to "
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


def get_weights(known: Known) -> Action | None:
    """Return how to get pretrained weights where a search found none that it could have used."""
    found, strategies = (known.run.settings.get(n) for n in ("backbones_found", "strategies"))
    if not isinstance(found, tuple) or set(found) - WITHOUT_WEIGHTS:
        return None
    served = [
        name
        for name in SERVED_BY_WEIGHTS
        if not isinstance(strategies, tuple) or name in strategies
    ]
    if not served:
        return None
    shipped = "the built-in backbone, which ships with the program, and " * (BUILTIN in found)
    return Action(
        "weights",
        "Get pretrained weights and search again",
        f"No weights trained on ImageNet were found, so {' and '.join(served)} had to do with "
        f"{shipped}patches of these pictures. What weights would bring here is not measured; the "
        "command downloads one small network.",
        f"autosmall backbones fetch {EXAMPLE_BACKBONE}",
        "strategies",
    )


def vote(known: Known) -> Action | None:
    """Return the command that makes an ensemble, where its corrected gain is positive."""
    found = known.ensemble
    if found is None or not found.pays:
        return None
    low, high = found.gain_interval
    change = signed_interval_text(known.run.metric, low, high)
    return Action(
        "vote",
        f"Let {counted(len(found.members), 'configuration')} vote, if cost does not matter",
        f"Corrected for the choice of its members, a vote gains "
        f"{points_text(known.run.metric, found.gain, 0.01)} ({change}), and asks for "
        f"{len(found.members)} predictions per picture instead of one.",
        found.command,
        "strategies",
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


def lower_learning_rates(known: Known) -> Action | None:
    """Return that a strategy's learning rates are too high, where it lost many to long steps."""
    for name in (DIVERGED, OSCILLATING):
        for found in contrasts(known.run, name):
            tried = _tried(known.run, found.strategy, found.optimizer)
            if found.ill_count >= 3 and found.ill_count >= SERIOUS_SHARE * tried:
                return _lower(known, name, found, tried)
    return None


def _lower(known: Known, name: str, found: Contrast, tried: int) -> Action:
    where = found.strategy + (f" with {found.optimizer}" if found.optimizer else "")
    bound = f"{found.mildest:.2g}"
    return Action(
        "learning_rate",
        f"Let {where} search below a learning rate of {bound}",
        f"{found.ill_count} of {tried} of these configurations had steps that are too long "
        f"({name.replace('_', ' ')}), all at {bound} or above. In a copy of the search space, set "
        "the upper end of learning_rate to that, and search anew with it.",
        commands.anew_command(known.run, known.run_path, "lower-rates", space="my_space.toml"),
        "training",
    )


def _tried(run: RunData, strategy: str, optimizer: str) -> int:
    configs = [trial.suggestion.config for trial in run.trials]
    return sum(
        config.strategy == strategy and optimizer in ("", config.to_dict().get("optimizer"))
        for config in configs
    )


def search_on(known: Known) -> Action | None:
    """Return that going on is expected to pay, or that too little is known to tell."""
    if known.run.state != "finished" or not known.ranking.rows:
        return None
    found = further_search(known.run, known.ranking)
    if not found.worthwhile or found.expected_gain < LEAST_GAIN:
        return None
    count = max(1, round(found.proposals_left))
    why = (
        f"As many proposals again ({count:,}) are expected to bring "
        f"{_size(known, found.expected_gain)}; cross-validation errs by "
        f"{_size(known, found.noise)} between the leaders."
        if math.isfinite(found.expected_gain)
        else f"{counted(round(found.proposals_left), 'configuration')} beyond the fixed starts "
        "ended, too few to tell what more would bring. This goes on with twice the limit."
    )
    action = "Search on" if math.isfinite(found.expected_gain) else "Search on, if you have time"
    return Action("search_on", action, why, commands.further_command(known.run, 2), "search")


def stop(known: Known) -> Action | None:
    """Return that going on is not expected to pay."""
    if known.run.state != "finished" or not known.ranking.rows:
        return None
    found = further_search(known.run, known.ranking)
    if found.worthwhile:
        return None
    words = found.in_words(known.run.metric)
    return Action(
        "stop",
        "Stop searching and make the model",
        f"{_capital(words)}.",
        commands.retrain_command(known.run_path),
        "search",
    )


def take_simpler(known: Known) -> Action | None:
    """Return a tied configuration that costs less."""
    wanted = {FEWEST_PARAMETERS: "smaller", FASTEST: "quicker"}
    for row in known.choices.rows:
        words = [wanted[role] for role in row.roles if role in wanted]
        if words and row.difference.p_worse < 0.5:
            return Action(
                "simpler",
                f"Take the {' and '.join(words)} {row.strategy} of trial {row.trial}, if that "
                "matters more to you",
                f"You gain {row.gains}; you give up {row.gives_up}. {row.chance}",
                row.command,
                "price",
            )
    return None


RULES: tuple[Callable[[Known], Action | None], ...] = (
    mend_pictures,
    settle_labels,
    get_a_first_result,
    go_on,
    look_at_labels,
    switch_off_alteration,
    get_weights,
    collect_tiny_class,
    vote,
    lower_learning_rates,
    collect_pictures,
    collect_weak_class,
    search_on,
    stop,
    take_simpler,
)
"""In order of importance; the first three that apply are shown."""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _recall(known: Known, name: str) -> float:
    row = known.errors.classes.index(name)
    return known.errors.shares[row][row]


def _size(known: Known, difference: float) -> str:
    return points_text(known.run.metric, difference, 0.01)


def _points(known: Known, value: float, low: float, high: float) -> str:
    unit = " points" if is_percent(known.run.metric) else ""
    interval = signed_interval_text(known.run.metric, low, high)
    return f"{points_text(known.run.metric, value, (high - low) / 2)} ({interval}{unit})"
