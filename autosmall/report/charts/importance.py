"""Bars for what each setting explains, and for what matters among the best."""

from __future__ import annotations

from typing import Any

from autosmall.analysis.importance import EVERYTHING, ImportanceGroup, SettingImportance
from autosmall.report.charts.arrange import layered
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure
from autosmall.report.charts.rows import name_px, overhang_px, row_names, row_padding
from autosmall.report.setting_words import setting_words

MOST_SETTINGS = 8
ROW_PX = 30
ROOM_PX = 70
"""What stands around the names, the plot aside."""
NUMBER_DX_PX = 8
"""How far beyond the plot the numbers stand, clear of the lines of chance."""
VARIATION, BEST = "explains the variation", "matters among the best"
_COLORS = {VARIATION: "var(--accent)", BEST: "var(--train)"}


def importance_figure(group: ImportanceGroup) -> Figure:
    """Return two bars per setting, for those that explain most."""
    where = "among all strategies" if group.strategy == EVERYTHING else f"within {group.strategy}"
    shown = group.settings[:MOST_SETTINGS]
    told = "; ".join(
        f"{s.name} {100 * s.variance_share:.0f} % and {100 * s.best_share:.0f} %" for s in shown
    )
    return figure(
        lambda width: _draw(group, width),
        f"Settings {where} ({group.used} trials).",
        f"Importance of settings {where}, fANOVA and PED-ANOVA: {told}.",
    )


def _draw(group: ImportanceGroup, width: int) -> Drawing:
    import altair as alt

    shown = group.settings[:MOST_SETTINGS]
    labels = [setting_words(setting.name) for setting in shown]
    plot_px = width - name_px(labels) - ROOM_PX - overhang_px(labels)
    x = alt.X(
        "share:Q",
        title="share (%)",
        scale=alt.Scale(domain=[0, 100]),
        axis=alt.Axis(
            tickCount=5 if width > NARROW_PX else 2, domain=False, ticks=False, titlePadding=8
        ),
    )
    base = alt.Chart(alt.NamedData("bars")).encode(
        y=row_names("setting", labels, width),
        x=x,
        yOffset=alt.YOffset("question:N", sort=[VARIATION, BEST]),
    )
    color: Any = alt.Color("color:N", scale=None, legend=None)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(color=color)
    chance = [
        base.mark_tick(stroke=stroke, strokeWidth=width_px).encode(x=alt.X("chance:Q"))
        for stroke, width_px in (("var(--page)", 4), ("var(--ink)", 1.5))
    ]
    text = base.mark_text(align="left", fontSize=11, fill="var(--ink)").encode(
        x=alt.XValue(plot_px + NUMBER_DX_PX), text=alt.Text("text:N")
    )
    chart = layered(
        bars,
        *chance,
        text,
        width=plot_px,
        height={"step": ROW_PX / 2},
        padding=row_padding(labels),
    )
    return Drawing(chart, {"bars": [row for s in shown for row in _rows(group, s)]})


def _rows(group: ImportanceGroup, setting: SettingImportance) -> list[dict[str, object]]:
    shares = {
        VARIATION: (setting.variance_share, group.variance_by_chance),
        BEST: (setting.best_share, group.best_by_chance),
    }
    return [
        {
            "setting": setting_words(setting.name),
            "question": question,
            "share": 100 * share,
            "chance": 100 * chance,
            "text": f"{100 * share:.0f}",
            "color": _COLORS[question],
        }
        for question, (share, chance) in shares.items()
    ]
