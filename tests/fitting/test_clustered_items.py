"""Where items come in clusters, intervals of their population go by cluster, and the second opinion stands beside."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import scipy.stats

from relscale.fitting.fit import fit
from relscale.fitting.inference import interval
from relscale.fitting.inference.interval import item_lines
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.report.summary import summary

GROUPS = {"a": (1.5, 0.08, 0.3), "b": (1.0, 0.05, 0.0)}
SUITES = {"s": {"baseline": "b"}}
POPULATION, INDEPENDENT = "item population", "independent items"


@pytest.fixture(scope="module")
def tables(World: Any) -> tuple[pa.Table, pa.Table]:
    """Measurements of 8 clusters, and draws of clusters that lie three times as far away as those of items."""
    near = World(GROUPS, noise=0.001, replicates=60, item_noise=0.002, seed=1)
    count = [None if row["suite"] == "validation" else 8 for row in near.rows]
    measurements = near.measurements.append_column("clusters", pa.array(count, pa.int64()))
    value = {(row["run"], row["group"]): row["value"] for row in near.rows}
    far = []
    for row in near.draws:
        centre = value[row["run"], row["group"]]
        far.append(row | {"unit": "cluster", "value": centre + 3 * (row["value"] - centre)})
    return measurements, pa.Table.from_pylist([row | {"unit": "item"} for row in near.draws] + far)


def rows_of(table: pa.Table, estimand: str, parameter: str = "delta_beta") -> list[dict[str, Any]]:
    keep = pc.and_(pc.equal(table["estimand"], estimand), pc.equal(table["parameter"], parameter))
    rows: list[dict[str, Any]] = table.filter(keep).to_pylist()
    return rows


@pytest.mark.slow
def test_intervals_go_by_cluster_and_those_of_independent_items_stand_beside_them(tables: Any) -> None:
    fits = fit(*tables, suites=SUITES).fits
    (by_cluster,), (by_item,) = rows_of(fits, POPULATION), rows_of(fits, INDEPENDENT)
    assert by_cluster["value"] == by_item["value"]
    assert by_cluster["stderr"] > 2 * by_item["stderr"]
    assert len(rows_of(fits, INDEPENDENT, "beta")) == 2


@pytest.mark.slow
def test_without_clusters_nothing_changes(tables: Any) -> None:
    measurements, draws = tables
    items = draws.filter(pc.equal(draws["unit"], "item"))
    plain = fit(measurements.drop_columns("clusters"), items.drop_columns("unit"), suites=SUITES).fits
    assert not rows_of(plain, INDEPENDENT)
    (with_clusters,) = rows_of(fit(*tables, suites=SUITES).fits, INDEPENDENT)
    (alone,) = rows_of(plain, POPULATION)
    assert {**with_clusters, "estimand": None} == {**alone, "estimand": None}


@pytest.mark.slow
def test_the_summary_shows_both_p_values(tables: Any) -> None:
    assert "p, items independent" in summary(fit(*tables, suites=SUITES), {})


@pytest.mark.slow
def test_few_clusters_are_flagged(tables: Any) -> None:
    measurements, draws = tables
    few = measurements.set_column(
        measurements.column_names.index("clusters"), "clusters", pc.subtract(measurements["clusters"], 5)
    )
    unequal = measurements.append_column(
        "effective_clusters", pc.multiply(pc.cast(measurements["clusters"], pa.float64()), 0.3)
    )
    for table in (few, unequal):
        (row,) = rows_of(fit(table, draws, suites=SUITES).fits, POPULATION)
        assert row["status"] == "too few clusters of items"
        assert row["low"] < row["value"]
    assert row["items_df"] == pytest.approx(0.3 * 8 - 1)


def test_the_items_part_has_as_many_degrees_of_freedom_as_clusters_less_one() -> None:
    rng = np.random.default_rng(0)
    x, y = np.arange(5.0), np.zeros((5, 1))  # no run noise: all variance is the items'
    replicates = y[..., None] + x[:, None, None] * rng.standard_normal((1, 1, 200))
    estimate = lines(x, y)
    found = interval.slope(estimate, 0.95, item_lines(x, y, replicates, estimate, clusters=np.array([9.0])))
    assert found.high / found.stderr == pytest.approx(scipy.stats.t.ppf(0.975, 8))


@pytest.mark.slow
def test_one_cluster_has_neither_limits_nor_a_p_value_for_the_population(tables: Any) -> None:
    """There is nothing to see how clusters differ by; its variance would be 0, and p as small as it can be."""
    measurements, draws = tables
    single = measurements.set_column(
        measurements.column_names.index("clusters"),
        "clusters",
        pc.if_else(pc.is_valid(measurements["clusters"]), 1, measurements["clusters"]),
    )
    fits = fit(single, draws, suites=SUITES)
    (row,) = rows_of(fits.fits, POPULATION)
    assert row["low"] is row["high"] is row["p_value"] is None
    joint = next(row for row in fits.joint_tests.to_pylist() if row["estimand"] == POPULATION)
    assert joint["p_value"] is None
    assert row["status"] == joint["status"] == "too few clusters of items"
