"""Budgets of a frontier that are slices of longer trainings (column ``block``), whose optima are not independent."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import nct
from scipy.stats import t as student

from relscale.fitting.analyses import influence, specification, statistical_power
from relscale.fitting.curves.allocation import allocation
from relscale.fitting.curves.contrasts import contrasts
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.run_matrix import run_matrices
from relscale.fitting.fit import fit
from relscale.fitting.inference import interval
from relscale.fitting.inference.bootstrap import limits
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.line_with_intervals import curve_intervals
from relscale.fitting.inference.log_log_lines import curve_lines, lines
from relscale.fitting.settings import Settings

PARAMS = np.geomspace(2e7, 2e9, 11)
BUDGETS = np.geomspace(1e18, 1e20, 8)
OPTIONS = {"frontier_bootstrap": None, "specifications": [], "power": []}


def runs(seed, of_training=0.003, of_run=0.0005, budgets=BUDGETS):
    """One training per size, its loss read at every budget, with noise of its own and noise of each reading."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, of_training, len(PARAMS))
    rows = []
    for budget in budgets:
        for number, params in enumerate(PARAMS):
            tokens = budget / 6 / params
            if 3 < tokens / params < 160:
                loss = 1.8 + 406 * params**-0.34 + 410 * tokens**-0.28
                noise = np.exp(own[number] + rng.normal(0, of_run))
                series = {"corpus": "text", "suite": "validation", "group": "all", "metric": "nats_per_token"}
                run = {"run": f"{number} at {budget:.3g}", "block": f"training {number}"}
                spent = {"budget": budget, "training_flops": budget, "tokens": tokens, "params": params}
                rows.append(series | run | spent | {"value": loss * noise})
    return rows


def exponents(rows):
    """The rows of both exponents of the frontier."""
    found = fit(pa.Table.from_pylist(rows), options=OPTIONS).fits.to_pylist()
    return {row["law"]: row for row in found if row["parameter"] == "exponent" and "optimal" in row["law"]}


def unnamed(rows):
    return [{name: cell for name, cell in row.items() if name != "block"} for row in rows]


def slopes(rows):
    """Both exponents with their intervals, without the rest of a fit."""
    (matrix,) = run_matrices(pa.Table.from_pylist(rows))
    optima = allocation(frontier_curves(matrix, Settings()))
    return {law.name: next(iter(curve_intervals(curve, Settings()))).slope for law, curve in optima}


@pytest.mark.slow
def test_the_standard_error_is_that_of_leaving_out_each_training():
    rows = runs(0)
    trainings = sorted({row["block"] for row in rows})
    left_out = [slopes([row for row in rows if row["block"] != training]) for training in trainings]
    for law, of_all in exponents(rows).items():
        without = [slope[law].value for slope in left_out]
        share = (len(trainings) - 1) / len(trainings)
        assert of_all["stderr"] == pytest.approx(
            np.sqrt(share * np.sum((np.array(without) - of_all["value"]) ** 2)), rel=1e-6
        )
        assert of_all["df"] == len(trainings) - 1
        assert of_all["method"] == "jackknife"


@pytest.mark.slow
def test_a_training_of_one_budget_each_changes_nothing():
    rows = runs(0)
    alone = [row | {"block": row["run"]} for row in rows]
    assert exponents(alone) == exponents(unnamed(rows))


@pytest.mark.slow
def test_its_standard_error_is_how_far_exponents_scatter_and_that_of_independent_budgets_is_less():
    """What they scatter by needs many studies, their standard errors, which are much alike, a few."""
    studies = [runs(seed, budgets=np.geomspace(1e18, 1e20, 24)) for seed in range(30)]
    independent = [slopes(unnamed(rows))["compute_optimal_tokens"] for rows in studies]
    named = [slopes(rows)["compute_optimal_tokens"] for rows in studies[:8]]
    assert [slope.value for slope in named] == [slope.value for slope in independent[:8]]
    scatter = np.std([slope.value for slope in independent], ddof=1)
    assert np.median([slope.stderr for slope in named]) > 0.9 * scatter
    assert np.median([slope.stderr for slope in independent]) < 0.7 * scatter


@pytest.fixture(name="corpora", scope="module")
def frontiers_of_two_corpora():
    """Frontiers of two corpora with trainings of their own, each training in several budgets."""
    text, code = runs(0), [row | {"corpus": "code", "block": f"code {row['block']}"} for row in runs(1)]
    matrices = run_matrices(pa.Table.from_pylist([*text, *code]))
    return {matrix.corpus: frontier_curves(matrix, Settings()) for matrix in matrices}


def test_a_contrast_of_corpora_has_the_jackknife_of_two_samples(corpora):
    """Σ over corpora of (G − 1) / G · Σ (slope without a training − slope)²; stretched readings give it but for 5%."""
    (contrast,) = contrasts(list(corpora.values()), "corpus", "text")
    found, expected = curve_lines(contrast), 0.0
    code, text = corpora["code"].errors, corpora["text"].errors
    for left_out in (code.without - text.value[..., None], code.value[..., None] - text.without):
        trainings = left_out.shape[-1]
        away = lines(contrast.log_flops, left_out).slope - found.slope[:, None]
        expected += (trainings - 1) / trainings * np.sum(away**2)
    assert found.variance_of(0.0, 1.0) == pytest.approx(expected, rel=0.05)
    assert found.blocks == 2 * trainings


def test_without_a_budget_a_contrast_is_that_of_a_table_that_lacks_it(corpora):
    """Value, limits and p-value of ``influence`` against the same contrast of the runs of all other budgets."""
    (contrast,) = contrasts(list(corpora.values()), "corpus", "text")
    (first, *_) = influence.rows(contrast, Settings())
    text, code = runs(0), [row | {"corpus": "code", "block": f"code {row['block']}"} for row in runs(1)]
    others = [row for row in (*text, *code) if row["budget"] > BUDGETS[0]]
    matrices = run_matrices(pa.Table.from_pylist(others))
    (again,) = contrasts([frontier_curves(matrix, Settings()) for matrix in matrices], "corpus", "text")
    (line,) = curve_intervals(again, Settings())
    slope = line.slope
    assert first.without == "1e+18 FLOPs"
    assert (first.value, first.low, first.high, first.p_value) == pytest.approx(
        (slope.value[0], slope.low[0], slope.high[0], slope.p_value[0])
    )


def test_power_where_budgets_share_trainings_is_that_of_trainings(corpora):
    (contrast,) = contrasts(list(corpora.values()), "corpus", "text")
    slope = interval.slope(curve_lines(contrast), 0.95)
    size, df = float(3 * slope.stderr[0]), slope.df[0]
    found = [
        row for row in statistical_power.rows(contrast, Settings(power=(size,))) if row.resource == "runs"
    ]
    assert found[0].note == "assuming that training runs are independent draws of the slope"
    assert found[0].power == pytest.approx(nct.sf(student.ppf(0.975, df), df, 3), abs=0.04)


def two_groups():
    rows, rng = runs(0), np.random.default_rng(1)
    groups = [
        row
        | {"suite": "tests", "group": group, "metric": "error_rate", "value": row["value"] ** power * noise}
        for row in rows
        for group, power, noise in (("easy", 2.0, np.exp(rng.normal(0, 0.01))), ("hard", 1.0, 1.0))
    ]
    return rows, pa.Table.from_pylist([*rows, *groups])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frontier", "method"), [("parabola", "jackknife"), ("all", "block bootstrap")], ids=str
)
def test_the_default_specification_has_the_interval_of_the_verdict(frontier, method, monkeypatch):
    """Along a frontier the jackknife over trainings, of every run a point the bootstrap of whole trainings."""
    monkeypatch.setattr(interval, "ENOUGH_BLOCKS", interval.FEWEST_BLOCKS)
    _, table = two_groups()
    settings = Settings(baselines={"tests": "hard"}, frontier=frontier, bootstrap=199)
    curves = frontier_curves(run_matrices(table)[0], settings)
    delta_beta, _ = law_rows(curves.ratios.law, curves.ratios, settings)
    (default,) = [row for row in specification.rows(curves, settings) if row.default]
    assert delta_beta.method == method
    for name in ("value", "low", "high", "p_value"):
        assert getattr(default, name) == pytest.approx(getattr(delta_beta, name)), name


@pytest.mark.slow
def test_a_specification_says_of_its_draws_what_the_verdict_says(monkeypatch):
    monkeypatch.setattr(interval, "ENOUGH_BLOCKS", interval.FEWEST_BLOCKS)
    monkeypatch.setattr(limits, "TOO_MANY", -1.0)  # so that no failed draws are too many
    _, table = two_groups()
    settings = Settings(baselines={"tests": "hard"}, frontier="all", bootstrap=99)
    curves = frontier_curves(run_matrices(table)[0], settings)
    delta_beta, _ = law_rows(curves.ratios.law, curves.ratios, settings)
    (default,) = [row for row in specification.rows(curves, settings) if row.default]
    assert default.status == delta_beta.status == "failed draws"


@pytest.mark.slow
def test_ratios_along_such_a_frontier_have_the_jackknifes_limits_too():
    rows, table = two_groups()
    fits = fit(table, options=OPTIONS, suites={"tests": {"baseline": "hard"}}).fits.to_pylist()
    (gap,) = [row for row in fits if row["parameter"] == "delta_beta" and row["method"] == "jackknife"]
    assert gap["df"] == len({row["block"] for row in rows}) - 1
    assert gap["low"] < gap["value"] < gap["high"]
