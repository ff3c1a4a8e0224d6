from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from row_cells import as_cells

from relscale.errors import RelscaleError
from relscale.fitting.analyses import held_out_comparison
from relscale.fitting.analyses import held_out_comparison as forms
from relscale.fitting.analyses.held_out_comparison import FORMS, Form, Prediction, held_out
from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.run_matrix import run_matrices
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK
from relscale.storage.tables import read_table

form_rows = as_cells(held_out_comparison.rows)

OLMO = Path(__file__).parents[2] / "reference" / "olmo_ladder_mmlu.csv"
FLOPS = np.geomspace(1e18, 1e21, 12)
F = FLOPS / 1e19


def curves(target: Any, baseline: Any = None, runs: bool = False, flops: Any = FLOPS) -> Curves:
    """Of errors, or of their ratios where a ``baseline`` is given; every point a budget, or a run without one."""
    log_target = np.log(np.asarray(target, dtype=float)).reshape(len(flops), -1)
    log_baseline = None if baseline is None else np.broadcast_to(np.log(baseline)[:, None], log_target.shape)
    value = log_target if log_baseline is None else log_target - log_baseline
    points = [
        Point(
            np.nan if runs else f,
            f,
            np.array([i]),
            0,
            OK,
            params=f**0.5,
            tokens=f**0.5 / 6,
            run="r" if runs else None,
        )
        for i, f in enumerate(flops)
    ]
    return Curves(
        quantity=ERROR if baseline is None else RATIO,
        keys=[CurveKey(group=f"g{j}") for j in range(value.shape[1])],
        points=points,
        log_flops=np.log(flops),
        value=value,
        noise=np.ones_like(value),
        replicates=np.empty((*value.shape, 0)),
        status=np.full(value.shape, OK, dtype=object),
        blocks=[str(i) for i in range(len(flops))],
        target=log_target,
        baseline=log_baseline,
    )


def by_form(of: Curves, group: str = "g0", **options: Any) -> dict[str, dict[str, Any]]:
    rows = form_rows(of, Settings(**options))
    return {row["form"]: row for row in rows if row["group"] == group}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("power", 2.5 * F**-0.06),
        ("irreducible", 1.2 + 1.5 * F**-0.3),
        ("semilog", 2.0 - 0.1 * np.log(F)),
        ("bnsl", 0.3 + 2.0 * F**-0.05 * (1 + (F / 3) ** (1 / 0.4)) ** (-0.3 * 0.4)),
        ("persistence", np.full(12, 1.7)),
    ],
)
def test_the_law_that_errors_follow_predicts_them_and_ranks_first(form: str, error: Any) -> None:
    row = by_form(curves(error), hold_out=3)[form]
    assert row["rank"] == 1
    assert (row["rmse_log"], row["rmse_log_fitted"], row["bias_log"]) == pytest.approx((0, 0, 0), abs=1e-5)
    assert (row["n_fitted"], row["n_held_out"]) == (9, 3)
    assert row["held_out_from"] == pytest.approx(FLOPS[-3])


BASELINE = 2.0 * F**-0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "target", "baseline"),
    [
        ("relative", 3.0 * F**-0.08, BASELINE),
        ("difference", BASELINE + 0.5 * F**-0.3, BASELINE),
        ("difference", BASELINE - 0.5 * F**-0.3, BASELINE),
        ("irreducible", 1.2 + 1.5 * F**-0.3, 0.5 + 1.0 * F**-0.2),
        ("persistence", 1.3 * (1 + 0.2 * np.sin(np.arange(12))), 1 + 0.2 * np.sin(np.arange(12))),
    ],
)
def test_the_law_that_ratios_follow_predicts_them_and_ranks_first(
    form: str, target: Any, baseline: Any
) -> None:
    row = by_form(curves(target, baseline), hold_out=2)[form]
    assert row["rank"] == 1
    assert row["rmse_log"] == pytest.approx(0, abs=1e-5)


@pytest.mark.slow
def test_a_surface_of_parameters_and_tokens_predicts_itself() -> None:
    """L(N, D) at shapes that compute does not fix."""
    n, m = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e8, 1e10, 6), [5.0, 20, 80]))
    flops = 6 * n * n * m
    order = np.argsort(flops)
    loss = (1.7 + 400 * n**-0.34 + 2000 * (n * m) ** -0.37)[order]
    of = curves(loss, runs=True, flops=flops[order])
    points = [
        replace(point, params=n[i], tokens=n[i] * m[i]) for point, i in zip(of.points, order, strict=True)
    ]
    row = by_form(replace(of, points=points))["parametric"]
    assert (row["rank"], row["reason"]) == (1, "ok")
    assert row["rmse_log"] < 1e-5


@pytest.mark.slow
def test_errors_of_simple_forms_are_those_of_their_definition() -> None:
    rng = np.random.default_rng(0)
    log_error = 0.5 - 0.05 * np.log(F) + 0.02 * rng.normal(size=12)
    rows = by_form(curves(np.exp(log_error)), hold_out=2)
    line = np.polyval(np.polyfit(np.log(F)[:10], log_error[:10], 1), np.log(F))
    for form, predicted in (("power", line), ("persistence", np.full(12, log_error[9]))):
        miss = predicted - log_error
        assert rows[form]["rmse_log"] == pytest.approx(np.sqrt(np.mean(miss[10:] ** 2)))
        assert rows[form]["bias_log"] == pytest.approx(np.mean(miss[10:]))
        assert rows[form]["rmse_log_fitted"] == pytest.approx(np.sqrt(np.mean(miss[:10] ** 2)))


@pytest.mark.slow
def test_ranks_are_of_the_error_on_what_was_held_out() -> None:
    rng = np.random.default_rng(1)
    errors = np.exp(0.5 - 0.05 * np.log(F)[:, None] + 0.02 * rng.normal(size=(12, 4)))
    rows = form_rows(curves(errors), Settings())
    assert all((row["rank"] is None) == (row["rmse_log"] is None) for row in rows)
    for group in range(4):
        ranked = [row for row in rows if row["group"] == f"g{group}" and row["rank"] is not None]
        ordered = sorted(ranked, key=lambda row: row["rmse_log"])
        ranks = [row["rank"] for row in ordered]
        assert ranks == sorted(ranks)
        assert ranks[0] == 1
        assert all(
            row.get("rmse_log") is None for row in by_form(curves(errors)).values() if row["rank"] is None
        )


@pytest.mark.slow
def test_an_irreducible_error_of_zero_shares_the_rank_of_the_plain_law_and_says_so() -> None:
    error = 2.5 * F**-0.06 * np.exp(-0.002 * np.log(F) ** 2)  # ever steeper: no floor
    rows = by_form(curves(error))
    assert rows["irreducible"]["reason"] == "on a bound: irreducible"
    assert rows["irreducible"]["rank"] == rows["power"]["rank"]


@pytest.mark.slow
def test_target_and_baseline_exchanged_change_the_sign_of_the_bias_only() -> None:
    rng = np.random.default_rng(2)
    target, baseline = 3.0 * F**-0.1 * np.exp(0.02 * rng.normal(size=12)), BASELINE
    rows, swapped = by_form(curves(target, baseline)), by_form(curves(baseline, target))
    for form in ("persistence", "relative", "irreducible"):
        assert rows[form]["rmse_log"] == pytest.approx(swapped[form]["rmse_log"], rel=1e-6)
        assert rows[form]["bias_log"] == pytest.approx(-swapped[form]["bias_log"], rel=1e-6)


@pytest.mark.slow
def test_units_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    error = 1.2 + 1.5 * F**-0.3 * np.exp(0.02 * rng.normal(size=12))
    rows, others = by_form(curves(error)), by_form(curves(1000 * error, flops=FLOPS / 1e6))
    for form in ("persistence", "power", "irreducible", "semilog"):
        assert rows[form]["rmse_log"] == pytest.approx(others[form]["rmse_log"], rel=1e-4)


def test_runs_without_budgets_hold_out_the_largest_quarter_of_computes() -> None:
    of = curves(BASELINE, runs=True)
    assert held_out(of, 1).sum() == 3
    assert held_out(of, 1)[-3:].all()
    assert held_out(of, 5).sum() == 5
    assert held_out(curves(BASELINE), 1).sum() == 1
    with pytest.raises(RelscaleError, match=r"fit\.hold_out: 0"):
        form_rows(curves(BASELINE), Settings(hold_out=0))


@pytest.mark.slow
def test_a_curve_without_its_largest_budget_is_judged_by_the_next() -> None:
    of = curves(np.stack([BASELINE, BASELINE], axis=1))
    value = of.value.copy()
    value[-1, 1] = np.nan
    rows = form_rows(replace(of, value=value), Settings())
    for row in rows:
        expected = (FLOPS[-2], 10) if row["group"] == "g1" else (FLOPS[-1], 11)
        assert (row["held_out_from"], row["n_fitted"]) == pytest.approx(expected)


def test_too_few_points_are_reported_for_each_form() -> None:
    rows = by_form(curves(BASELINE[:5], flops=FLOPS[:5]))
    assert rows["bnsl"]["reason"] == "too few points: 4 distinct computes; the form needs 7"
    assert rows["bnsl"]["rmse_log"] is None
    assert rows["irreducible"]["rmse_log"] is not None
    alone = by_form(curves(BASELINE[:1], flops=FLOPS[:1]))
    assert {row["reason"] for row in alone.values()} == {"too few budgets to hold one out"}


def test_a_line_that_leaves_no_error_at_all_predicts_nothing() -> None:
    row = by_form(curves(F**-0.9), hold_out=6)["semilog"]
    assert row["reason"] == "its prediction is not a positive error"
    assert row["rank"] is None


@pytest.mark.slow
def test_a_form_more_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def oracle(of: Curves, used: Any) -> Prediction:
        return Prediction(of.value, [OK] * used.shape[1])

    monkeypatch.setattr(forms, "FORMS", (*FORMS, Form("oracle", ERROR, 1, oracle)))
    assert by_form(curves(1.2 + F**-0.3))["oracle"]["rank"] == 1


def test_of_several_parabolas_the_frontier_is_judged(World: Any) -> None:
    world = World({"a": (2.0, 0.10, 0.1), "b": (1.5, 0.04, 0.0)})
    one = frontier_curves(run_matrices(world.measurements)[0], Settings(baselines={"s": "b"}))
    (row,) = [row for row in form_rows(one.ratios, Settings()) if row["form"] == "relative"]
    assert (row["rank"], row["n_fitted"], row["n_held_out"]) == (1, 4, 1)
    assert row["rmse_log"] == pytest.approx(0, abs=1e-9)
    assert row["baseline"] == "b"


@pytest.mark.slow
def test_the_published_ladder_is_predicted_within_a_few_percent_and_not_best_by_the_last_value() -> None:
    table = read_table(OLMO)
    table = table.rename_columns({"subgroup": "group", "bpb": "value"})
    run = [
        f"{m}-{d}" for m, d in zip(*(table[c].to_pylist() for c in ("model", "data_multiplier")), strict=True)
    ]
    words = {"run": pa.array(run), "corpus": pa.repeat("olmo", len(run)), "suite": pa.repeat("m", len(run))}
    for name, column in (words | {"metric": pa.repeat("bits_per_byte", len(run))}).items():
        table = table.append_column(name, column)
    rows = form_rows(
        frontier_curves(run_matrices(table)[0], Settings(baselines={"m": "stem"})).errors, Settings()
    )
    assert {row["n_held_out"] for row in rows} == {6}
    for group in {row["group"] for row in rows}:
        of = {row["form"]: row for row in rows if row["group"] == group}
        assert of["power"]["rmse_log"] < 0.05 < of["persistence"]["rmse_log"]


def test_of_very_many_points_each_form_is_fitted_to_some_and_says_so(monkeypatch: Any) -> None:
    monkeypatch.setattr(forms, "MOST", 3)
    used = np.ones((7, 2), dtype=bool)
    used[[1, 3, 4, 5, 6], 1] = False
    assert forms._thinned(used).T.tolist() == [
        [True, False, False, True, False, False, True],
        [True, False, True, False, False, False, False],
    ]
