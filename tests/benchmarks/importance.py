"""How many trials does the importance of settings take? ``python tests/benchmarks/importance.py``.

Six settings, of which one is behind 80 % of the variance of scores and the rest is noise; and
scores that are nothing but noise. Prints how often each question names the planted setting first,
how often it also stands out from chance, and how often noise does. Minutes.
"""

from __future__ import annotations

import sys

import numpy as np

from autosmall.analysis import importance
from autosmall.analysis.importance import compare_settings
from autosmall.analysis.scored_trials import ScoredTrial

DRAWS = 40


def draw_values(rng: np.random.Generator) -> dict[str, str | int | float | bool]:
    """Return the settings of a trial drawn at random."""
    return {
        "learning_rate": float(10 ** rng.uniform(-5, -1)),
        "augmentation": str(rng.choice(["none", "basic", "trivial"])),
        "dropout_rate": float(rng.uniform(0, 0.5)),
        "image_size_px": int(rng.choice([64, 96, 128])),
        "width": int(rng.choice([8, 16, 32])),
        "epochs": int(rng.integers(5, 60)),
    }


def draw_trials(rng: np.random.Generator, count: int, planted: bool) -> list[ScoredTrial]:
    """Return scored trials; the best learning rate is 1e-3."""
    values = [draw_values(rng) for _ in range(count)]
    rates = np.array([value["learning_rate"] for value in values])
    signal = -((np.log10(rates) + 3) ** 2)
    noise = rng.normal(size=count)
    scores = signal + 0.5 * signal.std() * noise if planted else noise
    return [
        ScoredTrial(number, v, float(s))
        for number, (v, s) in enumerate(zip(values, scores, strict=True))
    ]


def main(counts: list[int]) -> None:
    """Print one row per number of trials."""
    importance.LEAST_TRIALS = 1
    print("trials | fANOVA first, stands out | PED-ANOVA first, stands out | noise stands out")
    for count in counts:
        told = np.zeros((DRAWS, 6))
        for draw in range(DRAWS):
            rng = np.random.default_rng([count, draw])
            for column, planted in ((0, True), (1, False)):
                group = compare_settings("drawn", draw_trials(rng, count, planted), draw)
                first = group.settings[0]
                best = max(group.settings, key=lambda setting: setting.best_share)
                outstanding = (
                    first.variance_share > group.variance_by_chance,
                    best.best_share > group.best_by_chance,
                )
                if column:
                    told[draw, 4:] = outstanding
                    continue
                names = [s.name == "learning_rate" for s in (first, best)]
                told[draw, :4] = (
                    names[0],
                    names[0] and outstanding[0],
                    names[1],
                    (names[1] and outstanding[1]),
                )
        shares = " | ".join(f"{int(total)}" for total in told.sum(axis=0))
        print(f"{count} | {shares} of {DRAWS}", flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [20, 30, 60, 100])
