"""Fixtures of the schema tests."""

from __future__ import annotations

import pytest

from autosmall.schema.parameters import (
    ChoiceParameter,
    FloatParameter,
    IntegerParameter,
    Parameter,
)


@pytest.fixture(scope="session")
def table() -> dict[str, tuple[Parameter, ...]]:
    """What three small strategies read: one parameter of each kind, and shared ones."""
    shared: tuple[Parameter, ...] = (
        IntegerParameter("image_size_px", 96, 8, 1024, ""),
        ChoiceParameter("optimizer", "adam", ("adam", "sgd"), ""),
        FloatParameter("momentum", 0.9, 0.0, 0.999, ""),
    )
    return {
        "baseline": (),
        "frozen": (
            *shared,
            ChoiceParameter("backbone", "patches", (), ""),
            ChoiceParameter("head", "logistic", ("logistic", "dense"), ""),
            FloatParameter("penalty_c", 1.0, 1e-5, 1e3, ""),
        ),
        "scratch": (
            *shared,
            IntegerParameter("width", 16, 4, 128, ""),
            IntegerParameter("epochs", 20, 1, 2000, ""),
            FloatParameter("learning_rate", 1e-3, 1e-7, 10.0, ""),
            ChoiceParameter("mirror", True, (True, False), ""),
        ),
    }
