"""Every figure, drawn from toy tables."""

import json
import math
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from relscale.errors import RelscaleError
from relscale.figures import browser, chart, pictures, plot
from relscale.figures.as_text import visible_text
from relscale.figures.chart import SIZE, text_width
from relscale.figures.data import FigureData, FittedParameter
from relscale.figures.registry import figures
from relscale.fitting.fits import ROWS
from relscale.provenance import closure
from relscale.storage.checksums import check_files, files_list
from relscale.storage.rows import schema_of

from .questions import QUESTIONS

pytestmark = pytest.mark.slow

FIGURES = [
    *("case-studies", "corpus-gap", "exponents", "frontier", "isoflop", "loss-surface", "loss-to-accuracy"),
    *("reproduction", "training-share"),
]
PER_SUITE = ["forecast", "prompt-forms", "relative-law", "robustness", "specification-curve"]
OF_COUNTRIES = "internet-users"  # of which the toy tables have none
OF_OPTIMIZERS = "optimizers"  # likewise; tests/fitting/test_by_size.py draws it
OF_REPETITIONS = "repetition"  # likewise; test_repetition.py draws it
OF_TRAINING_DATA = ("mixture", "multiplier")  # likewise; tests/fitting/test_mixtures.py draws them
OF_BRANCHES = "critical-batch"  # likewise; tests/training/test_branches.py draws it
TABLES = ("frontier", "errors", "gaps", "fits", "verdicts", *QUESTIONS)
SUITES = ["knowledge", "varieties", "domains", "behaviours"]
NAMES = [
    *FIGURES,
    *(f"relative-law-{suite}" for suite in SUITES),
    *(
        "forecast-knowledge",
        "prompt-forms-knowledge",
        "robustness-knowledge",
        "specification-curve-knowledge",
    ),
]
UNITS = (
    *("(FLOPs)", "(number)", "(nats a token)", "(nats per token)", "(ratio)", "(no unit)", "no unit)", "(%)"),
    *("bits per byte", "(share right)", "(share)", "(factor)"),
)
PURE_NUMBERS = (
    "β",
    "Δβ",
    "R²",
    "tokens",
    "parameters",
    "power",
    "number of",
    "specifications",
    "compute / largest fitted compute",
)  # need no unit


def draw(name: str, data: FigureData, **options: Any) -> go.Figure:
    return plot.make_figure(name, data, options)


@pytest.fixture(scope="module")
def drawn(toy: FigureData) -> dict[str, go.Figure]:
    return {name: draw(name, toy) for name in NAMES}


@pytest.fixture(scope="module")
def empty(toy: FigureData, tmp_path_factory: pytest.TempPathFactory) -> FigureData:
    """The toy experiment with tables that have no rows."""
    folder = tmp_path_factory.mktemp("empty")
    for table, row in ROWS.items():
        pq.write_table(schema_of(row).empty_table(), folder / f"{table}.parquet")
    measurements = folder / "measurements.parquet"
    pq.write_table(pq.read_table(toy.measurements).slice(0, 0), measurements)
    return FigureData(measurements, folder, toy.suites, toy.tokens)


@pytest.fixture(scope="module")
def without_manifests(toy: FigureData) -> FigureData:
    return FigureData(toy.measurements, toy.fits)


@pytest.fixture(scope="module")
def without_intervals(toy: FigureData, tmp_path_factory: pytest.TempPathFactory) -> FigureData:
    """The toy experiment whose laws have no limits."""
    folder = tmp_path_factory.mktemp("without_intervals")
    for table in TABLES:
        rows = pq.read_table(toy.fits / f"{table}.parquet").to_pylist()
        bare = [row | ({"low": math.nan, "high": None} if table == "fits" else {}) for row in rows]
        pq.write_table(pa.Table.from_pylist(bare), folder / f"{table}.parquet")
    return FigureData(toy.measurements, folder, toy.suites, toy.tokens)


def texts(figure: go.Figure) -> str:
    return " ".join(re.sub(r"<br>", " ", note.text) for note in figure.layout.annotations)


def scatters(figure: go.Figure) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.type == "scatter"]


def axes(figure: go.Figure, letter: str) -> dict[str, Any]:
    layout = figure.layout.to_plotly_json()
    return {key: axis for key, axis in layout.items() if key.startswith(f"{letter}axis")}


def test_these_are_all_the_figures() -> None:
    elsewhere = [OF_COUNTRIES, OF_OPTIMIZERS, OF_REPETITIONS, OF_BRANCHES, *OF_TRAINING_DATA]
    assert list(figures()) == sorted([*FIGURES, *PER_SUITE, *elsewhere])
    assert [figure.name for figure in figures().values() if figure.per_suite] == PER_SUITE


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_has_points_and_says_nothing_is_missing(drawn: dict[str, go.Figure], name: str) -> None:
    figure = drawn[name]
    kind = "text" if name == "reproduction" else "markers"
    assert any(
        trace.mode and kind in trace.mode and len(trace.x) > 0
        for trace in figure.data
        if trace.type == "scatter"
    )
    assert "Nothing to draw" not in texts(figure)


@pytest.mark.parametrize("name", NAMES)
def test_every_axis_has_a_title_with_a_unit(drawn: dict[str, go.Figure], name: str) -> None:
    """Its own, or that of the last row for x and of the first column for y, where the axes are alike."""
    for letter in "xy":
        own = axes(drawn[name], letter).values()
        for axis in own:
            ticks = axis["ticktext"] if axis.get("visible", True) else []
            if not any(re.match(r"[−\d]", text) for text in ticks):
                continue  # names of groups, forms or choices, not a quantity
            if any(text.startswith("<b>") for text in ticks):
                continue  # choices, and under each its levels, such as a degree
            same = [
                other for other in own if all(other.get(key) == axis.get(key) for key in ("domain", "range"))
            ]
            titles = [(other.get("title") or {}).get("text") for other in same]
            titles = [title for title in titles if title]
            assert titles
            assert all(any(unit in title for unit in (*UNITS, *PURE_NUMBERS)) for title in titles)


@pytest.mark.parametrize("name", NAMES)
def test_compute_stands_on_a_log_axis(drawn: dict[str, go.Figure], name: str) -> None:
    for axis in axes(drawn[name], "x").values():
        if "FLOPs" in ((axis.get("title") or {}).get("text") or ""):
            assert axis["type"] == "log"
            assert "10¹²" in axis["ticktext"]


@pytest.mark.parametrize("name", NAMES)
def test_all_data_lie_inside_their_axes(drawn: dict[str, go.Figure], name: str) -> None:
    figure = drawn[name]
    layout = figure.layout.to_plotly_json()
    for trace in scatters(figure):
        if trace.mode != "markers":
            continue
        for letter, values in (("x", trace.x), ("y", trace.y)):
            axis = layout[f"{letter}axis{trace[f'{letter}axis'][1:]}"]
            low, high = sorted(axis["range"])
            shown = [
                math.log10(value) if axis["type"] == "log" else value for value in values if value is not None
            ]
            assert all(low <= value <= high for value in shown)


@pytest.mark.parametrize("name", ["isoflop", "loss-to-accuracy"])
def test_each_legend_tells_its_entries_apart_without_colour(drawn: dict[str, go.Figure], name: str) -> None:
    entries = [trace for trace in drawn[name].data if trace.showlegend and trace.mode == "lines+markers"]
    assert len(entries) > 1
    for legend in {trace.legend for trace in entries}:
        own = [trace for trace in entries if trace.legend == legend]
        assert len({(trace.marker.symbol, trace.line.dash) for trace in own}) == len(own)
        assert len({trace.marker.symbol for trace in own}) == len(own)


@pytest.mark.parametrize("name", ["case-studies", "relative-law-knowledge"])
def test_lines_are_distinguished_without_colour_and_named_at_their_ends(
    drawn: dict[str, go.Figure], name: str
) -> None:
    figure = drawn[name]
    panels = {(trace.xaxis, trace.yaxis) for trace in scatters(figure)}
    for x, y in panels:
        own = [trace for trace in scatters(figure) if (trace.xaxis, trace.yaxis) == (x, y) and trace.name]
        lines = {trace.name: trace.line for trace in own if trace.mode == "lines" and not trace.fill}
        symbols = {trace.name: trace.marker.symbol for trace in own if trace.mode == "markers"}
        assert len(symbols) > 1
        assert len(set(symbols.values())) == len(symbols)
        assert len({(symbols[label], line.dash) for label, line in lines.items()}) == len(lines)
        beside = {
            note.text: note.font.color
            for note in figure.layout.annotations
            if note.xref == f"{x} domain" and note.x == 1
        }
        assert {label: line.color for label, line in lines.items()}.items() <= beside.items()


@pytest.mark.parametrize("name", ["case-studies", "relative-law-knowledge", "exponents", "training-share"])
def test_the_baseline_s_black_is_nobody_else_s(drawn: dict[str, go.Figure], name: str) -> None:
    for trace in scatters(drawn[name]):
        if trace.name and "#000000" in (trace.line.color, trace.marker.color):
            assert any(label in trace.name for label in ("numerics", "United States", "Capability"))


def test_of_many_bands_the_intervals_at_the_largest_compute_stand_side_by_side(
    drawn: dict[str, go.Figure],
) -> None:
    marks = [trace for trace in scatters(drawn["relative-law-knowledge"]) if trace.yaxis == "y4"]
    bands = {trace.name: trace for trace in marks if trace.fill}
    bars = {trace.name: trace for trace in marks if trace.error_y.array}
    assert bands.keys() == bars.keys()
    assert len(bands) == 5
    assert all(band.opacity == 0 for band in bands.values()), "until its group is pointed at"
    assert len({bar.x[0] for bar in bars.values()}) == 5
    for name, bar in bars.items():
        line = next(t for t in marks if t.mode == "lines" and t.name == name and not t.fill)
        assert bar.y[0] == line.y[-1]
        middle = (
            len(bands[name].y) // 2
        )  # the upper edge up to the last compute, then the lower one back from there
        assert bar.y[0] + bar.error_y.array[0] == pytest.approx(bands[name].y[middle - 1])
        assert bar.y[0] - bar.error_y.arrayminus[0] == pytest.approx(bands[name].y[middle])
    few = [trace for trace in scatters(drawn["relative-law-behaviours"]) if trace.fill]
    assert few
    assert all(band.opacity == 1 for band in few)


@pytest.mark.parametrize("name", NAMES)
def test_legends_and_notes_stay_outside_the_panels_on_a_page_of_any_width(
    drawn: dict[str, go.Figure], name: str
) -> None:
    for arrangement in drawn[name].layout.meta["arrangements"]:
        layout = go.Figure(drawn[name]).layout
        for key, value in arrangement["layout"].items():
            layout[key] = value
        legend, right = layout.legend, layout.margin.r
        if layout.showlegend and legend.xref == "container":
            wide = max(text_width(trace.name, SIZE) for trace in drawn[name].data if trace.showlegend)
            assert legend.x == 1
            assert right > wide
        elif layout.showlegend:
            assert legend.y < 0
        for note in layout.annotations:
            if note.yref == "paper" and note.y == 0 and note.text:
                assert -layout.margin.b < note.yshift < 0
        assert layout.height > layout.margin.t + layout.margin.b


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_no_wider_than_its_page(drawn: dict[str, go.Figure], name: str) -> None:
    layout = drawn[name].layout
    assert layout.width is None
    assert layout.autosize
    widths = [arrangement["from"] for arrangement in layout.meta["arrangements"]]
    assert widths == sorted(set(widths), reverse=True)
    assert widths[-1] == 0
    narrowest = layout.meta["arrangements"][-1]["layout"]
    if name != "reproduction":
        across = [value for key, value in narrowest.items() if key.startswith("xaxis") and "domain" in key]
        assert all((low, high) == (0, 1) for low, high in across)


def test_the_law_s_band_holds_its_line_and_is_narrowest_at_the_reference(toy: FigureData) -> None:
    from relscale.figures.law_lines import law_line

    where = {"corpus": "documentation", "suite": "knowledge", "group": "tables", "law": "relative"}
    rows = toy.rows(FittedParameter, **where)
    line = law_line(rows, [1e11, 3e12], "these items")
    assert line
    assert line.low
    assert line.high
    assert all(low < y < high for low, y, high in zip(line.low, line.value, line.high, strict=True))
    slope = math.log(line.value[-1] / line.value[0]) / math.log(line.flops[-1] / line.flops[0])
    assert slope == pytest.approx(line.slope.value)
    reference = rows[0].reference_flops
    ratio = [high / low for low, high in zip(line.low, line.high, strict=True)]
    nearest = min(range(len(ratio)), key=lambda i: abs(math.log(line.flops[i] / reference)))
    assert ratio.index(min(ratio)) == nearest


def test_the_widest_known_estimand_is_drawn_and_named(drawn: dict[str, go.Figure]) -> None:
    assert "95% interval for the item population." in texts(drawn["relative-law-knowledge"])
    assert "if not available, 95% interval for these items" in texts(drawn["relative-law-varieties"])


def test_notes_name_bands_and_bars_where_panels_have_them(drawn: dict[str, go.Figure]) -> None:
    bars = "Bars at the right of a panel (fitted line at its largest compute)"
    assert f"{bars}: 95%" in texts(drawn["relative-law-knowledge"]), "five groups and the baseline"
    assert "Band: 95%" in texts(drawn["relative-law-behaviours"]), "two groups and the baseline"
    assert f"{bars}, else bands: 95%" in texts(drawn["case-studies"]), "all of them"


def test_a_diverged_run_is_a_cross_above_all_losses_with_a_note(drawn: dict[str, go.Figure]) -> None:
    figure = drawn["isoflop"]
    crosses = [trace for trace in figure.data if trace.marker.symbol == "x-thin-open" and trace.x[0]]
    assert len(crosses) == 1
    losses = [
        y
        for trace in figure.data
        if trace.yaxis == crosses[0].yaxis and trace is not crosses[0]
        for y in trace.y
        if y is not None
    ]
    assert crosses[0].y[0] > max(losses)
    assert "documentation-3e+11-d64-s0 (diverged at step 40)" in texts(figure)


def test_a_budget_of_forward_flops_is_named_by_the_training_compute_of_its_runs(
    toy: FigureData, tmp_path: Path
) -> None:
    table = pq.read_table(toy.measurements)
    place = table.column_names.index("training_flops")
    tripled = pc.multiply(table["training_flops"], 3.0)
    pq.write_table(table.set_column(place, table.field(place), tripled), tmp_path / "measurements.parquet")

    def keys(data: FigureData) -> list[str]:
        return [
            trace.name for trace in draw("isoflop", data).data if trace.showlegend and "FLOPs" in trace.name
        ]

    forward = FigureData(tmp_path / "measurements.parquet", toy.fits, toy.suites, toy.tokens)
    assert keys(toy) == ["3×10¹² FLOPs", "10¹² FLOPs", "3×10¹¹ FLOPs", "10¹¹ FLOPs"]
    assert keys(forward) == ["9×10¹² FLOPs", "3×10¹² FLOPs", "9×10¹¹ FLOPs", "3×10¹¹ FLOPs"]


def test_a_budget_without_a_minimum_gets_no_mark_and_a_note(drawn: dict[str, go.Figure]) -> None:
    minima = [
        trace for trace in drawn["isoflop"].data if trace.marker.symbol == "circle-open-dot" and trace.x[0]
    ]
    assert [len(trace.x) for trace in minima] == [4, 3]
    assert "code, 3×10¹² FLOPs (thin curve): minimum outside the widths tried" in texts(drawn["isoflop"])
    assert "code: fitted on 3 of 4 points" in texts(drawn["relative-law-domains"])


def test_a_sigmoid_that_the_runs_do_not_fix_is_not_drawn(drawn: dict[str, go.Figure]) -> None:
    curves = {trace.name for trace in drawn["loss-to-accuracy"].data if trace.mode == "lines" and trace.name}
    assert "numerics" in curves
    assert "networks" not in curves
    assert "no curve for networks (on a bound: ceiling)" in texts(drawn["loss-to-accuracy"])


def test_a_legend_has_lines_only_where_a_curve_is_drawn(
    toy: FigureData, drawn: dict[str, go.Figure], tmp_path: Path
) -> None:
    shutil.copytree(toy.fits, tmp_path / "fits")
    fits = pq.read_table(tmp_path / "fits" / "fits.parquet")
    pq.write_table(fits.filter(pc.not_equal(fits["law"], "sigmoid")), tmp_path / "fits" / "fits.parquet")
    without = draw(
        "loss-to-accuracy", FigureData(toy.measurements, tmp_path / "fits", toy.suites, toy.tokens)
    )
    for figure, mode in ((drawn["loss-to-accuracy"], "lines+markers"), (without, "markers")):
        (key,) = [trace for trace in figure.data if trace.showlegend and trace.name == "numerics"]
        assert key.mode == mode


def test_symbols_of_the_forest_plot_are_the_verdicts(toy: FigureData, drawn: dict[str, go.Figure]) -> None:
    symbols = {style.symbol: verdict for verdict, style in chart.VERDICTS.items()}
    marks = [trace for trace in drawn["exponents"].data if trace.mode == "markers" and trace.x[0] is not None]
    fits = toy.rows(FittedParameter, parameter="delta_beta")
    for trace in marks:
        same = [row.verdict for row in fits if row.value == trace.x[0]]
        assert symbols[trace.marker.symbol] in same


def test_correlations_are_described_from_four_groups_on_and_not_before(toy: FigureData) -> None:
    assert "6 groups: Pearson" in texts(draw("training-share", toy))
    assert "descriptive only" in texts(draw("training-share", toy))
    assert "3 groups: too few to correlate" in texts(draw("training-share", few_groups(toy)))


def few_groups(data: FigureData) -> FigureData:
    folder = Path(data.fits).parent / "few"
    folder.mkdir(exist_ok=True)
    kept = ("numerics", "tables", "graphics")
    for name in TABLES:
        rows = pq.read_table(Path(data.fits) / f"{name}.parquet").to_pylist()
        rows = [row for row in rows if row.get("group", "all") in (*kept, "all")]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return FigureData(data.measurements, folder, data.suites, data.tokens)


def test_training_shares_are_of_training_tokens_and_sum_to_one(toy: FigureData) -> None:
    shares = toy.training_shares("documentation")
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["numerics"] == pytest.approx(0.34)


def countries(data: FigureData, folder: Path) -> FigureData:
    """The toy tables with domains that are called after countries."""
    names = {"numerics": "usa", "learning": "canada", "tables": "india", "graphics": "east_africa"}
    for table in TABLES:
        rows = pq.read_table(Path(data.fits) / f"{table}.parquet").to_pylist()
        for row in rows:
            row |= {key: names.get(row[key], row[key]) for key in ("group", "baseline") if key in row}
        schema = pq.read_schema(Path(data.fits) / f"{table}.parquet")
        pq.write_table(pa.Table.from_pylist(rows, schema), folder / f"{table}.parquet")
    return FigureData(data.measurements, folder)


def test_regions_are_drawn_over_their_internet_users_which_are_called_a_proxy(
    toy: FigureData, tmp_path: Path
) -> None:
    figure = draw("internet-users", countries(toy, tmp_path), suite="domains")
    assert "4 groups: Pearson" in texts(figure)
    assert "proxy for" in texts(figure)
    drawn = {
        trace.legendgroup: trace.x[0]
        for trace in figure.data
        if trace.mode == "markers" and trace.legendgroup
    }
    assert drawn == pytest.approx(
        {
            "usa": 43.1,  # World Bank, 2000
            "canada": 51.3,
            "india": 0.528,
            "east_africa": 0.2175,  # mean of Kenya and Tanzania
        }
    )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "relative-law-knowledge",
            {"metrics": "accuracy"},
            "relative-law: no option 'metrics'; did you mean 'metric'",
        ),
        ("isoflop", {"suite": "knowledge"}, "isoflop: no option 'suite'; it has none"),
        ("forecast-knowledge", {"quantity": "gap"}, "forecast: quantity: Input should be 'error' or 'ratio'"),
    ],
)
def test_an_option_that_a_figure_does_not_have_is_refused(
    toy: FigureData, name: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(RelscaleError, match=re.escape(message)):
        draw(name, toy, **options)


def test_the_interval_that_is_requested_is_drawn(toy: FigureData) -> None:
    chosen = texts(draw("relative-law-knowledge", toy, estimand="these items"))
    assert "95% interval for these items" in chosen
    assert "item population" not in chosen


def test_internet_users_of_a_year_that_is_not_in_the_table_are_refused(toy: FigureData) -> None:
    with pytest.raises(RelscaleError, match="year: 1980; internet users are known from 1990 to 2022"):
        draw("internet-users", toy, year=1980)
    assert "No suite has countries" in texts(draw("internet-users", toy))


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_with_nothing_to_draw_says_so(empty: FigureData, name: str) -> None:
    assert "Nothing to draw" in texts(draw(name, empty))


@pytest.mark.parametrize("name", NAMES)
def test_figures_need_no_manifests(without_manifests: FigureData, name: str) -> None:
    figure = draw(name, without_manifests)
    assert ("Nothing to draw" in texts(figure)) == (name == "training-share")


@pytest.mark.parametrize("name", NAMES)
def test_fits_without_any_interval_are_drawn_without_bands(without_intervals: FigureData, name: str) -> None:
    bands = [trace for trace in scatters(draw(name, without_intervals)) if trace.fill]
    assert not bands or name in ("robustness-knowledge", "prompt-forms-knowledge"), (
        "whose bands are not of fits"
    )


def test_two_optimizers_are_two_columns(toy: FigureData, tmp_path: Path) -> None:
    for table in TABLES:
        rows = pq.read_table(Path(toy.fits) / f"{table}.parquet").to_pylist()
        both = [row | {"optimizer": name} for name in ("c-adamc", "adamw") for row in rows]
        pq.write_table(pa.Table.from_pylist(both), tmp_path / f"{table}.parquet")
    data = FigureData(toy.measurements, tmp_path, toy.suites, toy.tokens)
    assert [series.label for series in data.series][:2] == ["documentation, adamw", "documentation, c-adamc"]
    assert len(axes(draw("relative-law-knowledge", data), "x")) == 8


@pytest.mark.parametrize("broken", ["frontier", "errors", "gaps", "fits"])
def test_a_missing_table_is_one_line(toy: FigureData, tmp_path: Path, broken: str) -> None:
    for table in TABLES:
        if table != broken:
            (tmp_path / f"{table}.parquet").write_bytes((Path(toy.fits) / f"{table}.parquet").read_bytes())
    name = "frontier" if broken == "frontier" else "relative-law-knowledge"
    with pytest.raises(RelscaleError, match=f"{broken}.parquet: no such table") as error:
        draw(name, FigureData(toy.measurements, tmp_path, toy.suites, toy.tokens))
    assert "\n" not in str(error.value)


def test_a_missing_column_is_named(toy: FigureData, tmp_path: Path) -> None:
    for table in TABLES:
        whole = pq.read_table(Path(toy.fits) / f"{table}.parquet")
        pq.write_table(
            whole.drop_columns(["ratio"]) if table == "gaps" else whole, tmp_path / f"{table}.parquet"
        )
    with pytest.raises(RelscaleError, match="lacks the column ratio, so it was written by another version"):
        draw("case-studies", FigureData(toy.measurements, tmp_path, toy.suites, toy.tokens))


def test_unknown_names_are_reported_with_the_known_ones(toy: FigureData, tmp_path: Path) -> None:
    with pytest.raises(RelscaleError, match=r"no figure 'isoflops'; did you mean 'isoflop'"):
        plot.plot("isoflops", toy, tmp_path / "x.html")
    with pytest.raises(RelscaleError, match="no suite 'maths'; this experiment has knowledge, varieties"):
        plot.plot("relative-law-maths", toy, tmp_path / "x.html")
    with pytest.raises(RelscaleError, match="is drawn per suite; choose one of relative-law-"):
        plot.plot("relative-law", toy, tmp_path / "x.html")
    with pytest.raises(RelscaleError, match=r"ends in \.html"):
        plot.plot("isoflop", toy, tmp_path / "x.svg")
    assert not list(tmp_path.iterdir())


def test_without_a_chrome_there_are_html_and_json_and_one_clear_line(
    toy: FigureData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "find_chrome", lambda: None)
    stale = tmp_path / "isoflop.svg"
    stale.write_text("an older figure")
    written = plot.plot("isoflop", toy, tmp_path / "isoflop.html")
    assert written == [tmp_path / "isoflop.html", tmp_path / "isoflop.json"]
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["isoflop.html", "isoflop.json"]
    line = (
        "no Chrome found: wrote HTML and JSON only; install chromium or google-chrome for SVG, PDF and PNG\n"
    )
    assert capsys.readouterr().err == line


def test_a_chrome_that_fails_is_reported_and_leaves_no_picture(
    toy: FigureData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("it would not start\nat all")

    monkeypatch.setattr(pictures, "find_chrome", lambda: "/opt/chrome")
    monkeypatch.setattr(pictures, "render", broken)
    plot.plot("isoflop", toy, tmp_path / "isoflop.html")
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["isoflop.html", "isoflop.json"]
    assert (
        capsys.readouterr().err
        == "/opt/chrome could not draw (it would not start): wrote HTML and JSON only\n"
    )


def test_a_figure_that_cannot_be_drawn_takes_no_other_with_it(
    toy: FigureData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def all_but_pdf_of_frontier(drawn: Sequence[browser.Picture], chrome: str) -> None:
        for _, path in drawn:
            path.write_text("" if "frontier" in path.name and path.suffix == ".pdf" else "a picture")
        raise RuntimeError("no room")

    monkeypatch.setattr(pictures, "find_chrome", lambda: "/opt/chrome")
    monkeypatch.setattr(pictures, "render", all_but_pdf_of_frontier)
    pages = [tmp_path / "frontier.html", tmp_path / "isoflop.html"]
    for page in pages:
        plot.plot(page.stem, toy, page, pictures=False)
    pictures.draw_pictures(pages)
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == [
        *("frontier.html", "frontier.json"),
        *(f"isoflop.{ending}" for ending in ("html", "json", "pdf", "png", "svg")),
    ]
    for page in pages:
        check_files(files_list(page))
    assert (
        capsys.readouterr().err
        == "/opt/chrome could not draw (no room): wrote HTML and JSON only of frontier\n"
    )


def test_many_pictures_are_shared_by_a_browser_per_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[list[Path]] = []

    def drawn(share: Sequence[browser.Picture], chrome: str) -> None:
        shares.append([path for _, path in share])

    monkeypatch.setattr(pictures, "cores", lambda: 2)
    monkeypatch.setattr(pictures, "render", drawn)
    for number, browsers in ((3, 1), (23, 1), (39, 2)):
        shares.clear()
        paths = [tmp_path / f"{each}.svg" for each in range(number)]
        pictures._render_side_by_side([({}, path) for path in paths], "/opt/chrome")
        assert len(shares) == browsers
        assert sorted(path for share in shares for path in share) == sorted(paths)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_json_gives_the_figure_back(
    toy: FigureData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_chrome", lambda: None)
    plot.plot("relative-law-knowledge", toy, tmp_path / "a.html")
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    again = pio.from_json(text)
    original = draw("relative-law-knowledge", toy)
    assert len(again.data) == len(original.data)
    assert again.layout.to_plotly_json().keys() == original.layout.to_plotly_json().keys()
    for trace, other in zip(original.data, again.data, strict=True):
        assert [x for x in other.x if x] == pytest.approx([x for x in trace.x if x], rel=1e-6)
    plot.plot("relative-law-knowledge", toy, tmp_path / "b.html")
    assert (tmp_path / "b.json").read_text(encoding="utf-8") == text
    assert json.loads(text)["layout"]["xaxis"]["type"] == "log"


@pytest.mark.skipif(not browser.static_formats(), reason="no Chrome on this machine")
def test_with_a_chrome_there_are_three_pictures(toy: FigureData, tmp_path: Path) -> None:
    written = plot.plot("frontier", toy, tmp_path / "frontier.html")
    assert [path.suffix for path in written] == [".html", ".json", ".svg", ".pdf", ".png"]
    heads = {path.suffix: path.read_bytes()[:8] for path in written}
    assert heads[".png"] == b"\x89PNG\r\n\x1a\n"
    assert heads[".pdf"].startswith(b"%PDF")
    assert heads[".svg"].startswith(b"<svg")
    listed = files_list(written[0])
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in [*written, listed]}
    check_files(listed)


def test_a_figure_depends_on_no_other_figure() -> None:
    modules = {figure.module for figure in figures().values()}
    for module in modules:
        reached = closure([module])
        assert not modules & (reached.keys() - {module})
        assert "relscale.figures.plot" not in reached
    assert not modules & closure(["relscale.figures.plot"]).keys()


def test_asking_for_names_and_formats_loads_no_plotting_library() -> None:
    import subprocess

    code = (
        "import sys; from relscale.figures.browser import static_formats; "
        "from relscale.figures.registry import figures; static_formats(); figures(); "
        "print({'plotly', 'kaleido', 'pyarrow', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_every_figure_has_a_caption_in_restructured_text_that_begins_with_its_title(
    empty: FigureData,
) -> None:
    core = pytest.importorskip("docutils.core")
    folder = Path(plot.__file__).parents[3] / "workflow" / "report"
    if not folder.is_dir():
        pytest.skip("the package is installed without its workflow")
    for name, figure in figures().items():
        title = draw(f"{name}-knowledge" if figure.per_suite else name, empty).layout.title.text
        text = (folder / f"{name}.rst").read_text(encoding="utf-8")
        strict = {"halt_level": 2, "report_level": 2}
        body = core.publish_parts(text, writer="html", settings_overrides=strict)["body"]
        assert f"<p><strong>{visible_text(title).removesuffix(': Knowledge domains')}.</strong>" in body
