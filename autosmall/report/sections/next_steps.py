"""Section: what should I do next?

Of the actions that rules propose, the first three are shown, in the order of the rules: what makes
the number worthless, what is cheap and may change the labels or the candidates, what costs
pictures, and whether to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autosmall.report.numbers import counted
from autosmall.report.sections import actions_on_pictures as on_pictures
from autosmall.report.sections import actions_on_search as on_search
from autosmall.report.sections.actions import Action, Known

MOST_ACTIONS = 3

RUNNING = "This is told when the search has ended."


@dataclass(frozen=True)
class NextSteps:
    """Up to three actions, the main one first, and the answer in a sentence."""

    sentence: str
    actions: tuple[Action, ...]


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


RULES: tuple[Callable[[Known], Action | None], ...] = (
    on_pictures.mend_pictures,
    on_pictures.settle_labels,
    on_search.get_a_first_result,
    on_search.go_on,
    on_pictures.look_at_labels,
    on_pictures.switch_off_alteration,
    on_search.get_weights,
    on_pictures.collect_tiny_class,
    on_search.vote,
    on_search.lower_learning_rates,
    on_pictures.collect_pictures,
    on_pictures.collect_weak_class,
    on_search.search_on,
    on_search.stop,
    on_search.take_simpler,
)
"""In order of importance; the first three that apply are shown."""
