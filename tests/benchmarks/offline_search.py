"""Without a network and without weights: is the built-in backbone worth what it takes?

Each data set is searched with the program's own command, on its training pictures alone, where no
pretrained weights can be found: no ``--weights-dir``, no ``AUTOSMALL_WEIGHTS_DIR``, an empty
``KERAS_HOME`` and an empty config folder. Then the best configuration that uses the built-in
backbone is compared with the best of every other way of training, on the same pictures and folds.
Usage::

    python tests/benchmarks/offline_search.py DATA OUTPUT [SPACE [TIME_BUDGET [DATA_SET ...]]]

``DATA`` holds a folder per data set. Runs go to ``OUTPUT``; one that is there already goes on as
far as the time budget says, and is read as it is where that is over.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

import autosmall
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.schema.backbone_source import BUILTIN, BUILTIN_AND_PATCHES

DATA_SETS = ("steel_defects", "sign_digits_tiny")
BUILT_IN = "built-in backbone"


def search_offline(pictures: Path, run: Path, space: str, time_budget: str) -> None:
    """Search as a user without weights would, and show what the program says."""
    empty = run.parent / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "KERAS_HOME": str(empty), "XDG_CONFIG_HOME": str(empty)}
    environment.pop("AUTOSMALL_WEIGHTS_DIR", None)
    options = ["--output-dir", run, "--space", space, "--time-budget", time_budget]
    command = [sys.executable, "-m", "autosmall", "search", pictures, *options]
    subprocess.run(list(map(str, command)), env=environment, check=True)


def way_of(summary: TrialSummary) -> str:
    """Return the way of training that a configuration belongs to."""
    backbone = summary.config.to_dict().get("backbone", "")
    if backbone in (BUILTIN, BUILTIN_AND_PATCHES):
        return BUILT_IN
    return f"{summary.strategy}, {backbone}" if backbone else summary.strategy


def best_of_each_way(ranking: Ranking) -> dict[str, TrialSummary]:
    """Return the best complete configuration of each way of training, the built-in one first."""
    best: dict[str, TrialSummary] = {}
    for row in sorted(ranking.rows, key=lambda row: -ranking.oriented(row.summary.score.mean)):
        best.setdefault(way_of(row.summary), row.summary)
    return dict(sorted(best.items(), key=lambda pair: pair[0] != BUILT_IN))


def table(run: autosmall.SearchRun) -> pd.DataFrame:
    """Return a row per way of training: its best configuration, and its distance to the first."""
    ranking = run.ranking
    best = best_of_each_way(ranking)
    rows = []
    for way, summary in best.items():
        row = {"way": way, "best": summary.label or f"trial {summary.trial}"}
        row["strategy"] = summary.strategy
        row["score"] = f"{summary.score.mean:.3f}"
        row["interval"] = f"{summary.score.low:.3f} to {summary.score.high:.3f}"
        if BUILT_IN in best and way != BUILT_IN:
            lead = ranking.differences.compare(best[BUILT_IN].trial, summary.trial)
            ends = f"({lead.low:+.3f} to {lead.high:+.3f})"
            row["built-in leads by"] = f"{lead.difference:+.3f} {ends}"
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def main(data: Path, output: Path, space: str, time_budget: str, names: list[str]) -> None:
    """Search each data set and print its table."""
    for name in names:
        run = output / f"{name}-{space}"
        search_offline(data / name / "train", run, space, time_budget)
        found = autosmall.load_run(run)
        count = f"{len(found.ranking.rows)} of {len(found.data.trials)} configurations complete"
        print(
            f"\n{name}, space {space}: {count}\n{table(found).to_string(index=False)}", flush=True
        )


if __name__ == "__main__":
    space_given, budget_given = [*sys.argv[3:5], *("default", "5m")[len(sys.argv[3:5]) :]]
    chosen = sys.argv[5:] or list(DATA_SETS)
    main(Path(sys.argv[1]), Path(sys.argv[2]), space_given, budget_given, chosen)
