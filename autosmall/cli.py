"""The command line: arguments to one library call, errors to an exit status.

Exit status: 0 done; 1 the user's input is wrong; 2 the command line is wrong; 3 stopped early
with results kept; 130 interrupted; 143 terminated. What a person has to mend is told in three
lines on standard error (received, expected, to do); a traceback comes only with ``--debug``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType, TracebackType

from autosmall.arguments import build_parser, join_negative_values
from autosmall.errors import AutoSmallError

INTERRUPTED = 130
TERMINATED = 143
PIPE_CLOSED = 141


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. A search winds up as it does for Ctrl-C, and keeps its results."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in ``arguments`` (default: the process's own) and return the exit status.

    Raises ``SystemExit(2)`` for a wrong command line, as argparse does.
    """
    words = join_negative_values(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    with terminations_raised(), defects_told(debug):
        try:
            status = run_command(words)
            sys.stdout.flush()
        except (AutoSmallError, KeyboardInterrupt, OSError) as error:
            if debug and not isinstance(error, BrokenPipeError):
                raise
            status = exit_status(error)
    return status


def run_command(words: Sequence[str]) -> int:
    """Call the function that ``words`` ask for, with the options that were given as keywords."""
    options = vars(build_parser().parse_args(words))
    command: Callable[..., int | None] = options.pop("run")
    options.pop("debug", None)
    frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    return command(**frozen) or 0


def exit_status(error: AutoSmallError | KeyboardInterrupt | OSError) -> int:
    """Tell ``error`` on standard error and return the exit status it stands for."""
    match error:
        case AutoSmallError():
            tell(error.received, error.expected, error.remedy)
            return error.exit_status
        case Terminated():
            print("terminated; what was finished is kept", file=sys.stderr)
            return TERMINATED
        case KeyboardInterrupt():
            print("interrupted; what was finished is kept", file=sys.stderr)
            return INTERRUPTED
        case BrokenPipeError():
            # Whoever read the output has left; keep the interpreter from flushing into it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
    where = f" {error.filename}" if error.filename else ""
    tell(
        f"the system refused{where}: {error.strerror or error}",
        "files and folders that can be read, and an output folder that can be written",
        "check the path, its permissions and the room on the disk",
    )
    return 1


def tell(received: str, expected: str, remedy: str) -> None:
    """Print the three lines of an error on standard error."""
    print(f"error: {received}\nexpected: {expected}\nto do: {remedy}", file=sys.stderr)


@contextlib.contextmanager
def terminations_raised() -> Iterator[None]:
    """Turn SIGTERM into :class:`Terminated` while the block runs, so that a search can wind up."""

    def raise_terminated(_signal: int, _frame: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def defects_told(debug: bool) -> Iterator[None]:
    """Let an error that is ours, not the user's, be told without its traceback unless asked for.

    The hook stays in place when the block is left by such an error, because Python calls it after.
    """
    previous = sys.excepthook
    if not debug:
        sys.excepthook = tell_defect
    yield
    sys.excepthook = previous


def tell_defect(
    kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    """Print what an unforeseen error says, and how to see where it came from."""
    tell(
        f"a defect of AutoSmall: {kind.__name__}: {error}",
        "no such error, whatever the input",
        "run the same command with --debug and report the traceback it prints",
    )
