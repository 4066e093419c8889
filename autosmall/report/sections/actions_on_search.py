"""Rules that propose to go on with the search, to change it, or what to take from it.

Each looks at one thing and returns an action, or none where the run gives no reason for it.
"""

from __future__ import annotations

import math

from autosmall.analysis.alternatives import FASTEST, FEWEST_PARAMETERS
from autosmall.analysis.continuing import further_search
from autosmall.analysis.diagnoses import Contrast, contrasts
from autosmall.report import commands
from autosmall.report.numbers import counted, points_text, signed_interval_text
from autosmall.report.sections.actions import Action, Known, capital
from autosmall.schema.backbone_source import (
    BUILTIN,
    EXAMPLE_BACKBONE,
    SERVED_BY_WEIGHTS,
    WITHOUT_WEIGHTS,
)
from autosmall.schema.run_data import UNFINISHED, RunData
from autosmall.training.health.rules import DIVERGED, OSCILLATING

LEAST_GAIN = 0.0005
"""An expected gain below this (0.05 points, or 0.0005 of a loss) is none."""

SERIOUS_SHARE = 0.25
"""Share of a strategy's configurations, lost to too long steps, from which that is an action."""


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
        f"{capital(words)}.",
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


def _size(known: Known, difference: float) -> str:
    return points_text(known.run.metric, difference, 0.01)
