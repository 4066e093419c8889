"""The process that trains a search's own backbone: says how it goes in lines of JSON.

Run as ``python -m autosmall.searching.source_child SETTINGS`` by :mod:`.source_backbone`.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence

from autosmall.child import Answer, answer_parent
from autosmall.pretraining.session import run_pretrain
from autosmall.progress import SearchView
from autosmall.searching.source_backbone import settings_from_json


class LinesProgress:
    """Writes what happens to standard output, one JSON object per line.

    When the parent is gone, writing fails, and that ends the process.
    """

    def note(self, text: str) -> None:
        """Write ``{"note": text}``."""
        self._write("note", text)

    def step(self, name: str, done: int, total: int) -> None:
        """Write ``{"step": [name, done, total]}``, a hundred times at most."""
        if done == total or done % max(1, total // 100) == 0:
            self._write("step", [name, done, total])

    def update(self, view: SearchView) -> None:
        """Ignore: no search runs here."""

    def status(self, lines: Sequence[str]) -> None:
        """Write ``{"status": lines}``."""
        self._write("status", list(lines))

    def close(self) -> None:
        """Nothing to undo."""

    def _write(self, kind: str, value: object) -> None:
        sys.stdout.write(json.dumps({kind: value}) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Train, and answer with the step and the probe of the weights that were kept."""
    settings = settings_from_json(sys.argv[1])
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def work() -> Answer:
        result = run_pretrain(settings, LinesProgress())
        return {"kept_step": result.step, "probe": result.probe}

    try:
        answer_parent(work)
    except KeyboardInterrupt:
        sys.exit(1)


if __name__ == "__main__":
    main()
