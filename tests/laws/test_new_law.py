"""A law is one file: written into a folder of the package, it is found by name, listed, and fitted."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, least_squares, nnls
from scipy.special import lambertw

from relscale import laws
from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.variable_projection import project
from relscale.fitting.status import OK
from relscale.laws.catalogue import example, law, law_modules, law_names
from relscale.laws.implicit import implicit
from relscale.laws.law import Array, Law, Parameter
from relscale.laws.profile import fit_positive
from relscale.provenance import code_digest

BATCH = '''"""What a batch costs: L = E + A · B^a, a sum of a floor and a power of the batch's tokens."""

import numpy as np

from relscale.laws.law import Parameter
from relscale.laws.separable import separable

LAW = separable(
    name="batch",
    predictors=("batch_tokens",),
    parameters=(
        Parameter("E", "unit of the loss", "without the cost of a batch", low=0),
        Parameter("A", "unit of the loss", "the cost of a batch of one token", low=0, log=True),
        Parameter("a", "none", "the exponent of the batch", low=0, high=3),
    ),
    linear=("E", "A"),
    terms=lambda g, z: np.stack(np.broadcast_arrays(1.0, np.exp(g[0] * z[0]))),
    grid=lambda z: np.array([[0.1, 0.3, 0.6, 1.0, 1.5]]),
    centre=lambda z: z.mean(axis=1),
    source="none",
)
'''

MIXTURE = '''"""Data mixing: L = c + k · exp(Σ_j t_j · r_j), r_j the share of each domain."""

import numpy as np

from relscale.laws.law import Family, Law, Parameter
from relscale.laws.separable import separable

TRIED = np.random.default_rng(0).uniform(-2, 2, (400, 8))


def make_law(columns: tuple[str, ...]) -> Law:
    count = len(columns)
    return separable(
        name="mixture",
        predictors=columns,
        parameters=(
            Parameter("c", "unit of the loss", "what no mixture gets below", low=0),
            Parameter("k", "unit of the loss", "the size of what a mixture changes", low=0, log=True),
            *(Parameter(f"t_{column}", "none", f"what {column} does", low=-20, high=20) for column in columns),
        ),
        linear=("c", "k"),
        terms=lambda g, z: np.stack(np.broadcast_arrays(1.0, np.exp(sum(t * r for t, r in zip(g, z))))),
        grid=lambda z: TRIED[:, :count].T,
        coordinates=np.asarray,
        source="Ye et al., arXiv 2403.16952, equation 7",
    )


LAW = Family(name="mixture", prefix="share_", make_law=make_law, source="Ye et al., arXiv 2403.16952, equation 7")
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the package of laws; what is imported from it is forgotten afterwards."""
    monkeypatch.setattr(laws, "__path__", [*laws.__path__, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("relscale.laws."):
            del sys.modules[name]


def test_a_file_is_found_by_name_listed_and_fitted(package: Path) -> None:
    (package / "batch.py").write_text(BATCH)
    assert "batch" in law_names()
    assert law_names() == tuple(sorted(law_names()))
    x = np.geomspace(1e4, 1e7, 20)[None]
    truth = np.array([2.5, 1e-4, 0.5])
    one = law("batch")
    y = one.value(truth, x) * np.exp(0.002 * np.random.default_rng(0).standard_normal(20))
    found = estimate(one, x, y, residual="linear")
    assert found.status == [OK]
    low, high = found.interval(0.999)
    assert ((low[:, 0] < truth) & (truth < high[:, 0])).all()

    def residuals(u: Array) -> Array:
        return np.asarray(u[0] + np.exp(u[1] + u[2] * np.log(x[0])) - y)

    reference = least_squares(residuals, [2.5, np.log(1e-4), 0.5], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert found.objective[0] == pytest.approx(reference.cost, rel=1e-8)
    assert project(one, x, y).objective[0] == pytest.approx(reference.cost, rel=1e-8)


def test_a_module_that_is_not_a_law_is_not_listed(package: Path) -> None:
    (package / "notes.py").write_text('"""LAW = none."""\n')
    assert "notes" not in law_names()
    with pytest.raises(RelscaleError, match="no law 'notes'; there are annealing"):
        law("notes")


def test_the_name_of_a_law_is_that_of_its_file() -> None:
    assert all(module.LAW.name == name for name, module in law_modules().items())


def test_every_law_says_what_it_is() -> None:
    for name in law_names():
        one = example(name)
        assert one.formula
        assert one.source
        assert one.traps
        assert all(parameter.unit and parameter.meaning for parameter in one.parameters)


def test_the_digest_of_a_law_is_that_of_its_file() -> None:
    digests = [code_digest(f"relscale.laws.{name}") for name in law_names()]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("count", [2, 4])
def test_a_family_has_parameters_for_each_predictor(package: Path, count: int) -> None:
    (package / "mixture.py").write_text(MIXTURE)
    columns = tuple(f"share_{i}" for i in range(count))
    one = law("mixture", columns)
    assert one.predictors == columns
    assert one.names == ("c", "k", *(f"t_{column}" for column in columns))
    rng = np.random.default_rng(count)
    shares = rng.dirichlet(np.ones(count + 1), 60).T[:count]
    truth = np.array([1.8, 0.7, *rng.uniform(-1.5, 1.5, count)])
    found = estimate(one, shares, one.value(truth, shares), residual="linear")
    assert found.theta[:, 0] == pytest.approx(truth, rel=1e-5)


def test_a_family_without_columns_says_what_to_name(package: Path) -> None:
    (package / "mixture.py").write_text(MIXTURE)
    with pytest.raises(RelscaleError, match="name its columns under x, such as share_"):
        law("mixture")


# y·e^y = A·x^a has the solution W(A·x^a), Lambert's function.
PARAMETERS = (Parameter("A", "none", low=0, log=True), Parameter("a", "none"))
VALUE, JACOBIAN = implicit(
    lambda y, theta, x: y - theta[0] * x[0] ** theta[1] * np.exp(-y),
    lambda theta, x: np.stack(np.broadcast_arrays(0.0, 1.0 + theta[0] * x[0] ** theta[1])),
    PARAMETERS,
)
LAMBERT = Law(
    name="lambert",
    predictors=("x",),
    parameters=PARAMETERS,
    value=VALUE,
    jacobian=JACOBIAN,
    starts=lambda x, y: np.array([[1.0, 0.5], [1.0, 1.5]]),
    source="none",
)


@pytest.mark.slow
@given(st.floats(1e-3, 1e3), st.floats(-2, 2), st.floats(0.01, 100))
def test_an_implicit_law_is_the_root_of_its_equation(amplitude: float, exponent: float, at: float) -> None:
    theta, x = np.array([amplitude, exponent]), np.full((1, 1), at)
    right = amplitude * at**exponent
    root = brentq(lambda y: y - right * np.exp(-y), 0, 1 + right, xtol=1e-300, rtol=1e-15)
    assert VALUE(theta, x)[0] == pytest.approx(root, rel=1e-12)
    assert VALUE(theta, x)[0] == pytest.approx(float(lambertw(right).real), rel=1e-12)


@pytest.mark.slow
@given(st.floats(1e-2, 1e2), st.floats(-2, 2), st.floats(0.1, 10))
def test_the_derivatives_of_an_implicit_law_are_those_of_its_solution(
    a: float, exponent: float, at: float
) -> None:
    theta, x = np.array([a, exponent]), np.full((1, 1), at)
    y = float(lambertw(a * at**exponent).real)
    by_right = y / (1 + y)  # dW / d ln z
    expected = [by_right / a, by_right * np.log(at)]
    assert JACOBIAN(theta, x)[:, 0] == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_an_implicit_law_is_fitted_for_many_data_sets_at_once() -> None:
    x, truth = np.geomspace(0.1, 50, 25)[None], np.array([[3.0, 0.4], [0.8, 1.2]])
    y = np.stack([VALUE(theta, x) for theta in truth], axis=1)
    found = estimate(LAMBERT, x, y)
    assert found.converged.all()
    assert pytest.approx(truth, rel=1e-6) == found.theta.T


def test_without_a_root_there_is_no_value() -> None:
    value, _ = implicit(
        lambda y, theta, x: y * y + theta[0],
        lambda theta, x: np.stack(np.broadcast_arrays(-1.0, 1.0 + 0 * x[0])),
        (),
    )
    assert np.isnan(value(np.array([1.0]), np.ones((1, 1)))).all()


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_a_profile_is_nonnegative_least_squares_at_the_best_point_of_the_grid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 3, (1, 9)), np.exp(rng.standard_normal((9, 2)))
    y[rng.random((9, 2)) < 0.2] = np.nan

    def terms(g: Array, z: Array) -> Array:
        return np.stack(np.broadcast_arrays(1.0, np.exp(-g[0] * z[0])))

    grid = np.array([[0.2, 0.7, 1.5]])
    found = fit_positive(terms, grid, x, np.log(y))
    for k in range(2):
        known = np.isfinite(y[:, k])
        norms = [nnls(terms(g, x[:, known]).T / y[known, k : k + 1], np.ones(known.sum()))[1] for g in grid.T]
        fitted = np.exp(found.log_value(x)[known, k])
        assert np.linalg.norm(fitted / y[known, k] - 1) == pytest.approx(min(norms), rel=1e-5)
