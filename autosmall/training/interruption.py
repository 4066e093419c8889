"""Interruptions held back while work is in hand that must not be cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptions_deferred() -> Iterator[Callable[[], bool]]:
    """Hold SIGINT and SIGTERM back until the block ends; yield a function that tells of one.

    When the block ends without an error, the signal that came is handled as it would have been.
    A second one is handled at once. What the process ignores stays ignored (a shell starts what
    runs behind it so), and in threads other than the main one nothing is held back.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        if received and callable(previous[number]):
            previous[number](number, frame)
        received.append(number)

    for number in SIGNALS:
        if signal.getsignal(number) in (signal.SIG_IGN, None):
            continue
        previous[number] = signal.signal(number, note)
    try:
        yield lambda: bool(received)
    finally:
        for held, handler in previous.items():
            signal.signal(held, handler)
    if received:
        signal.raise_signal(received[0])
