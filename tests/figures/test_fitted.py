"""Figures of tables that a fit wrote, of a world whose laws are known."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from relscale.figures import chart
from relscale.figures.curves import Curve
from relscale.figures.data import FigureData, FittedParameter
from relscale.figures.law_lines import LawLine
from relscale.figures.plot import make_figure
from relscale.fitting.fit import fit
from relscale.fitting.fits import write
from relscale.fitting.report.reproduction import reproduction
from relscale.fitting.status import Status
from relscale.laws import sigmoid
from relscale.scoring.options import PublishedSuite

from ..fitting.conftest import BUDGETS, World

BETA = {"easy": 0.06, "hard": 0.04}  # of a group's error
DELTA_BETA = BETA["easy"] - BETA["hard"]
pytestmark = pytest.mark.slow  # the tables and figures take seconds

NAMES = [
    *("case-studies", "corpus-gap", "exponents", "frontier", "isoflop", "loss-surface"),
    *(f"{figure}-s" for figure in ("forecast", "relative-law", "robustness", "specification-curve")),
]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> FigureData:
    """The world's measurements and all tables of its fit, as an experiment leaves them behind."""
    folder = tmp_path_factory.mktemp("fitted")
    groups = {"easy": (1.0, BETA["easy"], 0.0), "hard": (1.5, BETA["hard"], 0.0)}
    world = World(groups, corpora=("text", "code"), noise=1e-3, replicates=20, item_noise=1e-3)
    options = {
        "bootstrap": 100,
        "baselines": {"s": "easy"},
        "contrasts": {"corpus": "text"},
        "forecast": [{"training_flops": 10 * BUDGETS[-1]}],
        "laws": [
            {"name": "surface", "law": "parametric", "where": {"suite": "validation", "corpus": "text"}}
        ],
    }
    pq.write_table(world.measurements, folder / "measurements.parquet")
    write(fit(world.measurements, world.replicate_table, options), folder / "fits")
    return FigureData(folder / "measurements.parquet", folder / "fits")


@pytest.fixture(scope="module")
def drawn(fitted: FigureData) -> dict[str, go.Figure]:
    return {name: make_figure(name, fitted) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_drawn_of_what_a_fit_writes(drawn: dict[str, go.Figure], name: str) -> None:
    assert "Nothing to draw" not in " ".join(note.text for note in drawn[name].layout.annotations)
    assert any(len(trace.x) > 1 for trace in drawn[name].data if trace.type == "scatter")


def test_the_line_of_a_gap_rises_as_the_exponents_of_its_groups_differ(drawn: dict[str, go.Figure]) -> None:
    lines = [
        trace
        for trace in drawn["relative-law-s"].data
        if trace.name == "hard" and trace.mode == "lines" and not trace.fill
    ]
    slopes = [np.log(line.y[-1] / line.y[0]) / np.log(line.x[-1] / line.x[0]) for line in lines]
    of_gaps = [slope for slope in slopes if slope > 0]
    assert of_gaps == pytest.approx([DELTA_BETA] * 2, abs=2e-3)


def test_minima_of_parabolas_are_marked_at_the_known_optima(drawn: dict[str, go.Figure]) -> None:
    optima = 1e6 * np.sqrt(np.array(BUDGETS) / 1e12)
    marked = [
        x for trace in drawn["isoflop"].data if "minimum" in (trace.hovertemplate or "") for x in trace.x
    ]
    assert sorted(marked) == pytest.approx(sorted([*optima, *optima]), rel=0.1)


def test_a_forecast_stands_to_the_right_of_all_data(drawn: dict[str, go.Figure]) -> None:
    forecasts = [trace for trace in drawn["forecast-s"].data if "forecast" in (trace.hovertemplate or "")]
    assert forecasts
    assert all(list(trace.x) == pytest.approx([10 * BUDGETS[-1]]) for trace in forecasts)


def test_specifications_are_in_order_of_their_slopes(drawn: dict[str, go.Figure]) -> None:
    for axis in {trace.yaxis for trace in drawn["specification-curve-s"].data}:
        points = {
            x: y
            for trace in drawn["specification-curve-s"].data
            if trace.yaxis == axis and "Δβ" in (trace.hovertemplate or "")
            for x, y in zip(trace.x, trace.y, strict=True)
        }
        assert all(points[a] <= points[b] for a, b in pairwise(sorted(points)))


CHANCE = 0.25
SIGMOID = {"floor": CHANCE, "ceiling": 0.9, "midpoint": 1.2, "slope": 5.0}  # accuracy by bits per byte
GAIN = 0.05  # of answers in words over letters, at every run
SHARES = {"easy": 0.4, "hard": 0.1}  # of the training tokens


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> FigureData:
    """A suite of questions under two prompt forms, with the shares of its groups and published answers."""
    folder = tmp_path_factory.mktemp("questions")
    world = World({"easy": (1.0, BETA["easy"], 0.0), "hard": (1.5, BETA["hard"], 0.0)})
    theta = np.array([SIGMOID[name] for name in sigmoid.LAW.names])
    rows = []
    for row in world.rows:
        rows.append(row)
        if row["suite"] == "s":
            accuracy = float(sigmoid.LAW.value(theta, np.array([[row["value"]]]))[0])
            plain = {**row, "metric": "accuracy", "value": accuracy + GAIN}
            rows += [{**row, "prompt": "letters"}, {**plain, "prompt": "letters", "value": accuracy}, plain]
    measurements = pa.Table.from_pylist(rows)
    facts = {"baseline": "easy", "chance": CHANCE, "prompt": "letters", "metric": world.metric}
    fits = fit(measurements, options={"bootstrap": 0}, suites={"s": facts})
    number = {"unit": "", "table": "fits", "column": "value", "tolerance": 5e-4, "source": "this test"}
    where = "prompt=letters; metric=bits_per_byte_answer_mean; estimand=these items; parameter=delta_beta"
    answers = [
        {"quantity": name, "data": "{group}", "published": value, "published_stderr": None, "where": where}
        | number
        for name, value in (("the slope", DELTA_BETA), ("another slope", 2 * DELTA_BETA))
    ]
    fits = fits.with_table("reproduction", reproduction(pa.Table.from_pylist(answers), fits))
    pq.write_table(measurements, folder / "measurements.parquet")
    write(fits, folder / "fits")
    store = folder / "tokens.json"
    store.write_text(json.dumps({"groups": {name: {"share": share} for name, share in SHARES.items()}}))
    return FigureData(
        folder / "measurements.parquet", folder / "fits", {"s": PublishedSuite(**facts)}, {"text": store}
    )


def test_accuracy_is_drawn_as_the_sigmoid_of_the_loss_that_it_is(questions: FigureData) -> None:
    figure = make_figure("loss-to-accuracy", questions, {"suite": "s"})
    lines = [trace for trace in figure.data if trace.mode == "lines" and len(trace.x) > 2]
    assert {line.name for line in lines} == {"easy", "hard"}
    theta = np.array([[SIGMOID[name]] for name in sigmoid.LAW.names])
    for line in lines:
        assert line.y == pytest.approx(sigmoid.LAW.value(theta, np.array([line.x])), abs=1e-3)


def test_answers_in_words_gain_as_much_over_letters_at_every_compute(questions: FigureData) -> None:
    figure = make_figure("prompt-forms-s", questions)
    gains = [y for trace in figure.data if trace.yaxis == "y3" for y in trace.y or () if y]
    assert gains
    assert gains == pytest.approx([GAIN] * len(gains), abs=1e-6)


def test_slopes_stand_over_the_shares_of_the_training_tokens(questions: FigureData) -> None:
    figure = make_figure("training-share", questions)
    slopes = {
        trace.legendgroup: (trace.x[0], trace.y[0])
        for trace in figure.data
        if trace.yaxis == "y" and trace.mode == "markers"
    }
    assert slopes == {name: pytest.approx((100 * SHARES[name], BETA[name]), abs=1e-3) for name in BETA}


def test_a_published_number_agrees_with_ours_or_does_not(questions: FigureData) -> None:
    figure = make_figure("reproduction", questions)
    columns = [trace.text for trace in figure.data if trace.mode == "text"]
    agreement = dict(zip(columns[1], columns[-1], strict=True))
    assert (agreement["the slope"], agreement["another slope"]) == ("✓ same when rounded", "✗ outside")


@pytest.mark.parametrize("name", ["frontier", "corpus-gap"])
def test_intervals_of_many_corpora_are_side_by_side_inside_their_panels(tmp_path: Path, name: str) -> None:
    corpora = tuple(f"c{number}" for number in range(7))
    world = World({"easy": (1.0, 0.06, 0.0)}, corpora=corpora, noise=1e-3)
    pq.write_table(world.measurements, tmp_path / "measurements.parquet")
    options = {"baselines": {"s": "easy"}, "contrasts": {"corpus": "c0"}}
    write(fit(world.measurements, None, options), tmp_path / "fits")
    figure = make_figure(name, FigureData(tmp_path / "measurements.parquet", tmp_path / "fits"))
    bars = [trace for trace in figure.data if trace.error_y.array and trace.yaxis in ("y", "y2", "y3")]
    assert len(bars) == {"frontier": 3 * 7, "corpus-gap": 7 + 6}[name]
    for bar in bars:
        low, high = figure.layout[f"xaxis{bar.xaxis[1:]}"].range
        assert low < math.log10(bar.x[0]) < high
    for axis in {bar.yaxis for bar in bars}:
        from_left = sorted((bar.x[0], bar.y[0]) for bar in bars if bar.yaxis == axis)
        ends = [end for _, end in from_left]
        assert ends == sorted(ends, reverse=True)
    assert "Bars at the right" in " ".join(note.text for note in figure.layout.annotations)


def test_a_corpus_has_one_style_in_the_figures_of_frontiers_and_of_gaps(drawn: dict[str, go.Figure]) -> None:
    """The baseline is black in both."""

    def styles(name: str) -> dict[str, tuple[str, str]]:
        keys = [trace for trace in drawn[name].data if trace.showlegend and trace.line.color]
        return {
            trace.name.removesuffix(" (baseline)"): (trace.line.color, trace.marker.symbol)
            for trace in keys
            if trace.name.removesuffix(" (baseline)") in ("text", "code")
        }

    assert styles("frontier") == styles("corpus-gap")
    assert styles("frontier")["text"][0] == chart.BASELINE


@pytest.mark.parametrize(("values", "factor"), [([1.0, 2.0], 2.0), ([1.0, 1.01], 1.25), ([4.0, 1.0], 4.0)])
def test_a_band_reaches_beyond_the_points_by_their_own_range_or_a_quarter(
    values: list[float], factor: float
) -> None:
    least, most = min(values) / factor, max(values) * factor
    slope = FittedParameter(law="power", status=Status.OK, verdict=None)
    for low, high, is_clipped in ((least * 1.01, most / 1.01, False), (least / 50, most * 9, True)):
        line = LawLine([1e18, 1e20], [1.0, 1.0], [low, low], [high, high], slope, "these items")
        curve = Curve("a", "a", [1e18, 1e20], values, line)
        assert curve.is_clipped is is_clipped
        assert (min(curve.shown_values), max(curve.shown_values)) == pytest.approx(
            (max(low, least), min(high, most))
        )


def test_parabolas_have_their_lowest_point_at_the_mark_of_their_minimum(drawn: dict[str, go.Figure]) -> None:
    traces = drawn["isoflop"].data
    marks = [
        (trace.xaxis, x, y)
        for trace in traces
        if trace.marker.symbol == "circle-open-dot" and not trace.showlegend
        for x, y in zip(trace.x, trace.y, strict=True)
    ]
    lowest = []
    for trace in traces:
        if trace.mode == "lines" and trace.legendgroup:
            place = int(np.argmin(trace.y))
            assert 0 < place < len(trace.y) - 1
            lowest.append((trace.xaxis, trace.x[place], trace.y[place]))
    assert len(marks) == len(lowest) == 2 * len(BUDGETS)
    for (axis, x, y), (other, tokens, loss) in zip(sorted(marks), sorted(lowest), strict=True):
        assert axis == other
        assert tokens == pytest.approx(x, rel=0.15)  # within a step of the drawn curve
        assert loss == pytest.approx(y, rel=1e-3)
