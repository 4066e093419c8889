"""Networks kept from fold to fold, so that their compiled functions are traced once.

Tracing a training step takes one to two seconds, as long as many a fold. A fit asks for its
networks by a key that names all they depend on; what it gets has, whether built or kept, the very
weights that building under its seed would have given.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import fields
from typing import TypeVar

import keras

Networks = TypeVar("Networks")

KEPT = 2
"""Architectures whose networks a process keeps."""


class NetworkCache:
    """The networks of the last few architectures.

    What is kept is a Keras model, or a dataclass whose fields are Keras models.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._entries: OrderedDict[Hashable, object] = OrderedDict()

    def get(self, key: Hashable, build: Callable[[], Networks], seed: int) -> Networks:
        """Return networks initialised from ``seed``, kept ones where ``key`` is known.

        They are the caller's until the next call. Equal keys must mean equal architectures. The
        training loop resets optimisers.
        """
        keras.utils.set_random_seed(seed)
        fresh = build()
        kept = self._entries.get(key)
        if not isinstance(kept, type(fresh)):
            self._entries[key] = fresh
            self._drop_surplus()
            return fresh
        self._entries.move_to_end(key)
        for source, target in zip(_models(fresh), _models(kept), strict=True):
            copy_state(source, target)
        return kept

    def _drop_surplus(self) -> None:
        while len(self._entries) > self._kept:
            self._entries.popitem(last=False)
            # Models and their traced functions hold each other; only the collector frees them.
            gc.collect()


NETWORKS = NetworkCache()
"""This process's cache."""


def copy_state(source: keras.Model, target: keras.Model) -> None:
    """Give ``target`` the weights and random states of ``source``, a model built alike."""
    for new, old in zip(target.variables, source.variables, strict=True):
        new.assign(old)


def _models(networks: object) -> Iterable[keras.Model]:
    if isinstance(networks, keras.Model):
        return [networks]
    return [getattr(networks, field.name) for field in fields(networks)]  # type: ignore[arg-type]
