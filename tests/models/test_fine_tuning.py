import keras
import numpy as np
import pytest

from autosmall.models.backbones import backbone_from_model, build_untrained
from autosmall.models.fine_tuning import (
    FineTuneSpec,
    FittedHead,
    build_networks,
    fitted_head,
    signed_roots,
    trained_blocks,
)
from autosmall.models.heads import (
    Standardisation,
    StandardisedHead,
    TrainingRows,
    solve_linear_head,
)

TOP_TWO = {
    "conv_dw_12/kernel",
    "conv_pw_12/kernel",
    "conv_dw_13/kernel",
    "conv_pw_13/kernel",
}


def lively_mobilenet():
    """MobileNet with weights of He's scale: Keras's own let the maps fade away to nothing."""
    backbone = build_untrained("mobilenet_0.25", (32, 32, 3))
    rng = np.random.default_rng(0)
    for layer in backbone.model.layers:
        if "conv" in layer.name and layer.weights and "bn" not in layer.name:
            shape = layer.kernel.shape
            inputs = np.prod(shape[:2] if "dw" in layer.name else shape[:3])
            layer.kernel.assign(rng.normal(scale=np.sqrt(2 / inputs), size=shape))
    return backbone


def mobilenet(layers="last", pooling="avg", blocks=2, transform="none"):
    spec = FineTuneSpec(3, blocks, layers, pooling, transform)
    return build_networks(lively_mobilenet(), spec)


def give_head(networks, seed=0):
    """Set a random head that standardises."""
    rng = np.random.default_rng(seed)
    head = fitted_head(networks)
    width, classes = head.kernel.shape
    mean, scale = rng.normal(size=width), rng.uniform(0.1, 2, width)
    standardise = Standardisation(mean.astype(np.float32), scale.astype(np.float32))
    kernel, bias = rng.normal(size=(width, classes)), rng.normal(size=classes)
    head.start_from(StandardisedHead(standardise, kernel, bias), 0.1)
    return head


def some_pictures(count=2):
    return np.random.default_rng(1).uniform(0, 255, (count, 32, 32, 3)).astype(np.float32)


def test_only_the_top_blocks_and_the_head_are_trainable():
    networks = mobilenet()
    paths = {variable.path for variable in networks.classifier.trainable_variables}
    assert paths == TOP_TWO | {"classifier/kernel", "classifier/bias"}
    assert {v.path for v in networks.upper.trainable_variables} == paths
    assert not networks.lower.trainable_variables


def test_trained_variables_come_block_by_block_from_the_top():
    names = [{v.path for v in block} for block in trained_blocks(mobilenet())]
    assert names == [
        {"conv_dw_13/kernel", "conv_pw_13/kernel"},
        {"conv_dw_12/kernel", "conv_pw_12/kernel"},
    ]


@pytest.mark.parametrize("blocks", [1, 2, 5])
@pytest.mark.parametrize(
    ("layers", "pooling", "transform"),
    [("last", "avg", "none"), ("multi", "avg_max", "sqrt"), ("multi", "pyramid", "none")],
)
def test_lower_and_upper_make_up_the_classifier(layers, pooling, transform, blocks):
    networks = mobilenet(layers, pooling, blocks, transform)
    give_head(networks)
    whole = networks.classifier(some_pictures())
    assert networks.is_cut
    np.testing.assert_allclose(
        networks.upper(networks.lower(some_pictures())), whole, rtol=1e-3, atol=1e-3
    )


def test_the_head_folds_into_one_on_raw_features():
    head = give_head(mobilenet())
    features = np.random.default_rng(2).normal(size=(5, head.kernel.shape[0])).astype(np.float32)
    expected = keras.ops.softmax(head(features))
    np.testing.assert_allclose(head.folded().probabilities(features), expected, atol=1e-4)


def test_the_penalty_is_half_the_squared_kernel_times_its_strength():
    networks = mobilenet()
    head = give_head(networks)
    networks.classifier(some_pictures())
    expected = 0.5 * 0.1 * float(np.square(head.kernel.numpy()).sum())
    assert [float(loss) for loss in networks.classifier.losses] == pytest.approx([expected])


def test_a_solved_head_is_at_rest_under_loss_and_penalty():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(60, 6)).astype(np.float32)
    labels = (features[:, 0] + rng.normal(size=60) > 0).astype(np.int64) + (features[:, 1] > 1)
    rows = TrainingRows.weighted(features, labels, 3, None)
    solved = solve_linear_head("logistic", rows, 0.5)
    inputs = keras.Input((6,))
    head = FittedHead(FineTuneSpec(3, 1, "last", "avg"))
    model = keras.Model(inputs, head(inputs))
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 1.0

    def step(strength):
        head.start_from(solved, strength)
        model.train_on_batch(features, np.eye(3)[labels])
        return np.abs(head.kernel.numpy() - solved.kernel).max()

    assert step(1 / (0.5 * 60)) < 1e-3
    assert step(2 / (0.5 * 60)) > 1e-2


@pytest.mark.parametrize("value", [4.0, -4.0, 1e-4, 0.0])
def test_signed_roots_are_exact_and_their_slope_is_bounded(value):
    """The slope is 1 / (2 sqrt(|x|)), and that of 0.01 nearer to zero."""
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, 1))
    layer.kernel.assign([[value]])
    inputs = keras.Input((1,))
    model = keras.Model(inputs, signed_roots(layer(inputs)))
    model.compile("sgd", keras.losses.MeanSquaredError())
    root = np.sign(value) * np.sqrt(abs(value))
    one = np.ones((1, 1), np.float32)
    assert float(model(one)[0, 0]) == pytest.approx(root, abs=1e-6)
    slope = 1 / (2 * np.sqrt(max(abs(value), 0.01)))
    model.optimizer.learning_rate = 1e-3
    model.train_on_batch(one, one + root)
    assert float(layer.kernel[0, 0]) - value == pytest.approx(1e-3 * 2 * slope, rel=2e-2)


def residual_backbone():
    """A second family: residual blocks with batch normalisation, as in ResNet."""
    keras.utils.set_random_seed(0)
    pictures = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1.0)(pictures)
    x = keras.layers.Conv2D(4, 3, 2, name="conv1_conv")(x)
    for number in (2, 3, 4):
        name = f"conv{number}_block1"
        y = keras.layers.Conv2D(4, 3, padding="same", name=f"{name}_1_conv")(x)
        y = keras.layers.BatchNormalization(name=f"{name}_1_bn")(y)
        x = keras.layers.Add(name=f"{name}_add")([x, keras.layers.ReLU()(y)])
    return backbone_from_model(keras.Model(pictures, x))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("family", ["mobilenet", "residual"])
def test_training_leaves_weights_below_the_cut_and_statistics_bit_for_bit(family, optimizer):
    backbone = lively_mobilenet() if family == "mobilenet" else residual_backbone()
    networks = build_networks(backbone, FineTuneSpec(3, 2, "multi", "avg_max"))
    give_head(networks)
    classifier = networks.classifier
    trained = {variable.path for block in trained_blocks(networks) for variable in block}
    before = {v.path: v.numpy().copy() for v in backbone.model.variables}
    classifier.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True))
    labels = np.random.default_rng(0).integers(3, size=8)
    for _ in range(3):
        classifier.train_on_batch(some_pictures(8), np.eye(3)[labels])
    after = {v.path: v.numpy().copy() for v in backbone.model.variables}
    changed = {path for path in before if before[path].tobytes() != after[path].tobytes()}
    assert changed == trained
    assert not any("bn" in path for path in trained)
    assert any("moving_mean" in path for path in before)


def test_more_blocks_than_there_are_means_all():
    networks = mobilenet(blocks=20)
    assert not networks.is_cut
    assert networks.upper is networks.classifier
    assert "conv1/kernel" in {v.path for v in networks.classifier.trainable_variables}


def test_pictures_of_any_shape_are_not_cut():
    backbone = build_untrained("mobilenet_0.25", (None, None, 3))
    networks = build_networks(backbone, FineTuneSpec(3, 2, "multi", "avg_max"))
    assert not networks.is_cut
    wide = np.zeros((1, 32, 64, 3), np.float32)
    assert networks.classifier(wide).shape == (1, 3)
