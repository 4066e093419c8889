"""Keras Tuner's oracles as explorers, in a process of their own.

Importing keras_tuner imports TensorFlow, which the driver never does; so the oracle lives in a
child process (:mod:`autosmall.explorers.keras_tuner_server`) that is started in the background by
:meth:`~KerasTunerExplorer.prepare` and ends with this one. Telling costs nothing here: what was
noted and told since the last proposal travels with the next question.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

from autosmall.errors import SearchStoppedError
from autosmall.explorers.base import Explorer
from autosmall.explorers.keras_tuner_messages import Event, Opening, Question
from autosmall.schema.config import Config
from autosmall.schema.results import Suggestion, TrialOutcome
from autosmall.schema.space import Space

LIVES = 2
"""How often the child process is started before the explorer gives up."""

CHILD_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
"""The oracle must not take a GPU or the workers' cores."""


class KerasTunerExplorer(Explorer):
    """Proposes what an oracle of Keras Tuner proposes.

    ``keras-tuner`` is the Bayesian oracle, told of all results. ``keras-tuner-hyperband`` and
    ``keras-tuner-random`` cannot use trials that others proposed; the random one uses no results.

    Args:
        name: ``keras-tuner``, ``keras-tuner-hyperband`` or ``keras-tuner-random``.
        space: What may be searched.
        seed: The run's seed.
        work_dir: Folder for the oracle's files and log; made when the process starts.
    """

    def __init__(self, name: str, space: Space, seed: int, work_dir: Path) -> None:
        super().__init__(space, seed)
        self.name = name
        self._work_dir = work_dir
        self._child: OracleProcess | None = None
        self._lives = LIVES
        self._events: list[Event] = []
        self._sent = 0

    def propose(self, number: int) -> Suggestion:
        """Return the oracle's proposal; waits for it, and for the process's start the first time.

        Raises :class:`SearchStoppedError` when the process has ended unexpectedly twice.
        """
        answer = self._ask(number)
        return self.suggest(number, lambda _: answer)

    def note(self, suggestion: Suggestion) -> None:
        """Take in a suggestion as pending; the oracle hears of it with the next question."""
        if suggestion.number not in self.pending:
            self._events.append(suggestion)
        super().note(suggestion)

    def learn(self, outcome: TrialOutcome) -> None:
        """Keep the outcome for the next question."""
        self._events.append(outcome)

    def prepare(self) -> None:
        """Start the process, without waiting until it is ready."""
        if self._child is not None:
            return
        if self._lives == 0:
            raise SearchStoppedError(
                f"Keras Tuner's process ended {LIVES} times",
                "a process that answers",
                f"see {log_path(self._work_dir)}, or choose --explorer optuna",
            )
        self._lives -= 1
        self._sent = 0
        self._work_dir.mkdir(parents=True, exist_ok=True)
        opening = Opening(self.name, self.space, self.seed, self._work_dir)
        self._child = OracleProcess(opening)

    def _ask(self, number: int) -> Config | None:
        while True:
            self.prepare()
            assert self._child is not None
            question = Question(number, tuple(self._events[self._sent :]))
            try:
                answer = self._child.ask(question)
            except (OSError, EOFError, pickle.UnpicklingError):
                self.close()
            else:
                self._sent = len(self._events)
                return answer

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.close()
            self._child = None


class OracleProcess:
    """The child process, spoken to by pickles over its standard input and output.

    It ends by itself when its standard input closes, so it does not outlive the driver.
    """

    def __init__(self, opening: Opening) -> None:
        with log_path(opening.work_dir).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "autosmall.explorers.keras_tuner_server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **CHILD_ENVIRONMENT},
            )
        self._opening: Opening | None = opening

    def ask(self, question: Question) -> Config | None:
        """Return the oracle's answer, ``None`` where it has nothing new.

        Raises ``OSError`` or ``EOFError`` where the process has ended.
        """
        if self._opening is not None:
            self._send(self._opening)
            self._opening = None
        self._send(question)
        assert self._process.stdout is not None
        answer = pickle.load(self._process.stdout)
        assert answer is None or isinstance(answer, Config)
        return answer

    def close(self) -> None:
        """End the process at once: it holds nothing that cannot be told again."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:  # what was still to be sent
                    continue

    def _send(self, message: Opening | Question) -> None:
        assert self._process.stdin is not None
        pickle.dump(message, self._process.stdin)
        self._process.stdin.flush()


def log_path(work_dir: Path) -> Path:
    """Return the file that the process writes its messages to."""
    return work_dir / "keras_tuner.log"
