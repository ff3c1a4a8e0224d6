"""The note on the correlation of slopes with a covariate."""

import pytest

from relscale.figures.correlation import correlation_words

VARIED, EQUAL = (1.0, 2.0, 4.0, 8.0), (3.0, 3.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("covariate", "slopes", "constant"),
    [(EQUAL, VARIED, "covariates"), (VARIED, EQUAL, "slopes"), (EQUAL, EQUAL, "covariates and slopes")],
)
def test_a_constant_side_has_no_correlation_and_is_named(
    covariate: tuple[float, ...], slopes: tuple[float, ...], constant: str
) -> None:
    assert correlation_words(covariate, slopes) == f"4 groups: no correlation, all {constant} are equal"


def test_a_line_in_the_logarithm_is_a_perfect_correlation() -> None:
    assert (
        correlation_words(VARIED, (0.1, 0.2, 0.3, 0.4)) == "4 groups: Pearson +1.00, rank correlation +1.00"
    )
