"""What a law of the config is of: other columns, given parameters, gaps to a baseline, a whole schedule, a mixture."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import relscale
from relscale import laws
from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.settings import Settings
from relscale.laws import annealing, difference, parametric, power
from relscale.storage.rows import fields_of
from tests.laws.test_new_law import MIXTURE

Row = dict[str, Any]
COMPUTE = np.geomspace(1e18, 1e21, 10)


def rows(group: str, value: np.ndarray, **columns: Any) -> list[Row]:
    """One row per run, of a group with these values."""
    common = {"experiment": "e", "corpus": "c", "optimizer": None, "suite": "s", "metric": "bits_per_byte"}
    return [
        common
        | {
            "run": f"r{i}",
            "block": f"r{i}",
            "step": None,
            "prompt": "default",
            "status": "ok",
            "stderr": None,
        }
        | {"training_flops": COMPUTE[i % len(COMPUTE)], "group": group, "value": number}
        | {name: cells[i] for name, cells in columns.items()}
        for i, number in enumerate(np.asarray(value).tolist())
    ]


def fitted(measured: list[Row], law: str, **options: Any) -> tuple[list[Row], list[Row]]:
    entry = {"name": "l", "law": law, **options}
    return cells(pa.Table.from_pylist(measured), Settings(laws=(entry,), bootstrap=50))


def cells(table: pa.Table, settings: Settings) -> tuple[list[Row], list[Row]]:
    """The cells of the rows of fits, and of those of predictions."""
    fits, predictions = law_fits(table, settings)
    return [fields_of(row) for row in fits], [fields_of(row) for row in predictions]


def values(found: list[Row], group: str | None = None) -> dict[str, float]:
    return {row["parameter"]: row["value"] for row in found if group in (None, row["group"])}


def two_groups(seed: int) -> list[Row]:
    rng = np.random.default_rng(seed)
    noise = np.exp(0.01 * rng.standard_normal((3, 10)))
    base = (COMPUTE / 1e19) ** -0.08 * noise[0]
    return [
        *rows("base", base),
        *rows("hard", 1.4 * base * (COMPUTE / 1e19) ** 0.03 * noise[1]),
        *rows("easy", 0.8 * base * (COMPUTE / 1e19) ** -0.02 * noise[2]),
    ]


@pytest.mark.slow
@given(st.integers(0, 1000))
def test_the_relative_law_of_the_config_is_the_line_of_the_logarithm_of_ratios(seed: int) -> None:
    measured = two_groups(seed)
    found, _ = fitted(measured, "relative", baseline="base")
    by_group = {
        g: np.array([r["value"] for r in measured if r["group"] == g]) for g in ("base", "hard", "easy")
    }
    assert {row["group"] for row in found} == {"hard", "easy"}
    for group in ("hard", "easy"):
        line = lines(np.log(COMPUTE), np.log(by_group[group] / by_group["base"])[:, None])
        assert values(found, group)["delta_beta"] == pytest.approx(line.slope[0], rel=1e-7, abs=1e-9)
        assert values(found, group)["ratio_at_reference"] == pytest.approx(np.exp(line.level[0]), rel=1e-7)
        delta_beta = next(r for r in found if (r["group"], r["parameter"]) == (group, "delta_beta"))
        assert delta_beta["baseline"] == "base"
        assert delta_beta["stderr"] == pytest.approx(np.sqrt(line.variance_of(0.0, 1.0)[0]), rel=1e-5)


def test_the_baseline_of_the_suite_is_that_of_its_relative_law() -> None:
    table = pa.Table.from_pylist(two_groups(0))
    entry = {"name": "l", "law": "relative", "where": {"suite": "s", "group": "hard"}}
    found, _ = cells(table, Settings(laws=(entry,), baselines={"s": "base"}))
    named, _ = fitted(two_groups(0), "relative", baseline="base", where={"suite": "s", "group": "hard"})
    assert {row["group"] for row in found} == {"hard"}
    assert values(found) == values(named)


def test_a_baseline_alone_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(RelscaleError, match=r"fit\.laws\.l: all measurements are of the baseline 'base'"):
        fitted(rows("base", COMPUTE**-0.08), "relative", baseline="base")


def test_a_prediction_of_a_negative_number_has_a_positive_error() -> None:
    base = (COMPUTE / 1e19) ** -0.08
    easy = np.append(0.8 * base[:-1], 0.75 * base[-1])  # the last one is a fourth further below
    _, predictions = fitted(
        [*rows("base", base), *rows("easy", easy)],
        "difference",
        baseline="base",
        residual="linear",
        predict={"run": ["r9"]},
    )
    assert predictions[0]["observed"] < 0
    assert predictions[0]["relative_error"] == pytest.approx(0.2, rel=1e-6)


def test_the_difference_to_a_baseline_is_the_difference_of_the_values() -> None:
    measured = two_groups(1)
    found, _ = fitted(measured, "difference", baseline="base", residual="linear", where={"group": ["easy"]})
    gap = np.array([r["value"] for r in measured[20:]]) - np.array([r["value"] for r in measured[:10]])
    assert (gap < 0).all()
    reference = np.exp(np.log(COMPUTE).mean())
    alone = estimate(difference.LAW, COMPUTE[None] / reference, gap, residual="linear")
    assert [values(found)[name] for name in difference.LAW.names] == pytest.approx(
        alone.theta[:, 0], rel=1e-6
    )


def test_a_run_without_a_baseline_is_left_out_and_said() -> None:
    measured = two_groups(0)
    measured[3]["status"], measured[4]["value"] = "diverged", None
    found, _ = fitted(measured, "relative", baseline="base")
    row = next(row for row in found if row["group"] == "hard")
    assert row["n"] == 8
    assert "r3: baseline: diverged" in row["note"]
    assert "r4: baseline: no value" in row["note"]


@pytest.mark.parametrize(
    ("law", "options", "message"),
    [
        ("relative", {}, "law relative compares groups; set the baseline"),
        (
            "relative",
            {"baseline": "bse"},
            "no measurement is of the baseline 'bse'; there are base, easy, hard",
        ),
        ("power", {"baseline": "base"}, "law power compares no groups"),
        (
            "power",
            {"x": ["training_flops", "step"]},
            "the law 'power' has the predictors training_flops, but 2 columns are given",
        ),
        ("power", {"x": ["batch"]}, "law power needs the columns batch, which are missing"),
        ("power", {"x": ["group"]}, "the column 'group' contains string, not numbers"),
        (
            "power",
            {"fixed": {"alpha": 1.0}},
            "law power has no parameter 'alpha'; it has error_at_reference, beta",
        ),
    ],
)
def test_what_does_not_fit_the_law_is_one_line(law: str, options: Row, message: str) -> None:
    with pytest.raises(RelscaleError, match=rf"^fit\.laws\.l.*: .*{message}"):
        fitted(two_groups(0), law, **options)


def test_any_column_of_numbers_is_a_predictor() -> None:
    batch = np.geomspace(1e4, 1e7, 12)
    loss = 2.5 * (batch / 1e5) ** 0.07 * np.exp(0.003 * np.random.default_rng(0).standard_normal(12))
    found, _ = fitted(rows("g", loss, batch_tokens=batch), "power", x=["batch_tokens"])
    reference = np.exp(np.log(batch).mean())
    alone = estimate(power.LAW, batch[None] / reference, loss)
    assert [values(found)[name] for name in power.LAW.names] == pytest.approx(alone.theta[:, 0], rel=1e-9)
    assert {row["predictor"] for row in found} == {"batch_tokens"}
    assert [row["reference_flops"] for row in found] == pytest.approx([reference] * len(found))


def test_what_is_spent_and_not_positive_is_left_out() -> None:
    batch = np.geomspace(1e4, 1e7, 12)
    batch[2] = 0
    found, _ = fitted(rows("g", batch + 1, batch_tokens=batch), "power", x=["batch_tokens"])
    assert {row["n"] for row in found} == {11}
    assert "r2: batch_tokens is 0, not positive" in found[0]["note"]


@pytest.mark.slow
def test_a_parameter_that_the_config_fixes_is_not_fitted() -> None:
    n, d = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e8, 1e10, 6), np.geomspace(1e9, 1e11, 4)))
    truth = np.array([1.8, 480, 2140, 0.35, 0.37])
    loss = parametric.value(truth, np.stack([n, d])) * np.exp(
        0.003 * np.random.default_rng(0).standard_normal(24)
    )
    measured = rows("g", loss, params=n, tokens=d)
    for options in ({}, {"method": "variable-projection", "residual": "linear"}):
        found, predictions = fitted(
            [*measured[1:], measured[0] | {"run": "new"}],
            "parametric",
            fixed={"E": 1.75},
            only={"run": [row["run"] for row in measured[1:]]},
            predict={"run": "new"},
            **options,
        )
        residual = options.get("residual", "log")
        alone = estimate(
            parametric.LAW, np.stack([n, d])[:, 1:], loss[1:], fixed={"E": 1.75}, residual=residual
        )
        assert [values(found)[name] for name in parametric.LAW.names] == pytest.approx(
            alone.theta[:, 0], rel=1e-5
        )
        by_name = {row["parameter"]: row for row in found}
        assert by_name["E"]["value"] == 1.75
        assert by_name["E"].get("low") is None
        assert by_name["alpha"]["low"] < by_name["alpha"]["value"] < by_name["alpha"]["high"]
        assert by_name["alpha"]["df"] == 23 - 4
        assert predictions[0]["low"] < predictions[0]["predicted"] < predictions[0]["high"]


def test_draws_hold_a_fixed_parameter_too() -> None:
    found, _ = fitted(
        two_groups(2),
        "irreducible",
        where={"group": "hard"},
        fixed={"irreducible": 0.0},
        bootstrap={"scheme": "residual", "limits": "studentised"},
    )
    by_name = {row["parameter"]: row for row in found}
    assert by_name["irreducible"]["value"] == 0.0
    assert {row["status"] for row in found} == {"ok"}
    assert by_name["beta"]["low"] < by_name["beta"]["value"] < by_name["beta"]["high"]


def schedule(total: int, peak: float) -> tuple[np.ndarray, np.ndarray]:
    steps = np.arange(0, total + 1, 50)
    return steps, peak * np.minimum(
        np.minimum(steps / 200, 1), np.clip((total - steps) / (0.4 * total), 0, 1)
    )


def test_a_law_along_a_training_sees_the_whole_schedule_and_predicts_its_end() -> None:
    truth = np.array([2.4, 0.5, 4.0, 0.45])
    measured: list[Row] = []
    for name, total, peak in (("a", 2000, 1e-3), ("b", 3000, 5e-4), ("c", 2500, 8e-4)):
        steps, rates = schedule(total, peak)
        loss = annealing.value(truth, annealing.after_warm_up(np.stack([steps, rates])))
        loss = np.where(np.isfinite(loss), loss, 9.0)
        for row, step in zip(rows("g", loss, learning_rate=rates), steps, strict=True):
            measured.append(row | {"run": f"{name}-{step}", "block": name, "step": int(step)})
    early = [row["run"] for row in measured if row["block"] == "a" or row["step"] < 1500]
    late = [row["run"] for row in measured if row["block"] != "a" and row["step"] >= 1500]
    found, predictions = fitted(
        measured, "annealing", residual="linear", only={"run": early}, predict={"run": late}
    )
    assert [values(found)[name] for name in annealing.LAW.names] == pytest.approx(truth, rel=1e-5)
    assert len(predictions) == len(late)
    for row in predictions:
        assert row["predicted"] == pytest.approx(row["observed"], rel=1e-6)


def test_two_learning_rates_at_one_step_are_one_line() -> None:
    one = rows("g", np.linspace(3, 2, 5), learning_rate=np.full(5, 1e-3))
    other = rows("h", np.linspace(3, 2, 5), learning_rate=np.full(5, 2e-3))
    steps = [row | {"block": "a", "step": i} for part in (one, other) for i, row in enumerate(part)]
    with pytest.raises(RelscaleError, match="a: several values of learning_rate at step 0"):
        fitted(steps, "annealing")


@pytest.fixture
def mixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "mixture.py").write_text(MIXTURE)
    monkeypatch.setattr(laws, "__path__", [*laws.__path__, str(tmp_path)])
    yield
    sys.modules.pop("relscale.laws.mixture", None)


def mixed(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of two domains of three, losses of a mixing law, and its parameters."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), count).T[:2]
    truth = np.array([1.9, 0.8, -0.9, 0.7])
    loss = truth[0] + truth[1] * np.exp(truth[2] * shares[0] + truth[3] * shares[1])
    return shares, loss * np.exp(0.001 * rng.standard_normal(count)), truth


@pytest.mark.usefixtures("mixture")
@pytest.mark.parametrize("x", [{}, {"x": ["share_web", "share_code"]}])
def test_a_law_of_a_mixture_has_a_parameter_for_each_share(x: Row) -> None:
    shares, loss, truth = mixed(40)
    measured = rows("g", loss, share_web=shares[0], share_code=shares[1])
    found, _ = fitted(measured, "mixture", residual="linear", **x)
    parameters = ["c", "k", "t_share_web", "t_share_code"]
    assert [values(found)[name] for name in parameters] == pytest.approx(truth, rel=0.1)
    for row in found:
        if row["parameter"] in parameters:
            assert row["low"] < row["value"] < row["high"]


@pytest.mark.usefixtures("mixture")
def test_a_law_of_a_mixture_is_fitted_to_any_table() -> None:
    shares, loss, truth = mixed(40)
    table = pa.table({"web": shares[0], "code": shares[1], "loss": loss, "run": [f"r{i}" for i in range(40)]})
    found = relscale.fit(
        table, law="mixture", x=["web", "code"], y="loss", residual="linear", bootstrap=0
    ).fits
    by_name = dict(zip(found["parameter"].to_pylist(), found["value"].to_pylist(), strict=True))
    assert [by_name[name] for name in ("c", "k", "t_web", "t_code")] == pytest.approx(truth, rel=0.1)


@pytest.mark.slow
@given(st.floats(-5, 5), st.floats(-2, 2))
def test_a_target_may_be_negative_where_the_residual_is_linear(intercept: float, slope: float) -> None:
    loss = np.linspace(2.0, 3.0, 10)
    score = intercept + slope * loss + 0.01 * np.sin(np.arange(10) * 1.7)
    measured = [
        *rows("score", score, metric=["log_margin"] * 10),
        *rows("loss", loss, metric=["nats_per_token"] * 10),
    ]
    found, _ = fitted(
        measured, "flp", residual="linear", where={"group": "score"}, predictor={"group": "loss"}
    )
    expected = np.polyfit(loss, score, 1)[::-1]
    assert [values(found)[name] for name in ("intercept", "slope")] == pytest.approx(
        expected, rel=1e-6, abs=1e-8
    )
    assert {row["n"] for row in found} == {10}


@pytest.mark.slow
def test_relscale_fit_holds_what_is_fixed_and_takes_other_residuals_for_the_relative_law() -> None:
    measured = pa.Table.from_pylist(two_groups(3))
    columns = {"x": "training_flops", "y": "value", "group": "group", "run": "run"}
    line = relscale.fit(measured, law="relative", baseline="base", bootstrap=0, **columns).fits
    linear = relscale.fit(
        measured, law="relative", baseline="base", residual="linear", bootstrap=0, **columns
    ).fits
    both = [
        {row["group"]: row["value"] for row in fits.to_pylist() if row["parameter"] == "delta_beta"}
        for fits in (line, linear)
    ]
    assert both[0].keys() == both[1].keys() == {"hard", "easy"}
    assert both[1] == pytest.approx(both[0], abs=2e-3)
    held = relscale.fit(
        measured, law="relative", baseline="base", fixed={"delta_beta": 0.0}, bootstrap=0, **columns
    ).fits
    for row in held.to_pylist():
        if row["parameter"] == "ratio_at_reference":
            group = [r["value"] for r in two_groups(3) if r["group"] == row["group"]]
            base = [r["value"] for r in two_groups(3) if r["group"] == "base"]
            assert row["value"] == pytest.approx(np.exp(np.mean(np.log(group) - np.log(base))), rel=1e-8)
    with pytest.raises(RelscaleError, match="fixed: law relative has no parameter 'beta'"):
        relscale.fit(measured, law="relative", baseline="base", fixed={"beta": 0.0}, **columns)
