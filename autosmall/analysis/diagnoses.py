"""What a diagnosis means and what to change, in words."""

from __future__ import annotations

from autosmall.training.health.rules import RULES


def explain(name: str) -> tuple[str, str]:
    """Return what the health rule ``name`` saw and its remedy; empty texts for an unknown name."""
    rule = RULES.get(name)
    return (rule.seen, rule.remedy) if rule else ("", "")
