"""Downloads from a file server on this machine: slow, stalled, broken and lying ones."""

from __future__ import annotations

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import h5py
import keras
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

from autosmall import cli
from autosmall.errors import BackboneError
from autosmall.models import builtin_backbone, user_registry, weight_fetch
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.backbone_table import BACKBONES
from autosmall.models.weight_fetch import fetch_weights
from autosmall.models.weight_hashes import WEIGHT_HASHES

PLAIN = BACKBONES["mobilenet_0.25"]
"""Keras has no digest of it."""
HASHED = BACKBONES["mobilenet_v3_small_minimalistic_1"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of both networks, as Keras stores them: name to bytes."""
    folder = tmp_path_factory.mktemp("served")
    plain = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=None)
    hashed = keras.applications.MobileNetV3Small(
        minimalistic=True, include_top=False, weights=None, input_shape=(224, 224, 3)
    )
    contents = {}
    for entry, model in ((PLAIN, plain), (HASHED, hashed)):
        path = folder / entry.files[0]
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
        contents[entry.name] = path.read_bytes()
    return contents


@pytest.fixture(autouse=True)
def nothing_else_here(monkeypatch, tmp_path):
    monkeypatch.delenv("AUTOSMALL_WEIGHTS_DIR", raising=False)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(user_registry, "registry_path", lambda: tmp_path / "backbones.toml")
    monkeypatch.setattr(builtin_backbone, "builtin_file", lambda: None)


@pytest.fixture
def serve(monkeypatch):
    """A function that starts a server whose answers ``respond(handler)`` writes."""
    with contextlib.ExitStack() as stack:

        def start(respond):
            asked = []

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    asked.append(self.path)
                    respond(self)

                def log_message(self, *_):
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            port = server.server_address[1]
            monkeypatch.setenv("AUTOSMALL_WEIGHTS_URL", f"http://127.0.0.1:{port}/weights/")
            return asked

        yield start


def answer(handler, content, length=None, kind="application/octet-stream", pause=0.0):
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    for start in range(0, len(content), 100_000):
        handler.wfile.write(content[start : start + 100_000])
        time.sleep(pause)


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_a_slow_server_is_waited_for_with_progress(weights, serve, tmp_path, capsys):
    asked = serve(lambda handler: answer(handler, weights[PLAIN.name], pause=0.05))
    fetched = fetch_weights(PLAIN, tmp_path / "w")
    assert asked == [f"/weights/{PLAIN.files[0]}"]
    assert fetched.path.read_bytes() == weights[PLAIN.name]
    assert left_in(tmp_path / "w") == [PLAIN.files[0]]
    told = capsys.readouterr()
    assert told.out == ""
    assert "Downloading data from http://127.0.0.1" in told.err
    assert f"{len(weights[PLAIN.name])}/{len(weights[PLAIN.name])}" in told.err
    assert not fetch_weights(PLAIN, tmp_path / "w").downloaded
    assert len(asked) == 1


def test_the_command_puts_them_where_a_search_finds_them(weights, serve, tmp_path, capsys):
    serve(lambda handler: answer(handler, weights[PLAIN.name]))
    assert cli.main(["backbones", "fetch", PLAIN.name]) == 0
    place = tmp_path / "keras" / "models" / PLAIN.files[0]
    assert capsys.readouterr().out == f"Fetched: {place}\n"
    (found, _) = find_backbones((), None).found
    assert (found.weights_path, found.found_in) == (str(place), "Keras's cache")


def stall(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 500)
    handler.wfile.flush()
    time.sleep(5)


def page(handler):
    answer(handler, b"<!doctype html><title>Sign in</title>", kind="text/html")


@pytest.mark.parametrize(
    ("entry", "respond", "complaint"),
    [
        (PLAIN, lambda h, w: h.send_error(404), "404 -- Not Found"),
        (PLAIN, lambda h, w: answer(h, w[:50_000], len(w)), "got only 50000 out of"),
        (PLAIN, lambda h, w: stall(h), "nothing came for 0.5 s"),
        (PLAIN, lambda h, w: h.connection.close(), "closed connection"),
        (PLAIN, lambda h, w: page(h), "is something else or damaged"),
        (PLAIN, lambda h, w: answer(h, w[:50_000]), "cut short or damaged"),
        (HASHED, lambda h, w: page(h), "its digest differs"),
        (HASHED, lambda h, w: answer(h, w), "its digest differs"),
    ],
    ids=["404", "cut", "stalled", "closed", "page", "short", "hashed page", "other bytes"],
)
def test_bad_servers_are_one_message_and_leave_nothing(
    entry, respond, complaint, weights, serve, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(weight_fetch, "STALL_SECONDS", 0.5)
    serve(lambda handler: respond(handler, weights[entry.name]))
    assert cli.main(["backbones", "fetch", entry.name]) == 1
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert captured.out == ""
    assert len(errors) == 1 and complaint in errors[0]
    assert "Traceback" not in captured.err
    assert left_in(tmp_path / "keras") == ["models"]


def test_weights_of_another_network_are_refused(weights, serve, tmp_path):
    other = keras.applications.MobileNet(alpha=0.5, include_top=False, weights=None)
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, other)
    serve(lambda handler: answer(handler, path.read_bytes()))
    with pytest.raises(BackboneError, match="829,536 values"):
        fetch_weights(PLAIN, tmp_path / "w")
    assert left_in(tmp_path / "w") == []


def test_a_damaged_file_is_replaced_only_by_a_good_one(weights, serve, tmp_path):
    place = tmp_path / "w" / PLAIN.files[0]
    place.parent.mkdir()
    place.write_bytes(b"\x89HDF\r\n\x1a\n")
    serve(lambda handler: handler.send_error(503))
    with pytest.raises(BackboneError, match="503"):
        fetch_weights(PLAIN, place.parent)
    assert place.read_bytes() == b"\x89HDF\r\n\x1a\n"
    serve(lambda handler: answer(handler, weights[PLAIN.name]))
    assert fetch_weights(PLAIN, place.parent).downloaded
    assert place.read_bytes() == weights[PLAIN.name]


def test_keras_is_as_before_afterwards(serve, tmp_path):
    before = file_utils.get_file
    serve(lambda handler: handler.send_error(404))
    with pytest.raises(BackboneError):
        fetch_weights(PLAIN, tmp_path)
    assert file_utils.get_file is before


def test_a_mirror_that_is_no_address_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOSMALL_WEIGHTS_URL", "ftp://mirror")
    with pytest.raises(BackboneError, match="AUTOSMALL_WEIGHTS_URL is 'ftp://mirror'"):
        fetch_weights(PLAIN, tmp_path)


@pytest.mark.parametrize("name", ["mobilenet_0.25", "mobilenet_v3_small_0.75", "vgg16"])
def test_without_a_mirror_keras_says_where_and_which_digest(name, tmp_path, monkeypatch):
    """Keras's own address and digest reach its own download; none is made here."""
    calls = []

    def get_file(fname, origin, **options):
        calls.append((fname, origin, options.get("file_hash")))
        raise OSError("no network here")

    monkeypatch.delenv("AUTOSMALL_WEIGHTS_URL", raising=False)
    monkeypatch.setattr(file_utils, "get_file", get_file)
    entry = BACKBONES[name]
    with pytest.raises(BackboneError, match="no network here"):
        fetch_weights(entry, tmp_path)
    ((fname, origin, digest),) = calls
    assert fname == entry.files[0]
    assert origin.startswith("https://storage.googleapis.com/")
    assert digest == WEIGHT_HASHES.get(fname)
