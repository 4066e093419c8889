"""What each verb does: one library call, and a few plain lines about what came of it.

Everything heavy is imported inside the functions, so that ``autosmall --help`` is quick. What a
person wants to keep or pipe goes to standard output; progress goes to standard error.
"""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from autosmall.errors import SettingsError
from autosmall.report import COMPARISON_PAGE
from autosmall.summaries import model_lines, run_lines, score_lines

DEMO_FOLDER = Path("autosmall-demo")
DEMO_STRATEGIES = ("baseline", "classical", "frozen", "scratch")
"""Fine-tuning without pretrained weights would only take time here."""
DEMO_TRIALS = 7
"""All starts of these strategies in the space ``quick``, and one proposal more."""
DEMO_BUDGET_SECONDS = 400.0
"""Reached on no machine that was met: two usual cores take two minutes, slow ones three and a
half. With too little time the network that solves the demo would not come to its end."""


def search(dataset: Path, **options: Any) -> None:
    """Search ``dataset`` and print the recommendation, the report, and what to do next."""
    from autosmall.api import search

    run = search(dataset, **options)
    _say(run_lines(run.path))


def pretrain(source: Path, output: Path, **options: Any) -> None:
    """Train a backbone on ``source`` and print what came of it and how to use it."""
    from autosmall.api import pretrain

    result = pretrain(source, output=output, **options)
    _say(
        [
            result.sentence,
            f"Backbone: {result.path} (card: {result.card})",
            f"To use it: autosmall search my_pictures/ --backbone {result.path}",
        ]
    )


def report(
    run_dir: Path,
    open: bool = False,  # noqa: A002 (the option's name)
    **options: Any,
) -> None:
    """Write the report of a run anew and print its path."""
    from autosmall.api import load_run

    path = load_run(run_dir).report(**options)
    _say([f"Report: {path}"])
    if "summary" in options:
        _say([f"Summary: {options['summary']}"])
    if open:
        webbrowser.open(path.resolve().as_uri())


def compare(
    run_dirs: Sequence[Path],
    output: Path = COMPARISON_PAGE,
    open: bool = False,  # noqa: A002 (the option's name)
) -> None:
    """Write the page that compares runs and print its path."""
    from autosmall.api import compare

    path = compare(run_dirs, output=output)
    _say([f"Comparison: {path}"])
    if open:
        webbrowser.open(path.resolve().as_uri())


def retrain(run_dir: Path, **options: Any) -> None:
    """Train a configuration of a run on all pictures and print where the model is."""
    from autosmall.retraining.retrain import retrain

    result = retrain(run_dir, **options)
    _say(model_lines(result))
    if result.report is not None:
        _say([f"Report, written anew: {result.report}"])


def evaluate(model: Path, dataset: Path, trust: Sequence[Path] = ()) -> None:
    """Score a saved model on labelled pictures and print the scores."""
    from autosmall.saved_model.model import evaluate

    _say(score_lines(evaluate(model, dataset, trust=trust)))


def predict(
    model: Path,
    pictures: Sequence[Path],
    csv: Path | None = None,
    trust: Sequence[Path] = (),
    **threshold: float,
) -> None:
    """Classify pictures and print the table, or write it to ``csv``."""
    from autosmall.saved_model.model import load_model

    table = load_model(model, trust=trust).predict(pictures, **threshold)
    if csv is None:
        table.to_csv(sys.stdout, index=False)
        return
    table.to_csv(csv, index=False)
    _say([f"{len(table)} pictures classified: {csv}"])


def export(
    model: Path,
    format: str,  # noqa: A002
    output: Path | None = None,
    trust: Sequence[Path] = (),
) -> None:
    """Write a model in another format, compare it with the original, and print its path."""
    from autosmall.saved_model.export import export

    _say([f"Exported and compared: {export(model, format, output, trust=trust)}"])


def audit(dataset: Path, output: Path | None = None) -> None:
    """Print what is wrong with the pictures and write all that was found as JSON."""
    from autosmall.data.audit import audit_dataset, format_audit
    from autosmall.data.dataset import read_labelled
    from autosmall.files import write_json
    from autosmall.searching.run_dir import default_run_name

    path = output or Path("reports") / f"{default_run_name(dataset)}-audit.json"
    _refuse_inside(path, dataset)
    found = audit_dataset(read_labelled(dataset), include_test=True)
    _say([format_audit(found)])
    write_json(path, found.to_json())
    _say([f"Written: {path}"])


def backbones(weights_dir: Path | None = None) -> None:
    """Print all known backbones and where their weights are."""
    from autosmall.backbone_lines import listing_lines
    from autosmall.models.backbone_listing import list_backbones

    _say(listing_lines(list_backbones(weights_dir)))


def backbones_show(
    name: str,
    layers: bool = False,
    weights_dir: Path | None = None,
    trust: Sequence[Path] = (),
) -> None:
    """Print the blocks of a backbone from top to bottom, and its BatchNormalization layers."""
    from autosmall.backbone_lines import summary_lines
    from autosmall.backbone_tools import summarize_backbone

    _say(summary_lines(name, summarize_backbone(name, weights_dir, trust), layers))


def backbones_fetch(name: str, weights_dir: Path | None = None) -> None:
    """Download the weights of a backbone and print where they are."""
    from autosmall.backbone_tools import fetch_backbone

    _say([fetch_backbone(name, weights_dir)])


def backbones_add(name: str, file: Path, **told: Any) -> None:
    """Put a file into the user's registry, if it can be used, and print how to use it."""
    from autosmall.backbone_tools import add_backbone

    _say([add_backbone(name, file, **told)])


def backbones_remove(name: str) -> None:
    """Forget a file of the user's registry; the file stays."""
    from autosmall.models.user_registry import remove_from_registry

    _say([f"Forgotten: {name}; the file stays: {remove_from_registry(name).file}"])


def spaces() -> None:
    """Print the search spaces that ship with the program."""
    from autosmall.schema.space_file import list_spaces

    _say(f"{s.name:<14}{s.usual_minutes:>4g} min  {s.purpose}" for s in list_spaces())


def doctor(weights_dir: Path | None = None) -> int:
    """Print a checklist of what this machine has; return 1 if something essential is missing."""
    from autosmall.doctor import MISSING, check_machine

    checks = check_machine(weights_dir)
    _say(map(str, checks))
    return 1 if any(check.mark == MISSING for check in checks) else 0


def demo(folder: Path = DEMO_FOLDER, quiet: bool = False) -> None:
    """Draw pictures into ``folder``, search them, retrain the recommendation, say what came."""
    from autosmall.api import search
    from autosmall.data.demo import draw_demo
    from autosmall.retraining.retrain import retrain

    _say([f"Drawing 120 pictures to search and 100 to test into {folder}"])
    draw_demo(folder)
    run = search(
        folder,
        space="quick",
        strategies=DEMO_STRATEGIES,
        max_trials=DEMO_TRIALS,
        time_budget=DEMO_BUDGET_SECONDS,
        folds=5,
        repeats=1,
        sample_size=False,
        quiet=quiet,
    )
    _say(model_lines(retrain(run.path)))
    _say(run_lines(run.path))
    _say(["Your own pictures, one folder per class: autosmall search my_pictures/"])


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _refuse_inside(output: Path, dataset: Path) -> None:
    """Raise ``SettingsError`` where ``output`` would lie in the folder that is only read."""
    if dataset.is_dir() and output.resolve().is_relative_to(dataset.resolve()):
        raise SettingsError(
            f"the output {output} lies inside the data set {dataset}",
            "a file outside it: the data set is never written to",
            "choose another --output, or run the command from another folder",
        )
