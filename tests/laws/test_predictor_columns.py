"""Predictors of a law and the columns they are given in; shares of a mixture, which sum to nearly 1 if rounded."""

import re

import numpy as np
import pytest
from one_sentence import assert_one_sentence

from relscale.errors import RelscaleError
from relscale.laws.catalogue import law
from relscale.laws.predictor_columns import check_predictor_columns, check_shares


def shares(parts: int) -> tuple[list[str], np.ndarray]:
    """Names of the parts, and 200 mixtures of them (parts, 200)."""
    drawn = np.random.default_rng(parts).dirichlet(np.ones(parts), 200).T
    return [f"share_{part}" for part in range(parts)], drawn


@pytest.mark.parametrize("parts", [2, 5, 25, 100])
def test_shares_of_any_number_of_parts_may_be_rounded_to_two_digits(parts: int) -> None:
    names, exact = shares(parts)
    check_shares(names, exact.round(2))


@pytest.mark.parametrize("total", [0.98, 1.02])
def test_a_sum_is_off_by_as_much_as_its_words_say(total: float) -> None:
    """0.34 + 0.34 + 0.34 is 1.0200000000000002."""
    check_shares(["a", "b", "c"], np.full((3, 1), total / 3))
    with pytest.raises(RelscaleError, match="a row sums to"):
        check_shares(["a", "b"], np.full((2, 1), (total + 0.01 * np.sign(total - 1)) / 2))


def test_shares_that_lack_a_tenth_are_not_rounded() -> None:
    names, exact = shares(25)
    with pytest.raises(RelscaleError, match=r"a row sums to 0\.9"):
        check_shares(names, np.where(np.arange(200) % 2, exact, 0.9 * exact))


@pytest.mark.parametrize("unit", [100.0, 1e9])
@pytest.mark.parametrize("parts", [2, 25, 100])
def test_amounts_in_other_units_are_refused_without_a_list_of_all_parts(parts: int, unit: float) -> None:
    names, exact = shares(parts)
    with pytest.raises(RelscaleError, match=re.escape(f"a row sums to {unit:g}")) as error:
        check_shares(names, unit * exact)
    assert_one_sentence(error.value)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize("name", ["annealing", "multi_power"])
def test_steps_and_learning_rates_are_predictors_only_where_those_of_the_law_are_computed(name: str) -> None:
    """A design, which computes none, would take them as the sums S1 and S2 of learning rates."""
    of, columns = law(name), ["step", "learning_rate"]
    check_predictor_columns(of, columns, computed=True)
    check_predictor_columns(of, of.predictors)
    with pytest.raises(RelscaleError, match="only relscale fit computes from 'step'") as error:
        check_predictor_columns(of, columns)
    assert_one_sentence(error.value)
    with pytest.raises(RelscaleError, match="but 3 columns are given"):
        check_predictor_columns(of, ["a", "b", "c"])
