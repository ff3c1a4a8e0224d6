"""What sets a curve is found where one grouping sets it and another only looks as if it did."""

import numpy as np
import pytest

from relscale.errors import RelscaleError
from relscale.questions import explained
from relscale.storage.column_arrays import Columns


def world(seed: int = 0) -> Columns:
    """60 models of 20 trainings: the corpus moves the line, the architecture does not."""
    rng = np.random.default_rng(seed)
    training = np.repeat(np.arange(20), 3)
    corpus, architecture = training % 4, training // 4 % 2
    x = rng.uniform(2, 4, 60)
    y = np.exp(0.3 * corpus + (1 + 0.1 * corpus) * np.log(x) + 0.01 * rng.standard_normal(60))
    return Columns(
        {"x": x, "y": y, "corpus": corpus.astype(float), "architecture": architecture.astype(float)}
        | {"training": training.astype(float)}
    )


def test_the_corpus_explains_the_scatter_and_the_architecture_does_not() -> None:
    found = {
        (row.factor, row.beyond): row
        for row in explained.rows(world(), x="x", y="y", by=("corpus", "architecture"))
    }
    assert found["corpus", ""].share > 0.99
    assert found["corpus", ""].p_value < 1e-20
    assert found["architecture", "corpus"].share < 0.4
    assert found["architecture", "corpus"].p_value > 0.01


@pytest.mark.slow
def test_with_trainings_p_is_of_their_exchanges() -> None:
    found = {
        (row.factor, row.beyond): row.p_value
        for row in explained.rows(world(), x="x", y="y", by=("corpus", "architecture"), block="training")
    }
    assert found["corpus", ""] < 0.01
    assert found["architecture", "corpus"] > 0.01


def of_four_runs(levels: str, seed: int = 0) -> Columns:
    """Three checkpoints of each of four runs, whose levels differ by chance alone; the run moves the line."""
    rng, run = np.random.default_rng(seed), np.repeat(np.arange(4), 3)
    x = rng.uniform(2, 4, 12)
    y = x * np.exp(0.1 * rng.standard_normal(4)[run] + 0.01 * rng.standard_normal(12))
    return Columns({"x": x, "y": y, "run": run.astype(float), "level": np.array(list(levels), object)[run]})


@pytest.mark.slow
def test_p_of_few_runs_is_the_share_of_their_arrangements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the six arrangements of two levels over four runs, three pairs are the same partition: p is 1/3, 2/3 or 1."""
    monkeypatch.setattr(explained, "EXCHANGES", 300)
    found = []
    for seed in range(6):
        table = of_four_runs("aabb", seed)
        explains = []
        for other in (1, 2, 3):
            group = np.isin(table["run"], (0, other)).astype(np.int64)
            left = explained.residuals(np.log(table["x"]), np.log(table["y"]), group)
            explains.append(-float(left @ left))
        (row,) = explained.rows(table, x="x", y="y", by=("level",), block="run")
        expected = np.mean(np.array(explains) >= explains[0])
        assert row.p_value == pytest.approx(expected, abs=0.1)
        found.append(expected)
    assert max(found) == 1  # even the arrangement that explains least has a p-value


@pytest.mark.parametrize("levels", ["abcd", "aaaa"])
def test_levels_that_no_permutation_of_runs_changes_have_no_p(levels: str) -> None:
    (row,) = explained.rows(of_four_runs(levels), x="x", y="y", by=("level",), block="run")
    assert row.p_value is None
    assert "permutations of the runs leave the groups" in (row.note or "")


def test_a_line_per_group_leaves_what_polynomials_leave() -> None:
    table = world()
    (row,) = explained.rows(table, x="x", y="y", by=("corpus",))
    left = []
    for _, own in table.by("corpus"):
        line = np.polyfit(np.log(own["x"]), np.log(own["y"]), 1)
        left.append(np.log(own["y"]) - np.polyval(line, np.log(own["x"])))
    assert row.rms_with == pytest.approx(np.sqrt(np.mean(np.concatenate(left) ** 2)), rel=1e-9)
    assert row.df == 60 - 8


def test_a_number_without_a_logarithm_is_named() -> None:
    with pytest.raises(RelscaleError, match="'x' has the value -1, which has no logarithm"):
        list(explained.rows(Columns({"x": np.array([-1.0, 2, 3]), "y": np.ones(3)}), x="x", y="y", by=()))
