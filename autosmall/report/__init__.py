"""From stored results to one HTML page."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(run_dir: Path) -> Path:
    """Write ``report.json`` and ``report.html`` into ``run_dir`` and return the page's path.

    Works at any moment of a search, also before anything is finished. Both files are replaced
    atomically. Raises :class:`~autosmall.errors.RunFolderError` where the folder holds no
    readable run or cannot be written.
    """
    from autosmall.files import write_json, write_text
    from autosmall.report.charts.build import build_figures
    from autosmall.report.facts import gather_facts, to_json
    from autosmall.report.html import render_page
    from autosmall.run_store import load_run_data

    facts = gather_facts(load_run_data(run_dir), str(run_dir))
    write_json(run_dir / "report.json", to_json(facts))
    page = run_dir / "report.html"
    write_text(page, render_page(facts, build_figures(facts)))
    return page
