"""The keras.applications families with ImageNet weights: names, files, scaling, preference.

A table only: no Keras is imported, so a driver can look for weights at once.
Accuracies (top-1 on ImageNet, in percent, as published with the weights) and costs are those of
keras.io/api/applications and of the models' papers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

AFFORDABLE_MEGA_MULTIPLY_ADDS = 1000
"""Backbones up to this cost at 224 px come first: they are what a CPU can use."""


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
    alpha: float | None = None
    minimalistic: bool = False
    scaling_lacks_deviation: bool = False


def _mobilenets() -> Iterator[BackboneEntry]:
    """MobileNet names widths by their digits; its weights at all sizes fit all sizes."""
    for alpha, digits, top1, cost in (
        (1.0, "1_0", 70.6, 569),
        (0.75, "7_5", 68.4, 325),
        (0.5, "5_0", 63.7, 149),
        (0.25, "2_5", 50.6, 41),
    ):
        files = tuple(f"mobilenet_{digits}_{px}_tf_no_top.h5" for px in (224, 192, 160, 128))
        yield BackboneEntry(f"mobilenet_{alpha:g}", "MobileNet", files, "tf", 32, top1, cost, alpha)


def _mobilenets_v2() -> Iterator[BackboneEntry]:
    stem = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
    for alpha, top1, cost in (
        (1.4, 75.0, 582),
        (1.3, 74.4, 509),
        (1.0, 71.8, 300),
        (0.75, 69.8, 209),
        (0.5, 65.4, 97),
        (0.35, 60.3, 59),
    ):
        files = tuple(f"{stem}_{alpha}_{px}_no_top.h5" for px in (224, 192, 160, 128, 96))
        name = f"mobilenet_v2_{alpha:g}"
        yield BackboneEntry(name, "MobileNetV2", files, "tf", 32, top1, cost, alpha)


def _mobilenets_v3() -> Iterator[BackboneEntry]:
    for size, alpha, minimalistic, top1, cost in (
        ("large", 1.0, False, 75.6, 217),
        ("large", 0.75, False, 73.3, 155),
        ("large", 1.0, True, 72.3, 209),
        ("small", 1.0, False, 68.1, 66),
        ("small", 0.75, False, 65.4, 44),
        ("small", 1.0, True, 61.9, 65),
    ):
        variant = "_minimalistic" if minimalistic else ""
        yield BackboneEntry(
            f"mobilenet_v3_{size}{variant}_{alpha:g}",
            f"MobileNetV3{size.capitalize()}",
            (f"weights_mobilenet_v3_{size}{variant}_224_{alpha}_float_no_top_v2.h5",),
            "none",
            32,
            top1,
            cost,
            alpha,
            minimalistic,
        )


def _large_families() -> Iterator[BackboneEntry]:
    kernels = "weights_tf_dim_ordering_tf_kernels_notop.h5"
    for name, function, file, scaling, smallest_px, top1, cost in (
        ("vgg16", "VGG16", f"vgg16_{kernels}", "caffe", 32, 71.3, 15500),
        ("vgg19", "VGG19", f"vgg19_{kernels}", "caffe", 32, 71.3, 19600),
        ("resnet50", "ResNet50", f"resnet50_{kernels}", "caffe", 32, 74.9, 3900),
        ("resnet101", "ResNet101", f"resnet101_{kernels}", "caffe", 32, 76.4, 7600),
        ("resnet152", "ResNet152", f"resnet152_{kernels}", "caffe", 32, 76.6, 11300),
        ("resnet50_v2", "ResNet50V2", f"resnet50v2_{kernels}", "tf", 32, 76.0, 3500),
        ("resnet101_v2", "ResNet101V2", f"resnet101v2_{kernels}", "tf", 32, 77.2, 7200),
        ("resnet152_v2", "ResNet152V2", f"resnet152v2_{kernels}", "tf", 32, 78.0, 11000),
        ("xception", "Xception", f"xception_{kernels}", "tf", 71, 79.0, 4600),
        ("inception_v3", "InceptionV3", f"inception_v3_{kernels}", "tf", 75, 77.9, 2800),
        (
            "inception_resnet_v2",
            "InceptionResNetV2",
            f"inception_resnet_v2_{kernels}",
            "tf",
            75,
            80.3,
            6500,
        ),
        ("densenet121", "DenseNet121", f"densenet121_{kernels}", "torch", 32, 75.0, 2850),
        ("densenet169", "DenseNet169", f"densenet169_{kernels}", "torch", 32, 76.2, 3400),
        ("densenet201", "DenseNet201", f"densenet201_{kernels}", "torch", 32, 77.3, 4300),
        ("nasnet_mobile", "NASNetMobile", "nasnet_mobile_no_top.h5", "tf", 32, 74.4, 564),
        ("nasnet_large", "NASNetLarge", "nasnet_large_no_top.h5", "tf", 32, 82.5, 10500),
    ):
        yield BackboneEntry(name, function, (file,), scaling, smallest_px, top1, cost)


def _efficient_families() -> Iterator[BackboneEntry]:
    """Families that scale pixels themselves."""
    for number, (top1, cost) in enumerate(
        (
            (77.1, 390),
            (79.1, 570),
            (80.1, 660),
            (81.6, 960),
            (82.9, 1500),
            (83.6, 2400),
            (84.0, 3400),
            (84.3, 5300),
        )
    ):
        yield BackboneEntry(
            f"efficientnet_b{number}",
            f"EfficientNetB{number}",
            (f"efficientnetb{number}_notop.h5",),
            "none",
            32,
            top1,
            cost,
            scaling_lacks_deviation=True,
        )
    for size, top1, cost in (
        ("b0", 78.7, 720),
        ("b1", 79.8, 1000),
        ("b2", 80.5, 1300),
        ("b3", 82.0, 1900),
        ("s", 83.9, 2900),
        ("m", 85.3, 5400),
        ("l", 85.7, 12300),
    ):
        function, file = f"EfficientNetV2{size.upper()}", f"efficientnetv2-{size}_notop.h5"
        name = f"efficientnet_v2_{size}"
        yield BackboneEntry(name, function, (file,), "none", 32, top1, cost)
    for size, top1, cost in (
        ("tiny", 81.3, 4500),
        ("small", 82.3, 8700),
        ("base", 85.3, 15400),
        ("large", 86.3, 34400),
        ("xlarge", 86.7, 61000),
    ):
        function = "ConvNeXtXLarge" if size == "xlarge" else f"ConvNeXt{size.capitalize()}"
        name = f"convnext_{size}"
        yield BackboneEntry(name, function, (f"{name}_notop.h5",), "none", 32, top1, cost)


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
