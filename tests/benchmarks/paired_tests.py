"""False alarms of the paired tests, at 5 %, where all configurations are equally good.

Each fold's fit is off by its own luck, a normal deviate of ``training sd`` points, drawn for each
configuration and fold; a random one is compared with the others. ``folds`` is the corrected
resampled t-test, ``pictures`` the paired t-test over pictures, ``combined`` what the report uses.
The second table has the power of the same tests against a difference. Usage::

    python tests/benchmarks/paired_tests.py [RUNS]
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from scipy.stats import norm
from simulated_scores import RHO

from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.analysis.differences import Differences, typical_ratio
from autosmall.analysis.paired import Posterior, describe

CONFIGURATIONS = 12
CASES = ((50, 3), (100, 5), (300, 3), (300, 5), (1000, 3), (1000, 5))


def differences(rng, samples, folds, training_sd, ahead):
    """Return the differences of configurations of 80 %, the first of them better by ``ahead``."""
    part = np.arange(samples) % folds
    truths = 0.8 + training_sd * rng.normal(size=(folds, CONFIGURATIONS))
    truths[:, 0] += ahead
    latent = np.sqrt(RHO) * rng.normal(size=(samples, 1))
    latent = latent + np.sqrt(1 - RHO) * rng.normal(size=(samples, CONFIGURATIONS))
    right = (latent < norm.ppf(np.clip(truths, 0.02, 0.98))[part]).astype(float)
    found = Differences(
        "accuracy",
        {c: tuple(right[part == f, c].mean() for f in range(folds)) for c in range(CONFIGURATIONS)},
        DifferenceErrors.of_samples(right / np.sqrt(samples)),
        folds,
        float(samples),
    )
    return replace(found, fold_ratio=typical_ratio(found, 0))


def shares(runs, samples, folds, training_sd, ahead=0.0):
    """Return in percent how often each test says that the first differs from the others."""
    counts = np.zeros(3)
    for run in range(runs):
        rng = np.random.default_rng([run, samples, folds, round(1000 * training_sd)])
        found = differences(rng, samples, folds, training_sd, ahead)
        for other in range(1, CONFIGURATIONS):
            told = found.compare(0, other)
            error = found.standard_error(0, other)
            alone = describe(Posterior(told.difference, error, samples - 1))
            counts += np.array([told.fold_p_value, alone.p_value, told.p_value]) < 0.05
    return 100 * counts / (runs * (CONFIGURATIONS - 1))


def main() -> None:
    """Print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for title, ahead in (("false alarms", 0.0), ("power against 5 points", 0.05)):
        print(f"| {title}: pictures | folds | training sd | folds | pictures | combined |")
        print("|" + "---:|" * 6)
        for samples, folds in CASES:
            for sd in (0.0, 0.01, 0.03):
                cells = " | ".join(f"{s:.1f} %" for s in shares(runs, samples, folds, sd, ahead))
                print(f"| {samples} | {folds} | {100 * sd:.0f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
