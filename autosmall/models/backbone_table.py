"""The keras.applications families with ImageNet weights: names, files, scaling, preference.

A table only: no Keras is imported, so a driver can look for weights at once.
Accuracies (top-1 on ImageNet, in percent, as published with the weights) and costs are those of
keras.io/api/applications and of the models' papers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autosmall.schema.backbone_source import PATCHES

AFFORDABLE_MEGA_MULTIPLY_ADDS = 1000
"""Backbones up to this cost at 224 px come first: they are what a CPU can use."""
SMALLEST_PATCHES_PX = 8
SMALLEST_FILE_PX = 32
"""Smallest input side of a network that is not in the table: five halvings leave one pixel."""
INPUT_RANGES = {
    "tf": "-1 to 1",
    "caffe": "-124 to 151",
    "torch": "-2.1 to 2.6",
    "none": "0 to 255",
}
"""What the network behind each scaling is given."""
APACHE, BSD, CC_BY, MIT = "Apache-2.0", "BSD-3-Clause", "CC-BY-4.0", "MIT"


@dataclass(frozen=True)
class BackboneEntry:
    """One architecture of keras.applications.

    Attributes:
        name: What configurations call it.
        function: Name of the function in ``keras.applications``.
        files: Names of weight files without classifier, as Keras downloads them, best first.
        scaling: What pixels 0 to 255 become before the network: ``tf`` (-1 to 1), ``caffe``
            (BGR minus the mean), ``torch`` (standardised), ``none`` (the network does it).
        smallest_px: Smallest input side.
        top1: Published accuracy in percent.
        mega_multiply_adds: Millions of multiply-adds of one 224 px picture, about.
        alpha: Width factor, where the function takes one.
        minimalistic: MobileNetV3's variant without squeeze-and-excite.
        parameters: Weights without classifier, moving averages included.
        features: Channels of the last feature map.
        licence: Under which the weights were published (SPDX identifier).
        scaling_lacks_deviation: The function divides by the root of the deviations only for
            ``weights="imagenet"`` (EfficientNet B0 to B7), so whoever loads a file must do it.
    """

    name: str
    function: str
    files: tuple[str, ...]
    scaling: str
    smallest_px: int
    top1: float
    mega_multiply_adds: float
    parameters: int
    features: int
    licence: str
    alpha: float | None = None
    minimalistic: bool = False
    scaling_lacks_deviation: bool = False


def _mobilenets() -> Iterator[BackboneEntry]:
    """MobileNet names widths by their digits; its weights at all sizes fit all sizes."""
    for alpha, digits, top1, cost, parameters, features in (
        (1.0, "1_0", 70.6, 569, 3_228_864, 1024),
        (0.75, "7_5", 68.4, 325, 1_832_976, 768),
        (0.5, "5_0", 63.7, 149, 829_536, 512),
        (0.25, "2_5", 50.6, 41, 218_544, 256),
    ):
        yield BackboneEntry(
            name=f"mobilenet_{alpha:g}",
            function="MobileNet",
            files=tuple(f"mobilenet_{digits}_{px}_tf_no_top.h5" for px in (224, 192, 160, 128)),
            scaling="tf",
            smallest_px=32,
            top1=top1,
            mega_multiply_adds=cost,
            parameters=parameters,
            features=features,
            licence=APACHE,
            alpha=alpha,
        )


def _mobilenets_v2() -> Iterator[BackboneEntry]:
    stem = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
    for alpha, top1, cost, parameters, features in (
        (1.4, 75.0, 582, 4_363_712, 1792),
        (1.3, 74.4, 509, 3_766_048, 1664),
        (1.0, 71.8, 300, 2_257_984, 1280),
        (0.75, 69.8, 209, 1_382_064, 1280),
        (0.5, 65.4, 97, 706_224, 1280),
        (0.35, 60.3, 59, 410_208, 1280),
    ):
        yield BackboneEntry(
            name=f"mobilenet_v2_{alpha:g}",
            function="MobileNetV2",
            files=tuple(f"{stem}_{alpha}_{px}_no_top.h5" for px in (224, 192, 160, 128, 96)),
            scaling="tf",
            smallest_px=32,
            top1=top1,
            mega_multiply_adds=cost,
            parameters=parameters,
            features=features,
            licence=APACHE,
            alpha=alpha,
        )


def _mobilenets_v3() -> Iterator[BackboneEntry]:
    for size, alpha, minimalistic, top1, cost, parameters, features in (
        ("large", 1.0, False, 75.6, 217, 2_996_352, 960),
        ("large", 0.75, False, 73.3, 155, 1_808_736, 720),
        ("large", 1.0, True, 72.3, 209, 1_437_608, 960),
        ("small", 1.0, False, 68.1, 66, 939_120, 576),
        ("small", 0.75, False, 65.4, 44, 583_160, 432),
        ("small", 1.0, True, 61.9, 65, 441_000, 576),
    ):
        variant = "_minimalistic" if minimalistic else ""
        yield BackboneEntry(
            name=f"mobilenet_v3_{size}{variant}_{alpha:g}",
            function=f"MobileNetV3{size.capitalize()}",
            files=(f"weights_mobilenet_v3_{size}{variant}_224_{alpha}_float_no_top_v2.h5",),
            scaling="none",
            smallest_px=32,
            top1=top1,
            mega_multiply_adds=cost,
            parameters=parameters,
            features=features,
            licence=APACHE,
            alpha=alpha,
            minimalistic=minimalistic,
        )


def _large_families() -> Iterator[BackboneEntry]:
    for name, function, scaling, smallest_px, top1, cost, parameters, features, licence in (
        ("vgg16", "VGG16", "caffe", 32, 71.3, 15500, 14_714_688, 512, CC_BY),
        ("vgg19", "VGG19", "caffe", 32, 71.3, 19600, 20_024_384, 512, CC_BY),
        ("resnet50", "ResNet50", "caffe", 32, 74.9, 3900, 23_587_712, 2048, MIT),
        ("resnet101", "ResNet101", "caffe", 32, 76.4, 7600, 42_658_176, 2048, MIT),
        ("resnet152", "ResNet152", "caffe", 32, 76.6, 11300, 58_370_944, 2048, MIT),
        ("resnet50_v2", "ResNet50V2", "tf", 32, 76.0, 3500, 23_564_800, 2048, BSD),
        ("resnet101_v2", "ResNet101V2", "tf", 32, 77.2, 7200, 42_626_560, 2048, BSD),
        ("resnet152_v2", "ResNet152V2", "tf", 32, 78.0, 11000, 58_331_648, 2048, BSD),
        ("xception", "Xception", "tf", 71, 79.0, 4600, 20_861_480, 2048, MIT),
        ("inception_v3", "InceptionV3", "tf", 75, 77.9, 2800, 21_802_784, 2048, APACHE),
        (
            "inception_resnet_v2",
            "InceptionResNetV2",
            "tf",
            75,
            80.3,
            6500,
            54_336_736,
            1536,
            APACHE,
        ),
        ("densenet121", "DenseNet121", "torch", 32, 75.0, 2850, 7_037_504, 1024, BSD),
        ("densenet169", "DenseNet169", "torch", 32, 76.2, 3400, 12_642_880, 1664, BSD),
        ("densenet201", "DenseNet201", "torch", 32, 77.3, 4300, 18_321_984, 1920, BSD),
        ("nasnet_mobile", "NASNetMobile", "tf", 32, 74.4, 564, 4_269_716, 1056, APACHE),
        ("nasnet_large", "NASNetLarge", "tf", 32, 82.5, 10500, 84_916_818, 4032, APACHE),
    ):
        yield BackboneEntry(
            name=name,
            function=function,
            files=(_large_file(name),),
            scaling=scaling,
            smallest_px=smallest_px,
            top1=top1,
            mega_multiply_adds=cost,
            parameters=parameters,
            features=features,
            licence=licence,
        )


def _large_file(name: str) -> str:
    if name.startswith("nasnet"):
        return f"{name}_no_top.h5"
    stem = name.replace("_v2", "v2") if name.startswith("resnet") else name
    return f"{stem}_weights_tf_dim_ordering_tf_kernels_notop.h5"


def _efficient_families() -> Iterator[BackboneEntry]:
    """Families that scale pixels themselves."""
    for function, name, top1, cost, parameters, features, licence in (
        ("EfficientNetB0", "efficientnet_b0", 77.1, 390, 4_049_571, 1280, APACHE),
        ("EfficientNetB1", "efficientnet_b1", 79.1, 570, 6_575_239, 1280, APACHE),
        ("EfficientNetB2", "efficientnet_b2", 80.1, 660, 7_768_569, 1408, APACHE),
        ("EfficientNetB3", "efficientnet_b3", 81.6, 960, 10_783_535, 1536, APACHE),
        ("EfficientNetB4", "efficientnet_b4", 82.9, 1500, 17_673_823, 1792, APACHE),
        ("EfficientNetB5", "efficientnet_b5", 83.6, 2400, 28_513_527, 2048, APACHE),
        ("EfficientNetB6", "efficientnet_b6", 84.0, 3400, 40_960_143, 2304, APACHE),
        ("EfficientNetB7", "efficientnet_b7", 84.3, 5300, 64_097_687, 2560, APACHE),
        ("EfficientNetV2B0", "efficientnet_v2_b0", 78.7, 720, 5_919_312, 1280, APACHE),
        ("EfficientNetV2B1", "efficientnet_v2_b1", 79.8, 1000, 6_931_124, 1280, APACHE),
        ("EfficientNetV2B2", "efficientnet_v2_b2", 80.5, 1300, 8_769_374, 1408, APACHE),
        ("EfficientNetV2B3", "efficientnet_v2_b3", 82.0, 1900, 12_930_622, 1536, APACHE),
        ("EfficientNetV2S", "efficientnet_v2_s", 83.9, 2900, 20_331_360, 1280, APACHE),
        ("EfficientNetV2M", "efficientnet_v2_m", 85.3, 5400, 53_150_388, 1280, APACHE),
        ("EfficientNetV2L", "efficientnet_v2_l", 85.7, 12300, 117_746_848, 1280, APACHE),
        ("ConvNeXtTiny", "convnext_tiny", 81.3, 4500, 27_820_128, 768, MIT),
        ("ConvNeXtSmall", "convnext_small", 82.3, 8700, 49_454_688, 768, MIT),
        ("ConvNeXtBase", "convnext_base", 85.3, 15400, 87_566_464, 1024, MIT),
        ("ConvNeXtLarge", "convnext_large", 86.3, 34400, 196_230_336, 1536, MIT),
        ("ConvNeXtXLarge", "convnext_xlarge", 86.7, 61000, 348_147_968, 2048, MIT),
    ):
        yield BackboneEntry(
            name=name,
            function=function,
            files=(_efficient_file(name),),
            scaling="none",
            smallest_px=32,
            top1=top1,
            mega_multiply_adds=cost,
            parameters=parameters,
            features=features,
            licence=licence,
            scaling_lacks_deviation=name.startswith("efficientnet_b"),
        )


def _efficient_file(name: str) -> str:
    stem = name.replace("efficientnet_v2_", "efficientnetv2-")
    return f"{stem.replace('efficientnet_b', 'efficientnetb')}_notop.h5"


def _preference(entry: BackboneEntry) -> tuple[bool, float, str]:
    """Affordable before costly, then the more accurate first."""
    costly = entry.mega_multiply_adds > AFFORDABLE_MEGA_MULTIPLY_ADDS
    return costly, -entry.top1, entry.name


BACKBONES: dict[str, BackboneEntry] = {
    entry.name: entry
    for entry in sorted(
        (
            *_mobilenets(),
            *_mobilenets_v2(),
            *_mobilenets_v3(),
            *_large_families(),
            *_efficient_families(),
        ),
        key=_preference,
    )
}
"""Name to entry, in the order in which they are preferred."""


def backbone_of_file(file_name: str) -> BackboneEntry | None:
    """Return the entry whose weights Keras stores under ``file_name``, if any."""
    return next((entry for entry in BACKBONES.values() if file_name in entry.files), None)


def smallest_input_px(name: str) -> int:
    """Return the smallest input side of the backbone called ``name``, whatever its kind."""
    if name == PATCHES:
        return SMALLEST_PATCHES_PX
    return BACKBONES[name].smallest_px if name in BACKBONES else SMALLEST_FILE_PX
