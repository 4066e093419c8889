"""How large is a report, and how long does it take? ``python tests/benchmarks/report_size.py``.

Draws runs of 200 and of 5,000 trials (other numbers: as arguments), stores them in a folder of
their own, and writes their reports, each in a fresh process as ``autosmall report`` does. Prints
the sizes of page and facts, wall and processor seconds, and, where a browser is there, the
milliseconds to the page's load event. Drawing takes minutes; with ``--keep FOLDER`` the
runs stay there and are used again.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
STRATEGIES = ("frozen", "scratch", "fine_tune", "classical", "autoencoder")
OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")
PICTURES = 300

REPORT = """
import json, os, sys, time
from pathlib import Path
start = time.perf_counter()
from autosmall.report import write_report
page = write_report(Path(sys.argv[1]))
used = sum(os.times()[:4])
print(json.dumps([time.perf_counter() - start, used, page.stat().st_size]))
"""


def drawn_run() -> ModuleType:
    """Return the module that draws runs."""
    path = ROOT / "tests" / "analysis" / "drawn_run.py"
    spec = importlib.util.spec_from_file_location("drawn_run", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["drawn_run"] = module
    spec.loader.exec_module(module)
    return module


def draw_run(folder: Path, trials: int) -> None:
    """Store a run: half of its trials finished, the others raced out, with pictures to show."""
    from autosmall.data.previews import encode_preview, write_previews
    from autosmall.run_folder.store import PREVIEWS

    rng, drawn = np.random.default_rng(0), drawn_run()
    # The report scores predictions itself, and a drawn run need not survive a power cut.
    drawn.all_scores = _accuracy
    os.fsync = lambda file: None
    chosen = [_trial(drawn, number, rng) for number in range(trials)]
    drawn.store_run(drawn.make_run(chosen, samples=PICTURES), folder)
    pictures = [
        encode_preview(rng.integers(0, 255, (96, 96, 3)).astype(np.uint8)) for _ in range(PICTURES)
    ]
    write_previews(folder / PREVIEWS, pictures)


def _accuracy(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    return {"accuracy": float(np.mean(probabilities.argmax(axis=1) == labels))}


def _trial(drawn: ModuleType, number: int, rng: np.random.Generator) -> object:
    ended = {}
    if rng.random() < 0.5:
        reason = "behind trial 4 by 12 points"
        ended = {"status": "raced_out", "reason": reason, "folds": int(rng.integers(1, 4))}
    return drawn.DrawnTrial(
        STRATEGIES[number % len(STRATEGIES)],
        float(np.clip(rng.normal(0.7, 0.08), 0.3, 0.95)),
        float(rng.uniform(0, 0.3)),
        int(10 ** rng.uniform(2, 6)),
        float(rng.uniform(1, 40)),
        values={
            "learning_rate": float(10 ** rng.uniform(-5, -1)),
            "optimizer": str(rng.choice(OPTIMIZERS)),
            "dropout_rate": float(rng.uniform(0, 0.6)),
            "epochs": int(rng.integers(10, 100)),
            "image_size_px": int(rng.choice([64, 96, 128, 160])),
            "augmentation_strength": float(rng.uniform(0, 1)),
            "weight_decay": float(10 ** rng.uniform(-6, -2)),
            "batch_size": int(rng.choice([16, 32, 64])),
        },
        **ended,
    )


def load_milliseconds(page: Path) -> float | None:
    """Return the time to the page's load event in headless Chromium, ``None`` without one."""
    executable = shutil.which("chromium")
    if executable is None or importlib.util.find_spec("playwright") is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto(page.as_uri())
        ended = opened.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        browser.close()
    return float(ended)


def measure(folder: Path, trials: int) -> str:
    """Return a row of the table for the run in ``folder``."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, str(folder)], check=True, capture_output=True, text=True
    )
    wall, used, size = json.loads(done.stdout.splitlines()[-1])
    facts = (folder / "report.json").stat().st_size
    loaded = load_milliseconds(folder / "report.html")
    shown = "–" if loaded is None else f"{loaded:.0f} ms"
    return (
        f"| {trials:,} | {size / 1e6:.2f} MB | {facts / 1e6:.2f} MB | {wall:.1f} s | {used:.1f} s "
        f"| {shown} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", type=int, nargs="*", default=[200, 5000])
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    print("| trials | page | report.json | wall time | processor time | load event |")
    print("|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as temporary:
        for trials in chosen.trials:
            folder = (chosen.keep or Path(temporary)).resolve() / f"run_{trials}"
            if not (folder / "state.json").exists():
                draw_run(folder, trials)
            print(measure(folder, trials), flush=True)


if __name__ == "__main__":
    main()
