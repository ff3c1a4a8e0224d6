"""An experiment that starts from tables, from numbers to figures, without any training."""

import copy
import shutil

import numpy as np
import pyarrow as pa
import pytest

from relscale.figures.browser import static_formats
from relscale.storage.tables import read_table, write_table

pytestmark = pytest.mark.slow

EXPERIMENT = {
    "experiment": "tables",
    "runs": {
        "source": "measurements",
        "tables": [
            {
                "path": "numbers.csv",
                "columns": {"training_flops": "compute", "value": "loss", "group": "test"},
                "formats": {"run": "{size}-{compute:g}"},
                "constants": {"corpus": "text", "suite": "tests", "metric": "nats_per_token"},
            },
            {"path": "chinchilla.csv", "loader": "chinchilla"},
        ],
    },
    "suites": {"tests": {"title": "Two tests", "baseline": "hard", "groups": {"easy": {"label": "Easy"}}}},
    "fit": {"answers": "answers.csv", "bootstrap": 50, "specifications": [], "power": []},
    "figures": ["relative-law"],
}


@pytest.fixture(name="tables", scope="module")
def from_tables(tmp_path_factory, make_experiment):
    experiment = make_experiment(tmp_path_factory.mktemp("tables"), EXPERIMENT, pictures=True)
    rng = np.random.default_rng(0)
    rows = [
        {
            "size": "small",
            "compute": flops,
            "test": test,
            "loss": level * (flops / 1e20) ** -slope * rng.lognormal(0, 0.01),
        }
        for flops in np.geomspace(1e18, 1e21, 6)
        for test, level, slope in (("easy", 1.0, 0.09), ("hard", 2.0, 0.05))
    ]
    write_table(pa.Table.from_pylist(rows), experiment.folder / "numbers.csv")
    points = [
        {"params": n, "tokens": d, "training_flops": 6 * n * d, "loss": loss}
        for n, d, loss in ((1e8 * 2**k, 1e9 * 2**k, 3 - 0.2 * k) for k in range(5))
    ]
    write_table(pa.Table.from_pylist(points), experiment.folder / "chinchilla.csv")
    (experiment.folder / "answers.csv").write_text(
        "quantity,data,unit,published,published_stderr,tolerance,table,where,column,source\n"
        "slope,{corpus},,0.09,,0.005,fits,group=easy; parameter=beta,value,made up\n"
        "gap,{corpus},,,,,fits,parameter=delta_beta,value,\n"
    )
    result = experiment.snakemake()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    return experiment


def results(experiment):
    return experiment.folder / "results" / "tables"


def test_both_tables_are_measured(tables):
    rows = read_table(results(tables) / "measurements.parquet").to_pylist()
    assert len(rows) == 12 + 5
    assert {row["experiment"] for row in rows} == {"tables"}
    assert rows[0]["run"] == "small-1e+18"


def test_nothing_is_trained(tables):
    assert not (results(tables) / "runs").exists()
    assert not (results(tables) / "corpora").exists()
    assert {path.name for path in (results(tables) / "logs").iterdir()} == {
        "collect.log",
        "fit.log",
        "plot",
        "report.log",
    }


def test_gaps_are_fitted_and_published_numbers_held_against_them(tables):
    fits = read_table(results(tables) / "fits" / "fits.parquet").to_pylist()
    (gap,) = [row for row in fits if row["parameter"] == "delta_beta"]
    assert gap["baseline"] == "hard"
    assert gap["low"] < 0.05 - 0.09 < gap["high"]
    slope, ours = read_table(results(tables) / "fits" / "reproduction.parquet").to_pylist()
    assert (slope["published"], slope["agrees"]) == (0.09, True)
    assert (ours["reproduced"], ours["status"]) == (gap["value"], "no published number")
    said = (results(tables) / "logs" / "fit.log").read_text()
    assert "widens" in said
    assert "0.09" in said


def test_a_suites_figure_bears_its_title_and_labels(tables):
    drawn = (results(tables) / "figures" / "relative-law-tests.json").read_text()
    assert "Two tests" in drawn
    assert "Easy" in drawn


@pytest.mark.skipif(not static_formats(), reason="no Chrome on this machine")
@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_pictures_are_drawn_beside_the_page(tables, suffix):
    assert (results(tables) / "figures" / f"relative-law-tests.{suffix}").stat().st_size > 1000


def test_a_second_run_does_nothing(tables):
    assert tables.planned_jobs() == {}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("fits/predictions.parquet", "fit"),
        ("fits/reproduction.parquet", "fit"),
        ("figures/relative-law-tests.json", "plot"),
    ],
)
def test_any_file_that_is_deleted_is_made_again(tables, tmp_path, name, rule):
    file = results(tables) / name
    kept = shutil.move(file, tmp_path / file.name)
    jobs = tables.planned_jobs()
    shutil.move(kept, file)
    assert rule in jobs


def test_the_record_of_the_config_is_written_again_where_nothing_else_runs(tables):
    record = results(tables) / "config.yaml"
    text = record.read_text()
    record.unlink()
    again = tables.snakemake()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Nothing to be done" in again.stdout + again.stderr
    assert record.read_text() == text


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        ({"suites": {"tests": EXPERIMENT["suites"]["tests"] | {"title": "Tests"}}}, {"plot", "write_report"}),
        ({"suites": {"tests": {"title": "Two tests", "baseline": "easy"}}}, {"fit", "plot", "write_report"}),
        (
            {"runs": EXPERIMENT["runs"] | {"tables": EXPERIMENT["runs"]["tables"][:1]}},
            {"collect", "fit", "plot", "write_report"},
        ),
    ],
)
def test_a_change_runs_what_depends_on_it(tables, change, jobs):
    assert set(tables.planned_jobs(copy.deepcopy(EXPERIMENT) | change)) == jobs


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("measurements/sources/chinchilla.py", "collect"),
        ("fitting/report/reproduction.py", "fit"),
    ],
)
def test_changed_code_runs_its_own_stage_and_those_below(tables, module, first):
    stages = ["collect", "fit", "plot", "write_report"]
    with tables.edited(module):
        jobs = tables.planned_jobs()
    assert set(jobs) == set(stages[stages.index(first) :])


def test_changed_answers_fit_again(tables):
    path = tables.folder / "answers.csv"
    before = path.read_text()
    path.write_text(before.replace("0.005", "0.5"))
    assert set(tables.planned_jobs()) == {"fit", "plot", "write_report"}
    path.write_text(before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"runs": {"source": "measurements", "tables": [{"path": "no.csv"}]}},
            "runs.tables: no.csv: no such table",
        ),
        ({"fit": {"laws": [{"name": "a", "law": "magic"}]}}, "no law 'magic'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(tables, change, message):
    result = tables.snakemake("--dry-run", config=copy.deepcopy(EXPERIMENT) | change)
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert message in said
    assert "Traceback" not in said


def test_the_stages_of_training_say_that_there_is_nothing_to_do(tables):
    result = tables.call("relscale", "plan", results(tables) / "config.yaml")
    assert result.returncode == 1
    assert "whose first stage is 'collect'" in result.stderr


def test_the_workflow_is_lint_free(tables):
    result = tables.snakemake("--lint")
    assert "Congratulations" in result.stdout + result.stderr, result.stdout + result.stderr
