import numpy as np
import pytest

from autosmall.schema.settings import INVARIANCES
from autosmall.training.augmentation import (
    Augmenter,
    augmented_view,
    transform_rows,
    view_name,
)

POLICIES = ("affine", "random_resized_crop", "rand_augment", "trivial_augment")
EVERYTHING = frozenset(INVARIANCES)


@pytest.fixture
def pictures():
    """Smooth, asymmetric grey pictures of 20 px."""
    rows, columns = np.mgrid[0:20, 0:20]
    ramp = (40 + 5 * columns + 3 * rows).astype(np.float32)
    return np.tile(ramp[None, :, :, None], (8, 1, 1, 3))


@pytest.mark.parametrize("policy", POLICIES)
def test_alters_within_range_and_repeats(pictures, policy):
    augmenter = Augmenter(policy, 0.5, EVERYTHING)
    first, second = (augmenter(pictures, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == pictures.shape and first.dtype == np.float32
    assert first.min() >= 0 and first.max() <= 255
    assert not np.allclose(first, pictures, atol=1)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize(
    "augmenter",
    [
        Augmenter("none", 1.0, EVERYTHING),
        *(Augmenter(policy, 0.0, EVERYTHING) for policy in POLICIES),
        *(Augmenter(policy, 1.0, frozenset()) for policy in POLICIES),
    ],
)
def test_none_of_it_is_the_identity(pictures, augmenter):
    np.testing.assert_array_equal(augmenter(pictures, np.random.default_rng(0)), pictures)


UNALTERED = {
    "mirror": ("mirror", 1),
    "flip": ("flip", 1),
    "rotate": ("angle", 0),
    "shear": ("shear", 0),
    "brightness": ("brightness", 0),
    "contrast": ("contrast", 1),
    "noise": ("noise", 0),
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("forbidden", INVARIANCES)
def test_never_uses_what_is_not_allowed(policy, forbidden):
    augmenter = Augmenter(policy, 1.0, EVERYTHING - {forbidden})
    drawn = augmenter.draw(200, np.random.default_rng(0))
    if forbidden == "shift":
        assert np.all(drawn.shift_x == 0) and np.all(drawn.shift_y == 0)
    elif forbidden == "zoom":
        assert np.all(drawn.scale_x == 1) and np.all(drawn.scale_y == 1)
    else:
        name, neutral = UNALTERED[forbidden]
        assert np.all(getattr(drawn, name) == neutral)


@pytest.mark.parametrize("policy", ["affine", "trivial_augment"])
def test_strength_scales_the_range(policy):
    weak, strong = (
        Augmenter(policy, strength, EVERYTHING).draw(500, np.random.default_rng(0))
        for strength in (0.1, 1.0)
    )
    np.testing.assert_allclose(10 * weak.angle, strong.angle, atol=1e-12)
    assert np.abs(strong.angle).max() > 0.4


@pytest.mark.parametrize(("policy", "kinds"), [("trivial_augment", 1), ("rand_augment", 2)])
def test_draws_a_fixed_number_of_kinds(policy, kinds):
    drawn = Augmenter(policy, 1.0, EVERYTHING).draw(300, np.random.default_rng(0))
    used = [
        drawn.angle != 0,
        (drawn.shift_x != 0) | (drawn.shift_y != 0),
        drawn.scale_x != 1,
        drawn.shear != 0,
        drawn.brightness != 0,
        drawn.contrast != 1,
        drawn.noise != 0,
    ]
    assert np.all(np.sum(used, axis=0) == kinds)
    assert all(kind.any() for kind in used)


def test_random_resized_crop_stays_inside_the_picture():
    drawn = Augmenter("random_resized_crop", 1.0, EVERYTHING).draw(500, np.random.default_rng(0))
    for scale, shift in ((drawn.scale_x, drawn.shift_x), (drawn.scale_y, drawn.shift_y)):
        assert np.all(np.abs(shift) + scale / 2 <= 0.5 + 1e-9)
        assert scale.min() < 0.6
        assert np.abs(shift).max() > 0.1


def test_mirror_alone_reverses_about_half_of_the_pictures_exactly(pictures):
    many = np.tile(pictures, (25, 1, 1, 1))
    altered = Augmenter("affine", 1.0, frozenset({"mirror"}))(many, np.random.default_rng(0))
    mirrored = np.all(altered == many[:, :, ::-1], axis=(1, 2, 3))
    same = np.all(altered == many, axis=(1, 2, 3))
    assert np.all(mirrored | same)
    # 200 fair coins: 100 +- 5 standard deviations of 7.07.
    assert 65 <= mirrored.sum() <= 135


def test_no_dark_border_after_rotation():
    white = np.full((4, 20, 20, 3), 200, np.float32)
    turned = Augmenter("affine", 1.0, frozenset({"rotate", "shift", "zoom"}))(
        white, np.random.default_rng(0)
    )
    np.testing.assert_allclose(turned, 200, atol=1e-3)


def test_transform_keeps_the_middle_and_turns_by_the_angle():
    augmenter = Augmenter("affine", 1.0, frozenset({"rotate"}))
    drawn = augmenter.draw(5, np.random.default_rng(0))
    for row, angle in zip(transform_rows(drawn, 21, 21), drawn.angle, strict=True):
        matrix = row[:6].reshape(2, 3)
        np.testing.assert_allclose(matrix @ [10, 10, 1], [10, 10], atol=1e-5)
        np.testing.assert_allclose(
            matrix @ [11, 10, 1], [10 + np.cos(angle), 10 + np.sin(angle)], atol=1e-5
        )


class TestViews:
    @pytest.fixture
    def bytes_(self, pictures):
        small = pictures.astype(np.uint8)
        small.setflags(write=False)
        return small

    def test_first_two_are_the_picture_and_its_mirror(self, bytes_):
        np.testing.assert_array_equal(augmented_view(bytes_, 0, 0.5, INVARIANCES, 0), bytes_)
        np.testing.assert_array_equal(
            augmented_view(bytes_, 1, 0.5, INVARIANCES, 0), bytes_[:, :, ::-1]
        )

    def test_without_mirroring_the_second_is_another_alteration(self, bytes_):
        view = augmented_view(bytes_, 1, 0.5, ("rotate", "shift"), 0)
        assert not np.array_equal(view, bytes_[:, :, ::-1])
        assert not np.array_equal(view, bytes_)

    def test_a_picture_does_not_depend_on_its_company(self, bytes_):
        varied = bytes_ + np.arange(8, dtype=np.uint8)[:, None, None, None]
        together = augmented_view(varied, 3, 0.5, INVARIANCES, 0)
        alone = augmented_view(varied[4:5], 3, 0.5, INVARIANCES, 0)
        np.testing.assert_array_equal(together[4:5], alone)

    def test_pictures_are_altered_each_in_its_own_way(self, bytes_):
        """Equal but for one grey level, they would be nearly equal under one alteration."""
        twins = np.stack([bytes_[0], np.minimum(bytes_[0], 254) + 1])
        first, second = augmented_view(twins, 2, 0.5, INVARIANCES, 0).astype(int)
        assert np.abs(first - second).max() > 20

    def test_equal_names_mean_equal_views(self, bytes_):
        made: dict[str, bytes] = {}
        for view in range(3):
            for strength in (0.0, 0.2, 0.5):
                for allowed in ((), ("mirror",), ("rotate", "noise"), ("rotate",)):
                    name = view_name(view, strength, allowed)
                    pixels = augmented_view(bytes_, view, strength, allowed, 0).tobytes()
                    assert made.setdefault(name, pixels) == pixels
        assert len(set(made.values())) > 5

    def test_differs_by_view_and_seed(self, bytes_):
        views = [augmented_view(bytes_, view, 0.5, INVARIANCES, 0) for view in (2, 3)]
        views.append(augmented_view(bytes_, 2, 0.5, INVARIANCES, 1))
        assert len({view.tobytes() for view in views}) == 3

    def test_nothing_allowed_or_no_strength_leaves_the_picture(self, bytes_):
        np.testing.assert_array_equal(augmented_view(bytes_, 5, 0.5, (), 0), bytes_)
        np.testing.assert_array_equal(augmented_view(bytes_, 1, 0.0, INVARIANCES, 0), bytes_)

    def test_nothing_in_nothing_out(self, bytes_):
        assert augmented_view(bytes_[:0], 3, 0.5, INVARIANCES, 0).shape == (0, 20, 20, 3)
