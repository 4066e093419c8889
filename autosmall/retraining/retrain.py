"""From a finished search to a model folder: plan, fit, check, test once, tell."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autosmall.analysis.calibration import Calibration
from autosmall.analysis.final_model import expected_of_final_model
from autosmall.files import write_json, write_text
from autosmall.quiet import native_output_to
from autosmall.report import renew_report
from autosmall.retraining.fit import FittedModel, Metrics, fit_into, or_none
from autosmall.retraining.plan import RetrainPlan, plan_retraining
from autosmall.run_folder.openings import record_opening
from autosmall.saved_model.card import CardFacts, write_card
from autosmall.saved_model.card_sections import expected_sentence, opened_words
from autosmall.saved_model.folder import staged_folder
from autosmall.saved_model.model import score_part
from autosmall.saved_model.predictor import Predictor


@dataclass(frozen=True)
class RetrainResult:
    """What came of retraining.

    Attributes:
        model_dir: The model's folder, ``model/`` in the run.
        trial: Number of the trial whose configuration was trained; of an ensemble, the
            weightiest member's.
        strategy: Its strategy, or ``ensemble``.
        metrics: Contents of ``metrics.json``: ``search``, ``calibration``, ``training``,
            ``reload`` and, where there were test pictures, ``test``; of an ensemble also
            ``ensemble``.
        sentence: What was trained and what it scored, for people.
        report: The run's page, written anew with what the test pictures said; ``None`` where the
            run had none.
    """

    model_dir: Path
    trial: int
    strategy: str
    metrics: Metrics
    sentence: str
    report: Path | None = None


def retrain(
    run: Path,
    *,
    rank: int = 1,
    trial: int | None = None,
    ensemble: bool = False,
    test: Path | None = None,
) -> RetrainResult:
    """Train a configuration of the run folder ``run`` on all its pictures and save the model.

    Its probabilities are scaled by the temperature that the out-of-fold predictions ask for. The
    saved model is loaded in a fresh process, which predicts training pictures from their files;
    only if it agrees within :data:`autosmall.retraining.fit.RELOAD_TOLERANCE` with what was
    measured after the fit are the test pictures opened, and the folder ``model/`` put in place. A
    report that the run has is then written anew, as it tells of the saved model.

    Args:
        run: Run folder of a search.
        rank: Place in the ranking; 1 is the recommended configuration.
        trial: Number of a trial, instead of a rank.
        ensemble: Train, instead of one configuration, those that vote better than the
            recommended one alone (:mod:`autosmall.analysis.ensemble`).
        test: Labelled pictures to score the model on, instead of the data set's own test split.

    Raises:
        SettingsError: No such rank or trial, the fit failed its health rules, or no ensemble is
            better than the recommended configuration.
        DatasetError: The data set is gone or changed, or the test pictures cannot be used.
        BackboneError: The configuration's backbone is no longer found.
        RunFolderError: No readable run, or the disk refuses.
        ModelFileError: The reloaded model disagrees; no model is left.
    """
    run_dir = Path(run)
    if ensemble:
        from autosmall.retraining.ensemble import retrain_ensemble

        return replace(retrain_ensemble(run_dir, test), report=renew_report(run_dir))
    plan = plan_retraining(run_dir, rank, trial, test)
    with native_output_to(plan.run_dir / "logs" / "retrain.log"):
        result = _train_and_save(plan)
    return replace(result, report=renew_report(run_dir))


def _train_and_save(plan: RetrainPlan) -> RetrainResult:
    """Write the model's folder beside its place, check it, test it, and move it there."""
    model_dir = plan.run_dir / "model"
    with staged_folder(model_dir) as staged:
        fitted = fit_into(plan, staged)
        metrics: Metrics = {
            **scored_on_test(plan, fitted.model),
            "search": search_estimate(plan),
            "calibration": calibration_document(plan.calibration),
            **fitted.metrics,
        }
        write_told(plan, fitted, staged, metrics)
    return RetrainResult(
        model_dir, plan.trial, plan.strategy.name, metrics, retrain_sentence(plan, metrics)
    )


def write_told(plan: RetrainPlan, fitted: FittedModel, folder: Path, metrics: Metrics) -> None:
    """Write ``metrics.json`` and ``model_card.md`` of a single model into ``folder``."""
    write_json(folder / "metrics.json", {"trial": plan.trial, **metrics})
    write_text(
        folder / "model_card.md", write_card(card_facts(plan, metrics), fitted.model.pipeline)
    )


def scored_on_test(plan: RetrainPlan, model: Predictor) -> Metrics:
    """Return the entry ``test``, where there is one; the opening is counted first."""
    if plan.test is None:
        return {}
    opened = record_opening(plan.run_dir, plan.test.place, model.sha256, "retrain")
    return {"test": {**score_part(model, plan.test), "opened": opened}}


def search_estimate(plan: RetrainPlan) -> dict[str, object]:
    """Return what the search expects of the chosen trial, on the metric's own scale.

    ``naive_score`` is its mean over the folds. The recommended trial has ``corrected_score`` and
    ``corrected_interval``, corrected for having been picked and, where the learning curve was
    measured, drawn out to a model of all pictures; for another one they are ``None``.
    """
    is_recommended = plan.chosen is plan.ranking.recommended
    corrected = expected_of_final_model(plan.run, plan.ranking) if is_recommended else None
    interval = [corrected.low, corrected.high] if corrected else None
    return {
        "metric": plan.ranking.metric,
        "naive_score": or_none(plan.chosen.summary.score.mean),
        "corrected_score": or_none(corrected.score) if corrected else None,
        "corrected_interval": interval if interval and np.isfinite(interval).all() else None,
    }


def calibration_document(calibration: Calibration) -> dict[str, object]:
    """Return what out-of-fold predictions tell of calibration, before and after scaling.

    ``after`` is cross-fitted over the folds.
    """
    shown = {"before": calibration.before, "after": calibration.after}
    return {
        "temperature": calibration.temperature,
        "pictures": calibration.pictures,
        "bins": len(calibration.before.bins),
        **{
            when: {
                "calibration_error": found.error,
                "calibration_error_if_perfect": found.error_if_perfect,
                "log_loss": found.log_loss,
            }
            for when, found in shown.items()
        },
    }


def card_facts(plan: RetrainPlan, metrics: Metrics) -> CardFacts:
    """Return what the model card tells."""
    counts = Counter(plan.run.classes[label] for label in plan.run.labels)
    return CardFacts(
        dataset=Path(str(plan.run.settings["dataset"])).stem,
        class_counts={name: counts[name] for name in plan.run.classes},
        strategy_title=plan.strategy.title,
        trial=plan.trial,
        metrics=metrics,
        backbone=plan.backbone,
        versions=plan.run.versions,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def retrain_sentence(plan: RetrainPlan, metrics: Metrics, who: str = "") -> str:
    """Return what was trained and what it scored; ``who`` stands for the trial and strategy."""
    said = (
        f"{who or f'Trial {plan.trial} ({plan.strategy.name}) was'} trained on all "
        f"{len(plan.dataset)} pictures; expected {expected_sentence(metrics['search'])}"
    )
    if "test" not in metrics:
        return said + "."
    test, metric = metrics["test"], plan.run.metric
    value, opened = test[metric], test["opened"]
    assert isinstance(opened, int)
    shown = f"{value:.3f}" if isinstance(value, float) else "undefined"
    return f"{said}; {metric} {shown} on {test['n']} test pictures, {opened_words(opened)}."
