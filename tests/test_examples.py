"""The example reports in the repository: small, whole, and without absolute paths."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "reports" / "examples"
NAMES = ("digits", "shapes")

pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the examples are in the repository only"
)


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_whole_and_small(name):
    folder = EXAMPLES / name
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3_000_000
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["state"] == "finished" and report["recommendation"] is not None
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>") and report["dataset"] == f"pictures/{name}"


@pytest.mark.parametrize("name", NAMES)
def test_no_absolute_path_is_in_it(name):
    for path in (EXAMPLES / name).iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.:/])/(?:home|root|tmp|work|Users)/", text), path.name


def test_the_picture_in_the_readme_is_small():
    assert (EXAMPLES / "report.webp").stat().st_size < 300_000
