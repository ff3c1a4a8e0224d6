"""Optimal transport between samples of text, and mixtures projected to a larger scale by it."""

from typing import Any

import numpy as np
import pytest

from relscale.corpora.distance import document_vectors, sinkhorn_cost, transport_distance
from relscale.errors import RelscaleError
from relscale.questions import projection, transport
from relscale.storage.column_arrays import Columns

RNG = np.random.default_rng(0)


def test_transport_on_a_line_is_the_mean_distance_of_the_sorted_points() -> None:
    a, b = RNG.normal(size=200), RNG.normal(0.5, 2, size=200)
    assert transport_distance(a[:, None], b[:, None]) == pytest.approx(np.abs(np.sort(a) - np.sort(b)).mean())


def test_a_shift_costs_its_length() -> None:
    a = RNG.normal(size=(60, 2))
    shifted = a + np.array([1.0, 2.0])
    assert transport_distance(a, shifted, power=2) ** 2 == pytest.approx(5)
    assert transport_distance(a, shifted) <= np.sqrt(5) + 1e-12


@pytest.mark.slow
def test_sinkhorns_plan_costs_hardly_more_than_the_exact_one() -> None:
    a, b = RNG.normal(size=(80, 3)), RNG.normal(1, 1, size=(80, 3))
    exact = transport_distance(a, b)
    cost = np.linalg.norm(a[:, None] - b[None], axis=2)
    assert exact - 1e-6 <= sinkhorn_cost(cost) <= 1.02 * exact
    assert transport_distance(a, np.repeat(a, 2, axis=0)) == pytest.approx(0, abs=0.05)  # of unequal size


def test_documents_of_other_words_are_further_from_a_target_than_its_own() -> None:
    def documents(words: str, number: int) -> list[str]:
        return [" ".join(RNG.choice(words.split(), 30)) for _ in range(number)]

    near, far, target = (
        documents("the cat sat on a mat", 40),
        documents("def return import class self", 40),
        documents("the cat sat on the sofa", 80),
    )
    labels = np.array(["near"] * 40 + ["far"] * 40 + ["news"] * 80, dtype=object)
    table = Columns({"text": np.array(near + far + target, dtype=object), "group": labels})
    found = {row.source: row for row in transport.rows(table, target="news", sample=40, repeats=2)}
    assert found["news"].above_target == 0
    assert 0 < found["near"].above_target < found["far"].above_target
    mixed = {
        row.source: row
        for row in transport.rows(table, target="news", sample=40, repeats=2, shares=("1", "1"))
    }["mixture"]
    assert found["near"].distance < mixed.distance < found["far"].distance
    with pytest.raises(RelscaleError, match="group near: 40 documents; 50 are needed"):
        list(transport.rows(table, target="far", sample=50))
    assert np.linalg.norm(document_vectors(["some text"])) == pytest.approx(1)
    with_gaps = Columns(
        {
            "text": np.array([None, *near, *far, *target], dtype=object),
            "group": np.array(["near", *labels], dtype=object),
        }
    )
    asked: dict[str, Any] = {"target": "news", "sample": 40, "repeats": 2}
    assert list(transport.rows(with_gaps, **asked)) == list(transport.rows(table, **asked))
    with pytest.raises(RelscaleError, match="column 'length' contains no text"):
        list(transport.rows(Columns({**table.of, "length": np.ones(160)}), text="length", **asked))


@pytest.mark.parametrize(
    ("floor", "size", "linear", "log"),
    [
        (0, 5000, -0.116, 0),
        (0, 10_000, -0.303, 0),
        (0.2, 5000, -0.051, -0.021),
        (0.2, 10_000, -0.117, -0.048),
    ],
)
def test_the_line_of_stage_2_misses_a_power_by_so_much(
    floor: float, size: int, linear: float, log: float
) -> None:
    def loss(n: float) -> float:
        return float(floor + 2 * n**-0.3)

    at = np.log(size / 1000) / np.log(1.5)
    straight = projection.projected(np.array(loss(1000)), np.array(loss(1500)), at)
    in_logs = np.exp(projection.projected(np.log(loss(1000)), np.log(loss(1500)), at))
    assert straight / loss(size) - 1 == pytest.approx(linear, abs=1e-3)
    assert in_logs / loss(size) - 1 == pytest.approx(log, abs=1e-3)


def runs(noise: float = 0.0) -> Columns:
    """Accuracies that are quadratic in three shares and linear in the distance and ln N; best at 0.2, 0.5, 0.3."""
    shares = np.random.default_rng(1).dirichlet([1, 1, 1], 30)
    off = ((shares - np.array([0.2, 0.5, 0.3])) ** 2).sum(axis=1)
    distance = 0.3 + off
    found = {"size": [], "y": []}
    for size in (1000.0, 1500.0):
        found["size"].append(np.full(30, size))
        found["y"].append((0.4 + 0.05 * np.log(size)) - (0.3 + 0.02 * np.log(size)) * distance)
    y = np.concatenate(found["y"]) + noise * RNG.standard_normal(60)
    of_share = dict(zip(("a", "b", "c"), np.tile(shares, (2, 1)).T, strict=True))
    return Columns(
        {**of_share, "size": np.concatenate(found["size"]), "distance": np.tile(distance, 2), "y": y}
    )


def test_a_mixture_whose_accuracy_is_quadratic_is_found_and_projected_along_ln_n() -> None:
    asked = {"x": ("a", "b", "c"), "y": "y", "size": "size", "at": 1e4, "scale": "linear", "better": "higher"}
    *shares, accuracy = projection.rows(runs(), draws=0, **asked)
    assert [row.value for row in shares] == pytest.approx([0.2, 0.5, 0.3], abs=1e-3)
    truth = (0.4 + 0.05 * np.log(1e4)) - (0.3 + 0.02 * np.log(1e4)) * 0.3
    assert accuracy.value == pytest.approx(truth, abs=1e-6)
    assert accuracy.note == "6.67 times the larger size of the runs"
    *_, below = projection.rows(runs(), draws=0, **(asked | {"at": 500.0}))
    assert below.note == "0.5 times the smaller size of the runs"
    *_, noisy = projection.rows(runs(2e-4), draws=40, **asked)
    assert noisy.low < noisy.value < noisy.high
    assert noisy.low < truth < noisy.high


def test_the_line_goes_through_two_sizes_of_enough_mixtures() -> None:
    table, asked = runs(), {"x": ("a", "b", "c"), "y": "y", "size": "size", "at": 1e4}
    with pytest.raises(RelscaleError, match="size 1500: 5 mixtures; more than"):
        next(projection.rows(table.where(np.arange(60) < 35), **asked))
    with pytest.raises(RelscaleError, match="size: 1 values"):
        next(projection.rows(table.where(table["size"] == 1000), **asked))
