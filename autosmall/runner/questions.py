"""Questions about fold models that were kept: asked of a pool, answered by its workers.

A request carries what the model learned, so a worker needs no access to the run folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autosmall.schema.results import Arrays, FoldResult
from autosmall.schema.search_context import FitRequest
from autosmall.strategies.fold_model import Question


@dataclass(frozen=True, kw_only=True)
class ModelRequest(FitRequest):
    """A question about the model of one fold, in place of a fit.

    Attributes:
        question: What is asked.
        learned: What the model learned on that fold.
    """

    question: Question
    learned: Arrays = field(repr=False)

    @property
    def subject(self) -> str:
        """What kind of question it is."""
        return type(self.question).__name__


@dataclass(frozen=True, kw_only=True)
class ModelAnswer(FoldResult):
    """What a question brought; a question that raised ends as a failed :class:`FoldResult`.

    ``subject`` is that of the request: an answer may come when others are awaited.
    """

    subject: str
    answer: object
