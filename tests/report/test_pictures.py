"""Pictures in the report, and a report without them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from autosmall.data.previews import encode_preview
from autosmall.report.charts.build import build_figures
from autosmall.report.facts import to_json
from autosmall.report.gathering import gather_facts
from autosmall.report.html import render_page


@pytest.fixture
def run(drawn):
    made = drawn.make_run()
    grey = encode_preview(np.full((20, 30, 3), 90, np.uint8))
    audit = {
        "findings": [
            {"severity": "warning", "code": "near-duplicates", "message": "stuck/0001.png twice"}
        ],
        "unreadable": [{"name": "torn.png", "reason": "is cut short"}],
    }
    return replace(made, previews=dict.fromkeys(range(120), grey), audit=audit)


def page_and_json(run):
    facts = gather_facts(run, "runs/drawn")
    return render_page(facts, build_figures(facts)), json.dumps(to_json(facts))


def test_mistakes_are_shown_and_stay_out_of_the_json(run):
    page, facts = page_and_json(run)
    section = page.split('<section id="mistakes"')[1].split("</section>")[0]
    shown = section.count('src="data:image/jpeg;base64,')
    listed = len(gather_facts(run, "x").errors.confident)
    assert shown >= listed > 0
    assert "base64" not in facts


def test_without_previews_the_names_alone_are_listed(run):
    page, _ = page_and_json(replace(run, previews={}))
    assert "data:image/jpeg" not in page
    assert re.search(r"[a-z]+/\d{4}\.png", page)


def test_no_picture_and_no_name_where_none_were_wanted(run):
    hidden = replace(run, settings={**run.settings, "pictures": False})
    for text in page_and_json(hidden):
        assert "data:image/jpeg" not in text and "data:image/png" not in text
        assert not re.search(r"\d{4}\.png", text)
        assert "torn.png" not in text
        assert "picture 1" in text
        assert "Near duplicates; audit.json" in text
