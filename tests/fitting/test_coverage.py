"""The coverage benchmark fits many data sets at once; it must be the same fit."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from relscale.fitting.fit import fit

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(name="benchmark", scope="module")
def coverage_module() -> ModuleType:
    specification = importlib.util.spec_from_file_location(
        "coverage_of_intervals", BENCHMARKS / "coverage.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(name="grid", scope="module")
def small_grid(benchmark: ModuleType) -> Any:
    """Four budgets of five widths, three seeds at the second."""
    flops = np.array([1e11, 3e11, 1e12, 3e12])
    spread = np.log(np.geomspace(0.4, 3, 5))
    log_tokens = [np.repeat(np.log(f) / 2 + spread, 3 if i == 1 else 1) for i, f in enumerate(flops)]
    return benchmark.Grid(
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


@pytest.mark.parametrize("generator", ["parabola × power law", "budget-level noise", "L(N, D) surfaces"])
def test_the_benchmark_gives_the_intervals_that_fit_gives(
    benchmark: ModuleType, grid: Any, generator: str
) -> None:
    noise = benchmark.Noise(loss=0.02, items=40)
    data = benchmark.GENERATORS[generator](grid, noise, 12, 25, np.random.default_rng(0))
    found, failed = benchmark.estimate(data, 0.95)
    for m in (0, 5, 11):
        fits = fit(*tables(data, m), suites={"s": {"baseline": "baseline"}}).fits.to_pylist()
        for estimand, limits in found.items():
            (row,) = [r for r in fits if (r["parameter"], r["estimand"]) == ("delta_beta", estimand)]
            for name in ("value", "stderr", "low", "high"):
                assert row[name] == pytest.approx(getattr(limits, name)[m], rel=1e-8)
            assert (row["status"] == "ok") == (failed[m] == 0)


def test_without_noise_the_benchmark_finds_the_true_delta_beta(benchmark: ModuleType, grid: Any) -> None:
    quiet = benchmark.Noise(loss=0, shared=0, own=0, item_level=0, item_slope=0, item_run=0, items=5)
    data = benchmark.GENERATORS["parabola × power law"](grid, quiet, 2, 3, np.random.default_rng(0))
    found, _ = benchmark.estimate(data, 0.95)
    assert found["these items"].value == pytest.approx(data.population, abs=1e-10)
    assert data.these_items == pytest.approx(data.population, abs=1e-12)


def test_simulated_noise_is_measured_as_what_it_is(benchmark: ModuleType, grid: Any) -> None:
    noise = benchmark.Noise(
        loss=0.01, shared=0.008, own=0.006, item_level=0.02, item_slope=0.004, item_run=0.01, items=60
    )
    data = benchmark.GENERATORS["parabola × power law"](grid, noise, 40, 60, np.random.default_rng(1))
    found = []
    for m in range(40):
        ladders = benchmark.ladders(*tables(data, m))
        found.append(vars(benchmark.noise_of(ladders, 60, "s", "bits_per_byte")))
    for name in ("loss", "shared", "own", "item_level", "item_slope", "item_run"):
        measured = np.sqrt(np.mean([noise_found[name] ** 2 for noise_found in found]))
        assert measured == pytest.approx(getattr(noise, name), rel=0.25), name


def test_the_table_names_generators_estimands_and_coverage(benchmark: ModuleType, grid: Any) -> None:
    rows = benchmark.coverage(grid, benchmark.Noise(items=20), 20, 0.95, 0)
    assert len(rows) == 6
    assert all(0 <= row["coverage"] <= 1 for row in rows)
    assert benchmark.markdown(rows, benchmark.Noise(), 20, 0.95).count("\n") == 2 + 1 + 6
