"""How a network is trained: the optimisation and regularisation part of a configuration."""

from __future__ import annotations

from dataclasses import dataclass

from autosmall.schema.config import Config


@dataclass(frozen=True)
class TrainingOptions:
    """Options of one training run; the meaning of each is its parameter's in ``schema``.

    ``l1`` and ``dropout_rate`` concern the head and are read by whoever builds the network.
    ``mixing`` is ``none``, ``mixup`` or ``cutmix``.
    """

    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    learning_rate_schedule: str = "cosine"
    warmup_share: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 0.0
    l1: float = 0.0
    batch_size: int = 32
    epochs: int = 20
    dropout_rate: float = 0.0
    label_smoothing: float = 0.0
    class_balance: str = "none"
    mixing: str = "none"

    @classmethod
    def from_config(cls, config: Config) -> TrainingOptions:
        """Return the options a configuration holds.

        Where they are absent, ``mixing`` is ``none`` and ``warmup_share`` is a twentieth.
        """
        return cls(
            optimizer=config.text("optimizer"),
            learning_rate=config.number("learning_rate"),
            learning_rate_schedule=config.text("learning_rate_schedule"),
            warmup_share=config.number("warmup_share") if "warmup_share" in config else 0.05,
            momentum=config.number("momentum"),
            weight_decay=config.number("weight_decay"),
            l1=config.number("l1"),
            batch_size=config.integer("batch_size"),
            epochs=config.integer("epochs"),
            dropout_rate=config.number("dropout_rate"),
            label_smoothing=config.number("label_smoothing"),
            class_balance=config.text("class_balance"),
            mixing=config.text("mixing") if "mixing" in config else "none",
        )
