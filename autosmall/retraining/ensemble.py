"""From a finished search to several models that vote, in one folder."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.files import write_json, write_text
from autosmall.quiet import native_output_to
from autosmall.retraining.fit import (
    SAMPLE_PICTURES,
    FittedModel,
    Metrics,
    check_reload,
    fit_into,
    or_none,
    sample_rows,
    seconds_per_picture,
)
from autosmall.retraining.plan import EnsemblePlan, RetrainPlan, plan_ensemble
from autosmall.retraining.retrain import (
    RetrainResult,
    calibration_document,
    retrain_sentence,
    scored_on_test,
    search_estimate,
    write_told,
)
from autosmall.saved_model.ensemble import (
    MEMBERS_FOLDER,
    EnsembleDescription,
    Member,
    combine,
    write_ensemble,
)
from autosmall.saved_model.ensemble_card import EnsembleCardFacts, write_ensemble_card
from autosmall.saved_model.folder import staged_folder
from autosmall.saved_model.model import load_model
from autosmall.training.metrics import all_scores


def retrain_ensemble(run: Path, test: Path | None) -> RetrainResult:
    """Train every member on all pictures and save them as one ensemble; see ``retrain``."""
    plan = plan_ensemble(run, test)
    first = plan.members[0]
    model_dir = first.run_dir / "model"
    with native_output_to(first.run_dir / "logs" / "retrain.log"), staged_folder(model_dir) as new:
        fitted = [_fit_member(member, new) for member in plan.members]
        write_ensemble(new, _description(plan, fitted))
        write_text(new / "labels.txt", "\n".join(first.run.classes) + "\n")
        metrics = _metrics(plan, fitted, new)
        write_json(new / "metrics.json", metrics)
        write_text(new / "model_card.md", write_ensemble_card(_card_facts(plan, metrics)))
    names = ", ".join(str(member.trial) for member in plan.members)
    sentence = retrain_sentence(
        first, metrics, f"An ensemble of {len(fitted)} configurations (trials {names}) was"
    )
    return RetrainResult(model_dir, first.trial, "ensemble", metrics, sentence)


def _fit_member(plan: RetrainPlan, ensemble_dir: Path) -> FittedModel:
    folder = ensemble_dir / MEMBERS_FOLDER / _name(plan)
    folder.mkdir(parents=True)
    fitted = fit_into(plan, folder)
    metrics: Metrics = {
        "search": search_estimate(plan),
        "calibration": calibration_document(plan.calibration),
        **fitted.metrics,
    }
    write_told(plan, fitted, folder, metrics)
    return fitted


def _name(plan: RetrainPlan) -> str:
    return f"trial_{plan.trial}"


def _description(plan: EnsemblePlan, fitted: Sequence[FittedModel]) -> EnsembleDescription:
    members = tuple(
        Member(_name(member), weight, found.model.sha256)
        for member, weight, found in zip(plan.members, plan.choice.weights, fitted, strict=True)
    )
    return EnsembleDescription(members, plan.members[0].run.classes, plan.decisions)


def _metrics(plan: EnsemblePlan, fitted: Sequence[FittedModel], folder: Path) -> Metrics:
    """Return ``metrics.json``; the test pictures are opened once the reloaded vote agrees."""
    first = plan.members[0]
    votes = [found.train_probabilities for found in fitted]
    probabilities = combine(votes, plan.choice.weights, plan.decisions.temperature)
    rows = sample_rows(first.run.labels, SAMPLE_PICTURES)
    reload = check_reload(first, "the ensemble", folder, probabilities, rows)
    model = load_model(folder, trust=first.trusted_files(folder))
    return {
        **scored_on_test(first, model),
        "search": {
            "metric": first.run.metric,
            "naive_score": or_none(plan.choice.naive_score),
            "corrected_score": or_none(plan.choice.corrected_score),
            "corrected_interval": [plan.choice.low, plan.choice.high],
        },
        "calibration": calibration_document(plan.calibration),
        "ensemble": {
            "trials": list(plan.choice.trials),
            "weights": list(plan.choice.weights),
            "gain": plan.choice.gain,
            "gain_interval": [plan.choice.gain_low, plan.choice.gain_high],
            "seconds_per_picture": seconds_per_picture(model, first, rows),
            "seconds_per_picture_of_weightiest": fitted[0].metrics["training"][
                "seconds_per_picture"
            ],
        },
        "training": _training(first, fitted, probabilities),
        "reload": reload,
    }


def _training(
    plan: RetrainPlan, fitted: Sequence[FittedModel], probabilities: NDArray[np.float32]
) -> dict[str, object]:
    told = [found.metrics["training"] for found in fitted]
    sums = ("trainable_parameters", "total_parameters", "fit_seconds")
    scores = all_scores(plan.run.labels, probabilities)
    return {
        "n": len(plan.run.labels),
        **{name: or_none(value) for name, value in scores.items()},
        **{name: sum(float(str(entry[name])) for entry in told) for name in sums},
    }


def _card_facts(plan: EnsemblePlan, metrics: Metrics) -> EnsembleCardFacts:
    first = plan.members[0]
    counts = Counter(first.run.classes[label] for label in first.run.labels)
    return EnsembleCardFacts(
        dataset=Path(str(first.run.settings["dataset"])).stem,
        class_counts={name: counts[name] for name in first.run.classes},
        members=tuple(
            (_name(member), member.strategy.title, weight)
            for member, weight in zip(plan.members, plan.choice.weights, strict=True)
        ),
        decisions=plan.decisions,
        metrics=metrics,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
