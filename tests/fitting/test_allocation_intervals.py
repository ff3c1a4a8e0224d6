"""The exponent of compute-optimal tokens, from budgets whose optima state how uncertain they are."""

import numpy as np
import pytest
from generators.optima import DESIGNS, sample
from trials.optima import of_optima

from relscale.fitting.curves.curves import PointVariance
from relscale.fitting.inference import interval
from relscale.fitting.inference.log_log_lines import lines

SIZE = 5_000
DEFAULT = "scatter, or its mean with the parabolas"
ALONE = "scatter of the optima alone"


@pytest.fixture(name="coverage", scope="module")
def outcomes():
    """Share of data sets whose limits hold the true exponent, by design, interval and quantity."""
    return {(one.design, one.interval, one.quantity): one.hit for one in of_optima(SIZE, 0.95, 0)}


@pytest.mark.parametrize("design", [design.name for design in DESIGNS if not design.between])
def test_limits_cover_the_exponent_also_where_the_optima_scatter_little_around_their_line(coverage, design):
    for quantity in ("exponent", "where scatter is little"):
        hit = coverage[design, DEFAULT, quantity]
        known = np.isfinite(hit).sum()
        assert known > 100
        assert np.nanmean(hit) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / known)
    assert np.nanmean(coverage[design, DEFAULT, "exponent"]) < 0.98
    assert np.nanmean(coverage[design, ALONE, "where scatter is little"]) < 0.9


@pytest.mark.parametrize("design", [design.name for design in DESIGNS if design.between])
def test_limits_cover_the_exponent_nearly_as_often_where_budgets_differ_by_more_than_parabolas_know(
    coverage, design
):
    assert 0.92 < np.nanmean(coverage[design, DEFAULT, "exponent"]) < 0.97


@pytest.mark.parametrize(("points", "df"), [(4, 1), (4, 17), (7, 3)])
def test_limits_are_exact_given_that_scatter_is_less_than_points_of_one_variance_state(points, df):
    rng, size, level = np.random.default_rng(points + df), 40_000, 0.95
    stated = PointVariance(
        rng.chisquare(df, (1, size)) / df * np.ones((points, 1)), np.full((points, size), df / points)
    )
    line = lines(np.arange(points, dtype=float), rng.standard_normal((points, size)), point_variance=stated)
    limits = interval.slope(line, level)
    ratio = line.variance_of(0.0, 1.0) / line.point_variance_of(0.0, 1.0)[0]
    for least, most in ((0, 0.25), (0.25, 1)):
        hit = (np.abs(limits.value) <= limits.high - limits.value)[(ratio > least) & (ratio < most)]
        assert hit.mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / len(hit)))


def test_limits_are_those_of_the_scatter_where_it_is_more():
    design = DESIGNS[0]
    value, stated = sample(design, SIZE, np.random.default_rng(0))
    alone = lines(design.log_flops, value)
    little = PointVariance(stated.variance * 1e-6, stated.df)
    of_both = interval.slope(lines(design.log_flops, value, point_variance=little), 0.95)
    of_scatter = interval.slope(alone, 0.95)
    more = alone.variance > 1e-3 * stated.variance.max()
    assert more.mean() > 0.9
    for name in ("low", "high", "df", "p_value"):
        assert np.array_equal(getattr(of_both, name)[more], getattr(of_scatter, name)[more])


def test_a_point_of_unknown_variance_adds_nothing_to_what_the_others_state():
    x = DESIGNS[0].log_flops
    known = np.array([[0.01], [np.nan], [0.01], [0.01]])
    line = lines(x, x[:, None] / 2, point_variance=PointVariance(known, np.full((4, 1), 5.0)))
    z = x - x.mean()
    own, df = line.point_variance_of(0.0, 1.0)
    assert own == pytest.approx(0.01 * (z[[0, 2, 3]] ** 2).sum() / (z**2).sum() ** 2)
    assert df == 20
