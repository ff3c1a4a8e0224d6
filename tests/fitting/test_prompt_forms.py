"""What the form of a prompt does, where it is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from row_cells import as_cells, cells
from scipy import stats

from relscale.fitting.analyses import prompt_forms
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.run_matrix import RunMatrix, Series
from relscale.fitting.fit import fit
from relscale.fitting.settings import Settings

prompt_form_rows = as_cells(prompt_forms.rows)

FLOPS = np.geomspace(1e18, 1e21, 7)
X = np.log(FLOPS / FLOPS[3])
FORMS = ("letters", "cloze")


def matrix(
    values: dict[tuple[str, str], Any], draws: Any = None, blocks: Any = None, group: str = "g"
) -> RunMatrix:
    """Every run a point; ``values`` by prompt and metric."""
    n = len(next(iter(values.values())))
    nan = np.full(n, np.nan)
    table = np.stack([np.asarray(one, dtype=float) for one in values.values()], axis=1)
    return RunMatrix(
        experiment="e",
        corpus="c",
        optimizer=None,
        run=[f"run {i}" for i in range(n)],
        block=blocks or [None] * n,
        status=["ok"] * n,
        budget=nan,
        training_flops=np.resize(FLOPS, n),
        params=nan,
        tokens=nan,
        loss=nan,
        series=[Series("s", prompt, metric, group) for prompt, metric in values],
        values=table,
        replicates=np.empty((*table.shape, 0)) if draws is None else draws,
    )


def rows_of(one: RunMatrix, **where: Any) -> list[dict[str, Any]]:
    found = prompt_form_rows(frontier_curves(one, Settings()), Settings(bootstrap=400))
    return [row for row in found if all(row.get(name) == value for name, value in where.items())]


def test_the_share_explained_is_the_squared_correlation_in_logs_for_bits_and_as_it_is_for_shares() -> None:
    rng = np.random.default_rng(0)
    bits = np.exp(-0.05 * X + 0.02 * rng.normal(size=7))
    accuracy = 0.4 + 0.03 * X + 0.05 * rng.normal(size=7)
    values = {
        (form, name): one for form in FORMS for name, one in (("bits_per_byte", bits), ("accuracy", accuracy))
    }
    rows = {row["metric"]: row for row in rows_of(matrix(values), quantity="r_squared", prompt="cloze")}
    assert rows["bits_per_byte"]["value"] == pytest.approx(stats.pearsonr(X, np.log(bits)).statistic ** 2)
    assert rows["accuracy"]["value"] == pytest.approx(stats.pearsonr(X, accuracy).statistic ** 2)
    assert [rows[name]["scale"] for name in ("bits_per_byte", "accuracy")] == ["log-log", "linear"]
    assert {row["points"] for row in rows.values()} == {"all runs"}


@pytest.mark.slow
def test_the_interval_of_the_share_explained_covers_the_true_share_at_the_nominal_rate() -> None:
    rng = np.random.default_rng(1)
    slope, sd, draws = 0.1, 0.25, 1500
    truth = slope**2 * np.sum(X**2) / (slope**2 * np.sum(X**2) + 7 * sd**2)
    values = {(f"form {i}", "accuracy"): slope * X + sd * rng.normal(size=7) + 0.5 for i in range(draws)}
    rows = rows_of(matrix(values), quantity="r_squared")
    covered = np.mean([row["low"] <= truth <= row["high"] for row in rows])
    assert covered == pytest.approx(0.95, abs=0.02)
    assert all(0 <= row["low"] <= row["high"] <= 1 for row in rows)


def test_a_line_without_scatter_is_explained_whole() -> None:
    (row,) = rows_of(matrix({(form, "bits_per_byte"): np.exp(-0.05 * X) for form in FORMS}), prompt="cloze")
    assert row["value"] == pytest.approx(1)


def test_a_form_that_gains_nothing_on_any_item_gains_nothing_however_noisy_the_items() -> None:
    """Both forms see the same draws, so that what they share falls out."""
    rng = np.random.default_rng(2)
    accuracy = 0.4 + 0.03 * X
    draws = np.stack([accuracy[:, None] + 0.1 * rng.normal(size=(7, 50))] * 2, axis=1)
    one = matrix({(form, "accuracy"): accuracy for form in FORMS}, draws)
    rows = rows_of(one, quantity="difference", prompt="cloze")
    assert {row["reference"] for row in rows} == {"letters"}
    assert [row["value"] for row in rows] == pytest.approx([0] * len(rows), abs=1e-12)
    assert [row["high"] - row["low"] for row in rows] == pytest.approx([0] * len(rows), abs=1e-12)


def test_the_gain_over_all_computes_is_the_mean_gain_with_the_last_stages_t_interval() -> None:
    rng = np.random.default_rng(3)
    letters = 0.3 + 0.02 * X
    gain = 0.05 + 0.004 * X + 0.01 * rng.normal(size=7)
    values = {("letters", "accuracy"): letters, ("cloze", "accuracy"): letters + gain}
    (row,) = rows_of(matrix(values), quantity="difference", run=None)
    residual = gain - np.polyval(np.polyfit(X, gain, 1), X)
    stderr = np.sqrt(residual @ residual / 5 / 7)
    assert row["value"] == pytest.approx(gain.mean())
    assert row["high"] - row["value"] == pytest.approx(stats.t.ppf(0.975, 5) * stderr)
    assert len(rows_of(matrix(values), quantity="difference")) == 7 + 1


def test_gains_of_clustered_items_have_the_quantile_of_their_clusters() -> None:
    """Forms differ on the same items alone, without noise of runs: all of the variance is the items'."""
    rng = np.random.default_rng(4)
    gains = 0.05 + 0.01 * rng.normal(size=60)
    accuracy = np.stack([0.4 + 0.03 * X, 0.45 + 0.03 * X], axis=1)
    draws = np.stack([np.tile(accuracy[:, :1], 60), accuracy[:, :1] + gains], axis=1)
    one = replace(
        matrix({(form, "accuracy"): of for form, of in zip(FORMS, accuracy.T, strict=True)}, draws),
        clusters=np.array([4.0, 9.0]),
    )
    rows = rows_of(one, quantity="difference", prompt="cloze")
    of_items = [row for row in rows if row["estimand"] != "these items"]
    assert len(of_items) == 7 + 1
    for row in of_items:
        assert row["high"] - row["value"] == pytest.approx(stats.t.ppf(0.975, 3) * gains.std(ddof=1))
        assert row["status"] == "too few clusters of items"


def test_checkpoints_of_one_training_are_drawn_as_a_whole() -> None:
    rng = np.random.default_rng(4)
    accuracy = 0.4 + 0.03 * np.tile(X, 3) + 0.02 * rng.normal(size=21)
    blocks = [f"training {i // 3}" for i in range(21)]
    values = {(form, "accuracy"): accuracy for form in FORMS}
    (row,) = rows_of(matrix(values, blocks=blocks), quantity="r_squared", prompt="cloze")
    assert row["interval"] == "block bootstrap by trajectory, percentile"
    assert row["low"] < row["value"] < row["high"]
    (row,) = rows_of(matrix(values, blocks=["a"] * 10 + ["b"] * 11), quantity="r_squared", prompt="cloze")
    assert row["reason"] == "too few training runs for a reliable interval: 2"


def test_a_suite_of_one_form_has_no_rows() -> None:
    assert rows_of(matrix({("letters", "accuracy"): 0.4 + 0.03 * X})) == []


def test_two_points_are_too_few_and_say_so() -> None:
    values = {(form, "accuracy"): np.where(np.arange(7) < 2, 0.4 + 0.03 * X, np.nan) for form in FORMS}
    (row,) = rows_of(matrix(values), quantity="r_squared", prompt="cloze")
    assert np.isnan(row["value"])
    assert row["reason"].startswith("2 points; a line with an interval needs 3")


def test_errors_are_read_off_at_the_compute_optimum_where_there_is_one(World: Any) -> None:
    world = World({"a": (1.5, 0.1, 0.0)})
    other = [row | {"prompt": "cloze"} for row in world.rows if row["suite"] == "s"]
    fits = fit(pa.Table.from_pylist(world.rows + other))
    rows = cells(fits.prompt_forms)
    assert {row["points"] for row in rows} == {"compute-optimal runs"}
    assert {row["prompt"] for row in rows} == {"plain", "cloze"}
    assert [row["value"] for row in rows] == pytest.approx([1] * len(rows))
