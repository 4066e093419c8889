"""The worker: makes fits from requests, judges them, and turns whatever goes wrong into data."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.data.subsets import training_subset
from autosmall.runner.curves import CurveRecorder
from autosmall.runner.evidence import diagnoses_of
from autosmall.runner.process import custom_gradients_forgotten, peak_memory_mib
from autosmall.runner.questions import ModelAnswer, ModelRequest
from autosmall.schema.config import Config
from autosmall.schema.parameters import defaults
from autosmall.schema.results import COMPLETE, FAILED, UNHEALTHY, FoldResult
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.base import Fit, FitTask, PictureSource, Strategy
from autosmall.strategies.fold_model import FoldModel
from autosmall.strategies.registry import STRATEGIES
from autosmall.training.health.monitor import HealthMonitor
from autosmall.training.metrics import all_scores

LARGE_FIT_SECONDS = 1.0
"""Fits that take longer are followed by a garbage collection, which takes a tenth of it."""


def fill_defaults(config: Config, strategies: Mapping[str, Strategy]) -> Config:
    """Return ``config`` as its strategy will use it; ``KeyError`` for an unknown strategy."""
    return strategies[config.strategy].resolved(config)


def trains_folds_as_one(config: Config, strategies: Mapping[str, Strategy]) -> bool:
    """Tell whether the folds of ``config`` are to be given to its strategy together.

    A configuration that its strategy cannot read fails in its fit, where that is recorded.
    """
    try:
        return strategies[config.strategy].trains_folds_as_one(fill_defaults(config, strategies))
    except (KeyError, TypeError, ValueError):
        return False


@dataclass(frozen=True)
class _Attempt:
    """A fold being done: which one, and what its fit has reported so far."""

    trial: int
    fold: int
    share_percent: int
    monitor: HealthMonitor
    recorder: CurveRecorder


class Worker:
    """Fits configurations on folds of one search.

    Args:
        context: The search's fixed facts.
        pictures: The labelled pictures, rows as in the context.
        unlabelled: Further pictures, or ``None``.
        name: What results call this worker.
        strategies: Name to strategy, in place of the registry's.
    """

    def __init__(
        self,
        context: SearchContext,
        pictures: PictureSource,
        unlabelled: PictureSource | None,
        name: str,
        strategies: Mapping[str, Strategy] = STRATEGIES,
    ) -> None:
        self._context = context
        self._pictures = pictures
        self._unlabelled = unlabelled
        self._name = name
        self._strategies = strategies

    def run(self, request: FitRequest) -> Iterator[FoldResult]:
        """Yield one result per fold of the request, each as soon as it is done.

        A :class:`~autosmall.runner.questions.ModelRequest` is answered, any other is fitted.

        Whatever a fit raises ends as ``failed`` results of the folds that it was for;
        ``KeyboardInterrupt`` and ``SystemExit`` pass through.
        """
        as_one = trains_folds_as_one(request.config, self._strategies)
        for folds in [request.folds] if as_one else [(fold,) for fold in request.folds]:
            attempts = [self._begin(request, fold) for fold in folds]
            started = time.perf_counter()
            try:
                with custom_gradients_forgotten():
                    results = self._done(request, attempts)
            except Exception:  # noqa: BLE001 (the one place: a fit may raise anything)
                error, seconds = traceback.format_exc(), time.perf_counter() - started
                results = [self._failed(a, error, seconds / len(folds)) for a in attempts]
            # Models hold themselves in rings; a large one's memory is wanted back at once.
            if time.perf_counter() - started > LARGE_FIT_SECONDS:
                gc.collect()
            yield from results

    def _begin(self, request: FitRequest, fold: int) -> _Attempt:
        labels = self._context.labels[self._context.folds.validation_index(fold)]
        config = self._with_defaults(request.config)
        monitor = HealthMonitor.of(config, len(self._context.classes))
        recorder = CurveRecorder(labels, monitor)
        return _Attempt(request.trial, fold, request.share_percent, monitor, recorder)

    def _with_defaults(self, config: Config) -> Config:
        """Return ``config`` with its strategy's defaults, as it is where that is unknown."""
        strategy = self._strategies.get(config.strategy)
        return config.with_defaults(defaults(strategy.parameters)) if strategy else config

    def _done(self, request: FitRequest, attempts: Sequence[_Attempt]) -> Sequence[FoldResult]:
        if isinstance(request, ModelRequest):
            return [self._answered(request, attempt) for attempt in attempts]
        return self._fit_and_judge(request.config, attempts)

    def _answered(self, request: ModelRequest, attempt: _Attempt) -> ModelAnswer:
        """Return the answer to a question about a model that this or another worker trained."""
        started = time.perf_counter()
        task = self._task(fill_defaults(request.config, self._strategies), attempt)
        strategy = self._strategies[request.config.strategy]
        answer = request.question(FoldModel.rebuilt(strategy, task, request.learned))
        return ModelAnswer(
            trial=attempt.trial,
            fold=attempt.fold,
            status=COMPLETE,
            fit_seconds=time.perf_counter() - started,
            peak_memory_mib=peak_memory_mib(),
            worker=self._name,
            subject=request.subject,
            answer=answer,
        )

    def _fit_and_judge(self, config: Config, attempts: Sequence[_Attempt]) -> list[FoldResult]:
        started = time.perf_counter()
        config = fill_defaults(config, self._strategies)
        tasks = [self._task(config, attempt) for attempt in attempts]
        fits = self._strategies[config.strategy].fit_folds(tasks)
        seconds = (time.perf_counter() - started) / len(fits)
        results = []
        for attempt, task, fit in zip(attempts, tasks, fits, strict=True):
            problem = _problem(fit, task)
            results.append(
                self._failed(attempt, problem, seconds)
                if problem
                else self._judged(attempt, task, fit, seconds)
            )
        return results

    def _task(self, config: Config, attempt: _Attempt) -> FitTask:
        context = self._context
        train_index = training_rows(context, attempt.fold, attempt.share_percent)
        return FitTask(
            config=config,
            pictures=self._pictures,
            train_index=train_index,
            train_labels=context.labels[train_index],
            validation_index=context.folds.validation_index(attempt.fold),
            class_count=len(context.classes),
            seed=_fit_seed(context, attempt),
            invariances=frozenset(context.invariances),
            unlabelled=self._unlabelled,
            backbones=context.backbones,
            cache_dir=Path(context.cache_dir) if context.cache_dir else None,
            observer=attempt.recorder,
        )

    def _judged(self, attempt: _Attempt, task: FitTask, fit: Fit, fit_seconds: float) -> FoldResult:
        labels = self._context.labels[task.validation_index]
        scores = all_scores(labels, fit.validation_probabilities)
        train_scores = all_scores(task.train_labels, fit.train_probabilities)
        curves = attempt.recorder.curves()
        strategy = self._strategies[task.config.strategy]
        found = diagnoses_of(strategy, task, fit, labels, attempt.monitor, curves)
        return FoldResult(
            trial=attempt.trial,
            fold=attempt.fold,
            status=COMPLETE if fit.healthy else UNHEALTHY,
            scores=scores,
            train_scores=train_scores,
            probabilities=np.array(fit.validation_probabilities, np.float32, order="C"),
            curves=curves,
            trainable_parameters=fit.trainable_parameters,
            total_parameters=fit.total_parameters,
            fit_seconds=fit_seconds,
            peak_memory_mib=peak_memory_mib(),
            diagnoses=tuple(found),
            diagnosis_epochs={name: epoch for name, epoch in found.items() if epoch is not None},
            notes=fit.notes,
            reconstructions=fit.reconstructions if attempt.fold == 0 else None,
            learned=fit.learned if fit.healthy and attempt.share_percent == 100 else {},
            worker=self._name,
            share_percent=attempt.share_percent,
        )

    def _failed(self, attempt: _Attempt, error: str, seconds: float) -> FoldResult:
        return FoldResult(
            trial=attempt.trial,
            fold=attempt.fold,
            status=FAILED,
            curves=attempt.recorder.curves(),
            fit_seconds=seconds,
            peak_memory_mib=peak_memory_mib(),
            diagnoses=tuple(attempt.monitor.found),
            diagnosis_epochs=attempt.monitor.found,
            error=error,
            worker=self._name,
            share_percent=attempt.share_percent,
        )


def training_rows(context: SearchContext, fold: int, share_percent: int) -> NDArray[np.int64]:
    """Return the sorted rows that a fit of ``fold`` trains on: all, or a share of them.

    Shares of one fold are nested, and the same for every configuration.
    """
    rows = context.folds.train_index(fold)
    if share_percent == 100:
        return rows
    seed = derive_seed(context.seed, "training subset", fold)
    return training_subset(rows, context.labels, context.folds.groups, share_percent, seed)


def _fit_seed(context: SearchContext, attempt: _Attempt) -> int:
    share = () if attempt.share_percent == 100 else (attempt.share_percent,)
    return derive_seed(context.seed, "fit", attempt.trial, attempt.fold, *share)


def _problem(fit: Fit, task: FitTask) -> str:
    """Return what is wrong with a fit's probabilities, or an empty text."""
    for part, probabilities, index in (
        ("training", fit.train_probabilities, task.train_index),
        ("validation", fit.validation_probabilities, task.validation_index),
    ):
        wanted = (len(index), task.class_count)
        if probabilities.shape != wanted:
            return f"{part} probabilities have shape {probabilities.shape}, not {wanted}"
        bad = int(np.sum(~np.isfinite(probabilities).all(axis=1)))
        if bad:
            return f"{part} probabilities of {bad} of {len(index)} pictures are not finite"
    return ""
