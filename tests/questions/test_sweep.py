"""Optima of a sweep and their law, where a paraboloid and a law are known; and trainings that follow the law."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from relscale.cli import main
from relscale.design.isoflop import plan
from relscale.design.options import Design
from relscale.errors import RelscaleError
from relscale.fitting.paraboloid import minimum
from relscale.questions import step_law, sweep
from relscale.questions.sweep import SweepOptions, SweepRow
from relscale.storage.column_arrays import Columns
from relscale.storage.tables import write_table
from relscale.studies.sweep_figure import OPTIMUM

SIZES = [(n, d) for n in (5e7, 2e8, 1e9) for d in (2e9, 1e10, 5e10)]


def best_rate(params: float, tokens: float) -> float:
    return float(1.79 * params**-0.713 * tokens**0.307)


def best_batch(tokens: float) -> float:
    return float(0.58 * tokens**0.571)


def swept(curvature: tuple[float, float, float] = (0.02, 0.005, 0.01), noise: float = 0.0) -> Columns:
    """Runs on a grid around the optimum of each size, their loss a paraboloid in ln rate and ln batch."""
    rng, rows = np.random.default_rng(0), []
    for params, tokens in SIZES:
        for u in np.linspace(-0.8, 0.7, 5):
            for w in np.linspace(-0.6, 0.9, 5):
                rise = curvature[0] * u**2 + curvature[1] * u * w + curvature[2] * w**2
                loss = (2 + 5e8 / params * 0.1) * (1 + rise) * np.exp(noise * rng.standard_normal())
                rate, batch = best_rate(params, tokens) * np.exp(u), best_batch(tokens) * np.exp(w)
                rows.append((rate, batch, params, tokens, loss))
    names = ("learning_rate", "batch_tokens", "params", "tokens", "loss")
    return Columns(dict(zip(names, np.array(rows).T, strict=True)))


def row_of(rows: list[SweepRow], params: float, tokens: float) -> SweepRow:
    (one,) = [row for row in rows if (row.params, row.tokens) == (params, tokens)]
    return one


def test_the_optimum_of_each_size_is_that_of_its_paraboloid() -> None:
    found = list(sweep.rows(swept(), draws=0))
    assert len(found) == len(SIZES)
    for params, tokens in SIZES:
        row = row_of(found, params, tokens)
        assert row.learning_rate == pytest.approx(best_rate(params, tokens), rel=1e-10)
        assert row.batch == pytest.approx(best_batch(tokens), rel=1e-10)
        assert row.loss == pytest.approx(2 + 5e7 / params, rel=1e-10)
        assert row.note is None


@pytest.mark.slow
def test_the_figure_has_a_panel_per_size_with_its_runs_and_the_optimum(tmp_path: Path) -> None:
    table = swept()
    write_table(pa.table(dict(table.of)), tmp_path / "sweep.csv")
    asked = ["ask", "sweep", str(tmp_path / "sweep.csv"), "--draws", "0", "--plot"]
    assert main([*asked, str(tmp_path / "sweep.html")]) == 0
    assert (tmp_path / "sweep.html").stat().st_size > 1e5
    with pytest.raises(SystemExit):
        main([*asked, str(tmp_path / "sweep.png")])
    drawn = sweep.figure(table, list(sweep.rows(table, draws=0)))
    in_panels = [trace for trace in drawn.data if trace.type == "scatter" and trace.x[0] is not None]
    optima = [trace for trace in in_panels if trace.marker.color == OPTIMUM.colour]
    assert [(trace.x[0], trace.y[0]) for trace in optima] == [
        pytest.approx((best_rate(params, tokens), best_batch(tokens)), rel=1e-6) for params, tokens in SIZES
    ]
    runs = [len(trace.x) for trace in in_panels if trace.marker.coloraxis == "coloraxis"]
    assert runs == [25] * len(SIZES)


def test_the_law_of_the_optima_is_the_law_that_the_sweep_was_made_by() -> None:
    found = {row.key: row for row in step_law.rows(swept())}
    truth = {"learning_rate.params": -0.713, "learning_rate.tokens": 0.307, "batch_tokens.tokens": 0.571}
    for key, value in truth.items():
        assert found[f"design.{key}"].value == pytest.approx(value, abs=1e-10)
    assert found["design.learning_rate.constant"].value == pytest.approx(1.79, rel=1e-9)
    assert found["design.batch_tokens.constant"].value == pytest.approx(0.58, rel=1e-9)
    # the grid has runs 0.05 and 0.15 in logarithms beside the optimum
    assert 0 <= found["excess"].value < 0.02 * 0.05**2 + 0.005 * 0.05 * 0.15 + 0.01 * 0.15**2
    known = step_law.rows(swept(), fix_rate=("constant=1.79", "params=-0.713", "tokens=0.307"))
    assert next(known).note == "given"


def test_a_law_whose_constants_are_all_given_costs_what_the_run_nearest_to_its_optimum_does() -> None:
    """Here the given rate is a factor exp(0.325) too high, at which and at 0.15 in the batch there are runs."""
    rate = f"constant={1.79 * np.exp(0.325)},params=-0.713,tokens=0.307".split(",")
    batch = ("constant=0.58", "tokens=0.571")
    *_, excess = step_law.rows(swept(), fix_rate=tuple(rate), fix_batch=batch)
    rise = [0.02 * u**2 + 0.005 * u * w + 0.01 * w**2 for u, w in ((0.325, 0.15), (-0.05, 0.15))]
    assert (excess.low, excess.value, excess.high) == pytest.approx([(1 + rise[0]) / (1 + rise[1]) - 1] * 3)


def test_limits_cover_the_true_value_of_noisy_runs_and_those_of_the_law_do() -> None:
    table = swept(noise=2e-4)
    rows = list(sweep.rows(table, draws=60))
    inside = [
        row.rate_low <= best_rate(row.params, row.tokens) <= row.rate_high  # type: ignore[operator]
        for row in rows
    ]
    assert sum(inside) >= 7
    law = {row.key: row for row in step_law.rows(table)}["design.learning_rate.params"]
    assert law.low is not None
    assert law.high is not None
    assert law.low < -0.713 < law.high


def test_a_saddle_an_optimum_beyond_the_grid_and_too_few_runs_are_said() -> None:
    for row in sweep.rows(swept((0.02, 0.0, -0.01)), draws=0):
        assert row.learning_rate is None
        assert row.note is not None
        assert row.note.startswith("no minimum")
    table = swept()
    small = table.where(table["learning_rate"] < 0.99 * best_rate(*SIZES[0]))
    beyond = row_of(list(sweep.rows(small, draws=0)), *SIZES[0])
    assert beyond.note == "beyond the data: learning rate"
    assert beyond.learning_rate == pytest.approx(best_rate(*SIZES[0]), rel=1e-6)
    few = row_of(list(sweep.rows(table, sweep=SweepOptions(within=1e-3), draws=0)), *SIZES[0])
    assert few.note == "fewer than the 10 runs needed within 0.001 of the lowest loss"
    with pytest.raises(RelscaleError, match="too few for a law of learning_rate"):
        list(step_law.rows(table, sweep=SweepOptions(within=1e-3)))


def test_a_sweep_of_the_rate_alone_is_a_parabola() -> None:
    rates = np.geomspace(1e-4, 1e-2, 9)
    table = Columns(
        {
            "learning_rate": rates,
            "loss": 3 + 0.01 * np.log(rates / 7e-4) ** 2,
            "params": np.full(9, 1e8),
            "tokens": np.full(9, 2e9),
        }
    )
    (row,) = sweep.rows(table, sweep=SweepOptions(batch="", within=0.1), draws=0)
    assert row.learning_rate == pytest.approx(7e-4, rel=1e-10)
    assert row.batch is None


def test_equal_points_have_no_minimum() -> None:
    assert not minimum(np.zeros((1, 9)), np.ones(9)).exists


def test_trainings_follow_the_law_that_the_config_names() -> None:
    design = {
        "recipe": "laptop",
        "flop_accounting": "training",
        "sequence_length": 64,
        "optimizers": ["adamw"],
        "budgets": [1e12],
        "widths": [32, 64],
    }
    rate = {"constant": 1.79, "hidden_params": -0.713, "tokens": 0.307}
    batch = {"constant": 0.58, "tokens": 0.571}
    runs = plan(["c"], Design(**design, learning_rate=rate, batch_tokens=batch), 2048, 0)
    assert [run.architecture.hidden_size for run in runs] == [32, 64]
    for run in runs:
        hidden = run.params - 2 * 2048 * run.architecture.hidden_size
        assert run.hyperparameters.learning_rate == pytest.approx(best_rate(hidden, run.tokens))
        assert run.batch_size == pytest.approx(best_batch(run.tokens) / 64, abs=0.6)
