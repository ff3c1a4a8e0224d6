"""Names never run, never break a job and never leave the folder of the results, wherever they come from."""

import numpy as np
import pyarrow as pa
import pytest
from hostile import NAMES

from relscale.file_name import file_name
from relscale.tables import read_table, write_table

pytestmark = pytest.mark.slow

CORPORA = ["The Pile", "$(touch PWNED)/--help"]
SUITES = ["`touch PWNED`", "{x} and {{x}}"]
FLOPS = np.geomspace(1e18, 1e21, 4)
COLUMNS = {"value": "loss, nats", "group": "the {test}", "run": "$(touch PWNED)"}
TABLE = "num{x}bers $(touch PWNED) 'it'.csv"
EXPERIMENT = {
    "experiment": "a b; touch PWNED; $(touch PWNED) {x} '",
    "runs": {"source": "measurements", "tables": [{"path": TABLE, "columns": COLUMNS}]},
    "suites": {
        name: {
            "title": f"{name} </script><script>document.title='PWNED'</script>",
            "what": "<img src=x onerror=alert(1)> `link <javascript:alert(1)>`_ |sub| *x",
            "note": "n\n\n.. include:: /etc/passwd\n   :literal:\n\n.. raw:: html\n\n   <script>PWNED</script>\n",
            "baseline": NAMES[0],
            "groups": {group: {"label": group} for group in NAMES[:3]},
        }
        for name in SUITES
    },
    "fit": {"bootstrap": 0, "specifications": [], "power": [], "frontier": "all"},
    "figures": ["relative-law", "exponents", f"forecast-{SUITES[0]}"],
}


def rows():
    rng = np.random.default_rng(0)
    for corpus in CORPORA:
        for suite in SUITES:
            for place, group in enumerate(NAMES):
                for flops in FLOPS:
                    yield {
                        "corpus": corpus,
                        "suite": suite,
                        "metric": "nats_per_token",
                        COLUMNS["group"]: group,
                        COLUMNS["run"]: f"{NAMES[place % 7]}-{corpus}-{flops:g}",
                        "training_flops": flops,
                        COLUMNS["value"]: (1 + place) * (flops / 1e20) ** -0.05 * rng.lognormal(0, 0.01),
                    }


@pytest.fixture(name="hostile", scope="module")
def finished(tmp_path_factory, make_experiment):
    experiment = make_experiment(tmp_path_factory.mktemp("hostile") / "inner" / "folder", EXPERIMENT)
    write_table(pa.Table.from_pylist(list(rows())), experiment.folder / TABLE)
    result = experiment.snakemake()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    return experiment


def results(experiment):
    return experiment.folder / "results" / file_name(EXPERIMENT["experiment"])


def test_nothing_ran_and_nothing_was_written_elsewhere(hostile):
    around = hostile.folder.parents[1]
    assert not list(around.rglob("*PWNED"))
    assert {path.name for path in around.iterdir()} == {"inner"}
    assert {path.name for path in (around / "inner").iterdir()} == {"folder"}
    written = {path.name for path in hostile.folder.iterdir()}
    assert written <= {"results", "src", "home", ".snakemake", "experiment.yaml", TABLE}


def test_names_come_back_unchanged(hostile):
    measured = read_table(results(hostile) / "measurements.parquet").to_pylist()
    expected = list(rows())
    assert {row["corpus"] for row in measured} == set(CORPORA)
    assert {row["suite"] for row in measured} == set(SUITES)
    assert {row["group"] for row in measured} == set(NAMES)
    assert {row["run"] for row in measured} == {row[COLUMNS["run"]] for row in expected}
    assert {row["experiment"] for row in measured} == {EXPERIMENT["experiment"]}
    fits = read_table(results(hostile) / "fits" / "fits.parquet").to_pylist()
    assert {row["group"] for row in fits if row["suite"] == SUITES[0] and row["parameter"] == "beta"} == set(
        NAMES
    )


def test_each_suite_has_its_figures(hostile):
    drawn = {path.name for path in (results(hostile) / "figures").glob("*.html")}
    figures = [f"relative-law-{suite}" for suite in SUITES] + ["exponents", f"forecast-{SUITES[0]}"]
    assert drawn == {f"{file_name(name)}.html" for name in figures}


def test_a_second_run_does_nothing_and_a_changed_table_runs_all(hostile):
    assert hostile.planned_jobs() == {}
    path = hostile.folder / TABLE
    text = path.read_text()
    path.write_text(text.replace("1e+18", "1.5e+18"))
    assert set(hostile.planned_jobs()) == {"collect", "fit", "plot"}
    path.write_text(text)
