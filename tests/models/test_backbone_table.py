"""The table's numbers against Keras: parameters, features, digests."""

import inspect
import sys

import keras
import pytest

from autosmall.models.application_backbones import width_arguments
from autosmall.models.backbone_table import BACKBONES, smallest_input_px
from autosmall.models.weight_hashes import WEIGHT_HASHES

REPRESENTATIVES = (
    "mobilenet_0.25",
    "mobilenet_v2_0.35",
    "mobilenet_v3_small_minimalistic_1",
    "efficientnet_b0",
    "vgg16",
)
FURTHER = (
    "mobilenet_v3_small_1",
    "efficientnet_v2_b0",
    "convnext_tiny",
    "resnet50",
    "resnet50_v2",
    "xception",
    "inception_v3",
    "inception_resnet_v2",
    "densenet121",
    "nasnet_mobile",
)


@pytest.mark.parametrize(
    "name",
    [*REPRESENTATIVES, *(pytest.param(name, marks=pytest.mark.slow) for name in FURTHER)],
)
def test_parameters_and_features_are_those_of_the_network(name):
    entry = BACKBONES[name]
    shape = (entry.smallest_px, entry.smallest_px, 3)
    function = getattr(keras.applications, entry.function)
    model = function(include_top=False, weights=None, input_shape=shape, **width_arguments(entry))
    assert (entry.parameters, entry.features) == (model.count_params(), model.output_shape[-1])


def test_digests_are_those_that_keras_holds():
    """Each stands in the source of the module that fetches its file."""
    of_file = {file: entry for entry in BACKBONES.values() for file in entry.files}
    assert set(WEIGHT_HASHES) <= set(of_file)
    for file, digest in WEIGHT_HASHES.items():
        function = getattr(keras.applications, of_file[file].function)
        module = sys.modules[function.__module__]
        source = inspect.getsource(module)
        if "resnet" in module.__name__ and "inception" not in module.__name__:
            source += inspect.getsource(sys.modules["keras.src.applications.resnet"])
        assert digest in source, file


def test_only_the_networks_without_digest_in_keras_lack_one():
    lacking = {e.function for e in BACKBONES.values() if e.files[0] not in WEIGHT_HASHES}
    assert lacking == {"MobileNet", "MobileNetV2"}


@pytest.mark.parametrize(
    ("name", "px"), [("patches", 8), ("inception_v3", 75), ("builtin", 32), ("mine.keras", 32)]
)
def test_smallest_pictures(name, px):
    assert smallest_input_px(name) == px
