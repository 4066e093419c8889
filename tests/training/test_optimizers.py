import keras
import numpy as np
import pytest

from autosmall.training.optimizers import VariableRates, make_optimizer, reset_optimizer, set_step
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
    rates = VariableRates({variables[0].path: 0.25, "no/such/variable": 7.0})
    apply(make_optimizer(options, variables, rates), variables, gradient=1.0)
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


@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_follows_the_factor_and_spares_biases(name, variables):
    options = TrainingOptions(optimizer=name, learning_rate=0.1, weight_decay=0.5)
    rates = VariableRates({variables[0].path: 0.2})
    apply(make_optimizer(options, variables, rates), variables, gradient=0.0)
    kernel, bias = values(variables)
    np.testing.assert_allclose(kernel, 1 - 0.2 * 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_array_equal(bias, 1)


@pytest.mark.parametrize("name", NAMES)
def test_decay_to_start_pulls_back_and_leaves_the_start_alone(name, variables):
    options = TrainingOptions(optimizer=name, learning_rate=0.1, weight_decay=0.5)
    optimizer = make_optimizer(options, variables, VariableRates(decay_to_start=True))
    apply(optimizer, variables, gradient=0.0)
    np.testing.assert_array_equal(values(variables)[0], 1)
    variables[0].assign(np.full((2, 2), 3.0, np.float32))
    apply(optimizer, variables, gradient=0.0)
    np.testing.assert_allclose(values(variables)[0], 3 - 0.1 * 0.5 * (3 - 1), rtol=1e-6)


def test_reset_takes_the_present_values_for_the_start(variables):
    options = TrainingOptions(optimizer="sgd", learning_rate=0.1, weight_decay=0.5)
    optimizer = make_optimizer(options, variables, VariableRates(decay_to_start=True))
    apply(optimizer, variables, gradient=0.0)
    variables[0].assign(np.full((2, 2), 3.0, np.float32))
    reset_optimizer(optimizer)
    apply(optimizer, variables, gradient=0.0)
    np.testing.assert_array_equal(values(variables)[0], 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_stays_as_it_is_until_its_share_of_the_run(name, variables):
    options = TrainingOptions(optimizer=name, learning_rate=0.1, weight_decay=0.5)
    rates = VariableRates(begins={variables[0].path: 0.5})
    optimizer = make_optimizer(options, variables, rates)
    optimizer.build(variables)
    set_step(optimizer, 0.1, 0.49)
    apply(optimizer, variables, gradient=1.0)
    kernel, bias = values(variables)
    np.testing.assert_array_equal(kernel, 1)
    assert (bias < 1).all()
    set_step(optimizer, 0.1, 0.5)
    apply(optimizer, variables, gradient=1.0)
    assert (values(variables)[0] < 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_factor_zero_never_changes_a_variable(name, variables):
    options = TrainingOptions(optimizer=name, learning_rate=0.1, weight_decay=0.5)
    optimizer = make_optimizer(options, variables, VariableRates({variables[0].path: 0.0}))
    apply(optimizer, variables, gradient=1.0)
    kernel, bias = values(variables)
    np.testing.assert_array_equal(kernel, 1)
    assert (bias < 1).all()
