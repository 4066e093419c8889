"""Small backbones with random weights, kept for the whole session of tests."""

from __future__ import annotations

from functools import cache

import pytest


@pytest.fixture(scope="session")
def untrained():
    """A function from name, size and channels to an untrained backbone, not to be changed."""
    from autosmall.models.backbones import build_untrained

    return cache(lambda name, px, channels=3: build_untrained(name, (px, px, channels)))
