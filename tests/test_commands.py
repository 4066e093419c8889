"""Each command makes one library call and says what came of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock, create_autospec

import pandas as pd
import pytest

import autosmall.api
import autosmall.data.demo
import autosmall.retraining.retrain
import autosmall.saved_model.export
import autosmall.saved_model.model
from autosmall import commands
from autosmall.errors import RunFolderError, SettingsError
from autosmall.report import COMPARISON_PAGE
from autosmall.retraining.retrain import RetrainResult

SENTENCE = "Use frozen (trial 4): expect 92 % accuracy (86 to 96 %)."
REPORT = {"recommendation": {"sentence": SENTENCE}, "tradeoff": {"warning": ""}}


@pytest.fixture
def replace(monkeypatch):
    """Put a recorder with the same signature in the place of a library function."""

    def put(module, name, result=None):
        recorder = create_autospec(getattr(module, name), return_value=result)
        monkeypatch.setattr(module, name, recorder)
        return recorder

    return put


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(REPORT))
    return folder


def retrained(run_dir):
    page = run_dir / "report.html"
    return RetrainResult(run_dir / "model", 4, "frozen", {}, "Trial 4 was trained.", page)


def test_search_ends_with_recommendation_report_and_retrain_command(replace, run_dir, capsys):
    search = replace(autosmall.api, "search", SimpleNamespace(path=run_dir))
    commands.search(Path("pics"), max_trials=3)
    search.assert_called_once_with(Path("pics"), max_trials=3)
    assert capsys.readouterr().out.splitlines() == [
        SENTENCE,
        f"Report: {run_dir}/report.html",
        f"To make the model: autosmall retrain {run_dir}",
    ]


def test_search_warns_of_absurd_sizes(replace, run_dir, capsys):
    replace(autosmall.api, "search", SimpleNamespace(path=run_dir))
    warned = {**REPORT, "tradeoff": {"warning": "Far too many weights."}}
    (run_dir / "report.json").write_text(json.dumps(warned))
    commands.search(Path("pics"))
    assert capsys.readouterr().out.splitlines()[1] == "Warning: Far too many weights."


@pytest.mark.parametrize("text", ["", "{}", '{"recommendation": null}', "[]"])
def test_a_run_without_a_recommendation_is_an_error(replace, tmp_path, text):
    replace(autosmall.api, "search", SimpleNamespace(path=tmp_path))
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(RunFolderError, match=r"report\.json"):
        commands.search(Path("pics"))


def test_demo_draws_searches_retrains_and_says_how_to_go_on(replace, run_dir, capsys):
    draw = replace(autosmall.data.demo, "draw_demo")
    search = replace(autosmall.api, "search", SimpleNamespace(path=run_dir))
    retrain = replace(autosmall.retraining.retrain, "retrain", retrained(run_dir))
    commands.demo(Path("pieces"), quiet=True)
    draw.assert_called_once_with(Path("pieces"))
    assert search.call_args.args == (Path("pieces"),)
    assert search.call_args.kwargs["space"] == "quick" and search.call_args.kwargs["quiet"] is True
    retrain.assert_called_once_with(run_dir)
    said = capsys.readouterr().out.splitlines()
    assert sum("report.html" in line for line in said) == 1
    last = said[-4:]
    assert last[0] == SENTENCE
    assert last[1] == f"Report: {run_dir}/report.html"
    assert last[-1].endswith("autosmall search my_pictures/")


def test_report_opens_the_browser_only_when_asked(replace, tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(commands.webbrowser, "open", opened.append)
    run = SimpleNamespace(report=Mock(return_value=tmp_path / "report.html"))
    replace(autosmall.api, "load_run", run)
    commands.report(tmp_path)
    run.report.assert_called_once_with()
    assert opened == []
    commands.report(tmp_path, open=True)
    assert opened == [(tmp_path / "report.html").resolve().as_uri()]
    assert capsys.readouterr().out == f"Report: {tmp_path}/report.html\n" * 2
    commands.report(tmp_path, prefer="simple", summary=tmp_path / "s.png")
    run.report.assert_called_with(prefer="simple", summary=tmp_path / "s.png")
    assert capsys.readouterr().out.endswith(f"Summary: {tmp_path}/s.png\n")


def test_compare_names_its_page(replace, tmp_path, capsys):
    compare = replace(autosmall.api, "compare", tmp_path / "page.html")
    commands.compare((Path("one"), Path("two")))
    compare.assert_called_once_with((Path("one"), Path("two")), output=COMPARISON_PAGE)
    assert capsys.readouterr().out == f"Comparison: {tmp_path}/page.html\n"


def test_retrain_passes_its_options_on(replace, run_dir, capsys):
    retrain = replace(autosmall.retraining.retrain, "retrain", retrained(run_dir))
    commands.retrain(run_dir, trial=4, test=Path("held_out"))
    retrain.assert_called_once_with(run_dir, trial=4, test=Path("held_out"))
    told = f"Trial 4 was trained.\nModel: {run_dir}/model\n"
    renewed = f"Report, written anew: {run_dir}/report.html\n"
    assert capsys.readouterr().out == told + renewed
    retrain.return_value = dataclasses.replace(retrained(run_dir), report=None)
    commands.retrain(run_dir)
    assert capsys.readouterr().out == told


def test_evaluate_prints_one_line_per_metric(replace, capsys):
    scores = {"part": "test split", "n": 100, "unreadable": [], "accuracy": 0.9, "roc_auc": None}
    evaluate = replace(autosmall.saved_model.model, "evaluate", {**scores, "opened": 2})
    commands.evaluate(Path("model"), Path("pics"))
    evaluate.assert_called_once_with(Path("model"), Path("pics"), trust=())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "100 pictures (test split)"
    assert "accuracy           0.9000" in lines
    assert "roc_auc            undefined" in lines
    assert lines[-1] == "these pictures have now been opened 2 times for a model"


def test_predict_prints_or_writes_the_same_table(replace, tmp_path, capsys):
    table = pd.DataFrame({"picture": ["a.png"], "label": ["stuck"], "probability_stuck": [0.75]})
    model = SimpleNamespace(predict=lambda pictures: table)
    replace(autosmall.saved_model.model, "load_model", model)
    commands.predict(Path("model"), (Path("a.png"),))
    printed = capsys.readouterr().out
    assert printed == "picture,label,probability_stuck\na.png,stuck,0.75\n"
    commands.predict(Path("model"), (Path("a.png"),), csv=tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == printed


def test_export_names_what_it_wrote(replace, capsys):
    export = replace(autosmall.saved_model.export, "export", Path("model/model.onnx"))
    commands.export(Path("model"), format="onnx")
    assert export.call_count == 1
    assert "model/model.onnx" in capsys.readouterr().out


def test_audit_never_writes_into_the_data_set(tmp_path):
    with pytest.raises(SettingsError, match="lies inside the data set"):
        commands.audit(tmp_path, output=tmp_path / "sub" / "audit.json")
    assert not list(tmp_path.iterdir())
