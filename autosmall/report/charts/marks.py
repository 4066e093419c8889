"""How strategies are told apart: a colour that the colour-blind can tell, and a shape."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

STRATEGY_ORDER = ("baseline", "classical", "frozen", "fine_tune", "scratch", "autoencoder")

_SHAPES = {
    "circle": "M0,-5A5,5,0,1,1,0,5A5,5,0,1,1,0,-5Z",
    "square": "M-4.5,-4.5H4.5V4.5H-4.5Z",
    "triangle-up": "M0,-5.5L5.5,4.5H-5.5Z",
    "diamond": "M0,-6L5,0L0,6L-5,0Z",
    "cross": "M-2,-5.5H2V-2H5.5V2H2V5.5H-2V2H-5.5V-2H-2Z",
    "triangle-down": "M0,5.5L5.5,-4.5H-5.5Z",
}
_SHAPE_NAMES = ("cross", "triangle-down", "circle", "square", "triangle-up", "diamond")


def ordered(strategies: Sequence[str]) -> list[str]:
    """Return the names without repeats, known ones first, in their usual order."""
    known = [name for name in STRATEGY_ORDER if name in strategies]
    return known + sorted(set(strategies) - set(known))


def color(strategy: str) -> str:
    """Return the CSS colour of a strategy."""
    return f"var(--s{_position(strategy)})"


def shape(strategy: str) -> str:
    """Return the Vega name of a strategy's shape."""
    return _SHAPE_NAMES[_position(strategy)]


def symbol(strategy: str) -> Markup:
    """Return the mark of a strategy, for legends and tables, as one of the :func:`symbols`."""
    return Markup(
        f'<svg class="mark" aria-hidden="true"><use href="#mark{_position(strategy)}"/></svg>'
    )


def symbols() -> Markup:
    """Return all marks, which a page holds once and refers to wherever it shows one."""
    drawn = "".join(
        f'<symbol id="mark{place}" viewBox="-7 -7 14 14">'
        f'<path d="{_SHAPES[name]}" fill="var(--s{place})"/></symbol>'
        for place, name in enumerate(_SHAPE_NAMES)
    )
    return Markup(f'<svg class="sprite" aria-hidden="true">{drawn}</svg>')


def _position(strategy: str) -> int:
    if strategy in STRATEGY_ORDER:
        return STRATEGY_ORDER.index(strategy)
    return sum(strategy.encode()) % len(_SHAPE_NAMES)
