import pytest

from autosmall.errors import BackboneError
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.backbone_table import BACKBONES

HDF5 = b"\x89HDF\r\n\x1a\n"
MOBILENET = "mobilenet_7_5_224_tf_no_top.h5"
RESNET = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture(autouse=True)
def no_other_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("AUTOSMALL_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def weights_dir(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in (MOBILENET, RESNET):
        (folder / name).write_bytes(HDF5)
    return folder


def names(search):
    return [source.name for source in search.found]


def test_without_weights_there_are_the_patches(tmp_path):
    search = find_backbones((), None)
    assert names(search) == ["patches"]
    assert search.looked_in == (str(tmp_path / "keras" / "models"),)


def test_affordable_before_costly_before_patches(weights_dir):
    search = find_backbones((), weights_dir)
    assert names(search) == ["mobilenet_0.75", "resnet50", "patches"]
    assert search.found[0].weights_path == str(weights_dir / MOBILENET)
    assert search.looked_in[0] == str(weights_dir)


def test_variable_and_keras_cache_are_looked_in(weights_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOSMALL_WEIGHTS_DIR", str(weights_dir))
    cache = tmp_path / "keras" / "models"
    cache.mkdir(parents=True)
    (cache / "efficientnetb0_notop.h5").write_bytes(HDF5)
    (cache / MOBILENET).write_bytes(HDF5)
    search = find_backbones((), None)
    assert names(search) == ["efficientnet_b0", "mobilenet_0.75", "resnet50", "patches"]
    assert search.found[1].found_in == str(weights_dir)


def test_request_restricts_and_can_leave_the_patches_out(weights_dir):
    assert names(find_backbones(("mobilenet_0.75",), weights_dir)) == ["mobilenet_0.75"]
    assert names(find_backbones(("patches", "resnet50"), weights_dir)) == ["resnet50", "patches"]


def test_paths_name_weights_and_models(weights_dir, tmp_path):
    model = tmp_path / "mine.keras"
    model.write_bytes(b"PK\x03\x04")
    search = find_backbones((str(weights_dir / RESNET), str(model)), None)
    assert [(s.name, s.kind) for s in search.found] == [
        ("mine.keras", "file"),
        ("resnet50", "applications"),
    ]


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ("mobilnet_0.75", "mobilenet_0.75"),
        ("vgg16", "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("nowhere.keras", "there is no file"),
        ("nowhere.h5", "nothing tells which network"),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_remedy(requested, message, weights_dir):
    with pytest.raises(BackboneError) as refused:
        find_backbones((requested,), weights_dir)
    assert message in str(refused.value)


def test_missing_weights_tell_where_was_looked(weights_dir):
    with pytest.raises(BackboneError) as refused:
        find_backbones(("vgg16",), weights_dir)
    assert str(weights_dir) in refused.value.received


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(BackboneError, match="is no folder"):
        find_backbones((), tmp_path / "nowhere")


def test_pointer_file_is_refused(weights_dir):
    (weights_dir / MOBILENET).write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(BackboneError, match="something else or damaged"):
        find_backbones((), weights_dir)


def test_names_and_files_are_unique():
    files = [file for entry in BACKBONES.values() for file in entry.files]
    assert len(files) == len(set(files))
    assert len(BACKBONES) == 52


def test_shared_weights_are_found_by_naming_the_folder(shared_dir):
    found = names(find_backbones((), shared_dir / "weights"))
    assert found == ["mobilenet_0.75", "mobilenet_v2_0.35", "mobilenet_0.25", "patches"]
