"""Curves of the question ``estimation``, fitted together."""

import numpy as np
import pytest

from relscale.laws.catalogue import law
from relscale.questions.estimation import fitted
from relscale.storage.column_arrays import rows_by_name


@pytest.mark.parametrize("name", ["parametric", pytest.param("mixture_additive", marks=pytest.mark.slow)])
def test_curves_that_are_fitted_together_are_fitted_as_each_alone(name: str) -> None:
    """One law has no bounds in the units of the data, the other has."""
    rng = np.random.default_rng(0)
    curves = []
    for points in (20, 31, 12, 25, 13):
        if name == "parametric":
            x = np.array([np.full(points, 1e9), np.geomspace(1e9, 1e11, points)])
            y = 1.7 + 406.4 / x[0] ** 0.34 + 410.7 / x[1] ** 0.28
        else:
            x = rng.dirichlet([1, 1], points).T
            y = len(curves) + 1 / (0.3 * x[0] ** 0.4 + 0.5 * x[1] ** 0.8)
        curves.append((x, y + rng.normal(0, 0.003, points)))
    one = law(name, ("params", "tokens") if name == "parametric" else ("share_a", "share_b"))
    fixed = {"A": 406.4, "alpha": 0.34} if name == "parametric" else {}
    together = fitted(one, curves, fixed)
    for curve, theta in zip(curves, together, strict=True):
        (alone,) = fitted(one, [curve], fixed)
        np.testing.assert_allclose(one.value(theta, curve[0]), one.value(alone, curve[0]), rtol=1e-6)


def test_rows_of_a_name_are_in_their_order() -> None:
    names = np.array(["b", "a", "b", "c", "a"], dtype=object)
    assert {name: rows.tolist() for name, rows in rows_by_name(names).items()} == {
        "b": [0, 2],
        "a": [1, 4],
        "c": [3],
    }
    assert list(rows_by_name(names)) == ["b", "a", "c"]
    assert rows_by_name(names[:0]) == {}
