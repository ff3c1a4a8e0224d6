"""The figure of repeated text: its lines are the law, its points the runs."""

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from relscale.figures.data import FigureData
from relscale.figures.plot import make_figure
from relscale.figures.select import fit_reason
from relscale.fitting.fit import fit
from relscale.fitting.fits import write
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.status import Status
from relscale.laws import repetition

SURFACE = {"E": 1.8, "A": 500.0, "B": 1500.0, "alpha": 0.35, "beta": 0.36}
REPEATS = 6.0
TRUTH = np.array([*SURFACE.values(), REPEATS, 5.0])


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> go.Figure:
    """Three sizes, each on a million tokens of which fewer and fewer are distinct, without noise."""
    folder = tmp_path_factory.mktemp("repetition")
    rows = []
    for params in (3e4, 1e5, 3e5):
        for unique in (1e6, 5e5, 2e5, 1e5, 5e4):
            loss = float(repetition.value(TRUTH, np.array([[params], [1e6], [unique]]))[0])
            rows.append(
                {"experiment": "repeated", "corpus": f"{unique:g}", "run": f"{unique:g}-{params:g}"}
                | {"optimizer": "adamw", "seed": 0, "budget": 6e6 * params, "training_flops": 6e6 * params}
                | {"params": params, "tokens": 1e6, "unique_tokens": unique}
                | {"suite": "validation", "prompt": "default", "group": "all", "metric": "nats_per_token"}
                | {"value": loss, "status": "ok"}
            )
    measurements = pa.Table.from_pylist(rows)
    pq.write_table(measurements, folder / "measurements.parquet")
    options = {
        "frontier": "all",
        "bootstrap": 20,
        "laws": [
            {
                "name": "repeated",
                "law": "data_constrained",
                "where": {"suite": "validation"},
                "fixed": SURFACE,
            }
        ],
    }
    write(fit(measurements, options=options), folder / "fits")
    return make_figure("repetition", FigureData(folder / "measurements.parquet", folder / "fits"))


def test_the_line_of_each_size_goes_through_its_runs(drawn: go.Figure) -> None:
    losses = [trace for trace in drawn.data if trace.xaxis == "x" and trace.legendgroup]
    lines = {trace.legendgroup: trace for trace in losses if trace.mode == "lines"}
    points = {trace.legendgroup: trace for trace in losses if trace.mode == "markers"}
    assert len(lines) == len(points) == 3
    for name, runs in points.items():
        assert sorted(runs.x) == [1, 2, 5, 10, 20]
        at_runs = np.interp(np.log(runs.x), np.log(lines[name].x), np.log(lines[name].y))
        assert np.exp(at_runs) == pytest.approx(runs.y, rel=1e-3)


def test_repeated_tokens_are_worth_what_the_law_says(drawn: go.Figure) -> None:
    """50,000 tokens read 20 times: U · (1 + R · (1 − exp(−19 / R)))."""
    ends = {
        line.x[0]: (line.x[-1], line.y[-1]) for line in drawn.data if line.xaxis == "x2" and len(line.x) > 2
    }
    assert sorted(ends) == pytest.approx([5e4, 1e5, 2e5, 5e5])
    tokens, worth = ends[min(ends)]
    assert tokens == pytest.approx(1e6)
    assert worth == pytest.approx(5e4 * (1 + REPEATS * (1 - np.exp(-19 / REPEATS))), rel=0.02)


def test_a_note_on_a_fit_has_its_own_status_and_those_of_its_parameters_once() -> None:
    of_fit, of_parameter = "fitted on 8 of 9 rows", "the interval ends at the law's bound: E at 0"
    notes = {"A": of_fit, "E": f"{of_fit}; {of_parameter}", "objective": of_fit}
    rows = [
        ParameterRow(law="data_constrained", parameter=name, status=Status.MISSING_POINTS, note=note)
        for name, note in notes.items()
    ]
    assert fit_reason(rows) == f"{of_fit}; {of_parameter}"
    assert fit_reason([ParameterRow(law="data_constrained", status=Status.OK)]) == ""
