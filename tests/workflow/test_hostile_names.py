"""Names never run, never break a job and never leave the folder of the results, wherever they come from."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hostile import NAMES

from relscale.storage.file_name import file_name
from relscale.storage.tables import read_table, write_table

pytestmark = pytest.mark.slow

CORPORA = ["The Pile", "$(touch PWNED)/--help"]
SUITES = ["`touch PWNED`", "{x} and {{x}}"]
FLOPS = np.geomspace(1e18, 1e21, 4)
COLUMNS = {"value": "loss, nats", "group": "the {test}", "run": "$(touch PWNED)"}
TABLE = "num{x}bers $(touch PWNED) 'it'.csv"
EXPERIMENT = {
    "experiment": "a b; touch PWNED; $(touch PWNED) {x} '</script>",
    "runs": {"source": "measurements", "tables": [{"path": TABLE, "columns": COLUMNS}]},
    "suites": {
        name: {
            "title": f"{name} </script><script>document.title='PWNED'</script>",
            "description": "<img src=x onerror=alert(1)> `link <javascript:alert(1)>`_ |sub| *x",
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
    assert written <= {"results", "home", ".snakemake", "experiment.yaml", TABLE}


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
    assert set(hostile.planned_jobs()) == {"collect", "fit", "plot", "write_report"}
    path.write_text(text)


class Page(HTMLParser):
    """The scripts of a page, by their ids, and what stands outside of scripts."""

    def __init__(self):
        super().__init__()
        self.scripts, self.open, self.tags = {}, None, []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open = dict(attrs).get("id", "") if tag == "script" else None

    def handle_data(self, data):
        if self.open is not None:
            self.scripts[self.open] = self.scripts.get(self.open, "") + data

    def handle_endtag(self, tag):
        self.open = None


@pytest.fixture(name="report", scope="module")
def made_report(hostile):
    result = hostile.snakemake("--report", "report.html")
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    page = Page()
    page.feed((hostile.folder / "report.html").read_text(encoding="utf-8"))
    return page


def test_no_text_of_a_name_or_a_suite_ends_a_script_of_the_report(report):
    data = {}
    for name in ("results", "categories", "rules", "workflow-desc", "metadata"):
        script = report.scripts[name].strip()
        data[name] = json.loads(script.partition("=")[2].strip().rstrip(";"))
    assert len(data["results"]) == 4
    assert not any(
        "<script" in code or "</script" in code for code in report.scripts.values() if "PWNED" in code
    )
    assert set(report.tags) <= {"html", "head", "meta", "title", "script", "style", "body", "div", "p"}


def test_captions_and_description_say_the_text_and_nothing_more(report):
    results = json.loads(report.scripts["results"].partition("=")[2].strip().rstrip(";"))
    described = json.loads(report.scripts["workflow-desc"].partition("=")[2].strip().rstrip(";"))
    captions = [told["caption"] for told in results.values()]
    root = Path("/etc/passwd").read_text().splitlines()[0]
    for text in [*captions, described]:
        page = Page()
        page.feed(text)
        assert not set(page.tags) & {"script", "img", "iframe"}
        assert root not in text
        assert "system-message" not in text
        assert "javascript:alert" not in "".join(re.findall(r'href="[^"]*"', text))
    assert any(".. include:: /etc/passwd" in html.unescape(text) for text in captions)
    assert EXPERIMENT["experiment"] in html.unescape(described)
