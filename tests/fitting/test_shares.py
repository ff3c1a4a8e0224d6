"""Data sets shared among cores: each is computed once, and the result does not depend on the number of cores."""

import time

import numpy as np
import pytest

from relscale.fitting.estimation import shares
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.catalogue import law


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_every_data_set_is_computed_once_and_in_order(
    count: int, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "workers", lambda: cores)

    def slow_at_first(piece: np.ndarray) -> list[int]:
        time.sleep(0.002 if 0 in piece else 0)
        return piece.tolist()

    pieces = shares.by_core(slow_at_first, count, shares.MUCH)
    assert [one for piece in pieces for one in piece] == list(range(count))


def test_estimates_do_not_depend_on_the_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    one = law("mixture_additive", ("share_a", "share_b", "share_c", "share_d"))
    rng = np.random.default_rng(0)
    x = rng.dirichlet(np.ones(4), 40).T
    truth = np.array([1.5, 0.3, 0.5, 0.2, 0.4, 0.4, 0.8, 0.6, 0.5])
    y = one.value(truth, x) + rng.normal(0, 0.01, 40)
    weights = rng.multinomial(40, np.full(40, 1 / 40), 50).T.astype(float)
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(shares, "workers", lambda cores=cores: cores)
        monkeypatch.setattr(shares, "MUCH", 0)
        found.append(
            estimate(one, x, y, weights=weights, residual="linear", starts=truth[None], tolerance=1e-7)
        )
    np.testing.assert_allclose(found[1].objective, found[0].objective, rtol=1e-9)
    assert (found[1].converged == found[0].converged).all()
