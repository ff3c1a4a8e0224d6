"""The frontier of three published IsoFLOP suites (reference/isoflop_suite.csv, 255 runs)."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from row_cells import cells

from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits
from relscale.storage.tables import read_table

TABLE = Path(__file__).parents[2] / "reference" / "isoflop_suite.csv"


@pytest.fixture(name="suite", scope="module")
def published() -> pa.Table:
    table = read_table(TABLE)
    series = {"suite": "validation", "group": "all", "metric": "nats_per_token"}
    for name, word in series.items():
        table = table.append_column(name, pa.repeat(word, table.num_rows))
    return table.rename_columns({"paloma_macro_loss": "value"})


@pytest.fixture(name="fits", scope="module")
def fitted(suite: pa.Table) -> Fits:
    return fit(suite)


@pytest.mark.slow
def test_all_21_parabolas_have_their_minimum_inside_the_widths(fits: Fits) -> None:
    assert fits.frontier["status"].to_pylist() == ["ok"] * 21
    assert sum(fits.frontier["runs"].to_pylist()) == 255


def test_more_compute_is_best_spent_on_more_tokens_and_more_parameters(fits: Fits) -> None:
    for law in ("compute_optimal_tokens", "compute_optimal_params"):
        for row in cells(fits.fits):
            if (row["law"], row["parameter"]) == (law, "exponent"):
                assert 0.3 < row["low"] < row["high"] < 0.7


def test_the_frontier_lies_on_or_above_no_budgets_best_run_by_more_than_the_scatter(
    suite: pa.Table, fits: Fits
) -> None:
    for row in cells(fits.frontier):
        runs = [r for r in suite.to_pylist() if (r["corpus"], r["budget"]) == (row["corpus"], row["budget"])]
        assert row["loss"] == pytest.approx(min(r["value"] for r in runs), abs=3 * row["residual_sd"])


def test_minima_are_those_of_polyfit(suite: pa.Table, fits: Fits) -> None:
    for row in cells(fits.frontier):
        runs = [r for r in suite.to_pylist() if (r["corpus"], r["budget"]) == (row["corpus"], row["budget"])]
        x = np.log([r["tokens"] for r in runs])
        c2, c1, _ = np.polyfit(x - x.mean(), [r["value"] for r in runs], 2)
        assert row["log_tokens"] == pytest.approx(x.mean() - c1 / (2 * c2), rel=1e-10)
