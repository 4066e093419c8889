"""All strategies by name, cheapest first."""

from __future__ import annotations

from autosmall.schema.parameters import Parameter
from autosmall.strategies.autoencoder import Autoencoder
from autosmall.strategies.base import Strategy
from autosmall.strategies.baseline import Baseline
from autosmall.strategies.classical import Classical
from autosmall.strategies.fine_tune import FineTune
from autosmall.strategies.frozen import Frozen
from autosmall.strategies.scratch import Scratch

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Baseline(),
        Classical(),
        Frozen(),
        FineTune(),
        Scratch(),
        Autoencoder(),
    )
}
"""Name to strategy, in the order in which people are shown them."""


def get_strategy(name: str) -> Strategy:
    """Return the strategy called ``name``; ``KeyError`` where there is none."""
    return STRATEGIES[name]


def parameters_by_strategy() -> dict[str, tuple[Parameter, ...]]:
    """Return strategy name to all that it reads from a configuration."""
    return {name: strategy.parameters for name, strategy in STRATEGIES.items()}
