"""The one decode-and-resize, on good pictures, odd ones and hostile ones."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.data.images import (
    UnreadablePictureError,
    load_picture,
    load_pictures,
    prepare_picture,
    read_picture,
)
from autosmall.schema.pictures import PictureSpec

RAMP = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)


def assert_unreadable(path: Path, reason: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        with pytest.raises(UnreadablePictureError, match=reason):
            read_picture(path)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", "gif", "tiff", "webp"])
def test_every_format_is_read(tmp_path, draw_scene, extension):
    scene = draw_scene(1)
    options = {"quality": 95} if extension in ("jpg", "webp") else {}
    Image.fromarray(scene).save(tmp_path / f"p.{extension}", **options)
    picture = read_picture(tmp_path / f"p.{extension}")
    assert picture.shape == (96, 96, 3)
    assert picture.dtype == np.uint8
    # GIF has 256 colours, so a mean difference of some levels is expected there.
    limit = 12 if extension == "gif" else 3
    assert np.abs(picture.astype(int) - scene).mean() < limit


@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_sixteen_bits_are_divided_by_257(tmp_path, extension):
    Image.fromarray(RAMP).save(tmp_path / f"p.{extension}")
    picture = read_picture(tmp_path / f"p.{extension}")
    assert picture[..., 0].ravel().tolist() == list(range(256))
    assert (picture[..., 0] == picture[..., 2]).all()


def test_big_endian_sixteen_bits(tmp_path):
    Image.frombytes("I;16B", (16, 16), RAMP.astype(">u2").tobytes()).save(tmp_path / "p.tiff")
    assert read_picture(tmp_path / "p.tiff")[..., 0].ravel().tolist() == list(range(256))


def test_twelve_bit_tiff_uses_the_full_range(tmp_path):
    # Two pixels in three bytes, both 4095: a baseline TIFF that Pillow can read but not write.
    tags = [(256, 3, 2), (257, 3, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 3, 1), (279, 4, 3)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"
    (tmp_path / "p.tif").write_bytes(
        b"II*\0" + struct.pack("<I", 12) + b"\xff\xff\xff\0" + directory
    )
    assert read_picture(tmp_path / "p.tif").tolist() == [[[255] * 3, [255] * 3]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 25700.0, 65535.0], [0, 100, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([7.0, 7.0, 7.0], [7, 7, 7]),
        ([-5.0, -5.0, -5.0], [0, 0, 0]),
    ],
)
def test_float_tiff_is_scaled_by_its_range(tmp_path, values, expected):
    Image.fromarray(np.array([values], dtype=np.float32)).save(tmp_path / "p.tiff")
    assert read_picture(tmp_path / "p.tiff")[0, :, 0].tolist() == expected


def test_float_tiff_with_nan_is_refused(tmp_path):
    Image.fromarray(np.array([[0.5, np.nan]], dtype=np.float32)).save(tmp_path / "p.tiff")
    assert_unreadable(tmp_path / "p.tiff", "no finite numbers")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    upright = np.zeros((8, 12, 3), dtype=np.uint8)
    upright[0, 0] = 255  # the mark belongs at the top left
    undo = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo(upright)))
    for extension in ("png", "tiff", "webp"):
        options = {"lossless": True} if extension == "webp" else {}
        stored.save(tmp_path / f"p.{extension}", exif=exif, **options)
        assert (read_picture(tmp_path / f"p.{extension}") == upright).all()


def test_broken_exif_does_not_hide_the_picture(tmp_path, draw_scene):
    Image.fromarray(draw_scene(1)).save(tmp_path / "p.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_picture(tmp_path / "p.jpg").shape == (96, 96, 3)


def test_transparent_pixels_show_white(tmp_path):
    layered = np.zeros((4, 4, 4), dtype=np.uint8)
    layered[0, 0] = (10, 20, 30, 255)
    Image.fromarray(layered).save(tmp_path / "rgba.png")
    palette = Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).convert("P")
    palette.save(tmp_path / "palette.png", transparency=0)
    grey = Image.fromarray(np.full((4, 4, 2), (0, 0), dtype=np.uint8), mode=None)
    grey.save(tmp_path / "grey.png")
    assert read_picture(tmp_path / "rgba.png")[0, 0].tolist() == [10, 20, 30]
    for name in ("rgba", "palette", "grey"):
        assert read_picture(tmp_path / f"{name}.png")[3, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_color_modes_become_rgb(tmp_path, mode):
    Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode).save(tmp_path / "p.tiff")
    assert (read_picture(tmp_path / "p.tiff") == 255).all()


def test_only_the_first_frame_counts(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "p.gif", save_all=True, append_images=frames[1:])
    assert read_picture(tmp_path / "p.gif")[0, 0].tolist() == [255, 0, 0]


# --- hostile files


def test_half_a_jpeg_is_refused(tmp_path, draw_scene):
    whole = io.BytesIO()
    Image.fromarray(draw_scene(1)).save(whole, "JPEG")
    (tmp_path / "p.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    assert_unreadable(tmp_path / "p.jpg", "cannot be decoded .*truncated")


@pytest.mark.parametrize("side", [9_500, 20_000, 2**31 - 1])
def test_bombs_are_refused_without_a_warning(tmp_path, side):
    (tmp_path / "p.png").write_bytes(png_header(side, side))
    # In a process of its own, as pytest replaces the warning filters.
    code = (
        "import sys; from autosmall.data.images import *\n"
        "try: read_picture(sys.argv[1])\n"
        "except UnreadablePictureError as error: print(error.reason)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "p.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("claims ")
    assert done.stderr == ""


@pytest.mark.parametrize("content", [b"", b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"BM"])
def test_other_contents_are_refused(tmp_path, content):
    (tmp_path / "p.jpg").write_bytes(content)
    assert_unreadable(tmp_path / "p.jpg", "is no JPEG")


def test_formats_that_are_not_listed_are_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png", format="PPM")
    assert_unreadable(tmp_path / "p.png", "is no JPEG")


@pytest.mark.timeout(10)
def test_fifos_and_devices_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    assert_unreadable(tmp_path / "pipe.png", "no regular file")
    assert_unreadable(tmp_path / "zero.png", "no regular file")
    assert_unreadable(tmp_path / "loop.png", "cannot be decoded")
    assert_unreadable(tmp_path, "no regular file")
    assert_unreadable(tmp_path / "gone.png", "cannot be decoded .*No such file")


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", "gif", "tiff", "webp"])
def test_damaged_files_are_read_or_refused_but_never_crash(tmp_path, draw_scene, extension):
    whole = io.BytesIO()
    Image.fromarray(draw_scene(1, 32)).save(whole, {"jpg": "jpeg"}.get(extension, extension))
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = np.frombuffer(whole.getvalue(), dtype=np.uint8).copy()
        damaged[random.integers(0, len(damaged), 8)] = random.integers(0, 256, 8)
        damaged[random.integers(0, min(64, len(damaged)), 2)] = random.integers(0, 256, 2)
        (tmp_path / "p").write_bytes(damaged.tobytes())
        try:
            assert read_picture(tmp_path / "p").dtype == np.uint8
        except UnreadablePictureError as error:
            assert error.reason


# --- resizing


@pytest.mark.parametrize("policy", ["stretch", "letterbox", "center_crop"])
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
@pytest.mark.parametrize("size", [(5, 300), (40, 40), (1, 1), (33, 21)])
def test_every_spec_gives_its_shape(policy, color_mode, size):
    spec = PictureSpec(24, policy, color_mode)
    picture = np.full((*size, 3), 200, dtype=np.uint8)
    assert prepare_picture(picture, spec).shape == (24, 24, spec.channels)
    assert prepare_picture(picture, spec).dtype == np.uint8


def test_policies_differ_as_they_say():
    picture = np.zeros((40, 80, 3), dtype=np.uint8)
    picture[:, :20] = 100
    picture[:, 60:] = 200
    picture[:, 20:60] = 50
    stretched = prepare_picture(picture, PictureSpec(40, "stretch"))
    boxed = prepare_picture(picture, PictureSpec(40, "letterbox"))
    cut = prepare_picture(picture, PictureSpec(40, "center_crop"))
    assert (stretched[20, 2, 0], stretched[20, 20, 0], stretched[20, 37, 0]) == (100, 50, 200)
    assert (boxed[20, 2, 0], boxed[2, 20, 0], boxed[37, 20, 0]) == (100, 0, 0)
    assert (cut == 50).all()


def test_reduction_does_not_alias():
    stripes = np.zeros((512, 512, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    small = prepare_picture(stripes, PictureSpec(32))
    assert small.min() >= 120
    assert small.max() <= 135


def detailed(height: int, width: int) -> np.ndarray:
    """Soft shapes, and noise that differs from pixel to pixel."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / 90 + k) * np.cos(columns / (60 + 30 * k)) for k in range(3)]
    noise = np.random.default_rng(0).normal(0, 20, (height, width, 3))
    return (128 + 90 * np.stack(waves, axis=2) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("policy", ["stretch", "letterbox", "center_crop", "native"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_large_jpeg_files_are_decoded_smaller_with_the_same_result(
    tmp_path, policy, mode, orientation
):
    """The bound is what the module says of pictures without edges of full contrast."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "large.jpg"
    Image.fromarray(detailed(801, 1203)).convert(mode).save(path, quality=92, exif=exif)
    spec = PictureSpec(32, policy)
    whole = prepare_picture(read_picture(path), spec)
    picture = load_picture(path, spec)
    assert picture.shape == whole.shape
    difference = np.abs(picture.astype(int) - whole)
    assert 0 < difference.max() <= 2


def test_jpeg_files_that_are_not_much_larger_are_decoded_whole(tmp_path):
    path = tmp_path / "p.jpg"
    Image.fromarray(detailed(200, 500)).save(path)
    spec = PictureSpec(32)  # a half of 200 is less than 4 times 32
    assert np.array_equal(load_picture(path, spec), prepare_picture(read_picture(path), spec))


def test_half_a_large_jpeg_is_refused_when_it_is_decoded_smaller_too(tmp_path):
    path = tmp_path / "large.jpg"
    Image.fromarray(detailed(800, 1200)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadablePictureError, match="cannot be decoded"):
        load_picture(path, PictureSpec(32))


def test_grey_is_itu_r_601():
    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90]]], dtype=np.uint8)
    grey = prepare_picture(np.repeat(colors, 4, axis=0), PictureSpec(4, "stretch", "grayscale"))
    # 0.299 R + 0.587 G + 0.114 B
    assert grey[0, :, 0].tolist() == [76, 150, 29, 90]


def test_pictures_of_a_spec_are_stacked_in_order(tmp_path, draw_scene):
    paths = []
    for seed in range(3):
        paths.append(tmp_path / f"{seed}.png")
        Image.fromarray(draw_scene(seed, 20 + seed)).save(paths[-1])
    spec = PictureSpec(16, "letterbox")
    stack = load_pictures(paths, spec)
    assert stack.shape == (3, 16, 16, 3)
    for row, path in enumerate(paths):
        assert (stack[row] == load_picture(path, spec)).all()
    assert load_pictures([], spec).shape == (0, 16, 16, 3)
