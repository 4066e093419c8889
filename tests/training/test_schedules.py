import pytest

from autosmall.training.schedules import make_schedule


def curve(name: str, total: int = 40) -> list[float]:
    rate = make_schedule(name, 2.0, total)
    return [rate(step) for step in range(total)]


def test_all_warm_up_linearly_over_a_twentieth():
    for name in ("constant", "cosine", "step"):
        assert curve(name)[:3] == pytest.approx([1.0, 2.0, 2.0])


def test_constant_stays():
    assert set(curve("constant")[2:]) == {2.0}


def test_cosine_falls_to_zero():
    rates = curve("cosine")[2:]
    assert rates == sorted(rates, reverse=True)
    assert rates[19] == pytest.approx(1.0)
    assert rates[-1] < 0.01


def test_step_drops_twice_to_a_tenth():
    rates = curve("step")[2:]
    values = sorted(set(rates), reverse=True)
    assert values == pytest.approx([2.0, 0.2, 0.02])
    assert rates.index(values[1]) == 23  # 23 / 38 is the first share past 0.6
    assert rates.index(values[2]) == 33  # 33 / 38 is the first share past 0.85


def test_warm_up_is_as_long_as_asked():
    rate = make_schedule("constant", 2.0, 40, warmup_share=0.25)
    assert [rate(step) for step in (0, 4, 9, 10)] == pytest.approx([0.2, 1.0, 2.0, 2.0])
    assert make_schedule("constant", 2.0, 40, warmup_share=0.0)(0) == 2.0


def test_bit_drops_where_the_paper_does():
    rate = make_schedule("bit", 1.0, 500, warmup_share=0.2)
    steps = (0, 99, 199, 200, 299, 300, 399, 400, 499)
    assert [rate(step) for step in steps] == pytest.approx(
        [0.01, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    )


def test_a_run_of_one_step_has_the_peak_rate():
    assert make_schedule("cosine", 2.0, 1)(0) == 2.0
