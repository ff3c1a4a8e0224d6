import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.fitting.inference.multiplicity import adjusted


@pytest.mark.slow
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values_are_those_of_statsmodels(p: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests

    bh, by = adjusted(p, ["family"] * len(p))
    assert bh == pytest.approx(multipletests(p, method="fdr_bh")[1])
    assert by == pytest.approx(multipletests(p, method="fdr_by")[1])


def test_families_and_missing_values_do_not_touch_each_other() -> None:
    bh, _ = adjusted([0.01, None, 0.02, 0.04], ["a", "a", "b", "a"])
    assert bh[[0, 2, 3]] == pytest.approx([0.02, 0.02, 0.04])
    assert np.isnan(bh[1])
