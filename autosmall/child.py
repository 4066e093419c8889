"""Work done in a fresh Python process of its own, which answers with one line of JSON.

Two things want it: meeting a saved model as a stranger would, and converters that bring a whole
process down when they meet what they cannot convert.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from autosmall import errors
from autosmall.errors import AutoSmallError

TIMEOUT_SECONDS = 1800.0

Answer = Mapping[str, object]


class ChildFailedError(Exception):
    """The child ended without an answer. ``said`` is all it wrote; ``reason`` its last line."""

    def __init__(self, exit_status: int, said: str) -> None:
        super().__init__(exit_status, said)
        self.said = said
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        self.reason = lines[-1][:300] if lines else f"it ended with status {exit_status}"


def ask_child(
    module: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> Answer:
    """Return what ``python -m module arguments`` answers through :func:`answer_parent`.

    Raises the :class:`~autosmall.errors.AutoSmallError` that ended it, or
    :class:`ChildFailedError` for any other end, being killed or taking too long included.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ChildFailedError(1, f"no answer within {TIMEOUT_SECONDS:g} s") from error
    return read_answer(done.returncode, done.stdout, done.stderr)


def read_answer(exit_status: int, stdout: str, stderr: str = "") -> Answer:
    """Return the answer that ends ``stdout``; raise what :func:`ask_child` raises."""
    answer = _answer_in(stdout)
    if answer is None:
        raise ChildFailedError(exit_status, stdout + stderr)
    if "error" in answer:
        raise _error_from(answer["error"])
    return answer


def answer_parent(work: Callable[[], Answer]) -> None:
    """Do ``work`` and write its result, or the user's error that it raised, as the last line."""
    try:
        answer = work()
    except AutoSmallError as error:
        kind = type(error).__name__
        answer = {"error": [kind, error.received, error.expected, error.remedy]}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    sys.stdout.flush()


def _answer_in(output: str) -> Answer | None:
    lines = output.splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _error_from(parts: object) -> AutoSmallError:
    assert isinstance(parts, list)
    kind, received, expected, remedy = parts
    error = getattr(errors, kind)(received, expected, remedy)
    assert isinstance(error, AutoSmallError)
    return error
