"""Laws that a config asks for: the published answers, and what is said where a law can not be fitted."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from row_cells import as_cells

from relscale.errors import RelscaleError
from relscale.fitting.estimation import law_fits as law_fits_module
from relscale.fitting.settings import Settings
from relscale.laws import parametric
from relscale.measurements.published import published

law_fits = as_cells(law_fits_module.law_fits)

REFERENCE = Path(__file__).parents[2] / "reference"
Row = dict[str, Any]

SMALL = [
    f"rpj-{shape}-1.0" for shape in ("d=96_l=8_h=4", "d=512_l=8_h=4", "d=576_l=24_h=8", "d=1024_l=24_h=8")
]
SMALL += ["rpj-d=96_l=8_h=4-16.0"]
LARGE = ["rpj-open_lm_1b-32.0", "rpj-open_lm_7b-1.0"]
CHINCHILLA = {
    "name": "chinchilla",
    "law": "parametric",
    "loss": "huber",
    "delta": 1e-3,
    "leave_out_highest": 5,
}
LOSS = {
    "name": "loss",
    "law": "overtraining",
    "where": {"suite": "overtraining", "group": "c4_val", "corpus": "rpj"},
    "residual": "linear",
    "only": {"run": SMALL},
    "predict": {"run": LARGE},
    "bootstrap": {"scheme": "residual"},
}
ERROR = {
    "name": "error",
    "law": "exponential_error",
    "where": {"suite": "downstream", "group": "average_17", "corpus": "rpj"},
    "predictor": {"suite": "overtraining", "group": "c4_val"},
    "predictor_from": "loss",
    "residual": "linear",
    "only": {"run": [*SMALL, "rpj-open_lm_1b-1.0"]},
    "predict": {"run": LARGE},
    "bootstrap": {"scheme": "residual"},
}


@cache
def table(loader: str) -> pa.Table:
    file = {"chinchilla": "chinchilla_figure4.csv", "overtraining": "overtraining_testbed.csv.gz"}[loader]
    return published(REFERENCE / file, "reference", loader=loader)


def fitted(table: pa.Table, *laws: Row, draws: int = 100) -> tuple[list[Row], list[Row]]:
    return law_fits(table, Settings(laws=laws, bootstrap=draws))


def by_parameter(rows: list[Row], fit: str | None = None) -> dict[str, Row]:
    return {row["parameter"]: row for row in rows if fit in (None, row["fit"])}


def world(noise: float = 0.01, stderr: float | None = None) -> pa.Table:
    """Twelve models of two corpora, three checkpoints each: a loss, a power of compute, and an error that follows."""
    rng = np.random.default_rng(0)
    rows = []
    for corpus, level in (("a", 2.0), ("b", 3.0)):
        for i, flops in enumerate(np.geomspace(1e18, 1e21, 12)):
            for step in (1, 2, 3):
                spent = flops * step / 3
                loss = level * (spent / 1e20) ** -0.05 * np.exp(noise * rng.standard_normal())
                error = 0.2 + 0.15 * loss
                run = {
                    "experiment": "e",
                    "corpus": corpus,
                    "run": f"{corpus}{i}",
                    "block": f"{corpus}{i}",
                    "step": step,
                }
                run |= {
                    "training_flops": spent,
                    "status": "ok",
                    "stderr": stderr,
                    "suite": "s",
                    "optimizer": None,
                }
                rows += [run | {"group": "loss", "metric": "nats_per_token", "value": loss}]
                rows += [run | {"group": "error", "metric": "error_rate", "value": error}]
    return pa.Table.from_pylist(rows)


POWER = {"name": "p", "law": "power", "where": {"group": "loss", "corpus": "a"}}


def test_the_published_chinchilla_table_lies_in_the_intervals_and_the_optimum_is_reached() -> None:
    rows, predictions = fitted(table("chinchilla"), CHINCHILLA, draws=300)
    found = by_parameter(rows)
    published = {"E": 1.817, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    for name, value in published.items():
        assert found[name]["low"] < value < found[name]["high"]
    errors = {"E": 0.026, "A": 124.6, "B": 1293.2, "alpha": 0.015, "beta": 0.021}
    for name, value in errors.items():
        assert found[name]["stderr"] == pytest.approx(value, rel=0.25)
    assert f"{found['objective']['value']:.6e}" == "1.018274e-03"
    assert {row["n"] for row in rows} == {240}
    assert {row["reason"] for row in rows} == {"ok"}
    assert predictions == []


def test_the_published_errors_of_the_overtraining_laws_are_reproduced() -> None:
    _, predictions = fitted(table("overtraining"), LOSS, ERROR)
    percent = {(row["fit"], row["run"]): 100 * row["relative_error"] for row in predictions}
    assert [round(percent["loss", run], 2) for run in LARGE] == [0.71, 0.73]
    assert round(percent["error", LARGE[0]], 1) == 3.6
    assert round(percent["error", LARGE[1]], 2) == 0.05
    for row in predictions:
        assert row["low"] < row["observed"] < row["high"]


@pytest.mark.slow
def test_both_routes_give_one_surface() -> None:
    linear = CHINCHILLA | {"loss": "squares", "residual": "linear"}
    rows, _ = fitted(
        table("chinchilla"), linear, linear | {"name": "vp", "method": "variable-projection"}, draws=50
    )
    whole, projected = by_parameter(rows, "chinchilla"), by_parameter(rows, "vp")
    for name in (*parametric.LAW.names, "objective"):
        assert projected[name]["value"] == pytest.approx(whole[name]["value"], rel=1e-4)


def test_the_same_seed_gives_the_same_rows_and_another_seed_other_limits() -> None:
    once, again, other = (
        law_fits(world(), Settings(laws=(POWER,), bootstrap=50, seed=seed))[0] for seed in (1, 1, 2)
    )
    assert once == again
    assert once[0]["value"] == other[0]["value"]
    assert once[0]["low"] != other[0]["low"]


def test_a_law_is_fitted_to_each_value_of_a_column() -> None:
    rows, _ = fitted(world(noise=0), POWER | {"where": {"group": "loss"}, "by": ["corpus"]})
    levels = {row["corpus"]: row for row in rows if row["parameter"] == "error_at_reference"}
    for corpus, level in (("a", 2.0), ("b", 3.0)):
        reference = levels[corpus]["reference_flops"]
        assert levels[corpus]["value"] == pytest.approx(level * (reference / 1e20) ** -0.05, rel=1e-6)
        assert levels[corpus]["flops_low"] < reference < levels[corpus]["flops_high"]


@pytest.mark.parametrize("scheme", ["pairs", "block", "residual", "parametric"])
@pytest.mark.parametrize("kind", ["percentile", "studentised", "bca"])
def test_every_scheme_and_limit_brackets_the_estimate_and_is_named(scheme: str, kind: str) -> None:
    rows, _ = fitted(world(stderr=0.02), POWER | {"bootstrap": {"scheme": scheme, "limits": kind}})
    for row in rows[:-1]:
        assert row["low"] < row["value"] < row["high"]
        assert scheme in row["interval"]
        assert kind in row["interval"].lower()
        assert "0 failed" in row["interval"]


def test_without_draws_the_interval_is_students() -> None:
    for loss, name in (
        ("squares", "t interval of nonlinear least squares"),
        ("huber", "t interval of Huber's"),
    ):
        rows, _ = fitted(world(), POWER | {"only": {"step": 3}, "loss": loss}, draws=0)
        assert rows[0]["interval"].startswith(name)
        assert rows[0]["df"] == rows[0]["n"] - 2
        assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]


def test_without_draws_checkpoints_of_shared_trainings_have_no_interval() -> None:
    rows, _ = fitted(world(), POWER, draws=0)
    assert rows[0]["value"] > 0
    assert rows[0]["low"] is None
    assert "checkpoints of one training run are not independent" in rows[0]["reason"]


def test_performance_follows_from_compute_by_way_of_loss() -> None:
    first = POWER | {"only": {"run": [f"a{i}" for i in range(8)]}, "predict": {"run": ["a11"], "step": 3}}
    second = {
        "name": "flp",
        "law": "flp",
        "where": {"group": "error", "corpus": "a"},
        "only": {"run": [f"a{i}" for i in range(8)]},
        "predict": {"run": ["a11"], "step": 3},
        "predictor": {"group": "loss"},
        "predictor_from": "p",
        "residual": "linear",
    }
    rows, predictions = fitted(world(noise=0), first, second)
    found = by_parameter(rows, "flp")
    assert (found["intercept"]["value"], found["slope"]["value"]) == pytest.approx((0.2, 0.15))
    assert predictions[1]["predicted"] == pytest.approx(0.2 + 0.15 * 2.0 * 10**-0.05, rel=1e-6)
    assert predictions[1]["predicted"] == pytest.approx(predictions[1]["observed"], rel=1e-6)


def test_a_point_that_is_known_without_a_measurement_is_fitted_as_one_more() -> None:
    entry = {
        **{"name": "flp", "law": "flp", "where": {"group": "error", "corpus": "a"}},
        **{"predictor": {"group": "loss"}, "residual": "linear", "anchor": [[0, 1]]},
    }
    seen = world()
    rows, _ = fitted(seen, entry, draws=0)
    of = {
        name: seen.filter(pc.and_(pc.equal(seen["group"], name), pc.equal(seen["corpus"], "a")))
        for name in ("loss", "error")
    }
    x, y = np.append(of["loss"]["value"].to_numpy(), 0), np.append(of["error"]["value"].to_numpy(), 1)
    slope, intercept = np.polyfit(x, y, 1)
    found = by_parameter(rows)
    assert found["slope"]["value"] == pytest.approx(slope)
    assert found["intercept"]["value"] == pytest.approx(intercept)
    with pytest.raises(
        RelscaleError, match=r"fit\.laws\.flp\.anchor: \[0\.0\] is not a point of law flp: loss and the value"
    ):
        fitted(seen, entry | {"anchor": [[0]]})


def test_standard_errors_are_weights_where_requested() -> None:
    noisy = world().to_pylist()
    for row in noisy:
        row["stderr"] = 1e-3 * row["value"]
        if row["run"] == "a11":
            row |= {"value": 5 * row["value"], "stderr": 1e3 * row["value"]}
    table = pa.Table.from_pylist(noisy)
    weighted, plain = (by_parameter(fitted(table, POWER | {"weights": w})[0]) for w in ("stderr", "none"))
    assert weighted["beta"]["value"] == pytest.approx(0.05, abs=0.005)
    assert plain["beta"]["value"] < 0


def test_rows_without_a_trusted_number_are_counted() -> None:
    rows = world().to_pylist()
    for row in rows:
        if row["run"] == "a3":
            row["status"] = "diverged at step 12"
    found, _ = fitted(pa.Table.from_pylist(rows), POWER)
    assert found[0]["n"] == 33
    assert found[0]["reason"] == "fitted on 33 of 36 rows (a3: diverged at step 12)"


def test_a_group_without_a_trusted_number_is_a_row_among_the_others() -> None:
    rows = world().to_pylist()
    for row in rows:
        if row["corpus"] == "b":
            row["value"] = None
    found, _ = fitted(pa.Table.from_pylist(rows), POWER | {"where": {"group": "loss"}, "by": ["corpus"]})
    assert [row["reason"] for row in found if row["corpus"] == "a"] == ["ok"] * 3
    assert [row["reason"] for row in found if row["corpus"] == "b"] == [
        "no row has both a trusted value and training_flops (b0: no value)"
    ]


def test_too_few_points_are_a_row_with_a_status() -> None:
    rows, _ = fitted(world(), POWER | {"law": "irreducible", "only": {"run": "a1", "step": [1, 2]}})
    assert all("the data do not determine all parameters" in row["reason"] for row in rows)
    assert all(row.get("low") is None for row in rows)


def test_failed_draws_are_counted_and_flagged() -> None:
    rows, _ = fitted(world(), POWER | {"law": "irreducible", "only": {"run": "a1"}, "residual": "linear"})
    assert rows[0]["reason"] != "ok"


def test_an_interval_of_draws_of_which_many_failed_is_flagged_for_parameters_and_for_predictions() -> None:
    """Of three points drawn in pairs a ninth of the draws have one point alone, through which there is no line."""
    entry = POWER | {"only": {"run": ["a1", "a2", "a3"], "step": 3}, "bootstrap": {"scheme": "pairs"}}
    rows, (ahead,) = fitted(world(), entry | {"predict": {"run": "a5", "step": 3}}, draws=300)
    for row in (rows[0], rows[1], ahead):
        assert row["status"] == "failed draws"
        assert "of 300 bootstrap draws failed" in row["reason"]
        assert row["low"] < row["high"]


def test_few_draws_give_a_prediction_no_interval() -> None:
    entry = POWER | {"only": {"run": [f"a{i}" for i in range(8)]}, "predict": {"run": "a9"}}
    _, ahead = fitted(world(), entry, draws=19)
    assert {row["low"] for row in ahead} == {None}
    assert {row["status"] for row in ahead} == {"the bootstrap draws give no limits"}


def test_a_group_whose_rows_are_all_to_be_predicted_is_a_row_that_says_so() -> None:
    rows, ahead = fitted(
        world(), POWER | {"where": {"group": "loss"}, "by": ["corpus"], "predict": {"corpus": "b"}}
    )
    assert [row["reason"] for row in rows if row["corpus"] == "a"] == ["ok"] * 3
    assert [row["reason"] for row in rows if row["corpus"] == "b"] == [
        "all of its measurements are held out for prediction; none is left to fit"
    ]
    assert ahead == []


def test_a_point_that_is_known_is_no_training_and_is_in_every_draw() -> None:
    """It is twice as high as the law has it, so that draws without it would be lines of a slope far from the fit's."""
    trainings = [f"a{i}" for i in range(1, 5)]
    entry = POWER | {"only": {"run": trainings}, "anchor": [[1e22, 2.0]]}
    rows, _ = fitted(world(), entry)
    assert rows[0]["reason"].endswith("needs 5 of them, not 4")
    rows, _ = fitted(world(), entry | {"only": {"run": [*trainings, "a5", "a6"]}}, draws=200)
    beta = by_parameter(rows)["beta"]
    assert beta["low"] < beta["value"] < beta["high"] < 0.045
    assert beta["n"] == 19


def test_a_point_that_is_known_has_no_standard_error_to_be_weighed_by() -> None:
    with pytest.raises(RelscaleError, match="an anchor has no standard error for its weight"):
        fitted(world(stderr=0.02), POWER | {"anchor": [[1e22, 2.0]], "weights": "stderr"})


def test_a_known_point_without_a_logarithm_is_refused_for_a_law_that_takes_it() -> None:
    entry = POWER | {"law": "log_law", "x": ["training_flops"], "anchor": [[0, 1]]}
    with pytest.raises(RelscaleError, match=r"anchor: \[0\.0, 1\.0\] has a number without a logarithm"):
        fitted(world(), entry)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"law": "cubic"}, r"fit\.laws\.p: no law 'cubic'"),
        ({"where": {"group": "gone"}}, r"fit\.laws\.p: no measurement has group gone"),
        ({"where": {"colour": "red"}}, r"no column 'colour'"),
        ({"only": {"run": "z"}}, r"fit\.laws\.p\.only: no measurement has run z"),
        ({"by": ["colour"]}, r"fit\.laws\.p\.by: no column 'colour'"),
        ({"law": "flp"}, r"set predictor"),
        ({"law": "flp", "predictor": {"group": "gone"}}, r"fit\.laws\.p\.predictor: no measurement"),
        ({"law": "flp", "predictor": {"corpus": "a"}}, r"has several matching values"),
        ({"law": "parametric"}, r"needs the columns params, tokens"),
        ({"law": "annealing"}, r"needs the columns learning_rate"),
        ({"predictor_from": "q"}, r"'q' is not the name of an earlier fit"),
        ({"method": "variable-projection"}, r"is for residual: linear and loss: squares"),
        ({"weights": "stderr"}, r"needs the standard error of every point"),
    ],
)
def test_what_can_not_be_fitted_is_one_line(change: Row, message: str) -> None:
    with pytest.raises(RelscaleError, match=message) as caught:
        fitted(world(), POWER | change)
    assert "\n" not in str(caught.value)


def test_a_parametric_bootstrap_without_standard_errors_has_no_interval_and_says_why() -> None:
    rows, _ = fitted(world(), POWER | {"bootstrap": {"scheme": "parametric"}})
    assert rows[0]["reason"] == "a parametric bootstrap needs the standard error of every point"
    assert rows[0]["low"] is None


@pytest.mark.slow
def test_prediction_intervals_cover_new_runs_at_the_nominal_rate() -> None:
    hits = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rows = world(noise=0).to_pylist()
        for row in rows:
            row["value"] *= np.exp(0.02 * rng.standard_normal())
        law = POWER | {
            "only": {"run": [f"a{i}" for i in range(8)]},
            "predict": {"run": [f"a{i}" for i in range(8, 12)]},
        }
        _, predictions = fitted(pa.Table.from_pylist(rows), law)
        hits += [row["low"] < row["observed"] < row["high"] for row in predictions]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.04)


@pytest.mark.slow
def test_least_squares_have_the_intervals_of_ordinary_regression_for_parameters_and_predictions() -> None:
    import statsmodels.api

    table = world().filter(pc.equal(world()["step"], 3))  # one checkpoint a training
    others = [i for i in range(12) if i != 5]  # the one that is predicted lies inside the data
    entry = POWER | {"predict": {"run": ["a5"]}, "only": {"run": [f"a{i}" for i in others]}}
    (level, beta, _), (prediction,) = fitted(table, entry)
    rows = table.filter(pc.and_(pc.equal(table["corpus"], "a"), pc.equal(table["group"], "loss"))).to_pylist()
    x = np.log([row["training_flops"] for row in rows]) - np.log(level["reference_flops"])
    y = np.log([row["value"] for row in rows])
    x_of = dict(zip((row["run"] for row in rows), x, strict=True))
    kept = np.array([row["run"] != "a5" for row in rows])
    line = statsmodels.api.OLS(y[kept], statsmodels.api.add_constant(x[kept])).fit()
    assert sorted((-beta["low"], -beta["high"])) == pytest.approx(line.conf_int()[1], rel=1e-4)
    ahead = line.get_prediction([[1.0, x_of["a5"]]]).conf_int(obs=True)[0]
    assert (prediction["low"], prediction["high"]) == pytest.approx(np.exp(ahead), rel=1e-6)
    assert beta["interval"].startswith("t interval of nonlinear least squares")
    assert (
        prediction["interval"]
        == "t interval of nonlinear least squares, including the scatter of a single run"
    )


@pytest.mark.parametrize(
    ("change", "scheme"),
    [
        ({}, "block bootstrap by trajectory"),  # three checkpoints of each training
        ({"where": {"group": "loss", "corpus": "a", "step": 3}}, "t interval of nonlinear least squares"),
        (
            {"where": {"group": "loss", "corpus": "a", "step": 3}, "loss": "huber"},
            "pairs bootstrap",
        ),
        ({"bootstrap": {"scheme": "residual", "limits": "studentised"}}, "residual bootstrap, studentised"),
    ],
)
def test_the_interval_is_the_one_that_covers_unless_another_is_requested(change: Row, scheme: str) -> None:
    rows, _ = fitted(world(), POWER | change)
    assert rows[0]["interval"].startswith(scheme)
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]
