"""Options of a law stand after its name and a colon."""

import numpy as np
import pytest

from relscale.errors import RelscaleError
from relscale.laws.catalogue import law

STEPS = np.arange(1, 201.0)
RATES = np.minimum(STEPS / 100, 1)


def test_real_warm_up_is_half_of_that_at_the_peak() -> None:
    at_peak, real = (
        law(name).make_predictors(np.stack([STEPS, RATES]))[:, 99:]
        for name in ("annealing", "annealing:warm_up=real")
    )
    assert real[0, 0] == pytest.approx(RATES[:100].sum())
    assert at_peak[0, 0] == pytest.approx(100)
    assert np.array_equal(real[1], at_peak[1])


def test_what_is_forgotten_at_once_gains_only_the_last_fall() -> None:
    rates = np.where(STEPS < 100, 1.0, 0.5)
    slow = law("annealing:forgetting=0.999").make_predictors(np.stack([STEPS, rates]))[1, -1]
    fast = law("annealing:forgetting=0.01,warm_up=real").make_predictors(np.stack([STEPS, rates]))[1, -1]
    assert fast == pytest.approx(0.5 / 0.99, rel=1e-6)
    assert slow > 40


def test_breaks_of_bnsl() -> None:
    assert len(law("bnsl:breaks=3").parameters) == 12


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("annealing:warm_up=none", "neither peak nor real"),
        ("annealing:forgetting=1.5", "not a number between 0 and 1"),
        ("annealing:momentum=1", "not one of its options, warm_up=…, forgetting=…"),
        ("power:floor=1", "it has no options"),
        ("anealing:warm_up=real", "no law 'anealing'"),
    ],
)
def test_a_mistake_is_one_sentence(name: str, message: str) -> None:
    with pytest.raises(RelscaleError, match=message):
        law(name)
