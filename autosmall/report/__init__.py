"""From stored results to one HTML page."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["COMPARISON_PAGE", "renew_report", "write_comparison", "write_report"]

COMPARISON_PAGE = Path("reports") / "comparison.html"
"""Where a comparison goes by default."""

HELPER_IMPORTS = (
    "autosmall.analysis.ensemble",
    "autosmall.analysis.importance",
    "autosmall.analysis.label_issues",
    "sklearn.ensemble",
    "cleanlab.filter",
)
"""What ensembles, importance of settings and suspected labels take: seconds to import."""


def write_report(run_dir: Path, summary: Path | None = None) -> Path:
    """Write ``report.json`` and ``report.html`` into ``run_dir`` and return the page's path.

    Works at any moment of a search, also before anything is finished. Both files are replaced
    atomically, and so is ``summary``, a PNG file with the report on one picture. Raises
    :class:`~autosmall.errors.RunFolderError` where the folder holds no readable run or cannot be
    written.
    """
    from threadpoolctl import threadpool_limits

    from autosmall.files import write_bytes, write_text
    from autosmall.helper import Helper
    from autosmall.report.charts.bundle import begin_bundle
    from autosmall.report.charts.converter import converting
    from autosmall.run_folder.run_data import load_run_data
    from autosmall.run_folder.state import RUNNING
    from autosmall.run_folder.store import RunStore

    page = run_dir / "report.html"
    store = RunStore(run_dir)
    has_charts = store.has_complete_trial()
    with converting(soon=has_charts), ExitStack() as stack:
        if has_charts:
            begin_bundle()
        helper = None
        if has_charts and store.state().state != RUNNING:
            helper = stack.enter_context(Helper(HELPER_IMPORTS))
            helper.begin()
        # What takes a second to import is imported while these begin.
        from autosmall.report.charts.build import build_figures
        from autosmall.report.facts import facts_document
        from autosmall.report.gathering import FactsInMaking
        from autosmall.report.html import render_page

        # The processes begun above have the other cores: threads of BLAS would be in their way.
        with _left_uncollected(), threadpool_limits(1):
            run = load_run_data(run_dir)
            in_making = FactsInMaking(run, str(run_dir), helper)
            figures = build_figures(in_making)
            facts = in_making.all()
            write_text(run_dir / "report.json", facts_document(facts))
            write_text(page, render_page(facts, figures))
        if summary is not None:
            from autosmall.report.summary import render_summary

            write_bytes(summary, render_summary(facts, figures.strategies))
    return page


def renew_report(run_dir: Path) -> Path | None:
    """Write the report of ``run_dir`` anew where it has one, and return the page's path."""
    return write_report(run_dir) if (run_dir / "report.html").is_file() else None


@contextmanager
def _left_uncollected() -> Iterator[None]:
    """Switch the collector off, which would look through tens of thousands of folds in vain."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def write_comparison(run_dirs: Sequence[Path], page: Path) -> Path:
    """Write the page that compares runs, and its facts beside it as JSON; return ``page``.

    The JSON file has the page's name with the suffix ``.json``. Both are replaced atomically.
    Raises :class:`~autosmall.errors.SettingsError` for fewer than two runs or one named twice, and
    :class:`~autosmall.errors.RunFolderError` where a folder holds no readable run or the page
    cannot be written.
    """
    from autosmall.errors import SettingsError
    from autosmall.files import write_json, write_text
    from autosmall.report.comparison import gather_comparison
    from autosmall.report.comparison_page import render_comparison
    from autosmall.report.facts import to_json
    from autosmall.run_folder.run_data import load_run_data

    if len({path.resolve() for path in run_dirs}) < max(2, len(run_dirs)):
        raise SettingsError(
            f"the runs {', '.join(map(str, run_dirs)) or '(none)'}",
            "two or more run folders, each named once",
            "autosmall compare reports/one reports/other",
        )
    facts = gather_comparison([(path, load_run_data(path)) for path in run_dirs])
    write_json(page.with_suffix(".json"), to_json(facts))
    write_text(page, render_comparison(facts))
    return page
