"""What races save and cost by rule, over drawn searches with known truth.

    python tests/benchmarks/racing.py [--searches 500]

Prints the table of ``tests/benchmarks/README.md``; 20 minutes on one core for 500.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.special import betainc, betaln
from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runner"))

from race_simulation import Rule, Setting, draw_search, never, race, spending

PICTURES = (100, 300, 1000)
MAX_TRIALS_LAG = 16


def sign_test(ahead: int, behind: int) -> float:
    """Return the exact one-sided p-value."""
    return float(binom.sf(ahead - 1, ahead + behind, 0.5)) if ahead > behind else 1.0


def mid_p(ahead: int, behind: int) -> float:
    """Return the mid-p value (Fagerland et al., BMC Medical Research Methodology 13:91, 2013)."""
    if ahead <= behind:
        return 1.0
    total = ahead + behind
    return float(binom.sf(ahead, total, 0.5) + 0.5 * binom.pmf(ahead, total, 0.5))


def betting(ahead: int, behind: int) -> float:
    """Return one over the evidence of a uniform bet on (1/2, 1): valid at any number of looks.

    Ville's inequality; see Ramdas et al., Statistical Science 38, 2023.
    """
    if ahead <= behind:
        return 1.0
    log_bet = betaln(ahead + 1, behind + 1) + np.log(betainc(behind + 1, ahead + 1, 0.5))
    return float(np.exp(-log_bet - (ahead + behind + 1) * np.log(2)))


def rules() -> dict[str, Rule]:
    """Return the rules by name; ``spent`` are the shares of alpha per look."""
    early, equal = (0.4, 0.3, 0.2, 0.1), (0.25,) * 4

    def at(test, alpha, spent=(1.0,) * 4) -> Rule:
        return lambda ahead, behind, seen, total: test(ahead, behind) < alpha * spent[seen - 1]

    return {
        "no race": never,
        "sign test, 0.05 in equal parts (before)": at(sign_test, 0.05, equal),
        "sign test, 0.05, falling": at(sign_test, 0.05, early),
        "sign test, 0.1 in equal parts": at(sign_test, 0.1, equal),
        "**sign test, 0.1, falling (the search's)**": spending,
        "mid-p, 0.1, falling": at(mid_p, 0.1, early),
        "sequential bet, 0.1": at(betting, 0.1),
        "sign test, 0.05 at every look": at(sign_test, 0.05),
        "sign test, 0.1 at every look": at(sign_test, 0.1),
    }


def print_table(setting: Setting, searches: int) -> None:
    """Print one row per rule, all on the same drawn searches."""
    rng = np.random.default_rng(1)
    drawn = [draw_search(rng, setting) for _ in range(searches)]
    whole = np.array([race(search, setting, never).regret_points for search in drawn])
    print("| rule | folds run | regret, points | more than without | best dropped |")
    print("|---|---|---|---|---|")
    for name, rule in rules().items():
        found = [race(search, setting, rule) for search in drawn]
        folds = 100 * np.array([outcome.folds_run for outcome in found])
        regret = np.array([outcome.regret_points for outcome in found])
        dropped = 100 * np.mean([outcome.best_dropped for outcome in found])
        print(
            f"| {name} | {folds.mean():.1f} % (sd {folds.std():.1f}) | {regret.mean():.2f} | "
            f"{np.mean(regret - whole):+.3f} | {dropped:.1f} % |",
            flush=True,
        )


def main() -> None:
    """Print a table for each number of pictures and lag."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--searches", type=int, default=500)
    searches = parser.parse_args().searches
    for lag, protected in ((1, 0), (MAX_TRIALS_LAG, 0), (1, 8)):
        for pictures in PICTURES:
            setting = Setting(pictures=pictures, lag=lag, protected=protected)
            print(f"\n{pictures} pictures, lag {lag}, {protected} protected\n")
            print_table(setting, searches)


if __name__ == "__main__":
    main()
