import keras
import numpy as np
import pytest

from autosmall.training.optimizers import make_optimizer, reset_optimizer
from autosmall.training.options import TrainingOptions

NAMES = ("adam", "adamw", "sgd", "rmsprop")


@pytest.fixture
def variables():
    return [
        keras.Variable(np.ones((2, 2), np.float32), name="kernel"),
        keras.Variable(np.ones((2,), np.float32), name="bias"),
    ]


def apply(optimizer, variables, gradient: float) -> None:
    optimizer.build(variables)
    gradients = [keras.ops.full(variable.shape, gradient) for variable in variables]
    optimizer.apply(gradients, variables)


def values(variables) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_shrinks_kernels_and_spares_biases(name, variables):
    options = TrainingOptions(optimizer=name, learning_rate=0.1, weight_decay=0.5)
    apply(make_optimizer(options, variables), variables, gradient=0.0)
    kernel, bias = values(variables)
    np.testing.assert_allclose(kernel, 1 - 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_array_equal(bias, 1)


@pytest.mark.parametrize("name", NAMES)
def test_learning_rate_factor_scales_the_step(name, variables):
    options = TrainingOptions(optimizer=name, learning_rate=0.1)
    factors = {variables[0].path: 0.25, "no/such/variable": 7.0}
    apply(make_optimizer(options, variables, factors), variables, gradient=1.0)
    kernel_step, bias_step = (1 - value for value in values(variables))
    np.testing.assert_allclose(kernel_step, 0.25 * bias_step[0], rtol=1e-5)
    assert bias_step[0] > 0.05


def test_momentum_is_read_by_sgd(variables):
    still, moving = (
        make_optimizer(TrainingOptions(optimizer="sgd", momentum=momentum), variables)
        for momentum in (0.0, 0.8)
    )
    assert (still.momentum, moving.momentum) == (0.0, 0.8)


@pytest.mark.parametrize("name", NAMES)
def test_reset_forgets_all_steps(name, variables):
    options = TrainingOptions(optimizer=name, learning_rate=0.1, weight_decay=0.1)
    optimizer = make_optimizer(options, variables)
    apply(optimizer, variables, gradient=1.0)
    after_first = values(variables)
    reset_optimizer(optimizer)
    for variable in variables:
        variable.assign(np.ones(variable.shape, np.float32))
    apply(optimizer, variables, gradient=1.0)
    np.testing.assert_array_equal(values(variables)[0], after_first[0])
    assert int(optimizer.iterations) == 1
