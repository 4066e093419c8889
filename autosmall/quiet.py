"""Keeps the noise of native libraries (TensorFlow, converters) out of the terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def native_output_to(log: Path | None) -> Iterator[None]:
    """Send all that is written to file descriptors 1 and 2 to the end of ``log``, or nowhere.

    C++ libraries write there whatever ``sys.stdout`` is. The log's folder is made where it is
    missing. Not for use by two threads at once: descriptors belong to the whole process.
    """
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    kept = [(number, os.dup(number)) for number in (1, 2)]
    try:
        _flush()
        for number, _ in kept:
            os.dup2(target, number)
        yield
    finally:
        _flush()
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)
        os.close(target)


def import_keras(log: Path | None = None) -> None:
    """Import Keras and its backend without a word on the terminal."""
    with native_output_to(log):
        import keras  # noqa: F401
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError, AttributeError):  # closed or absent
            stream.flush()
