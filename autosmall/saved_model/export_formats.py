"""Write a model in another format, run it, compare.

Run as ``python -m autosmall.saved_model.export_formats MODEL FORMAT FILE [TRUSTED ...]``.
Each format has a writer, which makes it from a Keras model by way of TensorFlow, and a runner,
which predicts with the format's own runtime. All take ``pictures`` (``float32 (n, height, width,
channels)``, values 0 to 255, any n; any height and width where the model takes pictures in their
own shape) and give ``probabilities`` (``float32 (n, n_classes)``).

ONNX is not written by ``Model.export``: in Keras 3.15 that takes tensors which layers made when
they were built (those of ``Normalization``, and so of every EfficientNet) for inputs, and the
file then asks for them. Here they are frozen into the graph like the weights.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autosmall.child import Answer, answer_parent
from autosmall.errors import ModelFileError
from autosmall.saved_model.folder import read_samples
from autosmall.saved_model.model import SavedModel, load_single_model
from autosmall.schema.mixed_pictures import same_shape_parts

if TYPE_CHECKING:
    import keras

ONNX_OPSET = 17
INPUT, OUTPUT = "pictures", "probabilities"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ExportFormat:
    """A format: the name of its file or folder, the packages it needs, its writer and runner."""

    file_name: str
    packages: tuple[str, ...]
    write: Callable[[keras.Model, Path], None]
    run: Callable[[Path, Floats], Floats]


def write_saved_model(model: keras.Model, path: Path) -> None:
    """Write TensorFlow's SavedModel folder, with the signature ``serving_default``."""
    import keras

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", _named(model), input_signature=[_input_spec(model)])
    archive.write_out(str(path), verbose=False)


def run_saved_model(path: Path, pictures: Floats) -> Floats:
    """Return the SavedModel's probabilities."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    outputs = loaded.signatures["serving_default"](**{INPUT: tf.constant(pictures)})
    return np.asarray(outputs[OUTPUT], np.float32)


def write_tflite(model: keras.Model, path: Path) -> None:
    """Write a TFLite file of built-in operations only: LiteRT runs no others by itself."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(model, Path(folder) / "model")
        converter = tf.lite.TFLiteConverter.from_saved_model(str(Path(folder) / "model"))
        path.write_bytes(converter.convert())


def run_tflite(path: Path, pictures: Floats) -> Floats:
    """Return LiteRT's probabilities."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path)).get_signature_runner()
    return np.asarray(runner(**{INPUT: pictures})[OUTPUT], np.float32)


def write_onnx(model: keras.Model, path: Path) -> None:
    """Write an ONNX file of opset 17, whose first dimension is free."""
    import tensorflow as tf
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    @tf.function(input_signature=[_input_spec(model)])
    def predict(pictures: Any) -> Any:
        return tf.identity(model(pictures, training=False), name=OUTPUT)

    frozen = convert_variables_to_constants_v2(
        predict.get_concrete_function(), lower_control_flow=False, aggressive_inlining=True
    )
    ends = {f"{INPUT}:0": INPUT, f"{OUTPUT}:0": OUTPUT}
    tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(add_shapes=True),
        input_names=[f"{INPUT}:0"],
        output_names=[f"{OUTPUT}:0"],
        tensors_to_rename=ends,
        opset=ONNX_OPSET,
        output_path=str(path),
    )


def run_onnx(path: Path, pictures: Floats) -> Floats:
    """Return ONNX Runtime's probabilities, computed on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run([OUTPUT], {INPUT: pictures})[0], np.float32)


FORMATS = {
    "onnx": ExportFormat("model.onnx", ("onnx", "tf2onnx", "onnxruntime"), write_onnx, run_onnx),
    "tflite": ExportFormat("model.tflite", ("ai_edge_litert",), write_tflite, run_tflite),
    "saved-model": ExportFormat("saved_model", (), write_saved_model, run_saved_model),
}
"""Name on the command line to format."""


def write_and_compare(saved: SavedModel, name: str, path: Path) -> float:
    """Write ``saved`` as ``name`` to ``path`` and return its largest difference from Keras.

    The difference is of probabilities, on the pictures stored beside the model, shape by shape;
    a model of pictures in their own shape is compared on one more shape. Raises
    :class:`~autosmall.errors.ModelFileError` where the pictures are missing.
    """
    samples = read_samples(saved.folder)
    if samples is None or not len(samples.pictures):
        raise ModelFileError(
            f"{saved.folder} has no samples.npz, the pictures that an export is checked with",
            "the folder as it was saved",
            "copy samples.npz back, or write the model anew with: autosmall retrain RUN",
        )
    FORMATS[name].write(saved.model, path)
    batches = [
        samples.pictures[rows]
        for rows in same_shape_parts(samples.pictures, np.arange(len(samples.pictures)))
    ]
    if saved.pipeline.picture_spec.is_native:
        batches.append(batches[0].repeat(2, axis=2))
    differences = [_difference(saved, FORMATS[name], path, batch) for batch in batches]
    return float(np.max(differences))


def _difference(
    saved: SavedModel, wanted: ExportFormat, path: Path, pictures: NDArray[np.uint8]
) -> float:
    found = wanted.run(path, pictures.astype(np.float32))
    expected = saved.predict_proba(pictures)
    return float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf


def _named(model: keras.Model) -> Callable[[Any], dict[str, Any]]:
    def serve(pictures: Any) -> dict[str, Any]:
        return {OUTPUT: model(pictures, training=False)}

    return serve


def _input_spec(model: keras.Model) -> Any:
    import tensorflow as tf

    return tf.TensorSpec(model.input_shape, tf.float32, name=INPUT)


def _work(model: str, name: str, path: str, *trust: str) -> Answer:
    saved = load_single_model(Path(model), trust)
    return {"largest_difference": write_and_compare(saved, name, Path(path))}


if __name__ == "__main__":
    answer_parent(lambda: _work(*sys.argv[1:]))
