"""From a run to the facts of its report; those that are drawn one by one, as they are asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property

from autosmall.analysis.final_model import expected_of_final_model
from autosmall.analysis.label_issues import begin_suspected_labels
from autosmall.analysis.ranking import rank
from autosmall.helper import Helper
from autosmall.report import sentences
from autosmall.report.anonymous import without_pictures
from autosmall.report.facts import SCHEMA_VERSION, ReportFacts
from autosmall.report.sections import (
    actions,
    augmentation,
    calibration,
    configurations,
    data,
    effects,
    ensemble,
    errors,
    heads,
    importance,
    label_keeping,
    next_steps,
    rare_class,
    recommendation,
    reconstructions,
    repetition,
    sample_size,
    search,
    strategies,
    tradeoff,
    training,
    trust,
    workers,
)
from autosmall.schema.run_data import RunData


def gather_facts(run: RunData, run_path: str) -> ReportFacts:
    """Return the facts of ``run``; ``run_path`` is how commands name its folder.

    Where the run was made without pictures, neither they nor their names are among them.
    """
    return FactsInMaking(run, run_path).all()


class FactsInMaking:
    """Facts of a run, under the names that they have in :class:`ReportFacts`.

    Those that are drawn are gathered when they are first asked for, so that another process can
    draw the figure of one while the next are gathered.

    Args:
        run: The run.
        run_path: How commands name its folder.
        helper: Works out the importance of settings, the suspected labels and the ensemble, while
            this process goes on.
    """

    def __init__(self, run: RunData, run_path: str, helper: Helper | None = None) -> None:
        if run.settings.get("pictures") is False:
            run = without_pictures(run)
        self._run, self._run_path = run, run_path
        self._importance_later = importance.begin(run, helper)
        self._ranking = rank(run)
        self._suspected_later = begin_suspected_labels(run, self._ranking, helper)
        self._ensemble_later = ensemble.begin(run, self._ranking, run_path, helper)
        self._corrected = expected_of_final_model(run, self._ranking)
        self.metric = run.metric

    @cached_property
    def recommendation(self) -> recommendation.Recommendation | None:
        """What to use; ``None`` where no trial is complete."""
        return recommendation.gather(self._run, self._ranking, self._corrected, self._run_path)

    @cached_property
    def strategies(self) -> strategies.Strategies:
        """Strategies beside each other."""
        return strategies.gather(self._run, self._ranking)

    @cached_property
    def tradeoff(self) -> tradeoff.Tradeoff:
        """What a bigger model costs."""
        return tradeoff.gather(self._run, self._ranking, self._run_path)

    @cached_property
    def training(self) -> training.Training:
        """Whether training went well."""
        return training.gather(self._run, self._ranking)

    @cached_property
    def effects(self) -> effects.Effects:
        """What single settings did."""
        return effects.gather(self._run)

    @cached_property
    def sample_size(self) -> sample_size.SampleSize:
        """Whether more pictures would help."""
        return sample_size.gather(self._run, self._ranking)

    @cached_property
    def calibration(self) -> calibration.CalibrationFacts | None:
        """How far probabilities can be believed; ``None`` where no trial is complete."""
        return calibration.gather(self._run, self._ranking)

    @cached_property
    def rare_class(self) -> rare_class.RareClassFacts | None:
        """What becomes of the rarest class; ``None`` where none stands out."""
        return rare_class.gather(self._run, self._ranking, self._run_path)

    @cached_property
    def configurations(self) -> configurations.Configurations:
        """All configurations, ranked."""
        return configurations.gather(self._run, self._ranking, self._run_path)

    @cached_property
    def search(self) -> search.Search:
        """How the search went."""
        return search.gather(self._run, self._ranking)

    @cached_property
    def importance(self) -> importance.Importance:
        """Which settings mattered; waits for the helper."""
        return self._importance_later()

    def all(self) -> ReportFacts:
        """Return the facts of all sections."""
        run, ranking, run_path = self._run, self._ranking, self._run_path
        chosen = self.recommendation
        by_status = Counter(trial.status for trial in run.trials)
        missing = sentences.no_recommendation(run.state, len(run.begun), by_status)
        facts = ReportFacts(
            schema_version=SCHEMA_VERSION,
            run=run.name,
            state=run.state,
            dataset=str(run.settings.get("dataset", "")),
            metric=run.metric,
            headline=chosen.sentence if chosen else missing,
            effort=sentences.effort(len(run.begun), len(ranking.rows), run.search_seconds),
            recommendation=chosen,
            trust=trust.gather(run, ranking, self._corrected, run_path),
            next_steps=next_steps.NextSteps("", ()),
            strategies=self.strategies,
            reconstructions=reconstructions.gather(run, ranking),
            tradeoff=self.tradeoff,
            heads=heads.gather(run, ranking),
            training=self.training,
            effects=self.effects,
            data=data.gather(run),
            augmentation=augmentation.gather(run, ranking),
            label_keeping=label_keeping.gather(run),
            sample_size=self.sample_size,
            calibration=self.calibration,
            rare_class=self.rare_class,
            configurations=self.configurations,
            search=self.search,
            workers=workers.gather(run),
            repetition=repetition.gather(run, run_path, chosen is not None),
            # Last, as the helper may still be at work at them.
            importance=self.importance,
            errors=errors.gather(run, ranking, self._suspected_later),
            ensemble=self._ensemble_later(),
        )
        return replace(facts, next_steps=next_steps.gather(self._known(facts)))

    def _known(self, facts: ReportFacts) -> actions.Known:
        return actions.Known(
            self._run,
            self._run_path,
            self._ranking,
            facts.trust,
            facts.errors,
            facts.training,
            facts.sample_size,
            facts.tradeoff.choices,
            facts.ensemble,
            facts.label_keeping,
        )
