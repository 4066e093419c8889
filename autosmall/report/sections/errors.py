"""Section: where is it wrong, and how sure is it?"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from autosmall.analysis.agreement import Agreement, find_agreement
from autosmall.analysis.confusion_cells import Cell, confusion_cells
from autosmall.analysis.label_issues import Suspected, SuspectedLabel
from autosmall.analysis.mistakes import Mistake, find_mistakes
from autosmall.analysis.ranking import Ranking
from autosmall.report import sentences
from autosmall.report.numbers import counted
from autosmall.report.sections import maps
from autosmall.report.sections.agreement import agreement_sentence
from autosmall.report.sections.maps import Maps
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
        suspected_count: How many labels are suspected.
        suspected: The labels least to be believed.
        suspected_sentence: How many there are and what to do, or why there are none.
        cells: The pictures of the confusion matrix, cell by cell.
        agreement: How far the configurations agree that are as good as the best; ``None`` where
            there is only one.
        agreement_sentence: The same in words; may be empty.
        maps: What it looked at; ``None`` where no maps were drawn.
        pictures: Row to a small JPEG in base64, for what is shown; not in ``report.json``.
    """

    trial: int | None
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    confident: tuple[Mistake, ...]
    sentence: str
    suspected_count: int = 0
    suspected: tuple[SuspectedLabel, ...] = ()
    suspected_sentence: str = ""
    cells: tuple[Cell, ...] = ()
    agreement: Agreement | None = None
    agreement_sentence: str = ""
    maps: Maps | None = None
    pictures: dict[int, str] = field(default_factory=dict, metadata={"in_json": False})


def gather(run: RunData, ranking: Ranking, suspected_later: Callable[[], Suspected]) -> Errors:
    """Return where the recommended configuration is wrong, and which labels may be."""
    if ranking.recommended is None:
        return Errors(None, run.classes, (), (), (), sentences.NOTHING_COMPLETE)
    found = find_mistakes(run, ranking, ranking.recommended.summary.trial)
    shares = tuple(tuple(n / max(1, sum(row)) for n in row) for row in found.confusion)
    count, suspected = suspected_later()
    cells = confusion_cells(run, ranking, found.trial)
    agreement = find_agreement(run, ranking)
    drawn = maps.gather(run, ranking)
    shown = {mistake.row for mistake in found.confident} | {label.row for label in suspected}
    shown |= {picture.row for cell in cells for picture in cell.pictures}
    shown |= set(drawn.drawn) if drawn else set()
    return Errors(
        trial=found.trial,
        classes=run.classes,
        confusion=found.confusion,
        shares=shares,
        confident=found.confident,
        sentence=sentences.errors(run.classes, found),
        suspected_count=count,
        suspected=suspected,
        suspected_sentence=_suspected_in_words(count, len(suspected), len(run.labels)),
        cells=cells,
        agreement=agreement,
        agreement_sentence=agreement_sentence(agreement),
        maps=drawn,
        pictures={
            row: _embedded(run.previews[row]) for row in sorted(shown) if row in run.previews
        },
    )


def _suspected_in_words(count: int, shown: int, pictures: int) -> str:
    if not count:
        return "No label stands out as wrong: no picture is given another class with confidence."
    said = f"{counted(count, 'label')} of {pictures:,} may be wrong"
    if count > shown:
        said += f"; the {shown} least believable are shown"
    return f"{said}. The model may be mistaken instead: look, and keep what is merely hard."


def _embedded(jpeg: bytes) -> str:
    return base64.b64encode(jpeg).decode("ascii")
