"""The corrected score against the truth: bias and coverage, with and without racing.

50 configurations of 80 % accuracy; ``spread`` is the standard deviation of their truths in points.
Without a default the rule is the plain best score. Where the race drops configurations, these are
no columns; ``unraced`` is the bias that the same correction has with all of them completed.
Usage::

    python tests/benchmarks/corrected_score.py [RUNS] [RACED_RUNS]
"""

from __future__ import annotations

import sys
from itertools import product

from simulated_scores import Judged, Scene, judge_correction


def line(scene: Scene, runs: int, default: int | None, *, raced: bool) -> str:
    """Return one row of the table."""
    found: Judged = judge_correction(scene, runs, default=default, raced=raced, repetitions=300)
    points = [found.naive_bias, found.corrected_bias, found.unraced_bias, found.width]
    words = [
        str(scene.samples),
        f"{100 * scene.spread:.0f}",
        str(scene.epoch_counts),
        "plain default" if default == 0 else "none",
        f"{100 * found.folds_share:.0f} %",
        *(f"{100 * value:+.2f}" for value in points[:3]),
        f"{100 * found.coverage:.1f} %",
        f"{100 * points[3]:.1f}",
    ]
    return "| " + " | ".join(words) + " |"


def main() -> None:
    """Print the table."""
    runs, raced_runs = (int(word) for word in (*sys.argv[1:], *("500", "100")[len(sys.argv) - 1 :]))
    heads = "pictures | spread | epoch counts | default | folds trained | naive bias"
    print(f"| {heads} | corrected bias | unraced | coverage | interval |")
    print("|" + "---:|" * 10)
    for n, spread, counts, default in product((100, 300), (0.0, 0.03), (1, 3), (None, 0)):
        scene = Scene(n, 50, spread, epoch_counts=counts)
        print(line(scene, runs, default, raced=False), flush=True)
    for n, spread, default in product((100, 300), (0.0, 0.03, 0.05), (None, 0)):
        print(line(Scene(n, 50, spread), raced_runs, default, raced=True), flush=True)


if __name__ == "__main__":
    main()
