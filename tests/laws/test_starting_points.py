"""From its own starting points a law's fit ends at the best optimum, for whatever parameters the data come from."""

import numpy as np
import pytest
from generators.random_truths import TRUTHS
from trials.starting_points import of_starting_points

from relscale.fitting.estimation.estimate import estimate
from relscale.laws import parametric
from relscale.laws.catalogue import law_names
from relscale.laws.repetition import optimal_params

SEARCHED_AGAIN = 5  # of the 100 random truths of docs/explanation/coverage.md


def test_every_law_has_random_truths() -> None:
    assert set(TRUTHS) == set(law_names())


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHS)
def test_the_fit_of_any_of_five_random_parameters_is_the_best_there_is(name: str) -> None:
    assert of_starting_points(name, SEARCHED_AGAIN).missed == 0


@pytest.mark.slow
def test_a_fit_of_repeated_tokens_leaves_starts_at_which_every_run_has_excess_parameters() -> None:
    """There the amplitude of the parameters cancels, and its derivative is 0."""
    law, x, truth = TRUTHS["data_constrained"](np.random.default_rng(11))
    y = law.value(truth, x)
    params, _, unique = x
    surface = parametric.LAW.starts(x[:2], y).T
    assert (params[:, None] > optimal_params(surface, unique[:, None])).all()

    found = estimate(law, x, y)

    np.testing.assert_allclose(found.theta[:, 0], truth, rtol=1e-6)
