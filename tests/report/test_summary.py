"""The report on one picture."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
from PIL import Image

from autosmall.report import write_report
from autosmall.report.charts.build import build_figures
from autosmall.report.gathering import gather_facts
from autosmall.report.numbers import score_text
from autosmall.report.summary import render_summary, summary_svg


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter() if element.text]


def test_it_says_what_the_report_says(drawn):
    facts = gather_facts(drawn.make_run(), "runs/drawn")
    svg = summary_svg(facts, build_figures(facts).strategies)
    said = texts(svg)
    found = facts.recommendation
    assert found is not None
    low, high = found.corrected_interval
    assert score_text(facts.metric, found.corrected_score, (high - low) / 2) in said
    first_line = said[said.index("AutoSmall: drawn (pictures of parts)") + 1]
    assert len(first_line) > 40 and facts.headline.startswith(first_line)
    assert f"To make the model: {found.retrain_command}" in said
    assert f"Next: {facts.next_steps.actions[0].action}" in said
    assert "baseline" in said  # the chart is on it


def test_the_file_is_a_picture_of_the_promised_size(drawn):
    facts = gather_facts(drawn.make_run(), "runs/drawn")
    png = render_summary(facts, build_figures(facts).strategies)
    picture = Image.open(io.BytesIO(png))
    assert (picture.format, picture.size) == ("PNG", (1920, 1080))
    pixels = np.asarray(picture.convert("L"))
    assert pixels[0, 0] == 255  # the page's light ground
    assert 0.005 < float((pixels < 128).mean()) < 0.2  # written on, and not black all over


def test_names_are_text_and_cut_where_they_would_run_out(drawn):
    run = drawn.make_run()
    hostile = replace(
        run, settings={**run.settings, "dataset": "<script>&\N{RIGHT-TO-LEFT MARK}" + "long " * 80}
    )
    facts = gather_facts(hostile, "runs/drawn")
    svg = summary_svg(facts, None)
    assert "<script" not in svg
    assert all(len(line) <= 130 for line in texts(svg))


def test_a_run_without_results_has_one_too(drawn, tmp_path):
    drawn.store_run(drawn.make_run([], state="running"), tmp_path)
    write_report(tmp_path, tmp_path / "summary.png")
    assert Image.open(tmp_path / "summary.png").size == (1920, 1080)
