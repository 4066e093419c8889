import sys
from types import SimpleNamespace

import keras
import pytest

from autosmall.training import precision
from autosmall.training.gpu import Gpu, find_gpu
from autosmall.training.precision import BFLOAT16, FLOAT32, training_precision


@pytest.fixture(autouse=True)
def asked_anew():
    find_gpu.cache_clear()
    yield
    find_gpu.cache_clear()


def pretend_tensorflow(monkeypatch, devices, details):
    config = SimpleNamespace(
        get_visible_devices=lambda kind: devices if kind == "GPU" else [],
        experimental=SimpleNamespace(get_device_details=lambda device: details),
    )
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))


def pretend_jax(monkeypatch, kind, **device):
    jax = SimpleNamespace(
        default_backend=lambda: kind, local_devices=lambda: [SimpleNamespace(**device)]
    )
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setitem(sys.modules, "jax", jax)


@pytest.mark.parametrize(
    ("devices", "details", "found"),
    [
        ([], {}, None),
        (["T4"], {"compute_capability": (7, 5)}, Gpu("gpu:0", False)),
        (["A100"], {"compute_capability": (8, 0)}, Gpu("gpu:0", True)),
        (["B200"], {"compute_capability": (10, 0)}, Gpu("gpu:0", True)),
        (["another maker's"], {}, Gpu("gpu:0", False)),
    ],
)
def test_tensorflow_tells_what_there_is(monkeypatch, devices, details, found):
    pretend_tensorflow(monkeypatch, devices, details)
    assert find_gpu() == found


@pytest.mark.parametrize(
    ("kind", "device", "found"),
    [
        ("cpu", {}, None),
        ("gpu", {"compute_capability": "7.5"}, Gpu("gpu:0", False)),
        ("gpu", {"compute_capability": "8.6"}, Gpu("gpu:0", True)),
        ("gpu", {"compute_capability": "10.0"}, Gpu("gpu:0", True)),
        ("gpu", {"compute_capability": "gfx90a"}, Gpu("gpu:0", False)),
        ("gpu", {}, Gpu("gpu:0", False)),
    ],
)
def test_jax_tells_what_there_is(monkeypatch, kind, device, found):
    pretend_jax(monkeypatch, kind, **device)
    assert find_gpu() == found


def test_another_backend_counts_as_none(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert find_gpu() is None


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (None, FLOAT32),
        (Gpu("gpu:0", has_bfloat16=False), FLOAT32),
        (Gpu("gpu:0", has_bfloat16=True), BFLOAT16),
    ],
)
def test_only_a_gpu_with_bfloat16_trains_in_it(monkeypatch, gpu, expected):
    monkeypatch.setattr(precision, "find_gpu", lambda: gpu)
    assert training_precision() == expected
