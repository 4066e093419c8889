"""Copies of models whose graph is flat: models within models become their layers."""

from __future__ import annotations

from typing import Any

import keras

Tensor = Any
"""A symbolic tensor of Keras."""


def flat_copy(model: keras.Model, inputs: Tensor) -> Tensor:
    """Return the output of a copy of ``model`` on ``inputs``, weights copied.

    Layers keep their names, with a number where a model within used the same one. Raises
    ``ValueError`` for models without a graph (subclassed ones), with several inputs or outputs,
    or with layers that are used more than once.
    """
    copier = _Copier()
    output = copier.run(model, inputs)
    copier.copy_weights()
    return output


class _Copier:
    def __init__(self) -> None:
        self._copies: dict[int, tuple[Any, Any]] = {}
        self._names: set[str] = set()

    def run(self, model: keras.Model, inputs: Tensor) -> Tensor:
        if isinstance(model, keras.Sequential):
            model = keras.Model(model.inputs, model.outputs)
        if not hasattr(model, "_run_through_graph"):
            raise ValueError(f"{model.name} is a subclassed model, whose graph is not known")
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise ValueError(f"{model.name} has several inputs or outputs")
        outputs = model._run_through_graph(inputs, lambda operation: operation, self._call)
        return outputs[0] if isinstance(outputs, list | tuple) else outputs

    def copy_weights(self) -> None:
        for original, copy in self._copies.values():
            if isinstance(original, keras.Layer) and original.weights:
                copy.set_weights(original.get_weights())
            if hasattr(copy, "finalize_state"):
                copy.finalize_state()

    def _call(self, operation: Any, *args: Any, **kwargs: Any) -> Tensor:
        if isinstance(operation, keras.Model):
            return self.run(operation, args[0])
        if id(operation) in self._copies:
            raise ValueError(f"the layer {operation.name} is used more than once")
        config = {**operation.get_config(), "name": self._free_name(operation.name)}
        copy = operation.__class__.from_config(config)
        self._copies[id(operation)] = operation, copy
        return copy(*args, **kwargs)

    def _free_name(self, name: str) -> str:
        free, number = name, 0
        while free in self._names:
            number += 1
            free = f"{name}_{number}"
        self._names.add(free)
        return free
