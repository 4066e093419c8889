"""Keras Tuner's process: reads an opening and questions from standard input, writes answers.

Started as ``python -m autosmall.explorers.keras_tuner_server``. Standard output belongs to the
answers; what TensorFlow and Keras Tuner print goes to standard error, which is a log file.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import TYPE_CHECKING

from autosmall.explorers.keras_tuner_messages import Opening

if TYPE_CHECKING:
    from autosmall.explorers.keras_tuner_hosts import OracleHost


def main() -> None:
    """Answer questions until standard input closes, as it does when the driver ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    questions = sys.stdin.buffer
    opening = pickle.load(questions)
    assert isinstance(opening, Opening)
    host = make_host(opening)
    while True:
        try:
            question = pickle.load(questions)
        except EOFError:
            return
        pickle.dump(host.answer(question), answers)
        answers.flush()


def make_host(opening: Opening) -> OracleHost:
    """Return the host of the explorer that the opening names; imports TensorFlow."""
    from autosmall.explorers.keras_tuner_bayesian import BayesianHost
    from autosmall.explorers.keras_tuner_hosts import RandomHost
    from autosmall.explorers.keras_tuner_hyperband import HyperbandHost

    hosts: dict[str, type[BayesianHost | HyperbandHost | RandomHost]] = {
        "keras-tuner": BayesianHost,
        "keras-tuner-hyperband": HyperbandHost,
        "keras-tuner-random": RandomHost,
    }
    return hosts[opening.name](opening)


if __name__ == "__main__":
    main()
