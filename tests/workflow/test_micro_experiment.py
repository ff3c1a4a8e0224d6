"""The real workflow, from installed text to figures, in small."""

import copy
import json
import shutil
from pathlib import Path

import pytest

from relscale.report.plotly_figures import figure_anchor
from relscale.storage.tables import read_table

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RUNS = 2 * (3 + 2 * 3 + 3)


def results(micro):
    return micro.folder / "results" / "micro"


def test_every_run_is_trained_scored_and_measured(micro):
    table = read_table(results(micro) / "measurements.parquet")
    assert len(set(table["run"].to_pylist())) == RUNS
    assert set(table["suite"].to_pylist()) == {
        "validation",
        "knowledge",
        "varieties",
        "domains",
        "behaviours",
    }
    assert set(table["status"].to_pylist()) == {"ok"}


def test_measurements_stand_on_the_plans_flops(micro):
    rows = read_table(results(micro) / "measurements.parquet").to_pylist()
    for row in rows:
        assert abs(row["training_flops"] / row["budget"] - 1) < 0.01


def test_laws_are_fitted_for_every_suite_and_corpus(micro):
    rows = read_table(results(micro) / "fits" / "fits.parquet").to_pylist()
    fitted = {(row["corpus"], row["suite"]) for row in rows if row["parameter"] == "delta_beta"}
    assert fitted == {
        (corpus, suite)
        for corpus in ("documentation", "code")
        for suite in ("knowledge", "varieties", "domains", "behaviours")
    }


def test_the_page_on_results_names_what_a_run_writes(micro):
    """`results/README.md` is for readers of a folder; what is hidden is for programs."""
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    written = {path.name for path in results(micro).iterdir() if not path.name.startswith(".")}
    stored = {path.name for path in (micro.folder / "results" / "store").iterdir()}
    assert [name for name in written | stored if f"`{name}" not in page and name != "locks"] == []


def test_figures_are_drawn(micro):
    names = {path.stem for path in (results(micro) / "figures").glob("*.html")}
    laws = {f"relative-law-{suite}" for suite in micro.config["suites"]}
    assert names == set(micro.config["figures"]) - {"relative-law"} | laws


def test_every_run_branches_and_the_report_shows_the_critical_batches(micro):
    branches = read_table(results(micro) / "branches.parquet").to_pylist()
    assert sorted((row["run"], row["factor"]) for row in branches) == sorted(
        (run, factor) for run in {row["run"] for row in branches} for factor in (1, 2)
    )
    critical = read_table(results(micro) / "critical_batches.parquet").to_pylist()
    assert len(critical) == len({row["run"] for row in critical}) == RUNS
    assert f'id="{figure_anchor("critical-batch")}"' in (results(micro) / "report.html").read_text()


def test_a_second_run_does_nothing(micro):
    assert micro.planned_jobs() == {}


def test_a_changed_fit_option_fits_and_draws_again(micro):
    config = copy.deepcopy(micro.config) | {"fit": {"level": 0.9}}
    assert set(micro.planned_jobs(config)) == {"fit", "plot", "write_report"}


def test_a_new_budget_trains_the_new_runs_only(micro):
    config = copy.deepcopy(micro.config)
    config["design"]["budgets"].append("2e9")
    jobs = micro.planned_jobs(config)
    assert jobs["train"] == 2
    assert "tokenize" not in jobs


def test_a_new_suite_scores_every_model_and_trains_none(micro):
    config = copy.deepcopy(micro.config)
    config["suites"]["more"] = {"path": str(micro.package / "scoring" / "suites" / "behaviours")}
    jobs = micro.planned_jobs(config)
    assert jobs["suite"] == 1
    assert jobs["score"] == 2  # all models of a corpus in one job
    assert not {"corpus", "vocabulary", "tokenize", "train"} & set(jobs)


def test_a_changed_training_option_trains_again(micro):
    config = copy.deepcopy(micro.config)
    config["training"]["validation_tokens"] = 2048
    jobs = micro.planned_jobs(config)
    assert jobs["train"] == 6
    assert "tokenize" not in jobs


def test_a_changed_figure_is_drawn_again_alone(micro):
    with micro.edited("figures/isoflop.py"):
        assert micro.planned_jobs() == {"plot": 1, "write_report": 1}


def test_an_edited_comment_or_docstring_runs_nothing(micro):
    modules = list(micro.package.rglob("*.py"))
    for path in modules:
        path.write_text(f'"""Another docstring."""\n# A comment.\n{path.read_text()}\n# The end.\n')
    try:
        with micro.edited("storage/atomic.py"):  # which cannot change a number, whatever stands in it
            jobs = micro.planned_jobs()
    finally:
        for path in modules:
            shutil.copy2(ROOT / "src" / path.relative_to(micro.source), path)
    assert not jobs


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("corpora/split.py", "corpus"),
        ("training/model.py", "train"),
        ("training/optimizers/c_adamc.py", "train"),
        ("scoring/engine.py", "score"),
        ("measurements/metrics.py", "collect"),
        ("laws/power.py", "fit"),
        ("figures/chart/style.py", "plot"),
    ],
)
def test_changed_code_runs_its_own_stage_and_those_below(micro, module, first):
    stages = [
        "corpus",
        "vocabulary",
        "tokenize",
        "train",
        "suite",
        "score",
        "collect",
        "fit",
        "plot",
        "write_report",
    ]
    with micro.edited(module):
        jobs = micro.planned_jobs()
    assert first in jobs
    assert not set(stages[: stages.index(first)]) - {"suite"} & set(jobs)


def test_one_job_a_run_trains_nothing_twice(micro):
    store = micro.folder / "results" / "store" / "runs"
    before = {path.name: path.stat().st_mtime for path in store.glob("*/model.safetensors")}
    config = copy.deepcopy(micro.config)
    config["training"]["job"] = "run"
    config["design"]["budgets"] = ["1e9"]
    config["fit"] = {"frontier": "all"}  # a single budget is no IsoFLOP grid
    del config["design"]["seeds"]
    target = "results/micro/runs/documentation/documentation-1e9-d8-L1-B2-c-adamc-s0.json"
    result = micro.snakemake(target, config=config)
    assert result.returncode == 0, result.stderr
    manifest = json.loads((micro.folder / target).read_text())
    assert len(manifest) == 1
    assert {path.name: path.stat().st_mtime for path in store.glob("*/model.safetensors")} == before


def test_the_workflow_is_lint_free(micro):
    result = micro.snakemake("--lint")
    assert "Congratulations" in result.stdout + result.stderr, result.stdout + result.stderr


def test_a_bad_config_is_one_line_and_no_traceback(micro):
    config = copy.deepcopy(micro.config) | {"desing": {}}
    result = micro.snakemake("--dry-run", config=config)
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "unknown key 'desing'; did you mean 'design'" in said
    assert "Traceback" not in said


def test_a_suite_that_has_lost_its_description_stops_the_workflow_before_it_touches_a_result(micro, tmp_path):
    """Snakemake takes what an earlier run has left for whatever it cannot make, and deletes what follows from it."""
    config = copy.deepcopy(micro.config)
    config["suites"]["domains"] = {"path": str(tmp_path)}
    before = {path: path.stat().st_mtime_ns for path in (results(micro) / "fits").glob("*.parquet")}
    result = micro.snakemake(config=config)
    assert result.returncode == 1
    assert f"suites.domains: {tmp_path}/suite.yaml: no such file" in result.stderr
    assert {path: path.stat().st_mtime_ns for path in (results(micro) / "fits").glob("*.parquet")} == before
