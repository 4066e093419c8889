"""Makes the example reports anew: draws or writes pictures, searches them, keeps what is shown.

``make examples`` runs it. With ``--work DIR`` pictures and runs stay there, and a second call goes
on from them: a search that is done is not repeated, its report is.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from digits import write_digits
from shapes import draw_shapes

import autosmall
from autosmall.report import write_report
from autosmall.run_folder.store import RunStore

EXAMPLES = Path(__file__).resolve().parent
KEPT = ("report.html", "report.json", "trials.csv", "fold_results.csv")
LEFT_OUT = ("cache", "logs", "explorer", "models", "study.db", "run.lock")
"""What a report is made without."""
MOST_BYTES = 3_000_000


@dataclass(frozen=True)
class Example:
    """A data set and its search."""

    name: str
    write_pictures: Callable[[Path], None]
    max_trials: int
    folds: int


ALL = (Example("shapes", draw_shapes, 8, 4), Example("digits", write_digits, 8, 4))


def make(example: Example, work: Path) -> None:
    """Search an example's pictures in ``work`` and put its report beside this file."""
    pictures, run_dir = work / "pictures" / example.name, work / "runs" / example.name
    if not pictures.is_dir():
        example.write_pictures(pictures)
    autosmall.search(
        pictures,
        output_dir=run_dir,
        space="quick",
        max_trials=example.max_trials,
        folds=example.folds,
        repeats=1,
        early_stop=False,
    )
    shown = _relocated(run_dir, work, example.name)
    _keep(shown, EXAMPLES / example.name, str(work))


def _relocated(run_dir: Path, work: Path, name: str) -> Path:
    """Return a copy of the run with its report, in which paths are as seen from the repository."""
    root, place = work / "shown", Path("reports") / "examples" / name
    shutil.rmtree(root / place, ignore_errors=True)
    shutil.copytree(run_dir, root / place, ignore=shutil.ignore_patterns(*LEFT_OUT))
    store = RunStore(root / place)
    facts = store.facts()
    folders, home = facts.settings["backbones_looked_in"], str(Path.home())
    here = {
        "dataset": f"pictures/{name}",
        "output_dir": str(place),
        "backbones_looked_in": tuple(folder.replace(home, "~") for folder in folders),
    }
    store.create(replace(facts, settings={**facts.settings, **here}))
    with contextlib.chdir(root):
        write_report(place)
    return root / place


def _keep(shown: Path, folder: Path, foreign: str) -> None:
    """Copy what is kept of a run into ``folder``; ``foreign`` is a path that it must not hold."""
    contents = {name: (shown / name).read_bytes() for name in KEPT}
    size = sum(map(len, contents.values()))
    if size > MOST_BYTES:
        raise SystemExit(f"{folder.name}: {size} bytes, and at most {MOST_BYTES} are kept")
    for name, content in contents.items():
        if foreign.encode() in content:
            raise SystemExit(f"{folder.name}: {name} holds the path {foreign}")
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    print(f"{folder}: {size / 1e6:.2f} MB")


def main() -> None:
    """Make the examples that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(e.name for e in ALL))
    parser.add_argument("--work", type=Path, help="where pictures and runs stay")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)
        for example in ALL:
            if not options.names or example.name in options.names:
                make(example, work.resolve())


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
