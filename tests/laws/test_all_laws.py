"""What must hold of every law of the catalogue: derivatives, recovery of its parameters, units that do not matter."""

import inspect
import pickle
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from relscale.fitting.estimation.estimate import Estimates, estimate
from relscale.fitting.estimation.variable_projection import project
from relscale.laws import annealing, bnsl, rate_changes
from relscale.laws.catalogue import law, law_modules, law_names, law_or_family
from relscale.laws.law import ALL, MAX_START_POINTS, Array, Family, Law

RNG = np.random.default_rng(0)


def surface() -> Array:
    """Parameters and tokens of 40 runs."""
    params = np.repeat(np.geomspace(5e7, 1e10, 8), 5)
    return np.stack([params, params * np.tile([3.0, 10.0, 20.0, 80.0, 300.0], 8)])


def compute() -> Array:
    return np.geomspace(1e-2, 1e2, 15)[None]


def losses() -> Array:
    return np.linspace(0.8, 3.6, 40)[None]


def schedules() -> Array:
    """A cosine and a constant-then-linear schedule, logged every 250 steps after warm-up."""
    steps = np.arange(0, 20_001, 250)
    warm_up, progress = np.minimum(steps / 500, 1), np.clip((steps - 500) / 19_500, 0, 1)
    cosine = 2e-4 * (0.1 + 0.45 * (1 + np.cos(np.pi * progress))) * warm_up
    linear = 3e-4 * np.minimum(1, (1 - progress) / 0.3) * warm_up
    return np.concatenate([annealing.areas(steps, rates)[:, 3:] for rates in (cosine, linear)], axis=1)


def repeated() -> Array:
    """Parameters, tokens and unique tokens of 90 runs: up to 60 epochs, and models up to 30 times too large."""
    rng = np.random.default_rng(3)
    unique = np.geomspace(1e8, 2e10, 90)
    return np.stack(
        [rng.permutation(np.geomspace(1e7, 8e9, 90)), unique * np.tile([1, 2, 4, 15, 30, 60], 15), unique]
    )


def streams() -> Array:
    """Parameters and streams of 24 models."""
    return np.stack([np.repeat(np.geomspace(5e8, 5e9, 6), 4), np.tile([1.0, 2.0, 4.0, 8.0], 6)])


def batches() -> Array:
    """Parameters, steps and batch of 80 points."""
    axes = np.geomspace(1e6, 6.4e7, 4), np.geomspace(2e3, 1e5, 5), np.geomspace(3e4, 1e6, 4)
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])


def shares() -> Array:
    """Shares of three parts in 60 mixtures."""
    return np.random.default_rng(4).dirichlet([0.7, 1.0, 1.5], 60).T


def crossed(*axes: Sequence[float] | Array) -> Array:
    """Every combination of values."""
    return np.stack([axis.ravel() for axis in np.meshgrid(*map(np.asarray, axes), indexing="ij")])


def changing_rates() -> Array:
    """What the multi-power law is of, for a cosine, a linear and a two-stage schedule."""
    steps = np.arange(0, 20_001, 250)
    warm_up, progress = np.minimum(steps / 500, 1), np.clip((steps - 500) / 19_500, 0, 1)
    shapes = (
        0.1 + 0.45 * (1 + np.cos(np.pi * progress)),
        np.minimum(1, (1 - progress) / 0.3),
        np.where(progress < 0.5, 1, 0.3),
    )
    return np.concatenate(
        [rate_changes.changes(np.stack([steps, 3e-4 * s * warm_up]))[:, 3:] for s in shapes], axis=1
    )


def pools() -> Array:
    """Samples seen of a small and a large pool, up to 12 epochs."""
    samples = np.geomspace(4e6, 1.6e8, 12)
    return np.stack([np.tile(samples, 2), np.repeat([1.28e7, 5e7], 12)])


def rates_and_batches() -> Array:
    """Learning rate and batch around their best values, at 5 sizes and 4 numbers of tokens."""
    params, tokens, rate, batch = crossed(
        np.geomspace(1e8, 2e9, 5), np.geomspace(3e9, 1e11, 4), [0.5, 0.8, 1.3, 2.0], [0.5, 1.0, 2.0]
    )
    best = 1.5e-3 * (params / 4e8) ** -0.6 * (tokens / 3e10) ** 0.25, 256 * (tokens / 3e10) ** 0.5
    return np.stack([rate * best[0], batch * best[1], params, tokens])


def buckets() -> Array:
    """Parameters, tokens, shares of three buckets and the tokens of each: up to some 60 epochs of the best."""
    rng, rows = np.random.default_rng(5), 60
    size, tokens = rng.permutation(np.geomspace(1e8, 3e9, rows)), np.geomspace(1e9, 2e11, rows)
    unique = np.array([[1e9], [4e9], [2e10]]) * rng.choice([0.5, 1.0], (1, rows))
    return np.vstack([size, tokens, rng.dirichlet([1.0, 1.0, 1.0], rows).T, unique])


def spent() -> Array:
    """FLOPs on three sources in 60 runs, none on one of them in some."""
    rng = np.random.default_rng(6)
    share = rng.dirichlet([0.7, 1.0, 1.5], 60).T
    share[0, ::6] = 0
    return np.geomspace(1e17, 1e21, 60) * share


def languages() -> Array:
    """Parameters, tokens and shares of three languages in 72 runs."""
    rng = np.random.default_rng(7)
    sizes = crossed(np.geomspace(1e8, 1e10, 4), np.geomspace(1e9, 1e12, 3), np.arange(6))[:2]
    return np.vstack([sizes, rng.dirichlet([0.5, 0.5, 0.5], 72).T])


SIZES = np.array([5e8, 1.5e9, 3e9, 7e9, 14e9, 32e9, 72e9])
# The data's predictors, and truths in the order of the law's parameters.
WORLDS: dict[str, tuple[Array, list[Sequence[float]]]] = {
    "irreducible": (compute(), [(1.2, 0.3, 0.4), (3.0, 0.08, 1.5), (0.6, 0.9, 0.5), (2.0, 0.2, 0.0)]),
    "difference": (compute(), [(0.4, 0.1), (-0.3, -0.25), (1e-3, -0.8)]),
    "parametric": (
        surface(),
        [(1.8, 480, 2140, 0.35, 0.37), (1.69, 406, 411, 0.34, 0.28), (0.5, 20, 5e4, 0.15, 0.6)],
    ),
    "overtraining": (surface(), [(140, 190, -0.24, 1.5), (30, 800, -0.35, 0.3), (4, 5, -0.1, 2.5)]),
    "exponential_error": (losses(), [(0.86, 2.2, 0.75), (0.7, 30, 3.0), (0.9, 0.9, 0.3)]),
    "sigmoid": (losses(), [(0.25, 0.85, 1.5, 4.0), (0.2, 0.6, 2.4, 9.0), (0.5, 0.95, 2.0, 2.5)]),
    "bnsl": (
        np.geomspace(1e-4, 1e4, 60)[None],
        [(0.5, 2.0, 0.1, 0.3, 1.0, 0.5), (0.0, 1.0, 0.05, 0.4, 20.0, 0.3), (0.2, 3.0, 0.4, -0.3, 0.1, 1.0)],
    ),
    "annealing": (schedules(), [(2.6, 0.5, 3.0, 0.5), (1.8, 1.2, 0.8, 0.3), (3.0, 0.2, 10.0, 0.8)]),
    "flp": (losses(), [(0.9, -0.2), (-0.1, 0.3)]),
    "power": (compute(), [(2.5, 0.05), (1.0, 0.3)]),
    "relative": (compute(), [(1.3, 0.05), (0.8, -0.2), (2.0, 0.0)]),
    "batch_trajectory": (
        batches(),
        [(6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21), (2e12, 0.1, 5e3, 0.6, 3e7, 0.4)],
    ),
    "data_constrained": (
        repeated(),
        [(1.87, 521, 1488, 0.353, 0.353, 15.4, 5.3), (1.5, 200, 900, 0.3, 0.33, 6.0, 20.0)],
    ),
    "loss_to_loss": (losses(), [(0.8, 0.9, 0.5, 1.2), (0.3, 1.1, 0.2, 0.8), (0.0, 1.3, 0.4, 1.5)]),
    "mixture_additive": (
        shares(),
        [(1.6, 0.6, 0.3, 1.2, 0.4, 0.7, 0.2), (2.2, 1.5, 0.4, 0.5, 0.3, 0.3, 1.1)],
    ),
    "mixture_loglinear": (shares(), [(1.8, 0.3, -0.6, 0.9), (2.4, -0.5, -1.5, 0.1)]),
    "parallel_streams": (
        streams(),
        [(0.69, 22.0, 0.19, 0.39), (1.3, 43.0, 0.2, 0.33), (0.3, 400.0, 0.3, 0.0)],
    ),
    "shifted_power": (
        np.geomspace(1e-3, 1e3, 25)[None],
        [(0.4, 0.23, 0.02, 0.11), (0.3, 0.26, 0.5, 0.1), (0.6, 0.6, 5.0, 0.05)],
    ),
    "multi_power": (
        changing_rates(),
        [(3.04, 0.525, 364, 0.508, 2.07, 0.583, 0.641), (2.4, 0.65, 520, 0.43, 0.5, 0.8, 0.5)],
    ),
    "task_scaling": (compute(), [(0.6, 0.2), (2.0, 0.5), (0.05, 0.35)]),
    "peak_learning_rate": (np.geomspace(3e4, 1e7, 12)[None], [(3e-3, 1e6, 1.0), (1e-3, 3e5, 0.5)]),
    "combined": (
        crossed(np.geomspace(5e7, 1e10, 4), np.geomspace(1e9, 3e11, 4), [0.5, 1.0, 2.0]),
        [(1.79, -0.713, 0.307, 0.1), (0.5, -0.1, 0.6, -0.4)],
    ),
    "filtering": (pools(), [(0.025, -0.16, 6.7, 0.1), (0.03, -0.1, 2.3, 0.2)]),
    "encoder_decoder": (
        crossed(np.geomspace(1e7, 1e9, 5), np.geomspace(1e7, 1e9, 5)),
        [(200.0, 0.15, 0.2, 1.2), (900.0, 0.3, 0.1, 0.8)],
    ),
    "log_law": (np.geomspace(1e8, 1e11, 10)[None], [(8.0, 1e6, 0.8), (3.0, 1e4, 1.3)]),
    "datastore": (
        crossed(np.geomspace(1e8, 1e10, 3), np.geomspace(1e10, 1e12, 3), [0, 1e9, 1e10, 1e11, 1e12]),
        [(1.6, 400, 1500, 0.05, 0.34, 0.35, 3e9), (1.8, 90, 600, 0.02, 0.28, 0.33, 2e10)],
    ),
    "rl_posttraining": (
        crossed(SIZES, np.geomspace(1e18, 1e21, 8)),
        [(-0.3, -0.2, -0.01, 0.12, 7e9), (-0.5, -0.1, 0.02, 0.2, 3e9)],
    ),
    "architecture": (
        np.vstack([crossed(np.geomspace(0.02, 0.2, 5), np.geomspace(0.5, 8, 5)), np.linspace(3.2, 2.6, 25)]),
        [(0.05, 0.004, 0.9, 0.03, 0.05), (0.1, 0.006, 0.8, 0.05, 0.04)],
    ),
    "experts": (
        crossed(np.geomspace(1.5e7, 1.3e9, 6), [1, 2, 4, 8, 16, 32, 64]),
        [(0.3, -0.12, -0.09, 0.008, 1.2), (0.8, -0.08, -0.06, 0.01, 0.5)],
    ),
    "vocabulary": (
        crossed(np.geomspace(3e7, 3e9, 4), np.geomspace(4e3, 9e4, 5), np.geomspace(1e9, 1e11, 4)),
        [(-5.6, 20, 1.5, 500, 0.25, 0.3, 0.35), (-6.0, 90, 3.0, 150, 0.35, 0.25, 0.3)],
    ),
    "rectified": (np.geomspace(2e2, 1e6, 14)[None], [(1.2, 60, 30, 0.5), (0.8, 400, 300, 0.7)]),
    "rate_and_batch": (
        rates_and_batches(),
        [(1.6, 0.5, 0.01, -0.01, 0.05, 0.01, 0.03, 0.35, 0.35, 0.8, 1.0, 0.6, 0.25, 0.5)],
    ),
    "critical_batch": (np.geomspace(3e4, 1e7, 12)[None], [(2e3, 1e6), (4e4, 2e5), (300, 5e6)]),
    "information": (buckets(), [(40.0, 0.1, 0.9, 0.14, 0.1), (90.0, 0.15, 0.4, 0.05, 0.5)]),
    "flp_m": (spent(), [(1.2, 0.6, 0.3, 0.2, 0.25, 0.3, 0.2)]),
    "multilingual": (
        languages(),
        [(15, 300, 0.3, 0.2, 0.4, 0.2, 0.25, 0.3, 0.3, 0.35, 0.4, 0.5, 0.2, 0.8)],
    ),
}
PARTS = ("share_web", "share_code", "share_books")  # of families of laws
LAWS: dict[str, Law] = {
    name: one.make_law(PARTS) if isinstance(one := law_or_family(name), Family) else one
    for name in law_names()
}
WITHOUT_UNITS = (  # of shares, ratios, numbers of streams and experts, and of units that the law names
    *(
        "mixture_additive",
        "mixture_loglinear",
        "parallel_streams",
        "experts",
        "architecture",
        "rl_posttraining",
    ),
    *("information", "flp_m", "multilingual"),
)
IN_NATS = ("batch_trajectory",)  # its critical batch is a power of the loss, B_* at a loss of 1
SHARES = ("sigmoid", "task_scaling", "filtering")  # what these predict has no unit
FLAT = ("multi_power",)  # with noise a valley so flat that a search ends anywhere along it
CASES = [(name, truth) for name, (_, truths) in WORLDS.items() for truth in truths]


def fitted(name: str, x: Array, y: Array, **options: object) -> Estimates:
    return estimate(LAWS[name], x, y, residual="linear", **options)  # type: ignore[arg-type]


def test_every_law_of_the_catalogue_has_a_world_here() -> None:
    assert set(WORLDS) == set(LAWS)


def test_a_law_is_a_file_of_at_most_120_lines() -> None:
    lengths = {
        name: len(Path(inspect.getfile(module)).read_text(encoding="utf-8").splitlines())
        for name, module in law_modules().items()
    }
    assert {name: length for name, length in lengths.items() if length > 120} == {}


@pytest.mark.parametrize(("name", "truth"), CASES)
def test_parameters_of_noiseless_data_are_recovered(name: str, truth: Sequence[float]) -> None:
    x, one = WORLDS[name][0], LAWS[name]
    found = fitted(name, x, one.value(np.array(truth), x))
    assert found.converged[0]
    assert found.theta[:, 0] == pytest.approx(truth, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", [*WORLDS, "annealing:warm_up=real,forgetting=0.99", "bnsl:breaks=2"])
def test_a_law_can_be_sent_to_another_process(name: str) -> None:
    x, truths = WORLDS[name.partition(":")[0]]
    truth = np.array(truths[0])
    if name == "bnsl:breaks=2":
        truth = np.array([*truth, 0.2, 10.0, 0.7])
    one = law(name, LAWS[name.partition(":")[0]].predictors)
    sent = pickle.loads(pickle.dumps(one))
    assert sent.parameters == one.parameters
    assert (sent.value(truth, x) == one.value(truth, x)).all()
    assert (sent.starts(x, one.value(truth, x)) == one.starts(x, one.value(truth, x))).all()
    if one.make_predictors is not None:
        curve = np.stack([np.arange(100.0), np.linspace(1, 0.1, 100)])
        assert np.array_equal(sent.make_predictors(curve), one.make_predictors(curve), equal_nan=True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", WORLDS)
def test_starting_points_of_the_smallest_numbers_are_numbers(name: str) -> None:
    x, truths = WORLDS[name]
    y = LAWS[name].value(np.array(truths[0]), x)
    middle = np.arange(len(y)) == len(y) // 2
    for values in (1e-300 * y, np.where(middle, 1e-300, y)):
        assert np.isfinite(LAWS[name].starting_points(x, values)).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e-300, 1e300])
@pytest.mark.parametrize("name", ["power", "irreducible", "parametric"])
def test_numbers_whose_squares_have_no_float_are_fitted_or_the_status_says_why(
    name: str, scale: float
) -> None:
    x, truths = WORLDS[name]
    y = LAWS[name].value(np.array(truths[0]), x)
    found = estimate(LAWS[name], x, scale * y / y.max())
    assert np.isfinite(found.theta).all()
    assert found.converged[0] or str(found.status[0]) != "ok"


def test_a_law_that_is_changed_is_not_taken_for_that_of_its_name() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(replace(law("irreducible"), source="mine"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "truth"), CASES)
def test_the_logarithm_fits_as_well_as_the_number_itself(name: str, truth: Sequence[float]) -> None:
    x, one = WORLDS[name][0], LAWS[name]
    y = one.value(np.array(truth), x)
    if (y > 0).all():
        assert estimate(one, x, y).theta[:, 0] == pytest.approx(truth, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("name", "truth"), [case for case in CASES if LAWS[case[0]].at is not None])
def test_a_law_has_the_same_value_beside_its_jacobian(name: str, truth: Sequence[float]) -> None:
    x, one, theta = WORLDS[name][0], LAWS[name], np.array(truth)
    assert one.with_derivatives(x)(theta)[0] == pytest.approx(one.value(theta, x), rel=1e-12)


@pytest.mark.parametrize(("name", "truth"), CASES)
def test_the_derivatives_of_some_data_sets_are_among_those_of_all(name: str, truth: Sequence[float]) -> None:
    x, one = WORLDS[name][0][..., None], LAWS[name]
    theta = np.array(truth, dtype=float)[:, None] * (1 + 1e-3 * np.arange(4))
    _, slopes = one.with_derivatives(x)(theta)
    factor = np.random.default_rng(0).uniform(1, 2, (x.shape[1], 4))
    some, every = np.array([3, 1]), slopes(factor, ALL)
    assert slopes(factor[:, some], some) == pytest.approx(every[..., some], rel=1e-12, nan_ok=True)
    each = np.repeat(x, 4, axis=2)
    _, slopes = one.with_derivatives(each)(theta)
    assert slopes(factor[:, some], some) == pytest.approx(every[..., some], rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(("name", "truth"), CASES)
def test_the_jacobian_is_the_derivative(name: str, truth: Sequence[float]) -> None:
    x, one, theta = WORLDS[name][0], LAWS[name], np.array(truth, dtype=float)
    found = one.jacobian(theta, x)
    for i, size in enumerate(np.maximum(np.abs(theta), 0.1)):
        if one.parameters[i].log:
            size = theta[i]
        step = 1e-5 * size * np.eye(len(theta))[i]
        difference = (one.value(theta + step, x) - one.value(theta - step, x)) / (2e-5 * size)
        assert found[i] == pytest.approx(difference, rel=1e-6, abs=1e-7 * np.abs(difference).max())


@pytest.mark.parametrize("name", WORLDS)
def test_many_parameter_vectors_at_once_are_each_as_alone(name: str) -> None:
    x, truths = WORLDS[name]
    one, theta = LAWS[name], np.array(truths, dtype=float).T
    value, jacobian = one.value(theta, x[..., None]), one.jacobian(theta, x[..., None])
    for j, truth in enumerate(theta.T):
        assert value[:, j] == pytest.approx(one.value(truth, x), rel=1e-12)
        assert jacobian[..., j] == pytest.approx(one.jacobian(truth, x), rel=1e-12)


@cache
def noisy_and_fitted(name: str) -> tuple[Array, Array, Estimates]:
    """The predictors of a law's world, its values but for noise of 0.3%, and the fit to them."""
    x, truths = WORLDS[name]
    y = LAWS[name].value(np.array(truths[0]), x)
    noisy = y * np.exp(0.003 * np.random.default_rng(1).standard_normal(len(y)))
    return x, noisy, fitted(name, x, noisy)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-60, 1e-3, 1e3, 1e60])
@pytest.mark.parametrize("name", [name for name in WORLDS if name not in (*SHARES, *FLAT, *IN_NATS)])
def test_the_unit_of_what_is_predicted_does_not_matter(name: str, scale: float) -> None:
    x, noisy, plain = noisy_and_fitted(name)
    scaled = fitted(name, x, scale * noisy)
    value = LAWS[name].value(plain.theta[:, 0], x)
    assert LAWS[name].value(scaled.theta[:, 0], x) == pytest.approx(scale * value, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("name", [name for name in WORLDS if name not in (*WITHOUT_UNITS, *FLAT)])
def test_the_unit_of_the_predictors_does_not_matter(name: str, scale: float) -> None:
    x, noisy, plain = noisy_and_fitted(name)
    scaled = fitted(name, scale * x, noisy)
    assert scaled.objective == pytest.approx(plain.objective, rel=1e-5)


@pytest.mark.parametrize(
    ("at", "loss", "critical"),
    [  # solved by other code, with the constants of Kaplan et al. (arXiv 2001.08361)
        ((1e9, 1e5, 5e5), 2.55089763, 2.42989e6),
        ((1e9, 1e5, 5e7), 2.40309866, 3.22865e6),
        ((1e8, 1e4, 1e5), 3.79057511, 3.68537e5),
        ((1.5e9, 2.5e5, 524288), 2.39464589, 3.28328e6),
    ],
)
def test_a_loss_of_size_steps_and_batch_is_that_of_its_equation(
    at: tuple[float, ...], loss: float, critical: float
) -> None:
    constants = np.array([6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21])
    found = law("batch_trajectory").value(constants, np.array(at)[:, None])
    assert found == pytest.approx(loss, abs=1e-8)
    assert constants[4] / found ** (1 / constants[5]) == pytest.approx(critical, rel=1e-5)


@pytest.mark.parametrize(
    ("size", "exponent"),
    [(0.5, 0.008), (1.5, 0.02118), (3, 0.036), (7, 0.06), (14, 0.08), (32, 0.09846), (72, 0.10937)],
)
def test_the_exponent_of_post_training_saturates_with_size(size: float, exponent: float) -> None:
    """K_max / (1 + N_0 / N) with K_max 0.12 and N_0 7e9, at sizes in billions, by hand."""
    compute = np.array([1e19, 1e20])
    failures = law("rl_posttraining").value(
        np.array([-0.3, -0.2, -0.01, 0.12, 7e9]), np.stack([np.full(2, 1e9 * size), compute])
    )
    assert -np.diff(np.log(failures)) / np.log(10) == pytest.approx(exponent, abs=5.1e-6)


# A score, a law of anything, and a law for which more tokens change the best rate and batch.
OTHERWISE = ("log_law", "combined", "rate_and_batch")


@pytest.mark.parametrize(
    "name",
    [name for name, one in LAWS.items() if "tokens" in one.predictors and name not in OTHERWISE],
)
def test_a_loss_falls_with_training_tokens_from_the_first_on(name: str) -> None:
    """All else that the law is of stays, such as the unique text, of which fewer tokens leave some unread."""
    x, truths = WORLDS[name]
    tokens = LAWS[name].predictors.index("tokens")
    for truth in truths:
        losses = []
        for factor in np.geomspace(1e-3, 1, 13):
            fewer = x.copy()
            fewer[tokens] = factor * x[tokens]
            losses.append(LAWS[name].value(np.array(truth, dtype=float), fewer))
        change = np.diff(losses, axis=0)
        assert (change <= 0).all()
        assert (change[:3] < 0).all()


@pytest.mark.parametrize("tau", [6.7, 200.0, 1e4])
def test_filtering_sums_every_epoch_of_a_pool_that_is_seen_thousands_of_times(tau: float) -> None:
    a, b, d, epochs = 0.025, -0.16, 0.1, 5000.5
    k = np.arange(2, 5002)
    exponents = b * 2 ** (-(k - 1) / tau) * np.log(np.minimum(k, epochs) / (k - 1))
    found = law("filtering").value(np.array([a, b, tau, d]), np.array([[epochs * 1e5], [1e5]]))
    assert found == pytest.approx(d + a**b * np.exp(exponents.sum()), rel=1e-6)


@pytest.mark.slow
def test_a_second_break_is_recovered() -> None:
    x, two = np.geomspace(1e-5, 1e5, 120)[None], bnsl.bnsl(breaks=2)
    truth = np.array([0.3, 2.0, 0.05, 0.3, 5e-3, 0.4, -0.2, 2e2, 0.6])
    found = estimate(two, x, two.value(truth, x), residual="linear")
    assert found.theta[:, 0] == pytest.approx(truth, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, one in LAWS.items() if one.linear and name not in FLAT])
def test_variable_projection_ends_where_the_search_of_all_parameters_does(name: str) -> None:
    x, truths = WORLDS[name]
    y = LAWS[name].value(np.array(truths[0]), x)
    noisy = y * np.exp(0.002 * np.random.default_rng(2).standard_normal(len(y)))
    both = fitted(name, x, noisy)
    separated = project(LAWS[name], x, noisy)
    assert separated.objective == pytest.approx(both.objective, rel=1e-8)
    assert separated.theta[:, 0] == pytest.approx(both.theta[:, 0], rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("name", [name for name, one in LAWS.items() if one.linear])
def test_a_law_is_the_sum_of_its_linear_parameters_times_their_derivatives(name: str) -> None:
    x, truths = WORLDS[name]
    one = LAWS[name]
    linear = [one.names.index(each) for each in one.linear]
    for truth in truths:
        theta = np.array(truth, dtype=float)
        total = theta[linear] @ one.jacobian(theta, x)[linear]
        assert one.value(theta, x) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("name", [name for name, one in LAWS.items() if one.linear])
def test_a_starting_point_has_the_least_squares_of_its_linear_parameters(name: str) -> None:
    """Where none of them had to be made positive, no other linear parameters are nearer to the data."""
    x, truths = WORLDS[name]
    one = LAWS[name]
    y = one.value(np.array(truths[0], dtype=float), x)
    linear = [one.names.index(each) for each in one.linear]
    scale = y if (y > 0).all() else np.ones_like(y)
    for start in one.starts(x, y):
        columns = one.jacobian(start, x)[linear] / scale
        best = np.linalg.lstsq(columns.T, y / scale, rcond=None)[0]
        least = np.linalg.norm(best @ columns - y / scale)
        found = np.linalg.norm(start[linear] @ columns - y / scale)
        assert found >= least * (1 - 1e-9) - 1e-12
        if (best > 0).all():
            assert found == pytest.approx(least, rel=1e-6, abs=1e-9)


def test_starting_points_of_very_many_points_are_sought_on_an_even_sample_of_them() -> None:
    seen: list[Array] = []

    def starts(x: Array, y: Array) -> Array:
        seen.append(np.vstack([x, y]))
        return np.ones((1, 3))

    one = replace(law("irreducible"), starts=starts)
    x = np.random.default_rng(0).permutation(100_000).astype(float)[None]
    one.starting_points(x, 2 * x[0])
    few, value = seen[0]
    assert len(few) == MAX_START_POINTS
    assert np.array_equal(value, 2 * few)
    assert (few.min(), few.max()) == (0, 99_999)
    assert np.ptp(np.diff(np.sort(few))) <= 1
    one.starting_points(x[:, :MAX_START_POINTS], x[0, :MAX_START_POINTS])
    assert np.array_equal(seen[1][0], x[0, :MAX_START_POINTS])
