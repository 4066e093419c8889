import hashlib
import json
import zipfile

import h5py
import pytest

from autosmall.errors import BackboneError
from autosmall.models import builtin_backbone, user_registry, weight_files
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.backbone_table import BACKBONES, backbone_of_file
from autosmall.models.user_registry import RegisteredBackbone, add_to_registry

MOBILENET = "mobilenet_7_5_224_tf_no_top.h5"
RESNET = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture(autouse=True)
def no_other_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("AUTOSMALL_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(user_registry, "registry_path", lambda: tmp_path / "backbones.toml")
    monkeypatch.setattr(builtin_backbone, "builtin_file", lambda: None)


def write_weights(path, values=None):
    """Write a file with the right number of values in one layer, none of which takes room."""
    count = values or backbone_of_file(path.name).parameters
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"layer"]
        layer = file.create_group("layer")
        layer.attrs["weight_names"] = [b"kernel"]
        layer.create_dataset("kernel", (count,), "float32")
    return path


def write_model(path, *layers):
    """Write what a .keras file is seen by: a zip file with a description."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
    return path


@pytest.fixture
def weights_dir(tmp_path):
    folder = tmp_path / "weights"
    for name in (MOBILENET, RESNET):
        write_weights(folder / name)
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
    write_weights(cache / "efficientnetb0_notop.h5")
    write_weights(cache / MOBILENET)
    search = find_backbones((), None)
    assert names(search) == ["efficientnet_b0", "mobilenet_0.75", "resnet50", "patches"]
    assert search.found[1].found_in == str(weights_dir)


def test_request_restricts_and_can_leave_the_patches_out(weights_dir):
    assert names(find_backbones(("mobilenet_0.75",), weights_dir)) == ["mobilenet_0.75"]
    assert names(find_backbones(("patches", "resnet50"), weights_dir)) == ["resnet50", "patches"]


def test_paths_name_weights_and_models(weights_dir, tmp_path):
    model = write_model(tmp_path / "mine.keras")
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


def test_the_registry_comes_after_named_folders_and_before_the_cache(weights_dir, tmp_path):
    own = write_weights(tmp_path / "own" / "vgg.h5", BACKBONES["vgg16"].parameters)
    write_weights(tmp_path / "keras" / "models" / BACKBONES["vgg16"].files[0])
    other = write_weights(tmp_path / "own" / MOBILENET)
    add_to_registry("vgg16", RegisteredBackbone(str(own)))
    add_to_registry("mobilenet_0.75", RegisteredBackbone(str(other)))
    found = {source.name: source for source in find_backbones((), weights_dir).found}
    assert (found["vgg16"].weights_path, found["vgg16"].found_in) == (str(own), "your registry")
    assert found["mobilenet_0.75"].found_in == str(weights_dir)


def test_registered_models_come_first_with_what_was_told(weights_dir, tmp_path):
    model = write_model(tmp_path / "mine.keras")
    told = RegisteredBackbone(str(model), "tf", "top", ("conv5", "conv4"))
    add_to_registry("mine", told)
    first = find_backbones((), weights_dir).found[0]
    assert (first.name, first.kind, first.scaling) == ("mine", "file", "tf")
    assert (first.last_layer, first.block_starts) == ("top", ("conv5", "conv4"))
    assert first.recipe != "mine"
    assert names(find_backbones(("mobilenet_0.75", "mine"), weights_dir))[0] == "mine"


def test_builtin_kinds_stand_between_weights_and_patches(weights_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(builtin_backbone, "builtin_file", lambda: tmp_path / "backbone.npz")
    found = find_backbones((), weights_dir).found
    assert [s.name for s in found[-4:]] == ["resnet50", "builtin", "builtin+patches", "patches"]
    assert [s.kind for s in found[-3:]] == ["builtin", "builtin+patches", "patches"]
    assert found[-2].weights_path == str(tmp_path / "backbone.npz")


@pytest.mark.parametrize("name", ["builtin", "builtin+patches"])
def test_a_builtin_backbone_that_is_not_there_is_refused(name):
    with pytest.raises(BackboneError, match="no built-in backbone"):
        find_backbones((name,), None)


def test_a_truncated_file_is_named_and_refused(weights_dir):
    path = weights_dir / RESNET
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BackboneError, match="cut short or damaged") as refused:
        find_backbones((), weights_dir)
    assert str(path) in refused.value.received


def test_weights_of_another_width_are_refused_without_keras(weights_dir):
    write_weights(weights_dir / MOBILENET, 218_544)
    with pytest.raises(BackboneError, match="218,544 values") as refused:
        find_backbones(("mobilenet_0.75",), weights_dir)
    assert "1,832,976" in refused.value.expected


def test_an_hdf5_file_that_keras_did_not_write_is_refused(weights_dir):
    with h5py.File(weights_dir / MOBILENET, "w") as file:
        file["anything"] = [1.0]
    with pytest.raises(BackboneError, match="no layer_names"):
        find_backbones((), weights_dir)


def test_other_bytes_than_the_published_ones_are_remarked_upon(weights_dir, monkeypatch):
    digest = hashlib.md5((weights_dir / RESNET).read_bytes()).hexdigest()
    found = {source.name: source for source in find_backbones((), weights_dir).found}
    assert RESNET in found["resnet50"].remark
    assert found["mobilenet_0.75"].remark == ""
    monkeypatch.setitem(weight_files.WEIGHT_HASHES, RESNET, digest)
    assert find_backbones(("resnet50",), weights_dir).found[0].remark == ""


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        ({"module": "mypackage.layers", "class_name": "Mine", "config": {}}, "Mine"),
        ({"module": None, "class_name": "Mine", "registered_name": "pkg>Mine"}, "pkg>Mine"),
        ({"module": "keras.layers", "class_name": "Lambda", "config": {}}, "Lambda"),
    ],
)
def test_models_with_what_is_not_keras_own_are_refused_before_keras_sees_them(
    layer, named, tmp_path
):
    path = write_model(tmp_path / "mine.keras", layer)
    with pytest.raises(BackboneError, match="not Keras's own") as refused:
        find_backbones((str(path),), None)
    assert named in refused.value.received


def test_a_loss_of_the_users_own_does_not_matter(tmp_path):
    path = tmp_path / "mine.keras"
    loss = {"module": "mypackage", "class_name": "MyLoss", "config": {}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {}, "compile_config": loss}))
    assert names(find_backbones((str(path),), None)) == ["mine.keras"]


def test_a_cut_model_file_is_refused(tmp_path):
    path = write_model(tmp_path / "mine.keras")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BackboneError, match="cut short or damaged"):
        find_backbones((str(path),), None)


def test_presets_of_kerashub_are_folders_under_hub(weights_dir, tmp_path):
    folder = weights_dir / "hub" / "resnet_x"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"class_name": "ResNetBackbone"}')
    write_weights(folder / "model.weights.h5", 10)
    for requested in ("hub:resnet_x", f"hub:{folder}"):
        (source,) = find_backbones((requested,), weights_dir).found
        assert (source.name, source.kind) == (requested, "keras-hub")
        assert source.weights_path == str(folder / "model.weights.h5")
    with pytest.raises(BackboneError, match="'resnet_y' was not found"):
        find_backbones(("hub:resnet_y",), weights_dir)
    (folder / "config.json").write_text('{"class_name": "ResNetImageClassifier"}')
    with pytest.raises(BackboneError, match="of the kind ResNetImageClassifier"):
        find_backbones(("hub:resnet_x",), weights_dir)
