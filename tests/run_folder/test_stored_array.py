"""Reading one array of an npz file as numpy.load does, only faster."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from autosmall.run_folder.stored_array import read_stored_array


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).random((7, 3)).astype(np.float32),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 0), np.float32),
        np.arange(4),
        np.array(2.5),
        np.array(["a", "bc"]),
    ],
)
@pytest.mark.parametrize("save", [np.savez_compressed, np.savez])
@pytest.mark.parametrize("others", [{}, {"other": np.ones(2)}])
def test_it_is_what_numpy_reads(tmp_path, array, save, others):
    path = tmp_path / "one.npz"
    save(path, **others, own=array)
    found = read_stored_array(str(path), "own")
    with np.load(path) as arrays:
        expected = arrays["own"]
    np.testing.assert_array_equal(found, expected)
    assert (found.dtype, found.shape, found.flags.writeable) == (
        expected.dtype,
        expected.shape,
        True,
    )


@pytest.mark.parametrize("kept", [0, 1, 40, 200])
def test_a_torn_file_is_an_error(tmp_path, kept):
    path = tmp_path / "one.npz"
    np.savez_compressed(path, own=np.random.default_rng(0).random(50))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(zipfile.BadZipFile):
        read_stored_array(str(path), "own")


@pytest.mark.parametrize("place", [60, 100])
def test_a_changed_byte_is_an_error(tmp_path, place):
    path = tmp_path / "one.npz"
    np.savez_compressed(path, own=np.random.default_rng(0).random(50))
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(zipfile.BadZipFile):
        read_stored_array(str(path), "own")


def test_what_is_no_array_is_an_error(tmp_path):
    path = tmp_path / "one.npz"
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ones(3), version=(2, 0))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("text.npy", "no array")
        archive.writestr("short.npy", "")
        archive.writestr("newer.npy", buffer.getvalue())
    for name in ("text", "short", "newer"):
        with pytest.raises(ValueError):
            read_stored_array(str(path), name)
    with pytest.raises(KeyError):
        read_stored_array(str(path), "absent")
