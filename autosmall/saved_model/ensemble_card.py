"""``model_card.md`` of an ensemble; each member has a card of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autosmall.saved_model.card_sections import (
    data_lines,
    decision_lines,
    expected_lines,
    number_text,
    tested_lines,
)
from autosmall.saved_model.decisions import Decisions


@dataclass(frozen=True)
class EnsembleCardFacts:
    """What the card tells.

    Attributes:
        dataset: The data set's name.
        class_counts: Class name to number of training pictures.
        members: Folder name, strategy and weight of each.
        decisions: Temperature and thresholds of the vote.
        metrics: Contents of ``metrics.json``.
        date: Day of training, ISO.
    """

    dataset: str
    class_counts: Mapping[str, int]
    members: tuple[tuple[str, str, float], ...]
    decisions: Decisions
    metrics: Mapping[str, Mapping[str, object]]
    date: str


def write_ensemble_card(facts: EnsembleCardFacts) -> str:
    """Return the card as Markdown."""
    sections = (
        ("", _opening(facts)),
        ("Expected score", expected_lines(facts.metrics["search"])),
        ("Test", tested_lines(facts.metrics.get("test"))),
        ("Probabilities and thresholds", decision_lines(facts.metrics, facts.decisions)),
        ("How to use it", _use()),
        ("Training data", data_lines(facts.class_counts)),
        ("Provenance", _provenance(facts)),
    )
    parts = [f"# {facts.dataset}: ensemble of {len(facts.members)} models"]
    for title, lines in sections:
        parts.append("\n".join([f"## {title}", "", *lines] if title else lines))
    return "\n\n".join(parts) + "\n"


def _opening(facts: EnsembleCardFacts) -> list[str]:
    total = sum(facts.class_counts.values())
    told = facts.metrics["ensemble"]
    gain, interval = told["gain"], told["gain_interval"]
    assert isinstance(interval, list)
    return [
        f"An image classifier with {len(facts.class_counts)} classes: {len(facts.members)} models "
        f"whose probabilities are averaged, each trained on the {total} labelled pictures of the "
        f"data set `{facts.dataset}` on {facts.date}.",
        "",
        "| member | strategy | weight |",
        "|---|---|---|",
        *(f"| `members/{n}` | {title} | {weight:.2f} |" for n, title, weight in facts.members),
        "",
        f"On held-out pictures it gained {number_text(gain)} over the recommended configuration "
        f"alone, corrected for the choice of its members ({number_text(interval[0])} to "
        f"{number_text(interval[1])} in 95 % of the bootstrap samples). A picture takes "
        f"{told['seconds_per_picture']} s here, the weightiest member alone "
        f"{told['seconds_per_picture_of_weightiest']} s.",
    ]


def _use() -> list[str]:
    return [
        "```",
        "autosmall predict THIS_FOLDER pictures/ --csv predictions.csv",
        "autosmall evaluate THIS_FOLDER labelled_pictures/",
        "```",
        "",
        "It cannot be exported as a whole. Its members can, each for itself: "
        "`autosmall export THIS_FOLDER/members/NAME --format onnx`; averaging by weight and "
        "scaling by the temperature in `ensemble.json` is then left to you.",
    ]


def _provenance(facts: EnsembleCardFacts) -> list[str]:
    training, reload = facts.metrics["training"], facts.metrics["reload"]
    return [
        f"- Weights of all members together: {training['total_parameters']}, of which trained: "
        f"{training['trainable_parameters']}, in {number_text(training['fit_seconds'])} s.",
        f"- Reloaded in a fresh process, it predicted {reload['pictures']} training pictures from "
        f"their files within {reload['largest_difference']:.1e} of what was measured after "
        f"training (allowed: {reload['tolerance']:.0e}).",
        "- Backbones, settings and limits stand on the members' own cards.",
    ]
