"""Optima of laws against searches of the laws themselves, and what is said of their limits."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import brentq, minimize

from relscale.commands.ask import copied_rows
from relscale.errors import RelscaleError
from relscale.laws import batch_trajectory, experts, multilingual
from relscale.laws.catalogue import law, laws_with_optimum
from relscale.laws.catalogue import optimum as optimum_of
from relscale.questions import mixture, optimum
from relscale.questions.limits import Percentiles, factor_of_few, widened
from relscale.storage.column_arrays import Columns

LANGUAGES = ("params", "tokens", "share_a", "share_b")


def least(loss: object, start: list[float]) -> np.ndarray:
    """The amounts of the least loss, whose logarithms are searched without derivatives."""
    options = {"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000}
    found = minimize(lambda logs: loss(np.exp(logs)), np.log(start), method="Nelder-Mead", options=options)
    return np.exp(found.x)


def at(name: str, theta: tuple[float, ...], *x: float) -> float:
    columns = LANGUAGES if name == "multilingual" else ()
    return float(law(name, columns).value(np.array(theta)[:, None], np.array(x)[:, None])[0])


STREAMS = (0.69, 22.0, 0.19, 2.5)
SIZES = (-0.3, -0.2, 0.03, 0.12, 7e9)
VOCABULARY = (-5.6, 20.0, 1.5, 500.0, 0.25, 0.3, 0.35)
TWO = (15.0, 300.0, 0.3, 0.2, 0.2, 0.25, 0.3, 0.35, 0.8)
SEARCHED = {
    "parallel_streams": (
        STREAMS,
        {"params_times_streams": 1e10},
        lambda z: at("parallel_streams", STREAMS, 1e10 / z[0], z[0]),
        {"streams": 2.0},
    ),
    "rl_posttraining": (
        SIZES,
        {"training_flops": 1e20},
        lambda z: at("rl_posttraining", SIZES, z[0], 1e20),
        {"params": 1e10},
    ),
    "vocabulary": (
        VOCABULARY,
        {"training_flops": 1e20, "width": 1024, "characters_per_token": 4},
        lambda z: at("vocabulary", VOCABULARY, *z, 4e20 / 6 / (z[0] + 1024 * z[1])),
        {"params": 1e9, "vocabulary": 1e5},
    ),
    "multilingual": (
        TWO,
        {"training_flops": 1e21, "share_a": 0.3, "share_b": 0.7},
        lambda z: at("multilingual", TWO, z[0], 1e21 / 6 / z[0], 0.3, 0.7),
        {"params": 1e9},
    ),
}


@pytest.mark.parametrize("name", SEARCHED)
def test_an_optimum_is_the_least_of_its_law(name: str) -> None:
    theta, known, loss, start = SEARCHED[name]
    found = optimum_of(name, LANGUAGES).optimal_values(np.array(theta), known)
    best = least(loss, list(start.values()))
    assert [found[quantity] for quantity in start] == pytest.approx(best, rel=1e-5)
    assert list(found.values())[-1] == pytest.approx(loss(best), rel=1e-9)


def test_streams_that_gain_less_than_they_cost_are_not_used() -> None:
    found = optimum_of("parallel_streams", ()).optimal_values(
        np.array([0.69, 22.0, 0.19, 0.39]), {"params_times_streams": 1e10}
    )
    assert (found["streams"], found["params"]) == (1, 1e10)


def test_size_steps_and_batch_are_the_least_at_that_share_of_the_critical_batch() -> None:
    theta, flops, ratio = (6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21), 1e20, 0.3

    def loss_of(params: float) -> float:
        def excess(log_batch: float) -> float:
            batch = np.exp(log_batch)
            loss = at("batch_trajectory", theta, params, flops / 6 / params / batch, batch)
            critical = batch_trajectory.critical_batch(np.array(theta), np.array([loss]))[0]
            return float(log_batch - np.log(ratio * critical))

        batch = np.exp(brentq(excess, 12, 16, xtol=1e-9))
        return at("batch_trajectory", theta, params, flops / 6 / params / batch, batch)

    found = optimum_of("batch_trajectory", ()).optimal_values(
        np.array(theta), {"training_flops": flops, "batch_ratio": ratio}
    )
    below, own, above = (loss_of(found["params"] * factor) for factor in (0.9, 1, 1 / 0.9))
    assert found["loss"] == pytest.approx(own, rel=1e-9)
    assert below - own == pytest.approx(
        above - own, rel=0.05
    )  # symmetrical in the logarithm, to second order
    assert below > own * (1 + 1e-5)
    assert 6 * found["params"] * found["train_steps"] * found["batch_tokens"] == pytest.approx(flops)


def test_experts_help_up_to_a_size_and_no_further() -> None:
    theta = np.array([0.3, -0.12, -0.09, 0.03, 1.2])
    (size,) = experts.OPTIMUM.optimal_values(theta, {}).values()
    losses = [
        experts.value(theta[:, None], np.array([[times * size] * 2, [1.0, 64.0]])) for times in (0.5, 1, 2)
    ]
    gains = [float(one - many) for one, many in losses]
    assert gains[0] > 1e-3
    assert gains[1] == pytest.approx(0, abs=1e-12)
    assert gains[2] < -1e-3


def noisy(name: str, theta: tuple[float, ...], sd: float, axes: Mapping[str, np.ndarray]) -> Columns:
    """A table of all combinations, of which the law is true but for noise."""
    x = np.stack([axis.ravel() for axis in np.meshgrid(*axes.values(), indexing="ij")])
    y = law(name).value(np.array(theta), x)
    noise = sd * np.random.default_rng(0).standard_normal(len(y))
    return Columns({**dict(zip(axes, x, strict=True)), "loss": y * np.exp(noise)})


@pytest.mark.slow
def test_runs_without_a_datastore_are_used() -> None:
    """The law needs them; a size, whose logarithm it takes, may not be 0."""
    theta = (1.6, 400.0, 1500.0, 0.05, 0.34, 0.35, 3e9)
    axes = {
        "params": np.geomspace(1e8, 1e10, 3),
        "tokens": np.geomspace(1e10, 1e12, 3),
        "datastore_tokens": np.array([0, 1e9, 1e10, 1e11, 1e12]),
    }
    table = noisy("datastore", theta, 1e-5, axes)
    asked = {
        "law": "datastore",
        "x": tuple(axes),
        "y": "loss",
        "at": ("training_flops=1e21", "datastore_tokens=0"),
    }
    found = {row.quantity: row for row in optimum.rows(table, **asked, draws=0)}
    truth = optimum_of("datastore", ()).optimal_values(
        np.array(theta), {"training_flops": 1e21, "datastore_tokens": 0}
    )
    assert found["params"].value == pytest.approx(truth["params"], rel=0.01)
    assert found["params"].note is None
    with pytest.raises(Exception, match="which has no logarithm"):
        list(optimum.rows(Columns({**table.of, "params": 0 * table.of["params"]}), **asked, draws=0))


def test_negative_quantities_are_beyond_the_data_only_outside_their_range() -> None:
    data = np.array([-3.0, -1.0])
    assert [optimum._is_beyond(data, value) for value in (-3.1, -3, -2, -1, -0.9)] == [
        True,
        *[False] * 3,
        True,
    ]


def test_every_optimum_names_its_predictors_or_derived_quantities_as_the_data_do() -> None:
    """Else nothing would be said to be beyond the data."""
    unmeasured = {"loss", "failure_rate", "learning_rate"}  # the law's y
    given = {"overhead", "from_batch", "batch_ratio", "width", "characters_per_token"}
    for name in laws_with_optimum():
        columns = LANGUAGES if name == "multilingual" else ()
        predictors = law(name, columns).predictors
        best = optimum_of(name, predictors)
        in_data = {*predictors, *best.derived(np.full((len(predictors), 2), 2.0))}
        theta = np.array([min(max(0.5, p.low), p.high) for p in law(name, columns).parameters])
        with np.errstate(all="ignore"):
            found = best.optimal_values(theta, dict.fromkeys(best.fixed, 0.5))
        not_in_data = {*found, *best.fixed} - in_data - unmeasured - given
        assert not_in_data <= ({"training_flops"} if name == "vocabulary" else set()), name


def test_limits_of_few_points_are_those_of_t_and_shares_stay_below_1() -> None:
    assert factor_of_few(10**6, 10**6 - 5) == pytest.approx(1, abs=1e-5)
    assert factor_of_few(9, 7) == pytest.approx(2.3646 / 1.95996 * np.sqrt(9 / 7), rel=1e-4)
    drawn = Percentiles(0.8, 0.98, 100, 0)
    assert 0.98 < widened(drawn, 0.95, 2.0, "logit").high < 1
    assert widened(Percentiles(-1.0, 3.0, 100, 0), 0.0, 2.0, "linear")[:2] == (-2, 6)


def test_a_family_has_the_optimum_of_its_columns() -> None:
    assert "share_b" in multilingual.make_optimum(LANGUAGES).fixed


def test_compute_on_sources_and_shares_of_languages_have_a_best_mixture() -> None:
    """The best of random mixtures, at a compute and a size."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([0.7, 0.7, 0.7], 20_000).T
    spent = rng.permutation(np.geomspace(1e18, 1e21, 60)) * rng.dirichlet([1.0, 1.0, 1.0], 60).T
    of_sources = law("flp_m", ("flops_a", "flops_b", "flops_c"))
    theta = np.array([1.2, 0.6, 0.3, 0.2, 0.25, 0.3, 0.2])
    table = Columns(
        {**dict(zip(of_sources.predictors, spent, strict=True)), "loss": of_sources.value(theta, spent)}
    )
    asked = {"x": of_sources.predictors, "y": ("loss",), "law": "flp_m", "within": "simplex", "draws": 0}
    *parts, mean, _ = mixture.rows(table, at=("training_flops=1e23",), **asked)
    predicted = of_sources.value(theta, 1e23 * shares)
    assert [row.value for row in parts] == pytest.approx(shares[:, predicted.argmin()], abs=0.03)
    assert predicted.min() * (1 - 1e-4) < mean.value <= predicted.min() * (1 + 1e-9)
    assert mean.note == "at values beyond the data: training_flops"
    with pytest.raises(Exception, match="training_flops differs between rows"):
        list(mixture.rows(table, **asked))

    of_languages, truth = law("multilingual", LANGUAGES), np.array(TWO)
    p = rng.dirichlet([1.0, 1.0], 64).T
    sizes = np.stack([np.tile([1e8, 1e9, 3e9, 1e10], 16), np.repeat([1e9, 1e10, 1e11, 1e12], 16)])
    x = np.vstack([sizes, p])
    table = Columns({**dict(zip(LANGUAGES, x, strict=True)), "loss": of_languages.value(truth, x)})
    first, *_ = mixture.rows(
        table, x=LANGUAGES[2:], y=("loss",), law="multilingual", at=("params=1e8", "tokens=1e9"), draws=0
    )
    grid = np.linspace(p[0].min(), p[0].max(), 5001)
    at_size = np.stack([np.full_like(grid, 1e8), np.full_like(grid, 1e9), grid, 1 - grid])
    assert first.value == pytest.approx(grid[of_languages.value(truth, at_size).argmin()], abs=2e-3)


def test_copied_rows_are_counted() -> None:
    table = pa.table({"size": [1.0, 1.0, 2.0, 2.0], "name": ["a", "a", "b", "c"]})
    assert copied_rows(table) == 2
    assert copied_rows(table.slice(1)) == 0


def test_zero_is_given_only_where_it_has_a_meaning() -> None:
    table = Columns({name: np.ones(4) for name in ("params", "train_steps", "batch_tokens", "loss")})
    of_law = {"law": "batch_trajectory", "x": ("params", "train_steps", "batch_tokens"), "y": "loss"}
    with pytest.raises(RelscaleError, match="at: batch_ratio is 0, which is not positive"):
        list(optimum.rows(table, **of_law, at=("training_flops=1e20", "batch_ratio=0")))


def test_a_vocabulary_without_a_finite_optimum_is_unknown() -> None:
    best = optimum_of("vocabulary", law("vocabulary").predictors)
    theta = np.array([1.0, np.inf, 10.0, 400.0, 0.3, 0.4, 0.3])
    at = {"training_flops": 1e20, "width": 1024.0, "characters_per_token": 4.0}
    with np.errstate(all="ignore"):
        assert np.isnan(list(best.optimal_values(theta, at).values())).all()
