"""Watches a fit while it trains and stops it where its training loss shows that it is hopeless."""

from __future__ import annotations

from autosmall.schema.config import Config
from autosmall.training.health.losses import blew_up, guessing_loss, has_not_moved
from autosmall.training.health.rules import DIVERGED, NO_LEARNING, RULES

FOCAL_GAMMA = 2.0
"""As in :mod:`autosmall.training.losses`, which needs Keras."""


class HealthMonitor:
    """Watches one fit, epoch by epoch.

    Args:
        planned_epochs: Epochs the fit will run if nobody stops it.
        class_count: Number of classes.
        focal: Whether the loss is focal.

    >>> monitor = HealthMonitor(planned_epochs=30, class_count=2)
    >>> monitor.epoch(0.7, 0.5), monitor.epoch(float("nan"), 0.5)
    (True, False)
    >>> monitor.found
    {'diverged': 2}
    """

    def __init__(self, planned_epochs: int, class_count: int, *, focal: bool = False) -> None:
        self.guessing = guessing_loss(class_count, FOCAL_GAMMA if focal else 0.0)
        self.found: dict[str, int] = {}
        self._planned_epochs = planned_epochs
        self._class_count = class_count
        self._losses: list[float] = []

    @classmethod
    def of(cls, config: Config, class_count: int) -> HealthMonitor:
        """Return the monitor for a fit of ``config``; what has no epochs counts as one."""
        values = config.to_dict()
        epochs = values.get("epochs", 1)
        focal = values.get("class_balance") == "focal"
        return cls(epochs if isinstance(epochs, int) else 1, class_count, focal=focal)

    def epoch(self, train_loss: float, train_accuracy: float) -> bool:
        """Take in an epoch and return whether to go on.

        What fired is in ``found``: name of the rule to the epoch, counted from 1.
        """
        self._losses.append(train_loss)
        if blew_up(self._losses, self.guessing):
            self._mark(DIVERGED)
        elif self._has_learned_nothing(train_accuracy):
            self._mark(NO_LEARNING)
        return not any(RULES[name].stops for name in self.found)

    def _has_learned_nothing(self, train_accuracy: float) -> bool:
        # A loss that starts low, pictures being right already, has nothing left to learn.
        starts_low = self._losses[0] < self.guessing / 2
        if starts_low and train_accuracy > 1 / self._class_count:
            return False
        return has_not_moved(self._losses, self._planned_epochs)

    def _mark(self, name: str) -> None:
        self.found.setdefault(name, len(self._losses))
