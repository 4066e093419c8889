"""Part of a section: do the configurations that are as good say the same?"""

from __future__ import annotations

import math

from autosmall.analysis.agreement import Agreement
from autosmall.report.numbers import counted


def agreement_sentence(found: Agreement | None) -> str:
    """Return how far the tied configurations agree, and what that says of their answers."""
    if found is None:
        return ""
    share = 100 * found.united / found.pictures
    asked = f"{len(found.trials)} configurations cannot be told from the best."
    if found.tied > len(found.trials):
        asked = (
            f"Asked were {len(found.trials)} of the {found.tied} configurations that cannot be "
            "told from the best, the first in rank."
        )
    said = (
        f"{asked} They all say the same "
        f"of {counted(found.united, 'picture')} of {found.pictures:,} ({share:.0f} %)"
    )
    if not math.isnan(found.right_united):
        said += f" and are right in {100 * found.right_united:.0f} % of these"
    if math.isnan(found.right_divided):
        return said + "."
    return (
        f"{said}; of the others the recommended one is right in "
        f"{100 * found.right_divided:.0f} %. Where they differ, look yourself."
    )
