"""Section: where is it wrong, and how sure is it?"""

from __future__ import annotations

from dataclasses import dataclass

from autosmall.analysis.mistakes import Mistake, find_mistakes
from autosmall.analysis.ranking import Ranking
from autosmall.report import sentences
from autosmall.schema.run_data import RunData


@dataclass(frozen=True)
class Errors:
    """The recommended configuration's mistakes on held-out pictures.

    Attributes:
        trial: Its number, or ``None`` where nothing is complete.
        classes: Class names, the order of rows and columns.
        confusion: Counts; rows are true classes, columns predictions.
        shares: Each count over its row's sum, 0 to 1.
        confident: The most confident mistakes.
        sentence: The answer.
    """

    trial: int | None
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    confident: tuple[Mistake, ...]
    sentence: str


def gather(run: RunData, ranking: Ranking) -> Errors:
    """Return where the recommended configuration is wrong."""
    if ranking.recommended is None:
        return Errors(None, run.classes, (), (), (), sentences.NOTHING_COMPLETE)
    found = find_mistakes(run, ranking, ranking.recommended.summary.trial)
    shares = tuple(tuple(n / max(1, sum(row)) for n in row) for row in found.confusion)
    return Errors(
        trial=found.trial,
        classes=run.classes,
        confusion=found.confusion,
        shares=shares,
        confident=found.confident,
        sentence=sentences.errors(run.classes, found),
    )
