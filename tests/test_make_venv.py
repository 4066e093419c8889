"""``.ci/make-venv`` picks a Python that will do, or says what to install."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "make-venv"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell script")

FAKE = """#!/bin/sh
case "$*" in
    *version_info*) exit {wrong_version} ;;
    *ensurepip*) exit {no_venv} ;;
    "-m venv --clear "*) mkdir "$4" && echo {name} > "$4/made-by" ;;
esac
"""


@pytest.fixture
def make_venv(tmp_path):
    """Run the script where only the given fake Pythons exist: name to (right version, venv)."""

    def run(**pythons: tuple[bool, bool]) -> subprocess.CompletedProcess[str]:
        (tmp_path / "bin").mkdir()
        for name, (right_version, has_venv) in pythons.items():
            path = tmp_path / "bin" / name.replace("_", ".")
            path.write_text(
                FAKE.format(
                    wrong_version=int(not right_version), no_venv=int(not has_venv), name=path.name
                )
            )
            path.chmod(0o755)
        (tmp_path / "bin" / "mkdir").symlink_to("/bin/mkdir")
        return subprocess.run(
            ["/bin/sh", SCRIPT, tmp_path / "venv"],
            env={"PATH": str(tmp_path / "bin")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_newest_supported_python_is_taken(make_venv, tmp_path):
    assert make_venv(python3=(True, True), python3_12=(True, True)).returncode == 0
    assert (tmp_path / "venv" / "made-by").read_text() == "python3.12\n"


def test_a_python_without_venv_is_passed_over(make_venv, tmp_path):
    assert make_venv(python3=(True, True), python3_12=(True, False)).returncode == 0
    assert (tmp_path / "venv" / "made-by").read_text() == "python3\n"


def test_where_debian_left_venv_out_it_says_what_to_install(make_venv):
    done = make_venv(python3=(True, False))
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "error: python3 has no venv module"
    assert "sudo apt install python3-venv" in done.stderr.splitlines()[2]


def test_where_every_python_is_too_old_or_too_new_it_says_so(make_venv):
    done = make_venv(python3=(False, True))
    assert done.returncode == 1
    assert "Python 3.11 to 3.13" in done.stderr.splitlines()[0]


def test_a_python_that_was_named_is_the_only_one_tried(tmp_path):
    done = subprocess.run(
        ["/bin/sh", SCRIPT, tmp_path / "venv"],
        env={**os.environ, "PYTHON": "no-such-python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "no-such-python" in done.stderr
