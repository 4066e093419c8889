"""What is looked at before any work begins stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "ray", "optuna", "keras_tuner", "pandas", "sklearn", "skimage")
EVEN_HEAVIER_THAN_HELP_NEEDS = (*HEAVY, "numpy", "rich", "jinja2", "altair", "PIL", "scipy")

PROBE = """
import contextlib, io, sys
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
{body}
print(*sorted(set({names!r}) & set(sys.modules)))
"""


def loaded(body: str, names: tuple[str, ...]) -> list[str]:
    """Return which of ``names`` are loaded after ``body`` in a process of its own."""
    program = PROBE.format(body="\n".join(f"    {line}" for line in body.splitlines()), names=names)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


def test_the_probe_sees_what_is_loaded():
    assert loaded("import numpy", (*HEAVY, "numpy")) == ["numpy"]


@pytest.mark.parametrize(
    "body",
    [
        "import autosmall",
        "from autosmall.cli import main\nmain(['--help'])",
        "from autosmall.cli import main\nmain(['search', '--help'])",
        "from autosmall.cli import main\nmain(['--version'])",
    ],
)
def test_import_and_help_load_nothing_heavy(body):
    assert loaded(body, EVEN_HEAVIER_THAN_HELP_NEEDS) == []


@pytest.mark.parametrize(
    "body",
    [
        "import autosmall\nautosmall.search, autosmall.load_run, autosmall.load_model",
        "import autosmall.searching.setup",
        "import autosmall.strategies.registry",
        "from autosmall.cli import main\nassert main(['spaces']) == 0",
    ],
)
def test_what_checks_the_input_loads_no_tensorflow(body):
    assert loaded(body, ("tensorflow", "keras", "keras_tuner")) == []


def test_what_a_search_begins_with_loads_no_statistics():
    """They take a second; the folds are written before."""
    assert loaded("import autosmall.api", (*HEAVY, "scipy.stats")) == []
