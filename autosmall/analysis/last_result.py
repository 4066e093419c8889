"""What several sections of a report ask of the same run is worked out once."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


def keep_last(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Return ``function``, which then remembers its last result, for the very same arguments.

    Neither they nor the result may be changed afterwards. Arguments are held weakly; calls with
    arguments by name are not remembered.
    """
    kept: list[tuple[tuple[weakref.ref[object], ...], Result]] = []

    @wraps(function)
    def ask(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        for places, result in () if kwargs else tuple(kept):
            if _are(places, args):
                return result
        result = function(*args, **kwargs)
        if not kwargs:
            kept[:] = [(tuple(weakref.ref(argument) for argument in args), result)]
        return result

    return ask


def _are(places: tuple[weakref.ref[object], ...], things: tuple[object, ...]) -> bool:
    if len(places) != len(things):
        return False
    for place, thing in zip(places, things, strict=True):  # noqa: SIM110 - asked for every trial
        if place() is not thing:
            return False
    return True
