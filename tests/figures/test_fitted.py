"""Figures of tables that a fit wrote, of a world whose laws are known."""

from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pyarrow.parquet as pq
import pytest

from relscale.figures.data import FigureData
from relscale.figures.plot import make_figure
from relscale.fitting.fit import fit
from relscale.fitting.fits import write

from ..fitting.conftest import BUDGETS, World

BETA = {"easy": 0.06, "hard": 0.04}  # of a group's error
DELTA_BETA = BETA["easy"] - BETA["hard"]
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
