"""The report: what it says, that hostile names stay text, and that it is written where it should be."""

import base64
import gzip
import html
import json
import math
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pyarrow as pa
import pytest
import yaml
from hostile import NAMES
from one_sentence import assert_one_sentence

import relscale
from relscale import cli
from relscale.errors import RelscaleError
from relscale.experiments.config import check_config
from relscale.experiments.results import Results
from relscale.figures import chart
from relscale.figures.chart.table import TableLine, section, table
from relscale.fitting.analyses.statistical_power import PowerRow, Resource
from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits, write
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.report.headline import headline_of_tables
from relscale.fitting.report.summary import summary
from relscale.measurements.measurement import Measurement
from relscale.report.forecasts import _digits
from relscale.report.markup import identifier
from relscale.report.needed_resources import half_need, needed_resources
from relscale.report.next_steps import FOLLOWS
from relscale.report.page import report_page
from relscale.report.plotly_figures import figure_section
from relscale.report.report_data import ReportData, ReportFigure, SuiteWords
from relscale.storage.rows import names_of as row_names
from relscale.storage.rows import rows_of, table_of
from relscale.workflow.provenance_page import make_provenance_page

ROOT = Path(__file__).parents[1]
MEASURED = {"runs": {"source": "measurements", "tables": [{"path": "t.csv"}]}}
HOSTILE = "<script>alert(1)</script>\"'&"


def errors(groups: dict[str, tuple[float, float]], corpus: str = "text") -> pa.Table:
    """A table of errors along power laws, every run a point."""
    rows = []
    for i, flops in enumerate((1e18, 3e18, 1e19, 3e19, 1e20, 3e20)):
        for group, (level, beta) in groups.items():
            wobble = 1 + 0.002 * ((7 * i + len(group)) % 5 - 2)
            run = {
                "corpus": corpus,
                "run": f"r{i}",
                "training_flops": flops,
                "suite": "s",
                "prompt": "default",
            }
            error = level * (flops / 1e19) ** -beta * wobble
            rows.append(
                run
                | {
                    "group": group,
                    "metric": "bits_per_byte",
                    "value": error,
                    "status": "ok",
                    "block": f"r{i}",
                }
            )
    return pa.Table.from_pylist(rows)


@pytest.fixture(name="fits", scope="module")
def fitted() -> Fits:
    groups = {"base": (1.0, 0.05), "wide": (1.5, 0.02), HOSTILE: (2.0, 0.09)}
    return fit(errors(groups, HOSTILE), options={"frontier": "all"}, suites={"s": {"baseline": "base"}})


@pytest.fixture(name="page", scope="module")
def written(fits: Fits) -> str:
    suite = SuiteWords("s", f"Suite {HOSTILE}", "What it is.", groups={"wide": "Wide"})
    return report_page(ReportData(f"mine {HOSTILE}", fits, (suite,), config=f"experiment: {HOSTILE}"))


def test_the_first_heading_is_the_finding(page: str) -> None:
    (heading,) = re.findall(r"<h1>(.*?)</h1>", page)
    assert heading == "1 gap closes, 1 widens, 0 cross, 0 are flat, 0 are not resolved (FDR 5%)"
    assert page.index("<h1>") < page.index("<table")


@pytest.mark.parametrize(
    "ratio", [1.23456789876e-12, 1.46813579e-5, 0.00412345678, 0.912345678987, 31.4159265358]
)
@pytest.mark.parametrize("width", [None, 1e-9, 0.01, 0.4, 3.0])
def test_forecasts_of_any_size_have_the_digits_of_their_interval(ratio: float, width: float | None) -> None:
    """Two digits of the half-width are an error of a twentieth of it at most; without one, three digits are shown."""
    low, high = (ratio, ratio * (1 + width)) if width else (None, None)
    error = ratio * width / 2 / 20 if width else 0.01 * ratio
    assert float(_digits(ratio, low, high)) == pytest.approx(ratio, rel=0, abs=error * 1.001)


def test_a_gap_is_said_in_ratios_and_per_cent(page: str) -> None:
    (sentence,) = re.findall(r"<strong>Wide</strong>(.*?)<small>", page)
    # 1.5 · (F / 1e19)^0.03 at 1e18 and at 3e20; 10^0.03 − 1 = 7.2% per tenfold
    assert re.search(r"widens: 1\.40 → 1\.6\d × base, \+7\.\d%", sentence)


@pytest.mark.slow
def test_a_figure_without_anything_to_draw_says_why(fits: Fits) -> None:
    empty = json.loads(chart.empty("Forecasts", "No gap has a forecast.").to_json())
    figure = ReportFigure("forecast", empty, "Forecasts along compute.")
    page = report_page(ReportData("mine", fits, figures=(figure,)))
    (packed,) = re.findall(r'id="packed-figures" type="text/plain">([^<]+)<', page)
    shown = json.loads(gzip.decompress(base64.b64decode(packed)))["figures"]["figure.forecast"]
    assert "title" not in shown["layout"]
    assert "No gap has a forecast." in json.dumps(shown["layout"]["meta"]["arrangements"])


def test_names_stay_text(page: str) -> None:
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_what_is_in_the_page_is_all_that_it_needs(page: str) -> None:
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:|//|file:)""", page)


def test_another_name_is_another_anchor() -> None:
    names = [
        ("a b",),
        ("a-b",),
        ("a_b",),
        ("a.b",),
        ("a", "b"),
        ("a~20~b",),
        ("ab",),
        ("a", "", "b"),
        ("é",),
        ("xe9",),
    ]
    assert len({identifier(*each) for each in names}) == len(names)
    assert all(re.fullmatch(r"[\w.~-]+", identifier(*each), re.ASCII) for each in names)


def test_every_link_within_the_page_has_its_place(page: str) -> None:
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    rows = set(re.findall(r'<tr[^>]* id="([^"]+)"', page))
    assert set(re.findall(r'data-line="([^"]+)"', page)) == rows


def test_there_is_a_table_behind_every_chart(page: str) -> None:
    assert page.count("<figure") == page.count("<summary>Data of")


def rising_runs(budgets: tuple[int, ...], seeds: int = 1, bend: float = 0.0) -> pa.Table:
    """Runs of three widths per budget, whose loss rises from the smallest width on and with the seed; ``bend`` adds to
    that of the middle width."""
    rows = [
        {
            **{
                "run": f"b{budget}w{width}s{seed}",
                "corpus": "text",
                "suite": suite,
                "group": group,
                "metric": metric,
            },
            **{"budget": 10.0**budget, "training_flops": 10.0**budget, "params": 10.0 * width**2},
            **{
                "tokens": 10.0**budget / (60 * width**2),
                "value": level + (width / 16) ** 0.2 + seed / 100 + bend * (width == 24),
            },
            "status": "ok",
        }
        for budget in budgets
        for width in (16, 24, 32)
        for seed in range(seeds)
        for suite, group, metric, level in (
            ("tests", "easy", "bits_per_byte", 1.0),
            ("tests", "hard", "bits_per_byte", 2.0),
            ("validation", "all", "nats_per_token", 1.0),
        )
    ]
    columns = dict.fromkeys(row_names(Measurement)) | {"experiment": "tests", "prompt": "default"}
    return table_of(Measurement, [Measurement(**columns | row) for row in rows])


def without_minima() -> Fits:
    """Three budgets of which each loss rises from the smallest width on: there is no frontier, and so no law."""
    table = rising_runs((9, 10, 11))
    return fit(table, options={"frontier": "parabola"}, suites={"tests": {"baseline": "hard"}})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("widths", "mend"),
    [
        ({10.0**budget: (16, 24, 32) for budget in (9, 10, 11)}, "add widths below 16, or larger budgets"),
        (
            {1e9: (12, 16), 1e10: (14, 16), 1e11: (16, 24)},
            "add widths below 12 at 1e9 FLOPs, 14 at 1e10 FLOPs and 16 at 1e11 FLOPs, or larger budgets",
        ),
        ({}, "add models below 2560 parameters, or larger budgets"),  # a table, of which no plan is known
    ],
)
def test_page_and_terminal_say_first_that_nothing_could_be_fitted_and_which_models_to_add(
    widths: dict[float, tuple[int, ...]], mend: str
) -> None:
    fits = without_minima()
    why = f"3 of 3 budgets have no minimum within the range of widths: the loss still falls towards more tokens; {mend}"
    for text in (headline_of_tables(fits, widths=widths), summary(fits, {}, widths=widths)):
        assert text.startswith(f"Nothing could be fitted.\n  {why}")
        assert "0 gaps close" not in text
    page = report_page(ReportData("tests", fits, widths=widths))
    assert "<title>tests: Nothing could be fitted</title>" in page
    assert re.findall(r"<h1>(.*?)</h1>", page) == ["Nothing could be fitted"]
    first = page[page.index("</h1>") :]
    assert first.startswith(f'</h1><ul class="alarm" role="alert"><li>{why}.</li>')


def test_seeds_of_budgets_with_concave_curves_have_no_loss_to_be_compared_with() -> None:
    fits = fit(rising_runs((9, 10, 11), seeds=2, bend=0.5), options={"frontier": "parabola"})
    page = report_page(ReportData("tests", fits))
    assert re.findall(r"<h1>(.*?)</h1>", page) == ["Nothing could be fitted"]
    assert "differ only in their seed" not in page


def test_page_and_terminal_say_first_which_laws_were_fitted_where_one_budget_has_no_gap() -> None:
    """Runs of one compute that differ in another column answer a law, and no line along compute."""
    law = {"name": "width", "law": "power", "x": ["params"], "where": {"suite": "tests"}, "by": ["group"]}
    options = {"frontier": "all", "laws": [law]}
    fits = fit(rising_runs((9,)), options=options, suites={"tests": {"baseline": "hard"}})
    for text in (headline_of_tables(fits), summary(fits, {})):
        assert text.startswith(
            "Laws were fitted, but no gap.\n  width: the law power was fitted for 2 curves\n"
        )
    page = report_page(ReportData("tests", fits))
    section = page[page.index('<section id="laws">') :]
    assert '<h3 id="law.width">width: power</h3>' in section
    assert page.index('<section id="laws">') < page.index('<section id="suite.tests">')
    assert "<li>1 of 1 gap: no spread of compute to fit a slope to.</li>" in page
    for row in rows_of(ParameterRow, fits.fits):
        if row.fit == "width" and row.value is not None:
            assert f"<td>{row.parameter}</td><td>{row.value:.5g}</td>" in section


def test_a_prediction_of_a_law_says_of_which_group_it_is_and_its_name_stays_text() -> None:
    law = {"name": HOSTILE, "law": "power", "x": ["params"], "where": {"suite": "tests"}, "by": ["group"]}
    law |= {"predict": {"run": ["b9w32s0"]}}
    options = {"frontier": "all", "laws": [law], "level": 0.995, "bootstrap": 0}
    runs = rising_runs((9, 10))
    page = report_page(
        ReportData("tests", fit(runs, options=options, suites={"tests": {"baseline": "hard"}}))
    )
    section = page[page.index('<section id="laws">') :]
    predicted = section[section.index("Predictions of runs") :]
    assert '<th scope="col">group</th>' in predicted
    assert '<th scope="col">99.5% interval</th>' in predicted
    for group in ("easy", "hard"):
        assert f"<td>b9w32s0</td><td>{group}</td>" in predicted
    assert HOSTILE not in page
    assert html.escape(f"{HOSTILE}: power") in section


def test_compute_and_sizes_that_are_all_alike_are_reported_once() -> None:
    options = {"frontier": "all"}
    page = report_page(
        ReportData("tests", fit(rising_runs((9,)), options=options, suites={"tests": {"baseline": "hard"}}))
    )
    (scope,) = re.findall(r'class="quiet scope">(.*?)</p>', page)
    assert scope.endswith("3 models of 2.6×10³ to 1×10⁴ parameters · 1×10⁹ training FLOPs")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("block", "corpora", "words"),
    [
        (None, 1, "24 models"),
        ("seed", 1, "3 training runs, 24 checkpoints"),
        (None, 2, "48 models"),
        ("seed", 2, "6 training runs, 48 checkpoints"),
    ],
)
def test_a_report_counts_models_and_checkpoints_by_their_training_runs(
    block: str | None, corpora: int, words: str
) -> None:
    """Equal names in two training corpora are different training runs."""
    rows = [
        {
            "flops": c,
            "tokens": c**0.5 * d,
            "seed": d,
            "corpus": corpus,
            "group": group,
            "loss": c**-beta + d / 1e3,
        }
        for corpus in ("web", "books")[:corpora]
        for c in (1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25)
        for d in (1, 2, 4)
        for group, beta in (("easy", 0.1), ("hard", 0.05))
    ]
    columns = {"corpus": "corpus", "group": "group", "baseline": "easy", "block": block}
    result = relscale.fit(
        pa.Table.from_pylist(rows), x="flops", y="loss", run=["flops", "seed"], tokens="tokens", **columns
    )
    page = report_page(ReportData("tests", result.results, x="flops"))
    (scope,) = re.findall(r'class="quiet scope">(.*?)</p>', page)
    assert f" · {words} · " in scope


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield Path()
    assert not list(tmp_path.rglob("PWNED"))


def experiment(name: str) -> Results:
    config = {"experiment": name, **MEASURED}
    Path("x.yaml").write_text(yaml.safe_dump(config))
    return Results.of(check_config(config))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES[::4], "/tmp/outside", "~/outside", "..", "--help"])
def test_a_report_lies_in_the_results_whatever_the_experiment_is_called(
    name: str, fits: Fits, working_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = experiment(name)
    results.folder.mkdir(parents=True)
    write(fits, results.fits)
    assert cli.main(["report", "x.yaml"]) == 0
    assert results.report.resolve().parent.parent == Path("results").resolve()
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("1 gap closes, 1 widens")
    assert said[-1] == f"report: {results.report}"


@pytest.mark.usefixtures("working_folder")
def test_there_is_no_report_before_something_is_fitted(capsys: pytest.CaptureFixture[str]) -> None:
    experiment("mine")
    assert cli.main(["report", "x.yaml"]) == 1
    assert "no such fit; run the experiment first" in capsys.readouterr().err


@pytest.mark.usefixtures("working_folder")
def test_snakemakes_page_is_written_again_where_a_figure_is_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(arguments: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(arguments)
        (page,) = (word.removeprefix("--report=") for word in arguments if word.startswith("--report="))
        Path(page).touch()
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(subprocess, "run", run)
    figures = experiment("mine").figures
    with pytest.raises(RelscaleError, match="no figures yet") as error:
        make_provenance_page(Path("x.yaml"))
    assert_one_sentence(error.value)
    figures.mkdir(parents=True)
    (figures / "a.html").touch()
    page = make_provenance_page(Path("x.yaml"))
    make_provenance_page(Path("x.yaml"))
    assert len(calls) == 1
    os.utime(figures / "a.html", (page.stat().st_mtime + 1,) * 2)
    make_provenance_page(Path("x.yaml"))
    assert len(calls) == 2


@pytest.mark.usefixtures("working_folder")
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("goal", ["run", "report", "provenance"])
def test_make_runs_neither_the_name_of_a_config_nor_that_of_its_experiment(goal: str) -> None:
    """With stand-ins that say what they are told."""
    for path in ("envs/requirements.lock", "pyproject.toml", ".venv/installed"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    for name in ("snakemake", "relscale"):
        Path(".venv/bin").mkdir(exist_ok=True)
        script = Path(".venv/bin", name)
        script.write_text('#!/bin/sh\nfor word; do echo "<$word>"; done\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    shutil.copy(ROOT / "Makefile", ".")
    config = "x y'z;touch PWNED;`touch PWNED`.yaml"
    Path(config).write_text("experiment: $(touch${IFS}PWNED)\n")
    done = subprocess.run(["make", goal, f"CONFIG={config}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    verb = "run" if goal == "run" else "report"
    assert f"<{verb}>\n" in done.stdout
    assert f"<{config}>" in done.stdout


def cells_behind(drawn: go.Figure) -> list[str]:
    """The cells of the table behind a figure."""
    (behind,) = re.findall("<details.*</details>", figure_section(ReportFigure("f", drawn.to_dict(), "")))
    return re.findall("<t[hd](?: [^>]*)?>([^<]*)<", behind)


def test_the_cells_of_a_figure_that_is_a_table_are_in_the_table_behind_it() -> None:
    drawn = table("Cities", (("city", 90), ("country", 90)), [TableLine(["Lyon", "France"])]).figure
    assert cells_behind(drawn) == ["city", "country", "Lyon", "France"]


def test_the_table_behind_a_drawn_table_repeats_what_is_blank_there_and_has_no_headings_of_sections() -> None:
    lines = [
        section(2, "South"),
        TableLine(["France", "Lyon"]),
        TableLine(["", "Nice"]),
        TableLine(["", ""]),
        section(2, "North"),
        TableLine(["Norway", "Oslo"]),
    ]
    drawn = table("Cities", (("country", 90), ("city", 90)), lines).figure
    assert cells_behind(drawn) == ["country", "city", "France", "Lyon", "France", "Nice", "Norway", "Oslo"]


def test_a_figure_whose_traces_of_text_are_empty_has_an_empty_table_behind_it() -> None:
    assert cells_behind(go.Figure(go.Scatter(x=[], y=[], text=[], mode="text"))) == ["series", "x", "y"]


@pytest.mark.parametrize(("exponent", "outcome"), [(0.05, "warn"), (0.0, "yes")])
def test_a_gap_that_depends_on_tokens_per_parameter_is_not_one_of_compute_alone(
    exponent: float, outcome: str
) -> None:
    rows = []
    for i, params in enumerate((1e7, 3e7, 1e8, 3e8)):
        for j, per_param in enumerate((5.0, 20.0, 80.0, 320.0)):
            scatter = 1e-3 * (-1) ** (i + j)  # which no slope explains
            flops = 6 * params**2 * per_param
            loss = 3 * (flops / 1e18) ** -0.06
            ratio = 1.2 * (flops / 1e18) ** 0.02 * per_param**exponent * math.exp(scatter)
            sizes = {"training_flops": flops, "params": params, "tokens": params * per_param}
            rows += [sizes | {"group": "easy", "loss": loss}, sizes | {"group": "hard", "loss": loss * ratio}]
    columns = {"group": "group", "baseline": "easy", "params": "params", "tokens": "tokens"}
    found = relscale.fit(pa.Table.from_pylist(rows), x="training_flops", y="loss", **columns)
    page = report_page(ReportData("tests", found.results))
    assert f'class="trust {outcome}">{"!" if exponent else "✓"} Compute alone' in page
    number = int(exponent > 0)
    assert f"Of the tested gaps, {number} of 1 depend on tokens per parameter in addition to compute" in page
    assert ("is specific to this set of models" in page) is (outcome == "warn")


def test_the_edges_of_bands_and_reference_lines_are_no_data_of_a_figure() -> None:
    panels = chart.grid("title", 1, 1)
    panel = panels.panel(0, 0)
    panel.axes(chart.compute_axis([1e18, 1e20]), chart.linear_axis([0, 1], "share"))
    panel.reference_line(0.875)
    panel.line(
        [1e18, 1e20], [0.25, 0.375], chart.Style("#0072b2"), low=[0.125, 0.125], high=[0.625, 0.625], name="a"
    )
    panel.points([1e19], [0.5], chart.Style("#0072b2"), name="a")
    _, _, _, *cells = cells_behind(panels.figure)
    assert cells == ["a", "1e+18", "0.25", "a", "1e+20", "0.375", "a", "1e+19", "0.5"]


def test_the_first_screen_states_what_the_verdicts_mean_and_no_others(fits: Fits) -> None:
    page = report_page(ReportData("tests", fits))
    first = page[: page.index("</section>")]
    found = set(fits.verdicts.filter(fits.verdicts["primary"])["verdict"].to_pylist())
    assert found
    for verdict, meaning in FOLLOWS.items():
        assert (meaning in first) == (verdict in found)
    assert ("may still change" in first) == ("not resolved" in found)


def test_what_would_resolve_a_gap_is_the_smallest_amount_with_enough_power() -> None:
    def powers(resource: Resource, *shares: tuple[float, float]) -> list[PowerRow]:
        facts: dict[str, Any] = dict.fromkeys(row_names(PowerRow))
        return [
            PowerRow(**facts | {"resource": resource, "count": count, "enough": share >= 0.8})
            for count, share in shares
        ]

    budgets = powers("budgets", (3.0, 0.2), (4.0, 0.79), (5.0, 0.8), (6.0, 0.9))
    runs = powers("runs", (1.0, 0.4), (64.0, 0.7))
    items = powers("items", (1.0, 0.5), (2.0, 0.81))
    assert needed_resources(budgets) == "80% power needs 5 compute budgets"
    assert needed_resources(budgets + runs) == (
        "80% power needs 5 compute budgets or more than 64 times the runs"
    )
    assert needed_resources(budgets + runs + items) == (
        "80% power needs 2 times the items; 5 compute budgets or more than 64 times the runs for these items"
    )
    enough = powers("runs", (1.0, 0.9), (64.0, 1.0))
    for of_runs in (budgets + enough, []):  # of points on a line only the items scatter
        assert needed_resources(of_runs + items) == "80% power needs 2 times the items"
    assert not needed_resources([])
    items = [powers("items", (1.0, 0.1), (count, 0.9)) for count in (2.0, 8.0, 64.0)]
    budgets = [powers("budgets", (5.0, 0.1), (count, 0.9)) for count in (9.0, 6.0, 7.0)]
    assert half_need([]) == ""
    assert half_need(items) == "up to 8 times the items"
    assert half_need(items[:2]) == "up to 2 times the items"  # one of two
    both = [[*of_items, *of_budgets] for of_items, of_budgets in zip(items, budgets, strict=True)]
    assert half_need(both) == "up to 8 times the items, and up to 7 compute budgets"
    none_enough = [powers("items", (1.0, 0.1), (64.0, 0.2))] * 2
    assert half_need([items[0], *none_enough]) == "more than 64 times the items"
