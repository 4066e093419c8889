"""The backbone in the package: written in half precision, read back, refused when damaged."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from autosmall.errors import BackboneError, SettingsError
from autosmall.models import builtin_backbone
from autosmall.models.builtin_backbone import build_builtin, builtin_file, write_builtin
from autosmall.models.students import build_student, check_student


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keras.Model:
    """A random network of width 0.25, stored as the built-in one."""
    keras.utils.set_random_seed(0)
    model = builtin_backbone.build_mobilenet((64, 64, 3), 0.25)
    path = tmp_path / "backbone.npz"
    write_builtin(model, 0.25, path)
    monkeypatch.setattr(builtin_backbone, "BUILTIN_FILE", path)
    return model


def test_what_is_written_is_read_back_to_half_precision(stored: keras.Model) -> None:
    assert builtin_file() is not None
    model = build_builtin((64, 64, 3))
    for old, new in zip(stored.get_weights(), model.get_weights(), strict=True):
        assert new.dtype == np.float32
        # float16 keeps 11 bits, and nothing below 6e-8.
        np.testing.assert_allclose(new, old, rtol=2**-11, atol=6e-8)


def test_it_takes_any_size_and_grey_pictures(stored: keras.Model) -> None:
    grey = build_builtin((96, 96, 1))
    colour = build_builtin((96, 96, 3))
    picture = np.random.default_rng(0).uniform(0, 255, (1, 96, 96, 1)).astype(np.float32)
    np.testing.assert_allclose(
        grey.predict(picture, verbose=0),
        colour.predict(np.repeat(picture, 3, axis=3), verbose=0),
        atol=1e-5,
    )


def test_a_damaged_or_missing_file_is_named(
    stored: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backbone.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(BackboneError, match="damaged"):
        build_builtin((64, 64, 3))
    monkeypatch.setattr(builtin_backbone, "BUILTIN_FILE", tmp_path / "missing.npz")
    assert builtin_file() is None
    with pytest.raises(BackboneError, match="no built-in backbone"):
        build_builtin((64, 64, 3))


def test_a_student_of_any_width_has_its_channels() -> None:
    student = build_student("mobilenet_0.375", 64)
    assert student.output.shape == (None, 2, 2, 384)
    assert student.trainable_weights


@pytest.mark.parametrize("name", ["mobilenet_0.01", "mobilenet_1.5", "mobilenet_"])
def test_a_width_out_of_range_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="--architecture"):
        check_student(name, None)
