"""Figures of what is asked of a fit: specifications, forecasts, what laws rest on, loss surfaces, published numbers."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from relscale.figures import chart, plot
from relscale.figures.data import FigureData, MeasuredRun
from relscale.figures.figure_json import figure_json
from relscale.figures.page import LARGEST, page
from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.analyses.prompt_forms import PromptFormRow
from relscale.fitting.analyses.specification import SpecificationRow
from relscale.fitting.curves.point_rows import GapRow
from relscale.fitting.forecasts.forecast import ForecastRow
from relscale.fitting.inference.method import Method
from relscale.laws.catalogue import law
from relscale.measurements.metric import Metric
from relscale.scoring.options import GroupLabel, PublishedSuite
from relscale.storage.rows import fields_of

from .conftest import SUITES, write_toy
from .questions import CANDIDATES, SURFACE, TARGETS, as_table


def draw(name: str, data: FigureData, **options: Any) -> go.Figure:
    return plot.make_figure(name, data, options)


def texts(figure: go.Figure) -> str:
    return " ".join(re.sub(r"<br>", " ", note.text) for note in figure.layout.annotations)


def changed(data: FigureData, folder: Path, table: str, change: Any) -> FigureData:
    """The same experiment with the rows of one table changed."""
    for path in Path(data.fits).glob("*.parquet"):
        (folder / path.name).write_bytes(path.read_bytes())
    rows = change(pq.read_table(Path(data.fits) / f"{table}.parquet").to_pylist())
    pq.write_table(as_table(table, rows), folder / f"{table}.parquet")
    return FigureData(data.measurements, folder, data.suites, data.tokens)


def in_panel(figure: go.Figure, x: str, y: str, mode: str = "markers") -> list[go.Scatter]:
    return [
        trace
        for trace in figure.data
        if trace.type == "scatter" and (trace.xaxis, trace.yaxis, trace.mode) == (x, y, mode)
    ]


# One interval for each estimand -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_of_two_intervals_for_the_same_items_that_of_whole_trainings_counts(
    toy: FigureData, tmp_path: Path
) -> None:
    def both(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        block = {"method": Method.BLOCK_BOOTSTRAP, "method_note": "studentised", "low": -9.0, "high": 9.0}
        pooled = {"method": Method.PARTIAL_POOLING, "low": -8.0, "high": 8.0}
        return [*rows, *(row | block for row in rows), *(row | pooled for row in rows)]

    data = changed(toy, tmp_path, "fits", both)
    where = {"corpus": "code", "suite": "knowledge", "group": "tables", "parameter": "delta_beta"}
    rows = data.law_rows(**where)
    assert {row.estimand for row in rows} == {"these items", "item population"}
    assert {row.low for row in rows} == {-9.0}
    assert {row.low for row in data.pooled_rows(**where)} == {-8.0}
    assert "intervals by block bootstrap by trajectory" in texts(draw("exponents", data))


def test_a_law_between_corpora_is_not_taken_for_one_between_groups(toy: FigureData) -> None:
    where = {"corpus": "code", "suite": "knowledge", "group": "tables", "parameter": "delta_beta"}
    assert {row.baseline for row in toy.law_rows(**where)} == {"numerics"}
    assert {row.baseline for row in toy.gaps(corpus="code", suite="knowledge")} == {"numerics"}
    assert toy.suite("knowledge").baseline == "numerics"
    between = [row for row in toy.law_rows("corpus", **where) if row.contrast == "corpus"]
    assert [row.baseline for row in between] == ["documentation"]


def test_a_suite_of_the_config_needs_no_manifest(toy: FigureData) -> None:
    stated = PublishedSuite(title="What is known", groups={"tables": GroupLabel(label="data frames")})
    suite = FigureData(toy.measurements, toy.fits, {"knowledge": stated}).suite("knowledge")
    assert suite.title == "What is known"
    assert suite.labels["tables"] == "data frames"
    assert set(suite.labels) > {"tables", "networks"}


@pytest.mark.slow
def test_a_suite_shows_the_corpora_it_was_measured_on(toy: FigureData, tmp_path: Path) -> None:
    def one_corpus(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if (row["corpus"], row["suite"]) != ("code", "knowledge")]

    data = changed(toy, tmp_path, "errors", one_corpus)
    assert [series.label for series in data.series_of(data.suite("knowledge"))] == ["documentation"]
    layout = draw("relative-law-knowledge", data).layout.to_plotly_json()
    assert sum(key.startswith("xaxis") for key in layout) == 2


# Many groups ------------------------------------------------------------------------------------------------------


def many(data: FigureData, folder: Path, groups: int, points: int) -> FigureData:
    """The suite of knowledge domains with more groups, and more points of each."""
    tables = {name: pq.read_table(Path(data.fits) / f"{name}.parquet") for name in ("errors", "gaps", "fits")}
    for path in Path(data.fits).glob("*.parquet"):
        (folder / path.name).write_bytes(path.read_bytes())
    for name, table in tables.items():
        rows = [row for row in table.to_pylist() if row["suite"] == "knowledge" and row["corpus"] == "code"]
        rows = [row for row in rows if row.get("contrast") in (None, "group") and row["status"] != "no"]
        like = [row for row in rows if row["group"] == "tables"]
        base = [row for row in rows if row["group"] == "numerics"]
        copies = [row | {"group": f"g{i:02}"} for i in range(groups - 1) for row in like]
        if name != "fits":
            base, copies = (
                [
                    row | {"training_flops": 1e11 * 1.01**i, "run": f"r{i}"}
                    for row in part
                    if row["budget"] == 1e11
                    for i in range(points)
                ]
                for part in (base, copies)
            )
        pq.write_table(as_table(name, base + copies), folder / f"{name}.parquet")
    return FigureData(data.measurements, folder)


@pytest.mark.slow
def test_many_groups_are_lines_coloured_by_what_their_gap_does(toy: FigureData, tmp_path: Path) -> None:
    figure = draw("relative-law-knowledge", many(toy, tmp_path, 57, 100))
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.name and trace.x[0]]
    assert len(lines) == 57 + 56
    assert not any(trace.fill for trace in figure.data)
    assert not any(trace.mode == "markers" for trace in figure.data)
    assert "points are not shown" in texts(figure)
    assert "interval" not in texts(figure), "none is drawn"
    assert len({trace.line.color for trace in lines}) == 2, "the baseline's black, and that of one direction"
    assert len(page("t", figure_json(figure))) < LARGEST


def test_many_groups_are_ordered_and_have_one_line_each_in_the_forest_plot(
    toy: FigureData, tmp_path: Path
) -> None:
    figure = draw("exponents", many(toy, tmp_path, 20, 3))
    marks = [trace for trace in figure.data if trace.mode == "markers" and trace.x[0] is not None]
    assert len(marks) == 19
    values = [trace.x[0] for trace in sorted(marks, key=lambda trace: trace.y[0])]
    assert values == sorted(values, reverse=True)


# Specifications ---------------------------------------------------------------------------------------------------


def test_the_specification_curve_rises_and_marks_the_default(toy: FigureData, tmp_path: Path) -> None:
    few = changed(
        toy,
        tmp_path,
        "specifications",
        lambda rows: [
            row for row in rows if row["group"] in ("tables", "networks") and row["corpus"] == "code"
        ],
    )
    figure = draw("specification-curve-knowledge", few)
    every = (few.rows(SpecificationRow, group=group) for group in ("tables", "networks"))
    fitted = [[row for row in rows if row.value is not None] for rows in every]
    shown = []
    for panel in (("x", "y"), ("x2", "y2")):
        marks = in_panel(figure, *panel)
        of_verdicts = [trace for trace in marks if "Δβ" in (trace.hovertemplate or "")]
        points = sorted((x, y) for trace in of_verdicts for x, y in zip(trace.x, trace.y, strict=True))
        shown.append([y for _, y in points])
        assert shown[-1] == sorted(shown[-1])
        diamonds = [trace.y[0] for trace in marks if trace.marker.symbol == "diamond" and trace.x[0]]
        assert diamonds == [
            row.value for rows in fitted for row in rows if row.default and row.value in shown[-1]
        ]
    assert sorted(shown) == sorted(sorted(row.value or 0.0 for row in rows) for rows in fitted)
    assert "16 gaps without a Δβ: no parabola to give a degree to." in texts(figure)
    assert "form of the gap: ratio" in texts(figure), "what is the same throughout is said, not drawn"


def test_each_specification_has_one_tick_for_each_choice_that_differs(toy: FigureData) -> None:
    figure = draw("specification-curve-knowledge", toy)
    marks = [trace for trace in figure.data if trace.type == "scatter"]
    ticks = [trace for trace in marks if trace.marker.symbol == "line-ns"]
    assert len(ticks) == 2, "one matrix for each corpus"
    for trace in ticks:
        assert len(trace.x) == 24 * 5
        assert {list(trace.x).count(x) for x in trace.x} == {5}


@pytest.mark.slow
def test_groups_that_rank_specifications_differently_share_the_same_ones(
    toy: FigureData, tmp_path: Path
) -> None:
    def renumbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        most = max(row["specification"] for row in rows)
        return [
            row
            | {
                "specification": most + 1 - row["specification"]
                if row["group"] == "tables"
                else row["specification"]
            }
            for row in rows
        ]

    other = changed(toy, tmp_path, "specifications", renumbered)
    shown = [draw("specification-curve-knowledge", data).to_json() for data in (toy, other)]
    assert shown[0] == shown[1]


def test_shares_of_verdicts_sum_to_one(toy: FigureData) -> None:
    bars = [
        trace
        for trace in draw("specification-curve-knowledge", toy).data
        if trace.type == "bar" and not trace.showlegend
    ]
    half = len(bars) // 2
    for corpus in (bars[:half], bars[half:]):
        assert np.sum([trace.y for trace in corpus], axis=0) == pytest.approx(1)


# Forecasts --------------------------------------------------------------------------------------------------------


def test_a_forecast_has_its_interval_and_every_candidate_beside_it(toy: FigureData) -> None:
    figure = draw("forecast-knowledge", toy)
    forecasts = [
        trace for trace in figure.data if trace.error_y is not None and trace.error_y.array is not None
    ]
    assert len(forecasts) == 6
    rows = [row for row in toy.rows(ForecastRow, candidate="ensemble") if row.value == forecasts[0].y[0]]
    assert tuple(forecasts[0].x) == TARGETS
    assert forecasts[0].y[0] + forecasts[0].error_y.array[0] == pytest.approx(rows[0].high)
    assert forecasts[0].y[0] - forecasts[0].error_y.arrayminus[0] == pytest.approx(rows[0].low)
    names = {trace.name for trace in figure.data if trace.showlegend is not False}
    assert names == {"observed", "fit to all data", "forecast (ensemble)", *CANDIDATES}
    assert "4 further groups are in forecasts.parquet" in texts(figure)


def test_a_forecast_that_could_not_be_made_says_why(toy: FigureData, tmp_path: Path) -> None:
    lost = {"value": None, "low": None, "high": None, "status": "3 budgets, and a forecast needs 4"}
    data = changed(toy, tmp_path, "forecasts", lambda rows: [row | lost for row in rows])
    assert "3 budgets, and a forecast needs 4" in texts(draw("forecast-knowledge", data))


# What laws rest on ------------------------------------------------------------------------------------------------


def test_a_ring_marks_what_a_verdict_needs(toy: FigureData) -> None:
    figure = draw("robustness-knowledge", toy)
    rings = [
        trace for trace in figure.data if trace.marker.symbol == "circle-open" and trace.x and trace.x[0]
    ]
    carriers = toy.rows(InfluenceRow, carries=True)
    assert sorted(y for trace in rings for y in trace.y) == sorted(row.change or 0.0 for row in carriers)
    assert re.search(r"4 left out in turn; 1 of \d verdicts depend on one", texts(figure))


def test_a_form_that_could_not_be_tried_is_named_with_its_reason(toy: FigureData) -> None:
    figure = draw("robustness-knowledge", toy)
    assert "Left, bnsl form: 4 points, and the law has 5 parameters." in texts(figure)
    labels = [label for axis in ("yaxis", "yaxis4") for label in figure.layout[axis].ticktext]
    assert labels[:4] == labels[4:], "one order for all corpora"
    assert labels[3] == "bnsl"


@pytest.mark.slow
def test_the_power_of_a_table_without_items_is_that_of_budgets_and_runs(
    toy: FigureData, tmp_path: Path
) -> None:
    data = changed(toy, tmp_path, "power", lambda rows: [row for row in rows if row["resource"] != "items"])
    assert "new items:" in texts(draw("robustness-knowledge", toy))
    assert "these items:" in texts(draw("robustness-knowledge", data))
    assert "new items:" not in texts(draw("robustness-knowledge", data))


# Loss surfaces ----------------------------------------------------------------------------------------------------


def test_the_line_of_least_loss_is_the_closed_form(toy: FigureData) -> None:
    """dL/dN = 0 along C = 6ND: N^(α+β) = (α·A / β·B)·(C/6)^β (Hoffmann et al., equation 4)."""
    figure = draw("loss-surface", toy)
    (line,) = [
        trace for trace in in_panel(figure, "x", "y", "lines") if trace.line.color == "#d55e00" and trace.x[0]
    ]
    a, b = SURFACE["alpha"], SURFACE["beta"]
    for tokens, params in zip(line.x, line.y, strict=True):
        product = tokens * params
        exact = (a * SURFACE["A"] / (b * SURFACE["B"]) * product**b) ** (1 / (a + b))
        assert params == pytest.approx(exact, rel=0.02)


def test_residuals_are_of_the_fitted_law(toy: FigureData) -> None:
    figure = draw("loss-surface", toy)
    marks = in_panel(figure, "x2", "y2")
    runs = toy.rows(MeasuredRun, corpus="documentation", suite="validation", status="ok")
    theta = np.array(list(SURFACE.values()))
    x = np.array([[getattr(run, name) for run in runs] for name in ("params", "tokens")], dtype=float)
    told = np.ravel(law("parametric").value(theta[:, None], x[:, :, None]))
    exact = {
        run.run: 100 * math.log((run.value or 0.0) / value) for run, value in zip(runs, told, strict=True)
    }
    shown = dict(zip(marks[0].text, marks[0].y, strict=True))
    assert shown
    assert all(value == pytest.approx(exact[name], rel=1e-3) for name, value in shown.items())


# Published numbers ------------------------------------------------------------------------------------------------


def test_every_published_number_stands_beside_ours(toy: FigureData) -> None:
    figure = draw("reproduction", toy)
    columns = [list(trace.text) for trace in figure.data if trace.mode == "text"]
    lines = list(zip(*columns, strict=True))
    assert (
        "A figure",
        "E",
        "1.82 ± 0.03",
        "1.8172",
        "[1.75, 1.88]",
        "−0.0028",
        "✓ same when rounded",
    ) in lines
    assert ("", "A", "480", "310", "[250, 400]", "−170", "✗ outside") in lines
    assert any(line[1:4] == ("β of the frontier", "", "0.51") for line in lines)
    assert any(line[1:4] == ("γ", "2", "–") and "no row in fits" in line[6] for line in lines)
    headings = [line[0] for line in lines if line[0].startswith("<b>")]
    assert headings[1:] == ["<b>Published</b>", "<b>Not published: our estimate, with its interval</b>"]


def test_many_unpublished_numbers_of_one_kind_are_summed_up(toy: FigureData, tmp_path: Path) -> None:
    def more(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return rows + [
            rows[2] | {"data": f"suite: group {i}", "quantity": "Δβ", "reproduced": i / 100}
            for i in range(30)
        ]

    figure = draw("reproduction", changed(toy, tmp_path, "reproduction", more))
    columns = [list(trace.text) for trace in figure.data if trace.mode == "text"]
    assert sum(text == "Δβ" for text in columns[1]) == 11
    assert "… and 20 more in reproduction.parquet" in [text.replace("<br>", " ") for text in columns[0]]
    assert "all 30: 0 to 0.29" in columns[4]


# Between corpora --------------------------------------------------------------------------------------------------


def test_the_gap_between_corpora_is_drawn_for_the_loss_and_for_each_group(toy: FigureData) -> None:
    figure = draw("corpus-gap", toy)
    assert "code: Δβ = −0.0100 [−0.0150, −0.0050], widens" in texts(figure)
    (ratios,) = [trace for trace in in_panel(figure, "x2", "y2") if trace.name == "code"]
    assert list(ratios.y) == [row.ratio for row in toy.rows(GapRow, contrast="corpus", suite="validation")]
    marks = in_panel(figure, "x3", "y3")
    assert len(marks) == 6, "one for each group of the suite, the baseline group too"


def test_minus_signs_are_minus_signs() -> None:
    assert chart.plain(-6.6e-5) == "−6.6×10⁻⁵"


@pytest.mark.slow
def test_prompt_forms_are_distinguished_and_the_reference_is_named(toy: FigureData) -> None:
    figure = draw("prompt-forms", toy, suite="knowledge")
    assert {"text − letters", "cloze − letters"} <= set(re.findall(r"<b>([^<]*letters)</b>", texts(figure)))
    assert figure.layout.yaxis.ticktext == ("letters", "cloze", "text")
    titles = {axis.title.text for axis in figure.select_yaxes()}
    assert "accuracy gain over letters (share)" in titles


def test_a_suite_of_one_prompt_form_says_so(toy: FigureData) -> None:
    figure = draw("prompt-forms", toy, suite="varieties")
    assert "was measured under a single prompt form" in texts(figure)


@pytest.mark.slow
def test_of_many_groups_prompt_forms_show_the_median(toy: FigureData, tmp_path: Path) -> None:
    data = many(toy, tmp_path, 20, 3)
    rows = toy.rows(PromptFormRow, corpus="code", group="tables")
    copies = [fields_of(replace(row, group=f"g{i:02}")) for i in range(19) for row in rows]
    pq.write_table(as_table("prompt_forms", copies), tmp_path / "prompt_forms.parquet")
    names = [trace.name for trace in draw("prompt-forms", data, suite="knowledge").data if trace.showlegend]
    assert names == ["one of 20 groups", "median over groups"]


@pytest.mark.parametrize(
    ("metric", "title"),
    [
        ("bits_per_byte_answer_mean", "bits per byte (right answer)"),
        ("bits_per_byte_answer_pooled_macro", "bits per byte (right answer, pooled, macro)"),
        ("bits_per_byte_other_mean_micro", "bits per byte (other answers, micro)"),
        ("bits_per_byte_document_pooled", "bits per byte (documents, pooled)"),
        ("bits_per_byte_answer_published", "bits per byte (as published, right answer)"),
        ("accuracy_per_byte_macro", "accuracy per byte (share right, macro)"),
        ("error_rate_micro", "error rate (share wrong, micro)"),
        ("nats_answer_mean_micro", "loss (nats, micro)"),
        ("nats_per_token", "loss (nats per token)"),
        ("a_metric_of_ones_own", "a metric of ones own"),
    ],
)
def test_metrics_are_written_in_words_with_their_unit(metric: str, title: str) -> None:
    assert Metric.parse(metric).title == title


def test_the_chance_of_a_suite_follows_from_its_number_of_choices(tmp_path: Path) -> None:
    data = write_toy(tmp_path)
    path = data.suites["knowledge"]
    assert isinstance(path, Path)
    manifest = {name: value for name, value in SUITES["knowledge"].items() if name != "options"}
    path.write_text(yaml.safe_dump(manifest | {"choices": 5}))
    fits = pq.read_table(data.fits / "fits.parquet")
    pq.write_table(fits.filter(pc.not_equal(fits["law"], "sigmoid")), data.fits / "fits.parquet")
    assert data.suite("knowledge").chance == 1 / 5
