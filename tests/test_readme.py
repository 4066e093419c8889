"""The README says what is: its Python example runs, its options and files exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall import arguments
from autosmall.schema.settings import METRICS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def draw_pictures(folder: Path) -> None:
    """Two classes of eight pictures that brightness tells apart."""
    generator = np.random.default_rng(0)
    for label, level in (("dark", 60), ("light", 180)):
        (folder / label).mkdir(parents=True)
        for number in range(8):
            pixels = generator.integers(level - 30, level + 30, (24, 24, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")


def test_the_python_example_runs(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    draw_pictures(tmp_path / "my_pictures")
    (tmp_path / "example.py").write_text(example)
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "classical" in done.stdout and "report.html" in done.stdout
    assert re.search(r"label +probability\n0 +dark ", done.stdout), done.stdout


def commands_in_readme() -> list[str]:
    blocks = re.findall(r"```\n(.*?)```", README, re.DOTALL)
    lines = (line.split("#")[0].strip() for block in blocks for line in block.splitlines())
    told = [line.removeprefix("$ ") for line in lines if re.match(r"(\$ )?autosmall ", line)]
    return told + re.findall(r"`(autosmall [a-z]+ [^`]*)`", README)


@pytest.mark.parametrize("command", commands_in_readme())
def test_each_command_is_one_that_the_parser_takes(command):
    words = command.split()[1:]
    arguments.build_parser().parse_args(words)


def test_each_option_of_search_is_told():
    parser = arguments.build_parser()
    (verbs,) = (action.choices for action in parser._actions if getattr(action, "choices", None))
    options = {o for a in verbs["search"]._actions for o in a.option_strings} - {"-h", "--help"}
    assert {option for option in options if option not in README} == set()


def test_each_metric_is_told():
    assert [metric for metric in METRICS if f"`{metric}`" not in README] == []


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_each_file_that_is_linked_exists(link):
    assert (ROOT / link).exists()
