"""Draws of a law's parameters from resampled points."""

import numpy as np
import pytest

from relscale.fitting.estimation import levenberg_marquardt
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_draws import Draws, _distinct, draws
from relscale.fitting.estimation.law_points import PointRow, Points
from relscale.fitting.estimation.levenberg_marquardt import OF_A_DRAW, ORTHOGONAL
from relscale.fitting.inference.bootstrap import schemes
from relscale.fitting.inference.bootstrap.schemes import PAIRS
from relscale.laws.catalogue import law as law_of_name
from relscale.laws.law import Array, Law

KNOWN = 10.0


@pytest.mark.parametrize(("scheme", "log"), [("residual", True), ("residual", False), ("parametric", False)])
def test_a_point_that_is_known_without_a_measurement_has_no_noise(scheme: str, log: bool) -> None:
    """Twelve points on a power law with 1% noise, and one that is known to lie five times as high as the law."""
    rng = np.random.default_rng(0)
    flops = np.geomspace(1e18, 1e21, 12)
    y = 2 * (flops / 1e20) ** -0.05 * np.exp(0.01 * rng.standard_normal(12))
    rows = [PointRow(run=f"r{i}") for i in range(12)]
    data = Points(rows, flops[None], y, np.full(12, 0.02), []).anchored([[1e22, KNOWN]])
    law, x, weights = law_of_name("power"), data.x / 1e20, np.ones(13)
    asked = []

    def fit(y: np.ndarray, weights: np.ndarray, starts: np.ndarray | None = None, **_: float) -> Estimates:
        asked.append(y)
        return estimate(law, x, y, weights=weights, residual="log" if log else "linear", starts=starts)

    options = {"scheme": scheme, "number": 50, "log_residual": log, "weights": weights, "rng": rng}
    draws(law, fit(data.y, weights), data, x, fit, **options)
    resampled = asked[1]
    assert (resampled[-1] == KNOWN).all()
    assert (np.ptp(resampled[:-1], axis=1) > 0).all()


def mixtures(useless: float) -> tuple[Law, Array, Array]:
    """A law of three parts, 60 mixtures of them and noisy losses; ``useless`` is what the third part gives."""
    law = law_of_name("mixture_additive", ("share_a", "share_b", "share_c"))
    x = np.random.default_rng(1).dirichlet([1.0, 1.0, 1.0], 60).T
    truth = np.array([1.6, 0.6, 0.3, useless, 0.4, 0.7, 2.0])
    y = law.value(truth, x) * np.exp(0.002 * np.random.default_rng(2).standard_normal(60))
    return law, x, y


@pytest.mark.slow
def test_a_draw_in_which_a_part_gives_nothing_has_not_failed() -> None:
    law, x, y = mixtures(useless=1e-12)

    def fit(y: Array, weights: Array, starts: Array | None, tolerance: float = ORTHOGONAL) -> Estimates:
        return estimate(law, x, y, weights=weights, residual="linear", starts=starts, tolerance=tolerance)

    equal = np.ones(60)
    data = Points([PointRow() for _ in y], x, y, np.full(60, np.nan), [])
    options = {"scheme": PAIRS, "number": 100, "log_residual": False, "weights": equal}
    drawn = draws(law, fit(y, equal, None), data, x, fit, rng=np.random.default_rng(3), **options)
    assert np.isfinite(drawn.theta).all()
    least = drawn.theta[law.names.index("C_c")]
    assert (least < 1e-5).any()


def test_the_exponent_of_a_part_that_gives_nothing_has_no_limits_from_such_draws() -> None:
    theta = np.array([[1.0, 0.0], [2.0, 9.0]])
    irrelevant = np.array([[False, False], [False, True]])
    drawn = Draws(theta, irrelevant, theta, np.zeros(2), PAIRS)
    assert drawn.parameters == pytest.approx(np.array([[1.0, 0.0], [2.0, np.nan]]), nan_ok=True)


def test_parameters_that_nothing_depends_on_are_told_from_those_that_are_mixed_up() -> None:
    """E = h·x^−β + floor: without h, β has no effect; of two points all three are mixed up."""
    law, x = law_of_name("irreducible"), np.geomspace(0.1, 10, 9)[None]
    flat = estimate(law, x, np.full(9, 2.0), residual="linear", fixed={"irreducible": 2.0})
    assert flat.irrelevant[law.names.index("beta"), 0]
    two = estimate(law, x[:, :2], np.array([3.0, 2.0]), residual="linear")
    assert not two.determined[0]
    assert not two.irrelevant.any()


@pytest.mark.slow
def test_starts_of_resampled_data_that_are_given_up_would_not_have_ended_lower() -> None:
    law, x, y = mixtures(useless=0.4)
    weights = np.random.default_rng(4).multinomial(60, np.full(60, 1 / 60), 50).T.astype(float)
    given_up, to_the_end = (
        estimate(law, x, y, weights=weights, residual="linear", tolerance=tolerance)
        for tolerance in (OF_A_DRAW, ORTHOGONAL)
    )
    assert given_up.objective == pytest.approx(to_the_end.objective, rel=1e-9)
    assert (given_up.agreeing < to_the_end.agreeing).any()


def test_the_search_of_a_draw_that_runs_out_of_steps_is_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    law, x, y = mixtures(useless=0.4)
    start = law.starting_points(x, y)[:1]
    options = {"residual": "linear", "starts": start, "tolerance": OF_A_DRAW}
    whole = estimate(law, x, y, **options)
    monkeypatch.setattr(levenberg_marquardt, "STEPS", 30)
    assert not estimate(law, x, y, residual="linear", starts=start).converged[0]
    in_two = estimate(law, x, y, **options)
    assert in_two.converged[0]
    assert in_two.objective[0] == pytest.approx(whole.objective[0], rel=1e-9)


def test_equal_draws_are_fitted_once() -> None:
    counts = schemes.weights(
        schemes.BLOCK, 40, 1000, np.random.default_rng(0), blocks=[i % 3 for i in range(40)]
    )
    first, of_draw = _distinct(counts)
    assert len(first) == 10  # of three trainings drawn three times, in any order: 5! / (3! · 2!)
    assert (counts[:, first][:, of_draw] == counts).all()


def test_long_searches_are_announced_in_the_log_and_short_ones_are_not(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    law, x, y = mixtures(0.5)
    data = Points([PointRow() for _ in y], x, y, np.full(60, np.nan), [])
    sets: list[int] = []

    def fit(
        y: Array, weights: Array, starts: Array | None = None, tolerance: float = ORTHOGONAL
    ) -> Estimates:
        found = estimate(law, x, y, weights=weights, residual="linear", starts=starts, tolerance=tolerance)
        sets.append(found.theta.shape[1] * (1 if starts is None else len(starts)))
        return found

    whole, options = fit(y, np.ones(60)), {"scheme": PAIRS, "number": 5, "log_residual": False}
    for seconds in (1e9, 0.0):
        sets.clear()
        monkeypatch.setattr("relscale.expected_time.ANNOUNCED", seconds)
        draws(law, whole, data, x, fit, weights=np.ones(60), rng=np.random.default_rng(0), **options)
        if seconds:
            assert not caplog.messages
    (message,) = caplog.messages
    assert message.startswith(
        f"law mixture_additive: {sum(sets)} searches of resampled data, expected to take "
    )
