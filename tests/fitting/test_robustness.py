"""Whatever the table holds: a clear error, a flagged row, or a number with its interval; never a silent number."""

import itertools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from row_cells import cells

import relscale
from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.estimation.law_points import takes_logarithm
from relscale.fitting.fit import fit
from relscale.fitting.fits import ROWS, Fits, from_rows
from relscale.fitting.inference.bootstrap.limits import BIASED, KINDS, limits
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK
from relscale.laws.catalogue import example, law_names
from relscale.laws.law import Law

T = TypeVar("T")

GROUPS = {"a": (1.5, 0.08, 0.3), "b": (1.0, 0.05, 0.0), "c": (0.7, 0.06, -0.2)}
SUITES = {"s": {"baseline": "b"}}
QUICK: dict[str, Any] = {"power": [], "specifications": [], "bootstrap": 50}
EVERYTHING: dict[str, Any] = {"power": [0.01], "bootstrap": 50, "forecast": [{"training_flops": 1e14}]}

NO_INTERVAL = {"objective", "floor"}  # the least sum of squares, and a parameter that is given
pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")


def honest(fits: Fits) -> None:
    """No number without a status, no "ok" without a number, no interval that does not hold its value."""
    for table in fits.tables.values():
        for row in cells(table):
            row_is_honest(row)


def row_is_honest(row: dict[str, Any]) -> None:
    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
    assert all(math.isfinite(value) for value in numbers.values()), row
    assert row["reason"], row
    value, low, high = row.get("value", row.get("delta_beta")), row.get("low"), row.get("high")
    for name in ("value", "ratio", "rmse_log", "power", "predicted", "reproduced"):
        beside = name == "power" and "verdict" in row  # of an analysis that may not have been asked for
        if name in row and row[name] is None and "candidate" not in row and not beside:
            assert row["reason"] != "ok", row
    if row["reason"] == "ok" and "statistic" in row:  # a test, without an interval
        assert None not in (row["statistic"], row["p_value"]), row
    elif row["reason"] == "ok" and "estimand" in row and row.get("parameter") not in NO_INTERVAL:
        assert None not in (value, low, high), row
    if value is not None and low is not None and high is not None and str(BIASED) not in row["reason"]:
        slack = 1e-9 * max(abs(value), abs(low), abs(high))
        assert low - slack <= value <= high + slack, row
    for name in ("p_value", "p_bh", "p_by", "power"):
        assert row.get(name) is None or 0 <= row[name] <= 1, row


def same(one: Fits, other: Fits, names: tuple[str, ...], rel: float = 1e-6) -> None:
    """Those tables alike but for rounding."""
    for name in names:
        left, right = cells(getattr(one, name)), cells(getattr(other, name))
        assert len(left) == len(right), name
        for a, b in zip(left, right, strict=True):
            for column, value in a.items():
                if isinstance(value, float) and isinstance(b[column], float):
                    assert b[column] == pytest.approx(value, rel=rel, abs=1e-9), (name, column, a, b)
                else:
                    assert b[column] == value, (name, column, a, b)


def world(World: Any, **options: Any) -> list[dict[str, Any]]:
    options = {"budgets": (1e11, 1e12, 1e13, 1e14), "widths": 4, "noise": 0.01} | options
    return World(GROUPS, **options).rows  # type: ignore[no-any-return]


def attempt(call: Callable[[], T]) -> T | None:
    """What the call gives; None where it refuses, in one line."""
    try:
        return call()
    except RelscaleError as error:
        message = str(error)
    assert message
    assert "\n" not in message
    return None


def deltas(fits: Fits, **where: Any) -> list[dict[str, Any]]:
    rows = cells(fits.fits)
    where = {"parameter": "delta_beta"} | where
    return [row for row in rows if all(row[name] == value for name, value in where.items())]


# ---- anything at all ----

VALUES = st.sampled_from([None, 0.0, -1.0, 5e-324, 1e-300, 1e300, math.inf, -math.inf, math.nan, 1.0])
DAMAGE = st.one_of(
    st.tuples(st.just("value"), st.integers(0, 10**6), VALUES),
    st.tuples(st.sampled_from(["tokens", "params", "budget"]), st.integers(0, 10**6), VALUES),
    st.tuples(st.just("status"), st.integers(0, 10**6), st.sampled_from(["diverged at step 7", None])),
    st.tuples(st.just("block"), st.integers(0, 10**6), st.sampled_from(["one training", None])),
    st.tuples(st.just("drop"), st.integers(0, 10**6), st.none()),
    st.tuples(st.just("drop group"), st.integers(0, 3), st.none()),
    st.tuples(st.just("keep budget"), st.integers(0, 3), st.none()),
    st.tuples(st.just("constant"), st.integers(0, 3), st.sampled_from([1.0, 2.5])),
    st.tuples(
        st.just("training_flops"), st.integers(0, 10**6), st.sampled_from([0.0, -1.0, math.nan, 1e300])
    ),
)


def damaged(rows: list[dict[str, Any]], damage: list[tuple[str, int, Any]]) -> list[dict[str, Any]]:
    rows = [dict(row) for row in rows]
    for kind, number, value in damage:
        if not rows:
            break
        group = sorted({row["group"] for row in rows})[number % len({row["group"] for row in rows})]
        budget = sorted({row["training_flops"] for row in rows}, key=str)[0]
        here = number % len(rows)
        if kind == "drop":
            del rows[here]
        elif kind == "drop group":
            rows = [row for row in rows if row["group"] != group]
        elif kind == "keep budget":
            rows = [row for row in rows if row["training_flops"] == budget or row["group"] != group]
        elif kind == "constant":
            rows = [row | {"value": value} if row["group"] == group else row for row in rows]
        elif kind in ("training_flops", "tokens", "params", "budget", "block"):
            run = rows[here]["run"]
            rows = [row | {kind: value} if row["run"] == run else row for row in rows]
        else:
            rows[here][kind] = value
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("widths", [1, 4])
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(damage=st.lists(DAMAGE, min_size=1, max_size=6))
def test_a_damaged_table_gives_a_clear_error_or_flagged_rows(
    World: Any, widths: int, damage: list[tuple[str, int, Any]]
) -> None:
    rows = damaged(world(World, widths=widths), damage)
    schema = pa.Table.from_pylist(world(World, widths=1)).schema
    found = attempt(lambda: fit(pa.Table.from_pylist(rows, schema=schema), options=QUICK, suites=SUITES))
    if found is not None:
        honest(found)


HARMED = [
    [],
    [("value", 7, 0.0), ("value", 8, -1.0), ("value", 30, None)],
    [("constant", 1, 1.0)],
    [("constant", 0, 1.0)],
    [("constant", 1, 1.0), ("constant", 2, 1.0)],
    [("keep budget", 1, None)],
    [("keep budget", 0, None)],
    [("drop group", 3, None)],
    [("tokens", 3, None), ("params", 9, None)],
    [("tokens", 0, math.inf), ("params", 9, 0.0), ("budget", 20, -1.0)],
    [("block", i, "one training") for i in range(0, 64, 3)],
    [("block", i, "one training") for i in range(64)],
    [("value", i, 1e300) for i in range(4)],
    [("value", i, 1e-300) for i in range(4)],
]


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "widths"), list(zip(HARMED, itertools.cycle([4, 1]))), ids=str)
def test_every_question_is_answered_or_flagged(
    World: Any, widths: int, damage: list[tuple[str, int, Any]]
) -> None:
    rows = damaged(world(World, widths=widths), damage)
    honest(fit(pa.Table.from_pylist(rows), options=EVERYTHING, suites=SUITES))


# ---- what must not matter ----


@pytest.mark.slow
def test_the_order_of_rows_does_not_matter(World: Any) -> None:
    rows = world(World)
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    found, again = (
        fit(pa.Table.from_pylist(table), options=EVERYTHING, suites=SUITES) for table in (rows, shuffled)
    )
    same(found, again, tuple(ROWS))


@pytest.mark.slow
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.floats(-6, 6).map(lambda x: 10**x),
    flops=st.floats(-9, 9).map(lambda x: 10**x),
    widths=st.sampled_from([1, 4]),
)
def test_units_of_errors_and_of_compute_do_not_matter(
    World: Any, value: float, flops: float, widths: int
) -> None:
    rows = world(World, widths=widths)
    scaled = [
        row
        | {name: flops * row[name] for name in ("training_flops", "budget")}
        | {"value": row["value"] * value}
        for row in rows
    ]
    found, again = (
        cells(fit(pa.Table.from_pylist(table), options=QUICK, suites=SUITES).fits) for table in (rows, scaled)
    )
    assert len(found) == len(again)
    for one, other in zip(found, again, strict=True):
        factor = {"error_at_reference": value, "crossing_flops": flops, "tokens_at_reference": 1.0}
        if one["parameter"] in ("beta", "delta_beta", "exponent", "ratio_at_reference", *factor):
            for name in ("value", "low", "high"):
                if one[name] is not None:
                    expected = one[name] * factor.get(one["parameter"], 1.0)
                    assert other[name] == pytest.approx(expected, rel=1e-5, abs=1e-9), (one, other)
        assert (one["reason"] == "ok") == (other["reason"] == "ok")
        assert one["interval_direction"] == other["interval_direction"]


# ---- duplicated points ----


@pytest.mark.parametrize("widths", [1, 4])
def test_a_number_that_stands_twice_is_refused(World: Any, widths: int) -> None:
    rows = world(World, widths=widths)
    with pytest.raises(RelscaleError, match="2 rows for one number"):
        fit(pa.Table.from_pylist([*rows, rows[5]]), suites=SUITES)


def test_copies_of_runs_under_other_names_do_not_narrow_intervals_in_silence(World: Any) -> None:
    rows = world(World, widths=1)
    copies = [row | {"run": f"{row['run']} again", "block": f"{row['run']} again"} for row in rows]
    found = fit(pa.Table.from_pylist(rows + copies), options=QUICK, suites=SUITES)
    honest(found)
    for row in deltas(found):
        assert row["reason"].endswith("have identical values: the copy counts as a separate run")


@pytest.mark.slow
def test_copies_within_a_budget_change_no_interval(World: Any) -> None:
    rows = world(World)
    copies = [row | {"run": f"{row['run']} again", "block": f"{row['run']} again"} for row in rows]
    found, doubled = (
        fit(pa.Table.from_pylist(table), options=QUICK, suites=SUITES) for table in (rows, rows + copies)
    )
    for one, other in zip(deltas(found), deltas(doubled), strict=True):
        assert (other["low"], other["high"]) == pytest.approx((one["low"], one["high"]), rel=1e-6)


# ---- nothing to judge by ----


@pytest.mark.slow
@pytest.mark.parametrize("widths", [1, 4])
@pytest.mark.parametrize("size", [1e-8, 1.0, 3e5])
def test_errors_that_never_move_have_no_slope_and_nothing_to_judge_it_by(
    World: Any, widths: int, size: float
) -> None:
    rows = [row | {"value": size} if row["suite"] == "s" else row for row in world(World, widths=widths)]
    found = fit(pa.Table.from_pylist(rows), options=EVERYTHING, suites=SUITES)
    honest(found)
    laws = [row for row in cells(found.fits) if row["suite"] == "s"]
    slopes = [row for row in laws if row["parameter"] in ("beta", "delta_beta") and row["fit"] is None]
    assert len(slopes) == 5
    for row in slopes:
        assert row["value"] == pytest.approx(0, abs=1e-12)
        assert row["reason"] == "all points are on the line: no scatter for an interval"


def test_one_run_gives_rows_and_no_law(World: Any) -> None:
    one = world(World, widths=1, budgets=(1e12,))
    found = fit(pa.Table.from_pylist(one), options=EVERYTHING, suites=SUITES)
    honest(found)
    assert {row["value"] for row in deltas(found)} == {None}
    assert {row["reason"] for row in deltas(found)} == {"1 point; an interval needs 3"}


@pytest.mark.slow
def test_a_group_that_was_measured_at_one_budget_is_flagged_and_the_others_are_not(World: Any) -> None:
    rows = [row for row in world(World) if row["group"] != "c" or row["training_flops"] == 1e12]
    found = fit(pa.Table.from_pylist(rows), options=EVERYTHING, suites=SUITES)
    honest(found)
    (alone,), (other,) = deltas(found, group="c"), deltas(found, group="a")
    assert alone["value"] is None
    assert alone["reason"].startswith("1 point; an interval needs 3")
    assert other["reason"] == "ok"


# ---- laws ----

X = {
    "loss": np.linspace(0.8, 3, 12),
    "params": np.geomspace(1e7, 1e9, 12),
    "tokens": np.tile([1e9, 1e10, 4e9], 4),
}
X |= {
    "training_flops": np.geomspace(1e17, 1e20, 12),
    "S1": np.linspace(0.1, 3, 12),
    "S2": np.linspace(0, 0.5, 12),
    "unique_tokens": np.tile([1e9, 2e9, 1e9], 4),
    "streams": np.tile([1.0, 2.0, 8.0], 4),
    "train_steps": np.geomspace(1e3, 1e5, 12),
    "batch_tokens": np.tile([1e4, 1e5, 1e6], 4),
    "share_code": np.linspace(0, 1, 12),
    "share_web": np.linspace(1, 0, 12),
}


def predictor(one: Law, i: int) -> Any:
    """A column of the law's predictor; one of which there is none has some twelve numbers above 0."""
    column = X.get(one.predictors[i])
    if column is None or (takes_logarithm(one, i) and column.min() <= 0):
        return np.geomspace(1, 40, 12)[np.random.default_rng(i).permutation(12)]
    return column


HARM = {
    "zeros and negatives": lambda y: np.where(np.arange(len(y)) % 5 == 2, -y * (np.arange(len(y)) % 2), y),
    "missing values": lambda y: np.where(np.arange(len(y)) % 3 == 0, np.nan, y),
    "nothing": lambda y: np.full(len(y), np.nan),
    "one point": lambda y: np.where(np.arange(len(y)) == 4, y, np.nan),
    "constant": lambda y: np.full(len(y), 0.7),
    "infinite": lambda y: np.where(np.arange(len(y)) == 3, np.inf, y),
    "huge": lambda y: 1e150 * y,
    "tiny": lambda y: 1e-150 * y,
    "noise alone": lambda y: np.exp(np.random.default_rng(1).standard_normal(len(y))),
}  # fmt: skip


SAME_PATH = [("infinite", "missing values"), ("huge", "tiny")]  # a law meets one of each pair
# Every law with both residuals, and every harm with both: each residual with every other pair.
BAD_DATA = [
    (name, ("log", "linear")[(i + j) % 2], harm)
    for i, name in enumerate(law_names())
    for j, harm in enumerate(HARM)
    if not any(harm == pair[i // 2 % 2] for pair in SAME_PATH)
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "error", "harm"), BAD_DATA)
def test_a_law_on_bad_data_has_a_status_or_an_interval(name: str, error: str, harm: str) -> None:
    one = example(name)
    x = np.stack([predictor(one, i) for i in range(len(one.predictors))])
    y = HARM[harm](2 * (np.arange(12) + 1.0) ** -0.2 * np.exp(0.01 * np.cos(7 * np.arange(12))))
    found = estimate(one, x / np.exp(np.log(x).mean()) if one.reference else x, y, residual=error)
    low, high = found.interval(0.95)
    if found.status == [OK]:
        assert np.isfinite(found.theta).all()
        assert (low <= found.theta).all()
        assert (found.theta <= high).all()
    else:
        assert np.isnan(found.stderr).all()
    if harm in ("nothing", "one point"):
        assert found.status != [OK]
    if harm == "zeros and negatives" and error == "log":
        assert [str(remark) for remark in found.status] == ["a value is not positive, so it has no logarithm"]


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    damage=st.lists(DAMAGE, min_size=1, max_size=5),
    loss=st.sampled_from(["squares", "huber"]),
    scheme=st.sampled_from([None, "pairs", "block", "residual", "parametric"]),
    kind=st.sampled_from(["percentile", "studentised", "bca"]),
)
def test_laws_of_a_config_on_a_damaged_table_are_errors_or_flagged_rows(
    World: Any, damage: list[tuple[str, int, Any]], loss: str, scheme: str | None, kind: str
) -> None:
    rows = damaged(world(World), damage)
    schema = pa.Table.from_pylist(world(World, widths=1)).schema
    entry: dict[str, Any] = {"name": "a law", "law": "power", "loss": loss, "by": ["group"]}
    entry |= {"where": {"suite": "s"}, "predict": {"group": ["a", "b", "c"]}}
    entry |= {"bootstrap": {"scheme": scheme, "limits": kind}} if scheme else {}
    table, chosen = pa.Table.from_pylist(rows, schema=schema), Settings(laws=(entry,), bootstrap=30)
    found = attempt(lambda: law_fits(table, chosen))
    if found is not None:
        honest(from_rows(dict(zip(("fits", "predictions"), found, strict=True))))


# ---- any table ----


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": "z"}, "no 'z' in column 'group'"),
        ({"y": "nothing"}, "no column 'nothing'"),
        ({"law": "relativ"}, "no law 'relativ'"),
    ],
)
def test_a_table_that_can_not_be_fitted_is_refused_in_one_line(
    World: Any, change: dict[str, Any], message: str
) -> None:
    options = {"x": "training_flops", "y": "value", "group": "group", "baseline": "b"} | change
    with pytest.raises(RelscaleError, match=message) as caught:
        relscale.fit(of_suite(world(World, widths=1)), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(DAMAGE, min_size=1, max_size=5))
def test_a_damaged_table_from_python_gives_a_clear_error_or_flagged_rows(
    World: Any, damage: list[tuple[str, int, Any]]
) -> None:
    clean = world(World, widths=1, budgets=tuple(np.geomspace(1e11, 1e14, 6)))
    table = of_suite(damaged([row for row in clean if row["suite"] == "s"], damage))
    columns = {"x": "training_flops", "y": "value", "group": "group", "baseline": "b", "run": "run"}
    found = attempt(lambda: relscale.fit(table, bootstrap=30, **columns))
    if found is not None:
        assert str(found)
        honest(found.results)


def of_suite(rows: list[dict[str, Any]]) -> pa.Table:
    names = ("run", "training_flops", "group", "value")
    schema = pa.schema(
        {name: pa.float64() if name in ("training_flops", "value") else pa.string() for name in names}
    )
    return pa.Table.from_pylist(
        [{name: row[name] for name in names} for row in rows if row["suite"] == "s"], schema=schema
    )


# ---- draws ----


@pytest.mark.parametrize("kind", KINDS)
def test_draws_that_failed_give_no_limits_or_a_status(kind: str) -> None:
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((4, 100))
    draws[0] = np.nan
    draws[1, :90] = np.nan
    draws[2, :30] = np.inf
    found = limits(
        np.zeros(4),
        draws,
        0.95,
        kind,
        stderr=np.ones(4),
        draw_stderr=np.ones((4, 100)),
        jackknife=rng.standard_normal((4, 12)),
    )
    assert list(found.failed) == [100, 90, 30, 0]
    assert np.isnan(found.low[:2]).all()
    assert (found.low[2:] <= 0).all()
    assert (found.high[2:] >= 0).all()
    assert [remark == OK for remark in found.status] == [False, False, False, True]
