"""The coverage benchmark fits many data sets at once; it must be the same fit as that of one table."""

import importlib.util
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import trials.recovery
from generators.isoflop import Grid, Noise
from generators.laws import designs
from row_cells import as_cells
from trials import isoflop, kept, laws
from trials.outcome import Outcome, markdown, monte_carlo_error
from trials.outcome import verdict as verdict_of

from relscale.fitting.curves.run_matrix import run_matrices
from relscale.fitting.estimation import law_fits as law_fits_module
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.law_draws import draws
from relscale.fitting.estimation.law_points import PointRow, Points
from relscale.fitting.estimation.profile_limits import profile_limits
from relscale.fitting.fit import fit
from relscale.fitting.inference.bootstrap import schemes
from relscale.fitting.settings import Settings
from relscale.laws.catalogue import law_names

law_fits = as_cells(law_fits_module.law_fits)


@pytest.fixture(name="grid", scope="module")
def small_grid() -> Grid:
    """Four budgets of five widths, three seeds at the second."""
    flops = np.array([1e11, 3e11, 1e12, 3e12])
    spread = np.log(np.geomspace(0.4, 3, 5))
    log_tokens = [np.repeat(np.log(f) / 2 + spread, 3 if i == 1 else 1) for i, f in enumerate(flops)]
    return Grid(
        "small", flops, log_tokens, [np.log(f / 6) - x for f, x in zip(flops, log_tokens, strict=True)]
    )


def tables(data: Any, m: int) -> tuple[pa.Table, pa.Table]:
    """Data set ``m`` as measurements and replicates."""
    rows, draws = [], []
    for i, flops in enumerate(data.grid.flops):
        for r, x in enumerate(data.grid.log_tokens[i]):
            run = {"experiment": "e", "corpus": "c", "optimizer": "o", "run": f"{i}-{r}"}
            spent = {"budget": flops, "training_flops": flops, "tokens": np.exp(x), "params": 1.0}
            loss = {"suite": "validation", "group": "all", "metric": "nats_per_token", "prompt": None}
            rows.append(run | spent | loss | {"value": data.loss[i][r, m]})
            for group in data.errors:
                series = {"suite": "s", "group": group, "metric": "bits_per_byte", "prompt": None}
                rows.append(run | spent | series | {"value": data.errors[group][i][r, m]})
                for b, value in enumerate(data.replicates[group][i][r, m]):
                    draws.append(run | series | {"replicate": b, "value": value})
    return pa.Table.from_pylist(rows), pa.Table.from_pylist(draws)


@pytest.mark.slow
@pytest.mark.parametrize("generator", ["parabola × power law", "budget-level noise", "L(N, D) surfaces"])
def test_the_benchmark_gives_the_intervals_that_fit_gives(grid: Grid, generator: str) -> None:
    noise = Noise(loss=0.02, items=40)
    data = isoflop.GENERATORS[generator](grid, noise, 12, 25, np.random.default_rng(0))
    found, failed = isoflop.estimate(data, 0.95)
    for m in (0, 5, 11):
        fits = fit(*tables(data, m), suites={"s": {"baseline": "baseline"}}).fits.to_pylist()
        for estimand, limits in found.items():
            (row,) = [r for r in fits if (r["parameter"], r["estimand"]) == ("delta_beta", estimand)]
            for name in ("value", "stderr", "low", "high"):
                assert row[name] == pytest.approx(getattr(limits, name)[m], rel=1e-8)
            assert (row["status"] == "ok") == (failed[m] == 0)


def test_without_noise_the_benchmark_finds_the_true_delta_beta(grid: Grid) -> None:
    quiet = Noise(loss=0, shared=0, own=0, item_level=0, item_slope=0, item_run=0, items=5)
    data = isoflop.GENERATORS["parabola × power law"](grid, quiet, 2, 3, np.random.default_rng(0))
    found, _ = isoflop.estimate(data, 0.95)
    assert found["these items"].value == pytest.approx(data.population, abs=1e-10)
    assert data.these_items == pytest.approx(data.population, abs=1e-12)


@pytest.mark.slow
def test_simulated_noise_is_measured_as_what_it_is(grid: Grid) -> None:
    noise = Noise(
        loss=0.01, shared=0.008, own=0.006, item_level=0.02, item_slope=0.004, item_run=0.01, items=60
    )
    data = isoflop.GENERATORS["parabola × power law"](grid, noise, 40, 60, np.random.default_rng(1))
    found = []
    for m in range(40):
        found.append(vars(isoflop.noise_of(run_matrices(*tables(data, m)), 60, "s", "bits_per_byte")))
    for name in ("loss", "shared", "own", "item_level", "item_slope", "item_run"):
        measured = np.sqrt(np.mean([noise_found[name] ** 2 for noise_found in found]))
        assert measured == pytest.approx(getattr(noise, name), rel=0.25), name


@pytest.mark.slow
def test_the_exponent_of_the_frontier_is_the_one_that_fit_gives(grid: Grid) -> None:
    noise = Noise(loss=0.01, items=5)
    data = isoflop.GENERATORS["parabola × power law"](grid, noise, 3, 2, np.random.default_rng(2))
    found = isoflop.allocation(data, 0.95)
    for m in range(3):
        fits = fit(*tables(data, m), suites={"s": {"baseline": "baseline"}}).fits.to_pylist()
        (row,) = [r for r in fits if (r["law"], r["parameter"]) == ("compute_optimal_tokens", "exponent")]
        for name in ("value", "low", "high"):
            assert row[name] == pytest.approx(getattr(found, name)[m], rel=1e-8)


def test_the_table_names_generators_estimands_and_coverage(grid: Grid) -> None:
    rows = isoflop.coverage(grid, Noise(items=20), 20, 0.95, 0)
    assert len(rows) == 9
    assert all(0 <= row["coverage"] <= 1 for row in rows)
    assert markdown(rows).count("\n") == 1 + 9


@pytest.fixture(name="design", scope="module")
def over_training() -> Any:
    (found,) = [design for design in designs() if design.law.name == "overtraining"]
    return found


@pytest.mark.slow
def test_the_limits_of_a_law_are_those_that_fit_gives(design: Any) -> None:
    y = design.sample(3, np.random.default_rng(0))
    low, high = profile_limits(laws.fitted(design, y), design.x, y, 0.95, residual=design.residual)
    for m in range(3):
        rows = [
            {"corpus": "c", "run": f"{i}", "suite": "s", "group": "g", "metric": "nats_per_token"}
            | {"params": n, "tokens": d, "value": value}
            for i, (n, d, value) in enumerate(zip(*design.x, y[:, m], strict=True))
        ]
        entry = {"name": "a", "law": design.law.name, "residual": design.residual}
        fits, _ = law_fits(pa.Table.from_pylist(rows), Settings(laws=(entry,), bootstrap=0))
        for i, row in enumerate(fits[: len(design.truth)]):
            assert (row["low"], row["high"]) == pytest.approx((low[i, m], high[i, m]), rel=1e-4)


@pytest.mark.parametrize("scheme", [schemes.PAIRS, schemes.RESIDUAL])
def test_the_draws_of_a_law_are_those_that_fit_makes(design: Any, scheme: str) -> None:
    y = design.sample(2, np.random.default_rng(0))
    found = laws.fitted(design, y)
    theta, _ = laws._draws(design, scheme, y, found, 25, 0, "squares")

    def refit(values: np.ndarray, weights: np.ndarray, starts: np.ndarray | None, **options: Any) -> Any:
        return estimate(
            design.law, design.x, values, weights=weights, residual=design.residual, starts=starts, **options
        )

    for m in range(2):
        points = Points([PointRow() for _ in y], design.x, y[:, m], np.full(len(y), np.nan), 0)
        one = draws(
            design.law,
            refit(y[:, m], np.ones(len(y)), None),
            points,
            design.x,
            refit,
            scheme=scheme,
            number=25,
            log_residual=False,
            weights=np.ones(len(y)),
            rng=np.random.default_rng([0, *laws._tag(design), 1, m]),
        )
        assert one.theta == pytest.approx(theta[:, m], rel=1e-3)


@pytest.mark.slow
def test_noiseless_data_give_every_law_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a few truths of each law; the benchmark tries more."""
    monkeypatch.setattr(trials.recovery, "TRUTHS", 3)
    rows = trials.recovery.recovery(0)
    assert {row["within 1e-4"] for row in rows} == {"yes"}
    named = {row["law"].strip("`") for row in rows}
    assert named >= set(law_names()) | {"power", "relative", "parabola"}


def test_every_law_has_a_design_on_which_its_coverage_is_measured() -> None:
    assert {design.law.name for design in designs()} == set(law_names())


@pytest.mark.parametrize(
    ("coverage", "verdict"), [(0.95, "yes"), (0.97, "yes"), (0.985, "above"), (0.92, "below")]
)
def test_a_coverage_is_nominal_within_three_monte_carlo_errors(coverage: float, verdict: str) -> None:
    hit = np.repeat([1.0, 0.0], [round(1000 * coverage), round(1000 * (1 - coverage))])
    assert verdict_of(hit, 0.95) == verdict


def test_a_trial_is_asked_once_and_another_argument_is_another_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT", tmp_path)
    trial, other = (kept.Trial(monte_carlo_error, (np.ones(n), 0.95)) for n in (4, 100))
    assert kept.result(trial) == monte_carlo_error(np.ones(4), 0.95)
    trial.path.write_bytes(pickle.dumps("what was found before"))
    assert kept.result(trial) == "what was found before"
    assert kept.result(other) == monte_carlo_error(np.ones(100), 0.95)


def test_a_trial_is_named_by_the_code_that_it_runs_and_not_by_other_laws() -> None:
    """Without a module that it imports its digest is another one; a module that it does not import changes nothing."""
    assert kept.code_digest("trials.laws", ("generators.laws",)) != kept.code_digest("trials.laws")
    assert kept.code_digest("trials.laws", ("generators.gaps",)) == kept.code_digest("trials.laws")


@pytest.mark.slow
def test_a_law_that_is_tried_again_is_shown_with_both_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # which the module sets for its process
    path = Path(kept.__file__).parents[1] / "coverage.py"
    spec = importlib.util.spec_from_file_location("coverage_page", path)
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)

    def outcomes(*shares: float) -> list[Outcome]:
        hits = (np.arange(200) < 200 * share for share in shares)
        return [Outcome("law", "place", "slope", "t", True, 0.95, hit.astype(float)) for hit in hits]

    tries = {"nominal": [outcomes(0.95)], "off": [outcomes(0.8), outcomes(0.94)]}
    for law, designs_shown in (("nominal", ["place"]), ("off", ["place", "place, tried again"])):
        waiting = iter(tries[law])
        monkeypatch.setattr(page, "result", lambda trial, waiting=waiting: next(waiting))
        assert [one.design for one in page.of_law(0, 1000, 0.95, 0)] == designs_shown
