"""Temperature scaling inside a Keras model, so that every copy and export holds it."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from autosmall.models.temperature import PROBABILITY_FLOOR


@keras.saving.register_keras_serializable(package="autosmall")
class TemperatureScaling(keras.layers.Layer):
    """Probabilities in, scaled probabilities out; see :mod:`autosmall.models.temperature`."""

    def __init__(self, temperature: float, **options: Any) -> None:
        super().__init__(**options)
        if not (math.isfinite(temperature) and temperature > 0):
            raise ValueError(f"temperature {temperature!r} is not a positive number")
        self.temperature = float(temperature)

    def call(self, probabilities: keras.KerasTensor) -> keras.KerasTensor:
        """Return ``softmax(log(p) / temperature)``."""
        logits = ops.log(ops.maximum(probabilities, PROBABILITY_FLOOR))
        return ops.softmax(logits / self.temperature, axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "temperature": self.temperature}


def with_temperature(model: keras.Model, temperature: float) -> keras.Model:
    """Return ``model`` (pictures to probabilities) with its output scaled."""
    scaled = TemperatureScaling(temperature, name="calibrated")(model.outputs[0])
    return keras.Model(model.inputs[0], scaled, name=model.name)
