"""What the command line looks like: verbs, options, and how their values are read.

Only options that were given reach the command, so every default stands in one place, the library.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from autosmall import __version__, commands
from autosmall.report import COMPARISON_PAGE
from autosmall.schema.pretrain_settings import AUTOENCODER, DISTILL, METHODS
from autosmall.schema.settings import (
    DEFAULT_INVARIANCES,
    INVARIANCES,
    METRICS,
    PREFER_ACCURACY,
    PREFERENCES,
)

_DATASET = "folder of class folders, folder with train/ and test/, or CSV"
_SOURCE = "labelled pictures as for search, a folder of unlabelled ones, or a recipe (.toml)"
_INVARIANCES = (
    f"changes that keep the label, of {', '.join(INVARIANCES)}, or none"
    f" (default: {', '.join(DEFAULT_INVARIANCES)})"
)
_RUN = "run folder that search wrote"
_PREFER = f"what to recommend by: {', '.join(PREFERENCES)} (default: {PREFER_ACCURACY})"
_MODEL = "model folder that retrain wrote"
_PICTURES = "pictures, or folders of them"
_RECALL = "label the rare class so that this share of it is found, as 0.95"
_PRECISION = "label the rare class so that this share of the labels is right, as 0.9"
_FORMATS = "onnx, tflite or saved-model"
_WEIGHTS_DIR = "folder with pretrained weights"
_TRUST = "a .keras file whose own code may run, any code, as you; may be repeated"
_AUDIT_FILE = "JSON file to write (default: reports/<name>-audit.json)"
_EXPLORERS = "committee, optuna, keras-tuner, keras-tuner-hyperband, keras-tuner-random or random"


def parse_folds(text: str) -> str | int:
    """Return ``"auto"`` or the number of folds."""
    if text == "auto" or not re.fullmatch(r"-?\d+", text):
        return text
    return int(text)


def parse_names(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas. An empty name stays, for the library to refuse."""
    return tuple(name.strip() for name in text.split(","))


def parse_invariances(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas; ``none`` is the empty list."""
    return () if text.strip() == "none" else parse_names(text)


def join_negative_values(words: Sequence[str]) -> list[str]:
    """Return ``words`` with ``--option -5m`` written ``--option=-5m``.

    argparse would take ``-5m`` for an option and complain of a missing value instead.
    """
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].startswith("--") and re.match(r"-\d", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


class _Parser(argparse.ArgumentParser):
    """Tells a wrong command line in the same three lines as every other error."""

    def error(self, message: str) -> NoReturn:
        usage = self.format_usage().removeprefix("usage: ").strip()
        self.exit(2, f"error: {message}\nexpected: {usage}\nto do: {self.prog} --help\n")


class _Verbs:
    """Adds one parser for each verb of ``parser``, the program's or another verb's."""

    def __init__(self, parser: argparse.ArgumentParser, required: bool = True) -> None:
        self._prog = parser.prog
        self._actions = parser.add_subparsers(
            title="commands", metavar="COMMAND", required=required
        )

    def add(
        self, verb: str, run: Callable[..., int | None], operands: str, summary: str
    ) -> argparse.ArgumentParser:
        """Return the parser of ``verb``, which calls ``run``."""
        parser = self._actions.add_parser(
            verb,
            prog=f"{self._prog} {verb}",
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            usage=f"{self._prog} {verb} {operands} [options]".replace("  ", " "),
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        parser.set_defaults(run=run)
        parser.add_argument("--debug", action="store_true", help="print tracebacks of errors")
        return parser


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses are keywords of the function in ``run``."""
    parser = _Parser(
        prog="autosmall",
        usage="autosmall COMMAND [options]",
        description="Which way of training suits a few labelled pictures, how far to trust the"
        " number, and the model.",
        epilog="Begin with: autosmall demo, or autosmall search my_pictures/",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"autosmall {__version__}")
    verbs = _Verbs(parser)
    _add_search(verbs)
    _add_pretrain(verbs)
    _add_readers_of_runs(verbs)
    _add_readers_of_models(verbs)
    _add_helpers(verbs)
    return parser


def _add_search(verbs: _Verbs) -> None:
    parser = verbs.add("search", commands.search, "DATASET", "try ways of training and rank them")
    add = parser.add_argument
    add("dataset", metavar="DATASET", type=Path, help=_DATASET)
    add("--output-dir", metavar="DIR", type=Path, help="run folder (default: reports/<name>)")
    add("--space", metavar="NAME|FILE", help="search space (default: default; see: spaces)")
    add("--max-trials", metavar="N", type=int, help="configurations to try in all")
    add(
        "--time-budget",
        metavar="TIME",
        help="wall time, as 90s, 10m or 1h30m (default: the space's usual minutes)",
    )
    add("--folds", metavar="auto|K", type=parse_folds, help="folds (default: auto)")
    add("--repeats", metavar="R", type=int, help="times the folds are drawn anew")
    add("--metric", metavar="NAME", help=f"auto (default), {', '.join(METRICS)}")
    add("--strategies", metavar="A,B", type=parse_names, help="try these only")
    add(
        "--backbone",
        metavar="NAME|FILE",
        nargs="+",
        action="extend",
        help="use these pretrained networks only; may be repeated",
    )
    add("--weights-dir", metavar="DIR", type=Path, help=_WEIGHTS_DIR)
    add(
        "--cache-dir",
        metavar="DIR",
        type=Path,
        help="features of pictures, shared by runs (default: in the run folder)",
    )
    _add_trust(parser)
    add("--source", metavar="DIR|CSV", type=Path, help="pretrain a backbone on these pictures")
    add("--source-budget", metavar="TIME", help="time for that (default: a fifth of the budget)")
    add("--explorer", metavar="NAME", help=f"{_EXPLORERS} (default: committee)")
    add(
        "--groups",
        metavar="COLUMN|PATTERN|parent-folder|none",
        help="what ties pictures to one fold: a CSV column, a regular expression over file names",
    )
    add("--keep-duplicates", action="store_true", help="do not tie near duplicates to one fold")
    add("--prefer", metavar="NAME", help=_PREFER)
    add(
        "--invariances",
        metavar="A,B",
        type=parse_invariances,
        help=_INVARIANCES,
    )
    add("--unlabelled", metavar="DIR", type=Path, help="folder of further pictures, unlabelled")
    add("--workers", metavar="N", type=int, help="processes (default: one per core; 0: none)")
    add("--gpus-per-worker", metavar="F", type=float, help="share of a GPU for each (default: 0)")
    add("--address", metavar="RAY", help="address of a Ray cluster (default: this machine)")
    add("--seed", metavar="S", type=int, help="seed of everything (default: 0)")
    add(
        "--no-early-stop",
        dest="early_stop",
        action="store_false",
        help="use the whole budget, also where going on is not expected to pay",
    )
    add(
        "--no-sample-size",
        dest="sample_size",
        action="store_false",
        help="do not train the leaders on fewer pictures afterwards",
    )
    add(
        "--no-pictures",
        dest="pictures",
        action="store_false",
        help="no picture and no file name in the report",
    )
    add("--overwrite", action="store_true", help="delete what is in the run folder first")
    add("--quiet", action="store_true", help="no progress")


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trust", metavar="FILE", type=Path, action="append", help=_TRUST)


def _add_pretrain(verbs: _Verbs) -> None:
    operands = "SOURCE --output FILE.keras"
    parser = verbs.add("pretrain", commands.pretrain, operands, "train a backbone for searches")
    add = parser.add_argument
    add("source", metavar="SOURCE", type=Path, help=_SOURCE)
    add("--output", metavar="FILE", type=Path, required=True, help="the .keras file to write")
    add("--method", metavar="NAME", help=f"{', '.join(METHODS)} (default: by labels)")
    add("--teacher", metavar="NAME|FILE", help=f"backbone to imitate, for {DISTILL}")
    add("--weights-dir", metavar="DIR", type=Path, help="folder with the teacher's weights")
    _add_trust(parser)
    add(
        "--architecture",
        "--student",
        metavar="NAME",
        help="network to train: compact_32, or a backbone's name (default: by picture size)",
    )
    add("--image-size", metavar="PX", type=int, help="side of the pictures (default: by theirs)")
    add("--apart-from", metavar="DATASET", type=Path, help="leave out copies of its pictures")
    add("--time-budget", metavar="TIME", help="wall time, as 90s, 10m or 1h30m")
    add("--steps", metavar="N", type=int, help="batches (default: by the number of pictures)")
    add("--batch-size", metavar="N", type=int, help="pictures per step (default: 64)")
    add("--learning-rate", metavar="R", type=float, help="peak of the rate (default: 0.002)")
    add("--weight-decay", metavar="D", type=float, help="decoupled (default: 0.01)")
    add("--augmentation-strength", metavar="S", type=float, help="0 to 1 (default: 0.5)")
    add("--invariances", metavar="A,B", type=parse_invariances, help=_INVARIANCES)
    add("--noise-std", metavar="S", type=float, help=f"noise for {AUTOENCODER} (default: 0.2)")
    add("--seed", metavar="S", type=int, help="seed of everything (default: 0)")
    add("--overwrite", action="store_true", help="replace the file, and begin anew")
    add("--quiet", action="store_true", help="no progress")


def _add_readers_of_runs(verbs: _Verbs) -> None:
    report = verbs.add("report", commands.report, "RUN", "write a run's report again")
    report.add_argument("run_dir", metavar="RUN", type=Path, help=_RUN)
    report.add_argument("--prefer", metavar="NAME", help=_PREFER)
    report.add_argument("--summary", metavar="FILE.png", type=Path, help="also on one picture")
    report.add_argument("--open", action="store_true", help="open it in the browser")

    compare = verbs.add("compare", commands.compare, "RUN RUN...", "compare runs on one page")
    compare.add_argument("run_dirs", metavar="RUN", nargs="+", type=Path, help=_RUN)
    compare.add_argument(
        "--output", metavar="FILE", type=Path, help=f"page (default: {COMPARISON_PAGE})"
    )
    compare.add_argument("--open", action="store_true", help="open it in the browser")

    retrain = verbs.add("retrain", commands.retrain, "RUN", "train a configuration on all pictures")
    retrain.add_argument("run_dir", metavar="RUN", type=Path, help=_RUN)
    which = retrain.add_mutually_exclusive_group()
    which.add_argument("--rank", metavar="N", type=int, help="place in the ranking (default: 1)")
    which.add_argument("--trial", metavar="N", type=int, help="number of the trial")
    which.add_argument("--ensemble", action="store_true", help="several that vote, if it pays")
    retrain.add_argument("--test", metavar="DIR", type=Path, help="pictures to score it on, once")


def _add_readers_of_models(verbs: _Verbs) -> None:
    evaluate = verbs.add("evaluate", commands.evaluate, "MODEL DATASET", "score a saved model")
    evaluate.add_argument("model", metavar="MODEL", type=Path, help=_MODEL)
    evaluate.add_argument("dataset", metavar="DATASET", type=Path, help=_DATASET)
    _add_trust(evaluate)

    predict = verbs.add("predict", commands.predict, "MODEL PICTURE|DIR...", "classify pictures")
    predict.add_argument("model", metavar="MODEL", type=Path, help=_MODEL)
    predict.add_argument("pictures", metavar="PICTURE|DIR", type=Path, nargs="+", help=_PICTURES)
    predict.add_argument("--csv", metavar="FILE", type=Path, help="write the table here")
    _add_trust(predict)
    how = predict.add_mutually_exclusive_group()
    how.add_argument("--recall", metavar="R", type=float, help=_RECALL)
    how.add_argument("--precision", metavar="P", type=float, help=_PRECISION)

    export = verbs.add("export", commands.export, "MODEL --format FORMAT", "convert a saved model")
    export.add_argument("model", metavar="MODEL", type=Path, help=_MODEL)
    export.add_argument("--format", metavar="FORMAT", required=True, help=_FORMATS)
    export.add_argument("--output", metavar="PATH", type=Path, help="default: in the model folder")
    _add_trust(export)


def _add_helpers(verbs: _Verbs) -> None:
    audit = verbs.add("audit", commands.audit, "DATASET", "look for what is wrong with pictures")
    audit.add_argument("dataset", metavar="DATASET", type=Path, help=_DATASET)
    audit.add_argument("--output", metavar="FILE", type=Path, help=_AUDIT_FILE)

    _add_backbones(verbs)
    verbs.add("spaces", commands.spaces, "", "list the search spaces")

    doctor = verbs.add("doctor", commands.doctor, "", "check what this machine has to offer")
    doctor.add_argument("--weights-dir", metavar="DIR", type=Path, help=_WEIGHTS_DIR)

    demo = verbs.add("demo", commands.demo, "[DIR]", "draw pictures, search them, make the model")
    # The default stands here because argparse would turn a suppressed one into a Path.
    demo.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=commands.DEMO_FOLDER)
    demo.add_argument("--quiet", action="store_true", help="no progress")


def _add_backbones(verbs: _Verbs) -> None:
    parser = verbs.add(
        "backbones",
        commands.backbones,
        "[show|fetch|add|remove ...]",
        "list the pretrained networks and where their weights are",
    )
    parser.add_argument("--weights-dir", metavar="DIR", type=Path, help=_WEIGHTS_DIR)
    actions = _Verbs(parser, required=False)

    show = actions.add("show", commands.backbones_show, "NAME|FILE", "list its blocks and layers")
    show.add_argument("name", metavar="NAME|FILE", help="a name of the list, or a file")
    show.add_argument("--layers", action="store_true", help="with the names of all layers")
    show.add_argument("--weights-dir", metavar="DIR", type=Path, help=_WEIGHTS_DIR)
    _add_trust(show)

    fetch = actions.add("fetch", commands.backbones_fetch, "NAME", "download its weights")
    fetch.add_argument("name", metavar="NAME", help="a name of the list, or hub:PRESET")
    fetch.add_argument(
        "--weights-dir",
        metavar="DIR",
        type=Path,
        help="folder to put them (default: Keras's cache)",
    )

    add = actions.add("add", commands.backbones_add, "NAME FILE", "put a file into your registry")
    add.add_argument("name", metavar="NAME", help="your name for it, or the network of .h5 weights")
    add.add_argument("file", metavar="FILE", type=Path, help=".keras model or .h5 weights")
    add.add_argument(
        "--scaling",
        metavar="NAME",
        help="what a .keras model is given for pixels: none (0 to 255, default), tf, caffe, torch",
    )
    add.add_argument("--last-layer", metavar="LAYER", help="its last feature map (default: found)")
    add.add_argument(
        "--block-starts",
        metavar="A,B",
        type=parse_names,
        help="layers with which its blocks begin, from top to bottom (default: found)",
    )
    _add_trust(add)

    remove = actions.add("remove", commands.backbones_remove, "NAME", "forget a registered file")
    remove.add_argument("name", metavar="NAME", help="a name of your registry")
