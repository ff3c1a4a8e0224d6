"""The parts of a gap's slope: data per parameter beside compute, and checkpoints within and between trainings."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import linregress

from relscale.fitting.analyses import slope_components
from relscale.fitting.analyses.slope_components import Component, SlopeComponentRow, regression, sentences
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Status

PARAMS = np.repeat(np.geomspace(1e8, 1e10, 6), 5)
TOKENS = PARAMS * np.tile([10.0, 20, 40, 80, 160], 6)
LOG_FLOPS, DATA = np.log(6 * PARAMS * TOKENS), np.log(TOKENS / PARAMS)
TRAINING = np.repeat(np.arange(6), 5)
MEANS = np.repeat(LOG_FLOPS.reshape(6, 5).mean(axis=1), 5)


def curves(y: np.ndarray, shared: bool = False, params: np.ndarray = PARAMS) -> Curves:
    points = [
        Point(np.exp(x), np.exp(x), np.array([i]), 0, OK, run=f"run {i}", tokens=d, params=n)
        for i, (x, n, d) in enumerate(zip(LOG_FLOPS, params, TOKENS, strict=True))
    ]
    value = np.reshape(y, (len(points), -1))
    return Curves(
        quantity=RATIO,
        keys=[
            CurveKey(suite="s", group=f"g{j}", baseline="b", contrast="group") for j in range(value.shape[1])
        ],
        points=points,
        log_flops=LOG_FLOPS,
        value=value,
        noise=np.ones_like(value),
        replicates=np.empty((*value.shape, 0)),
        status=np.full(value.shape, OK, dtype=object),
        blocks=[f"training {i}" if shared else f"run {n}" for n, i in enumerate(TRAINING)],
        target=value,
        baseline=np.zeros_like(value),
    )


def parts(of: Curves) -> dict[Component, SlopeComponentRow]:
    return {row.component: row for row in slope_components.rows(of, Settings())}


def test_data_per_parameter_is_told_from_compute() -> None:
    noise = 0.01 * np.random.default_rng(0).normal(size=30)
    found = parts(curves(-0.02 * LOG_FLOPS + 0.05 * DATA + noise))
    for component, truth in ((Component.COMPUTE, -0.02), (Component.DATA_PER_PARAMETER, 0.05)):
        row = found[component]
        assert row.low < truth < row.high
        assert (row.high - row.low) / 2 == pytest.approx(2.052 * row.stderr, rel=1e-3)  # t of 30 − 3
    assert found[Component.DATA_PER_PARAMETER].p_bh < 0.05


def test_within_and_between_trainings_are_two_slopes_and_the_pooled_one_is_neither() -> None:
    y = -0.01 * (LOG_FLOPS - MEANS) - 0.04 * MEANS + 0.001 * np.random.default_rng(0).normal(size=30)
    found = parts(curves(y, shared=True))
    within, between = found[Component.WITHIN], found[Component.BETWEEN]
    assert within.value == pytest.approx(-0.01, abs=0.001)
    assert between.value == pytest.approx(-0.04, abs=0.001)
    assert between.value < linregress(LOG_FLOPS, y).slope < within.value
    assert found[Component.DIFFERENCE].p_bh < 0.05
    (said,) = [each for each in sentences(list(found.values())) if "within and between" in each]
    assert said.startswith("1 of 1 gaps have different slopes")


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
def test_nominal_intervals_cover_the_true_value_and_no_effect_is_seen_as_often_as_by_chance(
    shared: bool,
) -> None:
    """200 data sets of six trainings of five checkpoints, levels of trainings random where they are shared."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(30, 200)) + shared * rng.normal(size=(6, 200))[TRAINING]
    found = slope_components.rows(curves(0.3 * LOG_FLOPS[:, None] + noise, shared), Settings())
    truth = {Component.COMPUTE: 0.3, Component.WITHIN: 0.3, Component.BETWEEN: 0.3}
    for component in {row.component for row in found}:
        held = [
            row.low <= truth.get(component, 0.0) <= row.high for row in found if row.component == component
        ]
        assert np.mean(held) == pytest.approx(0.95, abs=0.046), component


def test_the_jackknife_leaves_out_whole_trainings() -> None:
    design = np.stack([np.ones(30), LOG_FLOPS - MEANS, MEANS], axis=1)
    y = np.random.default_rng(2).normal(size=30)
    found = regression(design, y, TRAINING)
    others = [np.flatnonzero(TRAINING - g) for g in range(6)]
    without = [np.linalg.lstsq(design[rest], y[rest], rcond=None)[0] for rest in others]
    assert found is not None
    away = np.array(without) - found.value
    assert found.covariance == pytest.approx(5 / 6 * away.T @ away)


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (curves(LOG_FLOPS, params=TOKENS / 20), Status.UNDETERMINED),
        (curves(np.where(np.arange(30) < 3, LOG_FLOPS, np.nan)), Status.TOO_FEW_POINTS),
    ],
)
def test_what_the_points_do_not_tell_apart_has_a_status(of: Curves, status: Status) -> None:
    assert {row.status for row in parts(of).values()} == {status}


def test_models_without_parameters_are_not_asked() -> None:
    unknown: Sequence[SlopeComponentRow] = slope_components.rows(
        curves(LOG_FLOPS, params=np.full(30, np.nan)), Settings()
    )
    assert list(unknown) == []
