"""What a person types in a notebook, and that each public example does what it says."""

import doctest
import functools
import importlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tiny_models
from finished_experiment import SLOPES, workflow

import relscale as rs
from relscale import api, score_model
from relscale.cli import main
from relscale.errors import RelscaleError
from relscale.experiments import experiment_results
from relscale.fitting.fit import fit
from relscale.storage.tables import read_table, write_table

ROOT = Path(__file__).parents[1]
FLOPS = np.geomspace(1e18, 1e21, 8)


def once_for_each_table(fit):
    """``fit`` that is not worked out again for the same object and options."""
    known = {}

    def fitted(table, *arguments, **options):
        key = id(table), repr((arguments, options))
        if key not in known:
            known[key] = table, fit(table, *arguments, **options)  # the table too, whose id stays its own
        return known[key][1]

    return fitted


PACKAGE = Path(rs.__file__).parent
OF_TABLES = ("relscale", "relscale.table_fit.fit", "relscale.table_fit.frontier", "relscale.table_fit.result")
OF_EXPERIMENTS = (
    api.__name__,
    experiment_results.__name__,
    score_model.__name__,
)  # run in a folder of their own


def modules_with_examples():
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__")


@pytest.fixture(scope="module")
def remembered():
    """The table that most examples begin with, and ``fit``, which fits it once."""
    return functools.cache(rs.datasets.olmo_ladder), once_for_each_table(rs.fit)


@pytest.fixture(scope="module")
def ladder(remembered):
    table, fit = remembered
    return fit(table())


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(module, marks=pytest.mark.slow) if module in OF_TABLES else module
        for module in modules_with_examples()
        if module not in OF_EXPERIMENTS
    ],
)
def test_each_example_does_what_it_says(module, remembered, monkeypatch):
    table, fit = remembered
    monkeypatch.setattr(rs.datasets, "olmo_ladder", table)
    monkeypatch.setattr(rs, "fit", fit)
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted
    assert not found.failed


def examples_of(module):
    return [found for found in doctest.DocTestFinder().find(module) if found.examples]


@pytest.mark.slow
@pytest.mark.parametrize(
    "example",
    [*examples_of(api), *examples_of(experiment_results)],
    ids=lambda each: each.name,
)
def test_each_example_of_an_experiment_does_what_it_says(example, finished, monkeypatch):
    monkeypatch.chdir(finished)
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.slow
def test_the_example_of_scoring_a_model_does_what_it_says(tmp_path, monkeypatch):
    tiny_models.save_checkpoint(tmp_path / "models" / "tiny")
    monkeypatch.chdir(tmp_path)
    (example,) = examples_of(score_model)
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize(
    ("model", "suite", "message"),
    [
        ("no/such/folder", "mmlu", "no model in no/such/folder"),
        (".", "mmul", "no suite 'mmul'; did you mean 'mmlu'?"),
    ],
)
def test_what_cannot_be_scored_is_named(model, suite, message):
    with pytest.raises(RelscaleError, match=message.replace("?", r"\?")):
        rs.score(model, suite)


def test_results_are_read_from_any_folder(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = rs.open(finished / "results" / "tests")
    (gap,) = results.gaps()
    assert gap["delta_beta"] == pytest.approx(SLOPES["easy"] - SLOPES["hard"], abs=0.005)
    assert gap["low"] < SLOPES["easy"] - SLOPES["hard"] < gap["high"]
    assert "1 widens" in repr(results)
    assert "Easy" in results._repr_html_()  # the label that the config gives the group
    assert "Easy" in results.report().read_text(encoding="utf-8")
    with pytest.raises(RelscaleError, match="did you mean 'tests'"):
        results.gaps(suite="test")
    with pytest.raises(RelscaleError, match="no table 'verdict'; did you mean 'verdicts'"):
        results.table("verdict")


@pytest.mark.slow
def test_an_experiment_that_was_run_gives_its_results(finished, monkeypatch):
    monkeypatch.chdir(finished)
    monkeypatch.setattr("relscale.commands.run.run_workflow", workflow)
    assert rs.Experiment("tests.yaml").run().gaps()["verdict"] == ["widens"]
    monkeypatch.setattr("relscale.commands.run.run_workflow", lambda config, further: 1)
    with pytest.raises(RelscaleError, match="workflow failed"):
        rs.Experiment("tests.yaml").run()


def test_only_what_is_public_is_offered():
    assert {"fit", "laws", "suites", "figures", "datasets", "Experiment", "open", "score"} <= set(dir(rs))
    assert "Any" not in dir(rs)
    assert rs.laws()["law"] == sorted(rs.laws()["law"])
    assert "isoflop" in rs.figures()["figure"]


@pytest.mark.slow
def test_what_was_guessed_is_reported(ladder):
    guessed = {guess.option: guess.value for guess in ladder.guessed}
    assert guessed == {"x": "training_flops", "y": "bpb", "group": "subgroup", "baseline": "stem"}
    assert str(ladder).startswith("guessed: ")
    assert len(repr(ladder).splitlines()) <= 30


def test_a_notebook_shows_headline_table_and_figure(ladder):
    html = ladder._repr_html_()
    assert "3 widen" in html
    assert "<table>" in html
    assert html.count("<svg") == 3  # one chart per gap
    assert "http" not in html.replace('xmlns="http', "")


@pytest.mark.slow
def test_a_law_without_gaps_has_a_chart_per_group():
    assert rs.fit(rs.datasets.olmo_ladder(), law="irreducible", bootstrap=0)._repr_html_().count("<svg") == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "said"), [("mmlu_acc", True), ("Accuracy", True), ("pacc", False), ("loss", False)]
)
def test_an_accuracy_that_is_fitted_as_an_error_is_noted(column, said):
    table = pa.table({"flops": FLOPS, column: (FLOPS / 1e18) ** 0.05 / 10})
    fit = rs.fit(table, law="power", y=column)
    assert ("for which lower is better" in repr(fit)) == said
    assert ("for which lower is better" in str(fit)) == said


def test_a_verdict_is_that_of_a_line_through_the_logarithms_of_the_ratios(ladder):
    table = rs.datasets.olmo_ladder()
    group, baseline = (table.where(subgroup=name) for name in ("humanities", "stem"))
    x = np.log(group["training_flops"])
    slope, level = np.polyfit(x, np.log(group["bpb"]) - np.log(baseline["bpb"]), 1)
    verdict = ladder.verdict("humanities")
    assert verdict.delta_beta == pytest.approx(slope, rel=1e-9)
    assert [verdict.ratio_low, verdict.ratio_high] == pytest.approx(
        np.exp(level + slope * x[[x.argmin(), x.argmax()]])
    )
    assert verdict.verdict == "widens"  # a ratio below 1 that falls
    assert str(verdict).startswith("humanities widens: ")


@pytest.mark.slow
def test_another_confidence_level_is_that_of_a_fit_at_it():
    noise = np.random.default_rng(0).normal(0, 0.01, 16)
    rows = pa.table(
        {
            "flops": np.tile(FLOPS, 2),
            "group": ["a"] * 8 + ["b"] * 8,
            "loss": np.repeat([1.0, 2.0], 8) * (np.tile(FLOPS, 2) / 1e20) ** -0.05 * np.exp(noise),
        }
    )
    fits = {level: rs.fit(rows, baseline="a", level=level) for level in (0.5, 0.95)}
    anew, narrow = (
        frame.where(group="b", parameter="delta_beta")
        for frame in (fits[0.5].params, fits[0.95].conf_int(0.5))
    )
    assert len(narrow) == 1
    assert (narrow["low"], narrow["high"]) == (anew["low"], anew["high"])
    assert fits[0.95].conf_int().where(group="b", parameter="delta_beta")["low"] < narrow["low"]


def test_a_group_that_is_not_there_is_suggested(ladder):
    with pytest.raises(RelscaleError, match="did you mean 'humanities'"):
        ladder.verdict("humanitys")


def test_a_lines_prediction_is_the_line_and_its_interval_holds_it():
    exact = pa.table(
        {"flops": FLOPS, "loss": 2 * (FLOPS / 1e20) ** -0.05 * (1 + 1e-4 * np.resize([1, -1], 8))}
    )
    (row,) = rs.fit(exact, law="power").predict(1e23)
    assert row["predicted"] == pytest.approx(2 * 1e3**-0.05, rel=1e-3)
    assert row["low"] < row["predicted"] < row["high"]


@pytest.mark.slow
def test_a_forecast_is_at_ones_own_compute_and_model(ladder):
    ahead = ladder.forecast([1e23, {"training_flops": 1e24, "params": 7e9, "tokens": 2e13}])
    assert sorted(set(ahead["training_flops"])) == pytest.approx([1e23, 1e24])
    assert len(ahead) == 6


@pytest.mark.slow
def test_a_forecast_is_of_the_model_that_was_named_whatever_its_flops_per_token():
    fit = rs.fit(rs.datasets.olmo_ladder().where(subgroup="stem"), law="power", bootstrap=0)
    olmo_7b = {"training_flops": 1.79e23, "params": 6.89e9, "tokens": 3.95e12}  # F / ND is 6.6
    (row,) = fit.forecast(olmo_7b)
    assert {name: row[name] for name in olmo_7b} == pytest.approx(olmo_7b)
    with pytest.raises(RelscaleError, match="did you mean 'params'"):
        fit.forecast(olmo_7b | {"parms": 7e9})


@pytest.mark.slow
def test_a_law_of_several_predictors_asks_for_all_of_them():
    table = rs.datasets.olmo_ladder().where(subgroup="stem")
    fit = rs.fit(table, law="parametric")
    with pytest.raises(RelscaleError, match="give params too"):
        fit.predict(1e24)
    (row,) = fit.predict({"params": 7e9, "tokens": 4e12})
    assert row["low"] < row["predicted"] < row["high"]


def test_a_function_is_a_law():
    def shifted(x, a=1.0, b=0.1, c=0.5):
        return c + a * (x / 1e20) ** -b

    table = pa.table({"flops": FLOPS, "loss": shifted(FLOPS, 0.8, 0.2, 1.5)})
    values = {row["parameter"]: row["value"] for row in rs.fit(table, law=shifted, residual="linear").params}
    assert {name: values[name] for name in "abc"} == pytest.approx({"a": 0.8, "b": 0.2, "c": 1.5}, rel=1e-4)


def test_every_law_of_compute_has_a_figure():
    table = pa.table({"flops": FLOPS, "loss": 1 + (FLOPS / 1e20) ** -0.2})
    figure = rs.fit(table, law="irreducible").plot()
    (points,) = (trace for trace in figure.data if trace.mode == "markers")
    (curve,) = (trace for trace in figure.data if trace.mode == "lines" and len(trace.y) > 2)
    assert sorted(points.y) == pytest.approx(sorted(table["loss"].to_pylist()))
    assert min(curve.y) > 1


@pytest.mark.slow
def test_a_wide_table_has_a_group_per_column(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = ["flops,easy,hard", *(f"{f},{f**-0.05},{2 * f**-0.04}" for f in FLOPS)]
    (tmp_path / "wide.csv").write_text("\n".join(rows))
    assert main(["fit", "wide.csv", "--y", "easy,hard"]) == 0
    assert "against hard" in capsys.readouterr().out


@pytest.mark.slow
def test_rows_are_left_out_by_a_column():
    table = rs.datasets.olmo_ladder()
    kept = rs.fit(table, where=["model!=190M", "training_flops<1e22"]).measurements
    expected = [row for row in table if row["model"] != "190M" and row["training_flops"] < 1e22]
    assert kept.num_rows == len(expected)


@pytest.mark.slow
def test_a_published_frontier_is_that_of_the_fit():
    table = rs.datasets.isoflop_suite()
    found = rs.frontier(table, where="corpus=common-pile")
    series = {"suite": "validation", "group": "all", "metric": "nats_per_token"}
    measured = read_table(ROOT / "reference" / "isoflop_suite.csv").rename_columns(
        {"paloma_macro_loss": "value"}
    )
    for name, word in series.items():
        measured = measured.append_column(name, pa.repeat(word, measured.num_rows))
    fits = fit(measured, options={"frontier_bootstrap": None}).fits.to_pylist()
    laws = {"D*": "compute_optimal_tokens", "N*": "compute_optimal_params"}
    for quantity, law in laws.items():
        (row,) = [
            row
            for row in fits
            if (row["corpus"], row["law"], row["parameter"]) == ("common-pile", law, "exponent")
        ]
        (line,) = found.exponents.where(quantity=quantity)
        for ours, theirs in (("exponent", "value"), ("low", "low"), ("high", "high")):
            assert line[ours] == pytest.approx(row[theirs], rel=1e-9)


@pytest.mark.slow
def test_budgets_that_share_trainings_are_named_by_a_column(tmp_path):
    table = read_table(ROOT / "reference" / "isoflop_suite.csv")
    one_each = table.append_column("training", pa.array([str(n) for n in range(table.num_rows)]))
    shared = table.append_column("training", pa.array([str(n % 9) for n in range(table.num_rows)]))
    alone = rs.frontier(table).exponents.to_arrow()
    assert rs.frontier(one_each, block="training").exponents.to_arrow() == alone
    assert rs.frontier(shared, block="training").exponents.to_arrow()["low"] != alone["low"]
    with pytest.raises(RelscaleError, match="block: no column 'nothing'"):
        rs.frontier(table, block="nothing")


def test_an_experiment_says_what_is_wrong_with_it(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "experiment: mine\nruns: {source: measurements, tables: [{path: no.csv}]}\n", encoding="utf-8"
    )
    (problem,) = rs.Experiment(tmp_path / "mine.yaml").check()
    assert "no such table" in problem
    assert rs.Experiment("reference").check() == []
    with pytest.raises(RelscaleError, match="no such folder"):
        rs.open(tmp_path / "results")


def test_measurements_of_another_version_are_said_to_be_collected_again(tmp_path):
    write_table(pa.table({"run": ["a"], "suite": ["s"]}), tmp_path / "measurements.parquet")
    with pytest.raises(
        RelscaleError, match=r"lacks the columns corpus, .* collect again \(relscale run CONFIG\)"
    ):
        rs.open(tmp_path).runs()
