"""Runs the benchmarks of speed and memory and writes what they print into ``README.md``.

Each script's tables go between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; its lines about
what was asked for go into the table between the marks of ``demands`` as well. About an hour and a
half on two idle cores with five minutes for each side of a comparison.

    python tests/benchmarks/all.py SHARED [--minutes 5] [--only NAME ...]

``SHARED`` holds ``data`` and ``weights``. ``pip install 'ray[tune]' tensorboard`` first.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from measured import DEMAND

HERE = Path(__file__).parent
README = HERE / "README.md"
LINE = re.compile(re.escape(DEMAND) + r"(.+): (.+)\. Measured: (.+)\. (\S+)\.")


def commands(shared: Path, minutes: float) -> dict[str, list[str]]:
    """Return what is given to each script, in the order in which they run."""
    cats, weights = shared / "data" / "cats_vs_dogs", str(shared / "weights")
    each, twice = ["--minutes", f"{minutes:g}"], ["--minutes", f"{2 * minutes:g}"]
    return {
        "fold_after_fold": [],
        "busy_workers": ["--pictures", str(cats / "train"), "--weights-dir", weights, *twice],
        "against_keras_tuner": [str(shared), *each],
        "against_ray_tune": [str(shared), *each],
        "cluster_scale": [],
        "memory": [],
        "batched_heads": [],
        "feature_speed": ["--weights-dir", weights],
        "driver_cost": [],
        "start": [str(cats), "--weights-dir", weights],
        "report_size": [],
    }


def main() -> None:
    """Run the scripts and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--only", nargs="+", default=None)
    arguments = parser.parse_args()
    for name, options in commands(arguments.shared, arguments.minutes).items():
        if arguments.only is None or name in arguments.only:
            command = [sys.executable, str(HERE / f"{name}.py"), *options]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            write(name, done.stdout.strip())
    write("demands", demand_table())


def write(name: str, text: str) -> None:
    """Put ``text`` between the marks of ``name``; ``ValueError`` where there are none."""
    before, begin, rest = README.read_text().partition(f"<!-- begin {name} -->\n")
    _, end, after = rest.partition(f"<!-- end {name} -->")
    if not end:
        raise ValueError(f"{README} has no marks for {name}")
    README.write_text(f"{before}{begin}{text}\n{end}{after}")


def demand_table() -> str:
    """Return what was asked for and measured, of all scripts whose tables are in the README."""
    rows = ["| what | asked for | measured | |", "|---|---|---|---|"]
    found = LINE.findall(README.read_text())
    return "\n".join([*rows, *("| " + " | ".join(cells) + " |" for cells in found)])


if __name__ == "__main__":
    main()
