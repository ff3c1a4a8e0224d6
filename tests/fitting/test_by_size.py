"""Two optimizers whose losses differ by a known law of size, from table to figure."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from relscale.figures import optimizers
from relscale.figures.data import FigureData
from relscale.fitting.fit import fit
from relscale.fitting.fits import write
from relscale.fitting.report.summary import summary

GROUPS = {"a": (1.5, 0.08, 0.0)}
EXPONENT, LEVEL, AT = -0.02, 0.97, 1e5


def changed(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


@pytest.fixture(scope="module")
def measurements(World: Any) -> pa.Table:
    """``muon`` has 0.97·(N / 1e5)^−0.02 times the errors of ``adamw``, with noise of a thousandth."""
    world = World(GROUPS).measurements
    ratio = LEVEL * (world["params"].to_numpy() / AT) ** EXPONENT
    ratio *= 1 + 1e-3 * np.random.default_rng(0).standard_normal(len(ratio))
    both = []
    for name, factor in (("adamw", 1.0), ("muon", ratio)):
        table = changed(world, "value", pa.array(world["value"].to_numpy() * factor))
        table = changed(table, "optimizer", pa.array([name] * table.num_rows))
        both.append(changed(table, "run", pa.array([f"{run}-{name}" for run in table["run"].to_pylist()])))
    return pa.concat_tables(both)


@pytest.fixture(scope="module")
def fits(measurements: pa.Table) -> Any:
    return fit(measurements, options={"contrasts": {"optimizer": "adamw"}})


def test_the_law_of_size_between_two_optimizers_is_recovered(fits: Any) -> None:
    rows = fits.fits.filter(pc.equal(fits.fits["law"], "relative_by_size")).to_pylist()
    (slope,) = (row for row in rows if (row["parameter"], row["suite"]) == ("exponent", "validation"))
    assert slope["value"] == pytest.approx(EXPONENT, abs=1e-3)
    assert slope["low"] < EXPONENT < slope["high"]
    assert (slope["predictor"], slope["baseline"], slope["n"]) == ("params", "adamw", 25)


def test_by_size_every_pair_of_equal_runs_is_a_point(fits: Any, measurements: pa.Table) -> None:
    sizes = fits.sizes.filter(pc.equal(fits.sizes["suite"], "validation")).to_pylist()
    loss = {
        (row["optimizer"], row["params"]): row["value"]
        for row in measurements.to_pylist()
        if row["suite"] == "validation"
    }
    assert len(sizes) == len(loss) / 2
    for row in sizes:
        of_muon, of_adamw = (loss[name, row["params"]] for name in ("muon", "adamw"))
        assert row["ratio"] == pytest.approx(of_muon / of_adamw, rel=1e-12)


@pytest.mark.slow
def test_repeated_seeds_of_a_design_are_one_point_their_geometric_mean(measurements: pa.Table) -> None:
    rows = measurements.to_pylist()
    size = min(row["params"] for row in rows)
    smallest = [row for row in rows if (row["params"], row["optimizer"]) == (size, "muon")]
    worse = [row | {"run": row["run"] + "-s1", "value": 1.21 * row["value"]} for row in smallest]
    lost = [row | {"run": row["run"] + "-s2", "value": 9.0, "status": "diverged"} for row in smallest]
    again = worse + lost
    sizes = [
        fit(table, options={"contrasts": {"optimizer": "adamw"}}).sizes.to_pylist()
        for table in (measurements, pa.Table.from_pylist(rows + again, measurements.schema))
    ]
    assert len(sizes[0]) == len(sizes[1])
    for once, twice in zip(*sizes, strict=True):
        assert twice["ratio"] == pytest.approx(once["ratio"] * (1.1 if twice["params"] == size else 1.0))


def test_where_no_optimizers_are_compared_there_are_no_sizes(measurements: pa.Table) -> None:
    assert fit(measurements).sizes.num_rows == 0


@pytest.mark.slow
def test_the_figure_has_compute_and_size_side_by_side(
    fits: Any, measurements: pa.Table, tmp_path: Path
) -> None:
    write(fits, tmp_path / "fits")
    pq.write_table(measurements, tmp_path / "measurements.parquet")
    data = FigureData(tmp_path / "measurements.parquet", tmp_path / "fits")
    figure = optimizers.draw(data)
    text = " ".join(note.text for note in figure.layout.annotations)
    assert "Loss relative to adamw, by compute" in text
    assert "muon: exponent = −0.02" in text
    points = [
        trace for trace in figure.data if (trace.name, trace.xaxis, trace.mode) == ("muon", "x3", "markers")
    ]
    assert len(points[0].x) == 25
    assert "adamw (baseline)" in [trace.name for trace in figure.data]


def test_the_summary_says_which_optimizer_a_line_is_about(fits: Any) -> None:
    tables = [table.splitlines() for table in summary(fits, {}).split("\n\n")]
    contrast = next(table for table in tables if " against " in table[0] and "Δβ" in table[0])
    assert "optimizer" in contrast[0]
    assert [line.split()[1] for line in contrast if " validation " in line] == ["muon"]
    pairs = next(table for table in tables if table[0].startswith("equal runs"))
    (line,) = (line for line in pairs if " validation " in line)
    assert (line.split()[0], "adamw" in line.split()) == ("25", True)
    ratios = fits.sizes.filter(pc.equal(fits.sizes["suite"], "validation"))["ratio"].to_numpy()
    assert float(line.split()[-2]) == pytest.approx(np.prod(ratios) ** (1 / 25), abs=5e-4)
    assert int(line.split()[-1]) == (ratios < 1).sum()
