"""The doctor's checklist, and that nothing it asks can hang or crash it."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import keras
import pytest

from autosmall import commands, doctor
from autosmall.doctor import MISSING, NOTE, OK, Answer, Check
from autosmall.models.backbone_registry import BackboneSearch
from autosmall.schema.backbone_source import BackboneSource
from autosmall.training.gpu import find_gpu


@pytest.fixture
def answers(monkeypatch):
    """Healthy answers of all processes; a test may spoil some by the first word it looks for."""
    said = {"nvidia-smi": Answer(False, "there is no nvidia-smi")}

    def run_command(command, environment=None):
        del environment
        return said.get(command[0], Answer(True, "tensorflow"))

    monkeypatch.setattr(doctor, "run_command", run_command)
    return said


def by_name(checks):
    return {check.name: check for check in checks}


def test_a_healthy_machine_without_a_gpu(answers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checks = by_name(doctor.check_machine())
    assert not [check for check in checks.values() if check.mark == MISSING]
    assert checks["GPU"].mark == NOTE
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in checks["Python"].text
    assert "tensorflow" in checks["Keras"].text and "keras-tuner" in checks["packages"].text
    assert str(tmp_path) in checks["run folders"].text
    assert not list(tmp_path.iterdir())


def test_gpus_are_listed_with_their_memory(answers):
    answers["nvidia-smi"] = Answer(
        True, "NVIDIA T4, 15360 MiB, 15000 MiB\nNVIDIA T4, 15360 MiB, 3 MiB"
    )
    answers[sys.executable] = Answer(True, "2; training computes in bfloat16")
    gpus = [check for check in doctor.check_machine() if check.name.startswith("GPU")]
    assert [gpu.mark for gpu in gpus] == [OK, OK, OK]
    assert gpus[0].text == "NVIDIA T4, 15360 MiB, 15000 MiB free"
    assert gpus[-1].text == "2; training computes in bfloat16"


def test_a_gpu_that_tensorflow_cannot_use_is_a_note_with_a_remedy(answers):
    answers["nvidia-smi"] = Answer(True, "NVIDIA T4, 15360 MiB, 15000 MiB")
    answers[sys.executable] = Answer(True, "0")
    usable = by_name(doctor.check_machine())["GPUs that TensorFlow can use"]
    assert usable.mark == NOTE and "pip install" in usable.text


def test_keras_and_ray_that_fail_are_missing(answers):
    answers[sys.executable] = Answer(False, "fails: ImportError: no libcuda")
    checks = by_name(doctor.check_machine())
    assert checks["Keras"].mark == checks["Ray"].mark == MISSING
    assert "no libcuda" in checks["Ray"].text


def test_a_package_that_is_absent_is_named(answers, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("ray", "no-such-package-here"))
    packages = by_name(doctor.check_machine())["packages"]
    assert packages.mark == MISSING and packages.text.startswith("no-such-package-here")


def test_a_folder_that_refuses_is_missing(answers, tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    folder = by_name(doctor.check_machine())["run folders"]
    assert folder.mark == MISSING and "Permission denied" in folder.text


@pytest.mark.parametrize(
    ("found", "mark"),
    [
        ((BackboneSource("mobilenet_0.75", "applications", "w.h5"),), OK),
        ((BackboneSource("patches", "patches"),), NOTE),
    ],
)
def test_weights_say_what_was_found_and_where(answers, monkeypatch, found, mark):
    search = BackboneSearch(found=found, looked_in=("the folder w",))
    monkeypatch.setattr(doctor, "find_backbones", lambda requested, weights_dir: search)
    weights = by_name(doctor.check_machine())["pretrained weights"]
    assert weights.mark == mark and "the folder w" in weights.text


@pytest.mark.parametrize(("mark", "status"), [(OK, 0), (NOTE, 0), (MISSING, 1)])
def test_the_exit_status_is_1_only_if_something_is_missing(monkeypatch, capsys, mark, status):
    monkeypatch.setattr(
        doctor, "check_machine", lambda _: (Check("a", OK, "b"), Check("c", mark, "d"))
    )
    assert commands.doctor() == status
    assert capsys.readouterr().out == f"      ok  a: b\n{mark:>8}  c: d\n"


def test_a_command_that_is_absent_hangs_or_fails_is_an_answer(monkeypatch):
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 0.5)
    assert doctor.run_command(("no-such-command-here",)).text == "there is no no-such-command-here"
    assert doctor.run_python("import time; time.sleep(60)") == Answer(
        False, "no answer within 0.5 s"
    )
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 60)
    failed = doctor.run_python("raise SystemExit('the last words')")
    assert failed == Answer(False, "fails: the last words")
    assert doctor.run_python("print(4)") == Answer(True, "4")


@pytest.mark.parametrize(
    ("gpus", "capability", "told"),
    [([], (), "0"), (["T4"], (7, 5), "1; .* in float32"), (["A100"], (8, 0), "1; .* in bfloat16")],
)
def test_what_is_asked_about_gpus(monkeypatch, capsys, gpus, capability, told):
    details = {"compute_capability": capability}
    config = SimpleNamespace(
        list_physical_devices=lambda kind: gpus,
        get_visible_devices=lambda kind: gpus,
        experimental=SimpleNamespace(get_device_details=lambda device: details),
    )
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    find_gpu.cache_clear()
    exec(doctor.ASK_GPUS, {})
    find_gpu.cache_clear()
    assert re.fullmatch(told, capsys.readouterr().out.strip())


@pytest.mark.slow
def test_keras_and_ray_are_really_asked():
    assert doctor.run_python(doctor.ASK_KERAS).succeeded
    assert doctor._check_ray().mark == OK
