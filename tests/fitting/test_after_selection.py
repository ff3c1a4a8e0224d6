"""Limits of gaps that stood out of many: how often they hold the truth, and how they agree with the p-values."""

import numpy as np
import pytest
import scipy.stats

from relscale.fitting.inference.multiplicity import adjusted
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.status import Status
from relscale.fitting.verdicts.after_selection import limits_after_selection

LEVEL, DF, TESTS, FAMILIES = 0.95, 4, 12, 800


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, list[ParameterRow], list[float], list[int]]:
    """Families of 12 gaps: most have a Δβ of 0 or hardly any, a few a clear one; standard errors are estimates."""
    rng = np.random.default_rng(5)
    truth = np.where(rng.random((FAMILIES, TESTS)) < 0.2, 6.0, 0.3) * rng.choice([-1, 1], (FAMILIES, TESTS))
    stderr = np.sqrt(rng.chisquare(DF, truth.shape) / DF)
    value = truth + rng.normal(size=truth.shape)
    p_value = 2 * scipy.stats.t.sf(np.abs(value) / stderr, DF)
    half = scipy.stats.t.ppf((1 + LEVEL) / 2, DF) * stderr
    rows = [
        ParameterRow(
            law="relative",
            value=v,
            stderr=s,
            low=v - h,
            high=v + h,
            df=DF,
            share=1.0,
            p_value=p,
            status=Status.OK,
        )
        for v, s, h, p in zip(*(part.ravel() for part in (value, stderr, half, p_value)), strict=True)
    ]
    families = np.repeat(np.arange(FAMILIES), TESTS).tolist()
    p_bh, _ = adjusted(p_value.ravel().tolist(), families)
    return truth.ravel(), rows, p_bh.tolist(), families


def test_of_the_gaps_that_stand_out_limits_miss_no_more_than_they_say(world: tuple) -> None:
    """The false coverage rate, a mean over families; limits of each gap alone miss more of those that stand out."""
    truth, rows, p_bh, families = world
    found = list(limits_after_selection(rows, p_bh, families, LEVEL))

    def false_coverage(limits: list) -> float:
        missed, selected = np.zeros(FAMILIES), np.zeros(FAMILIES)
        for i, (low, high) in enumerate(limits):
            if found[i][0] is not None:
                selected[families[i]] += 1
                missed[families[i]] += not low <= truth[i] <= high
        return float(np.mean(missed / np.maximum(1, selected)))

    error = 2 * np.sqrt(0.05 * 0.95 / FAMILIES)
    assert false_coverage(found) <= 0.05 + error
    assert false_coverage([(row.low, row.high) for row in rows]) > 0.05 + error


def test_limits_leave_0_out_just_where_the_adjusted_p_value_says_so(world: tuple) -> None:
    _, rows, p_bh, families = world
    found = list(limits_after_selection(rows, p_bh, families, LEVEL))
    assert [low is not None for low, _ in found] == [p < 1 - LEVEL for p in p_bh]
    assert all(low * high > 0 for low, high in found if low is not None)
    assert all(
        low <= row.low and high >= row.high for row, (low, high) in zip(rows, found, strict=True) if low
    )


def test_where_every_gap_stands_out_nothing_is_to_be_allowed_for(world: tuple) -> None:
    _, rows, _, families = world
    found = list(limits_after_selection(rows[:TESTS], [0.001] * TESTS, families[:TESTS], LEVEL))
    assert found == [pytest.approx((row.low, row.high)) for row in rows[:TESTS]]
