"""The Python calls: :func:`search`, :func:`load_run`, :func:`pretrain` and what they return."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autosmall.report import COMPARISON_PAGE, write_comparison, write_report
from autosmall.run_folder.run_data import load_run_data
from autosmall.run_folder.store import RunStore
from autosmall.run_folder.tables import fold_results_table, trials_table
from autosmall.schema.durations import parse_duration
from autosmall.schema.pretrain_settings import PretrainSettings
from autosmall.schema.run_data import RunData, TrialRecord
from autosmall.schema.settings import DEFAULT_INVARIANCES, SearchSettings

if TYPE_CHECKING:
    import pandas as pd

    from autosmall.analysis.ranking import Ranking
    from autosmall.pretraining.session import PretrainResult
    from autosmall.retraining.retrain import RetrainResult


class SearchRun:
    """A run folder, finished or not, read when it is asked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def data(self) -> RunData:
        """Everything stored of the run."""
        return load_run_data(self.path)

    @cached_property
    def ranking(self) -> Ranking:
        """The configurations ranked, the recommended one first."""
        # Statistics take a second to import, which a search should not begin with.
        from autosmall.analysis.ranking import rank

        return rank(self.data)

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row per configuration that is complete on all folds, the recommended one first.

        The columns are those of ``trials.csv``, with ``rank`` before them.
        """
        order = [row.summary.trial for row in self.ranking.rows]
        table = self.trials.set_index("trial", drop=False).loc[order].reset_index(drop=True)
        table.insert(0, "rank", range(1, len(table) + 1))
        return table

    @property
    def trials(self) -> pd.DataFrame:
        """All configurations in order of number: the table of ``trials.csv``."""
        return trials_table(self.data)

    @property
    def fold_results(self) -> pd.DataFrame:
        """All finished folds: the table of ``fold_results.csv``."""
        return fold_results_table(self.data)

    @property
    def best(self) -> TrialRecord:
        """The recommended trial; :class:`SearchStoppedError` where none is complete."""
        if not self.ranking.rows:
            from autosmall.searching.session import nothing_complete

            raise nothing_complete(self.data)
        number = self.ranking.rows[0].summary.trial
        return next(trial for trial in self.data.trials if trial.number == number)

    def report(self, *, prefer: str | None = None, summary: str | Path | None = None) -> Path:
        """Write ``report.html`` and ``report.json`` again and return the page's path.

        ``prefer`` (``accuracy``, ``simple`` or ``speed``) changes what is recommended from now on;
        ``summary`` is a PNG file to write with the report on one picture.
        """
        if prefer is not None:
            RunStore(self.path).set_preference(prefer)
            for name in ("data", "ranking"):
                self.__dict__.pop(name, None)
        return write_report(self.path, _path(summary))

    def retrain(
        self,
        *,
        rank: int = 1,
        trial: int | None = None,
        ensemble: bool = False,
        test: str | Path | None = None,
    ) -> RetrainResult:
        """Train the chosen configuration, or an ensemble, on all pictures into ``model/``."""
        from autosmall.retraining.retrain import retrain

        place = Path(test) if test else None
        return retrain(self.path, rank=rank, trial=trial, ensemble=ensemble, test=place)


def load_run(path: str | Path) -> SearchRun:
    """Return the run stored in the folder ``path``.

    Raises :class:`~autosmall.errors.RunFolderError` where it holds no readable run.
    """
    RunStore(Path(path)).facts()
    return SearchRun(Path(path))


def compare(runs: Sequence[str | Path], *, output: str | Path = COMPARISON_PAGE) -> Path:
    """Write a page that compares runs, and its facts beside it as JSON; return the page's path.

    Runs that share their data set, folds and metric are compared picture by picture.

    Args:
        runs: Two or more run folders.
        output: The page.

    Raises:
        SettingsError: Fewer than two runs, or one named twice.
        RunFolderError: A folder holds no readable run, or the page cannot be written.
    """
    return write_comparison([Path(run) for run in runs], Path(output))


def search(
    dataset: str | Path,
    *,
    output_dir: str | Path | None = None,
    space: str | Path = "default",
    max_trials: int | None = None,
    time_budget: str | float | None = None,
    folds: str | int = "auto",
    repeats: int | None = None,
    metric: str = "auto",
    strategies: Sequence[str] = (),
    backbone: Sequence[str | Path] = (),
    weights_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    trust: Sequence[str | Path] = (),
    source: str | Path | None = None,
    source_budget: str | float | None = None,
    explorer: str = "committee",
    groups: str | None = None,
    keep_duplicates: bool = False,
    prefer: str | None = None,
    invariances: Sequence[str] = DEFAULT_INVARIANCES,
    unlabelled: str | Path | None = None,
    workers: int | None = None,
    gpus_per_worker: float = 0.0,
    address: str | None = None,
    seed: int = 0,
    early_stop: bool = True,
    sample_size: bool = True,
    pictures: bool = True,
    overwrite: bool = False,
    quiet: bool = False,
) -> SearchRun:
    """Search ways of training for the pictures in ``dataset`` and return the run.

    ``time_budget`` and ``source_budget`` are texts such as ``"10m"`` or seconds; the other keywords
    are the fields of :class:`~autosmall.schema.settings.SearchSettings`. A run folder that holds
    this very search is gone on with.

    Raises the errors of :mod:`autosmall.errors`; :class:`SearchStoppedError` where no
    configuration could be completed.

    Example:
        >>> import autosmall, tempfile
        >>> from autosmall.data.demo import draw_demo
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> draw_demo(folder / "pieces")
        >>> run = autosmall.search(
        ...     folder / "pieces", output_dir=folder / "run", strategies=["baseline"],
        ...     max_trials=1, workers=0, quiet=True,
        ... )
        >>> run.leaderboard[["rank", "strategy", "score"]].values.tolist()
        [[1, 'baseline', 0.5]]
    """
    from autosmall.searching.session import run_search

    settings = SearchSettings(
        dataset=Path(dataset),
        output_dir=_path(output_dir),
        space=str(space),
        max_trials=max_trials,
        time_budget_seconds=_seconds(time_budget),
        folds=folds,
        repeats=repeats,
        metric=metric,
        strategies=tuple(strategies),
        backbones=tuple(str(name) for name in backbone),
        weights_dir=_path(weights_dir),
        cache_dir=_path(cache_dir),
        trust=tuple(str(file) for file in trust),
        source=_path(source),
        source_budget_seconds=_seconds(source_budget),
        explorer=explorer,
        groups=groups,
        keep_duplicates=keep_duplicates,
        prefer=prefer,
        invariances=tuple(invariances),
        unlabelled=_path(unlabelled),
        workers=workers,
        gpus_per_worker=gpus_per_worker,
        address=address,
        seed=seed,
        early_stop=early_stop,
        sample_size=sample_size,
        pictures=pictures,
        overwrite=overwrite,
        quiet=quiet,
    )
    return SearchRun(run_search(settings))


def pretrain(
    source: str | Path,
    *,
    output: str | Path,
    method: str | None = None,
    teacher: str | Path | None = None,
    weights_dir: str | Path | None = None,
    trust: Sequence[str | Path] = (),
    architecture: str | None = None,
    image_size: int | None = None,
    apart_from: str | Path | None = None,
    time_budget: str | float | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    augmentation_strength: float | None = None,
    invariances: Sequence[str] | None = None,
    noise_std: float | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> PretrainResult:
    """Train a backbone on the pictures in ``source``, write it to ``output``, return what came.

    ``time_budget`` is a text such as ``"10m"`` or seconds; the other keywords are the fields of
    :class:`~autosmall.schema.pretrain_settings.PretrainSettings`. A call that was cut off is gone
    on with. The file is a backbone for ``search(..., backbone=[output])``.

    Raises the errors of :mod:`autosmall.errors`.
    """
    from autosmall.pretraining.session import run_pretrain

    return run_pretrain(
        PretrainSettings(
            source=Path(source),
            output=Path(output),
            method=method,
            teacher=None if teacher is None else str(teacher),
            weights_dir=_path(weights_dir),
            trust=tuple(str(file) for file in trust),
            architecture=architecture,
            image_size_px=image_size,
            apart_from=_path(apart_from),
            time_budget_seconds=_seconds(time_budget),
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            augmentation_strength=augmentation_strength,
            invariances=None if invariances is None else tuple(invariances),
            noise_std=noise_std,
            seed=seed,
            overwrite=overwrite,
            quiet=quiet,
        )
    )


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)


def _seconds(value: str | float | None) -> float | None:
    return parse_duration(value) if isinstance(value, str) else value
