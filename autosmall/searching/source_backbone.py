"""A backbone that a search trains on the way, on other pictures: ``search --source``.

It is trained in a process of its own, since the driver of a search imports no TensorFlow, into
the run folder, with all that ``pretrain`` does: kill it, and the same search goes on with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from autosmall.child import ChildFailedError, read_answer
from autosmall.errors import BackboneError
from autosmall.models.keras_files import input_size_px
from autosmall.pretraining.plan import make_plan
from autosmall.progress import Progress
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.pretrain_settings import PretrainSettings
from autosmall.schema.settings import SearchSettings

BACKBONE_FILE = "backbone.keras"
BUDGET_SHARE = 0.2
"""Share of a search's time budget that pretraining may take, unless the user says otherwise."""
CHILD = "autosmall.searching.source_child"
END_SECONDS = 30.0
"""How long an interrupted child may take to store its state."""


def source_backbone(source: Path, run_dir: Path) -> BackboneSource:
    """Return the backbone that the search in ``run_dir`` trains on ``source``, trained or not."""
    path = (run_dir / BACKBONE_FILE).resolve()
    name = f"source:{source.resolve().stem}"
    return BackboneSource(name, "file", str(path), f"trained for this run on {source}")


def pretrain_settings(
    settings: SearchSettings, run_dir: Path, budget_seconds: float | None
) -> PretrainSettings:
    """Return the settings with which a search trains its backbone.

    ``budget_seconds`` is the search's time budget; without one (and without ``source_budget``)
    the number of pictures decides, so that the same seed gives the same backbone.
    """
    assert settings.source is not None
    seconds = settings.source_budget_seconds
    if seconds is None and budget_seconds is not None:
        seconds = BUDGET_SHARE * budget_seconds
    return PretrainSettings(
        source=settings.source,
        output=run_dir / BACKBONE_FILE,
        apart_from=settings.dataset,
        time_budget_seconds=seconds,
        invariances=settings.invariances,
        seed=settings.seed,
        overwrite=settings.overwrite,
    )


def trained_size_px(settings: PretrainSettings) -> int:
    """Return the side at which the backbone is, or was, trained; checks the source if it is not.

    Raises what :func:`~autosmall.pretraining.plan.make_plan` raises.
    """
    if settings.output.is_file() and not settings.overwrite:
        size_px = input_size_px(settings.output)
        assert size_px is not None
        return size_px
    return make_plan(settings).image_size_px


def train_source_backbone(
    settings: PretrainSettings, log: Path, progress: Progress, on_beat: Callable[[], None]
) -> None:
    """Train the backbone, or go on with it, and show how it goes; ``on_beat`` is called often.

    Returns when the file is there. What the process itself writes goes to ``log``. Raises the
    :class:`~autosmall.errors.AutoSmallError` that ended it, or ``BackboneError`` where it died;
    an interruption is passed on to it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("ab") as stream,
        subprocess.Popen(
            [sys.executable, "-m", CHILD, settings_to_json(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stream,
            encoding="utf-8",
        ) as process,
    ):
        try:
            last = _follow(process, progress, on_beat)
        except BaseException:
            _stop(process)
            raise
    try:
        read_answer(process.returncode, last)
    except ChildFailedError as error:
        raise BackboneError(
            f"the process that trained a backbone on {settings.source} died ({error.reason})",
            "enough memory, and pictures that can be learned from",
            f"look into {log}; the same command goes on from the last checkpoint",
        ) from error


def settings_to_json(settings: PretrainSettings) -> str:
    """Return the settings as one line for the process that trains."""
    plain = {k: str(v) if isinstance(v, Path) else v for k, v in vars(settings).items()}
    return json.dumps(plain)


def settings_from_json(text: str) -> PretrainSettings:
    """Return what :func:`settings_to_json` was given."""
    plain = json.loads(text)
    for name in ("source", "output", "weights_dir", "apart_from"):
        plain[name] = Path(plain[name]) if plain[name] is not None else None
    plain["trust"] = tuple(plain["trust"])
    if plain["invariances"] is not None:
        plain["invariances"] = tuple(plain["invariances"])
    return PretrainSettings(**plain)


def _follow(process: subprocess.Popen[str], progress: Progress, on_beat: Callable[[], None]) -> str:
    """Show what the process says until it ends; return its last line."""
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        last = line.strip() or last
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if "note" in said:
            progress.note(f"{said['note']}")
        elif "step" in said:
            progress.step(*said["step"])
        elif "status" in said:
            first, *more = said["status"]
            progress.status([f"pretraining: {first}", *more])
        on_beat()
    process.wait()
    return last


def _stop(process: subprocess.Popen[str]) -> None:
    """Let the process store its state and end; kill it if it does not."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
