"""What a table of another kind makes of a question: the right answer, a note, or one sentence."""

import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from relscale.errors import RelscaleError
from relscale.questions import (
    coupling,
    critical_branch,
    curation,
    domain_prediction,
    emergence,
    epistemic,
    estimation,
    explained,
    inversions,
    loss_network,
    metric_chain,
    mixture,
    multiplier,
    optimum,
    plateau,
    regime,
    signal_noise,
    synergy,
)
from relscale.storage.column_arrays import Columns

N, D = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e8, 1e9, 4), np.geomspace(1e9, 1e11, 6)))
LOSS = (1.7 + 400 * N**-0.34 + 400 * D**-0.28) * np.exp(np.random.default_rng(0).normal(0, 0.01, 24))
SURFACE = Columns({"n": N, "d": D, "loss": LOSS, "run": np.array(["r"] * 24, dtype=object)})
PARAMETRIC: dict[str, Any] = {"law": "parametric", "x": ("n", "d"), "y": "loss"}


SIZES, RATES = [1.0, 2.0, 4.0, 8.0, 16.0], [0.1, 0.2, 0.4, 0.5, 0.7]
SCORED: dict[str, Any] = {"size": [1, 1, 1, 2, 2, 2], "score": [0.1, 0.5, 0.2, 0.9, 0.7, 0.3]}
SCORED |= {"item": ["p", "q", "r"] * 2, "family": ["f"] * 6}
SCORES = {"scores": inversions.ScoreOptions(score="score", item="item", size="size", family="family")}
POOLS = {"seen": [1e7, 1e8, 1e9], "pool_size": [1e7] * 3, "error": [0.7, 0.55, 0.45], "pool": ["a"] * 3}
# A question, its table and its options; the columns of names are text.
NAMED: dict[ModuleType, tuple[dict[str, Any], dict[str, Any]]] = {
    critical_branch: (
        {"k": [1.0, 2.0, 4.0], "loss": [3.0, 2.99, 3.2], "at": ["c"] * 3},
        {"factor": "k", "y": "loss", "at": "at"},
    ),
    curation: (
        POOLS,
        {"y": "error", "samples": "seen", "pool_samples": "pool_size", "draws": 0},
    ),
    emergence: (
        {"size": SIZES, "rate": RATES, "draws": [100.0] * 5, "task": ["t"] * 5},
        {"scale": "size", "rate": "rate", "draws": "draws", "task": "task"},
    ),
    epistemic: (
        {
            "p": [0.2, 0.8, 0.4, 0.6],
            "item": ["q"] * 4,
            "choice": ["A", "B"] * 2,
            "seed": ["s", "s", "t", "t"],
        },
        {"probability": "p", "item": "item", "choice": "choice", "seed": "seed"},
    ),
    estimation: (
        {"n": N.tolist(), "d": D.tolist(), "loss": LOSS.tolist(), "model": [f"{n:.0f}" for n in N]},
        {"x": ("n", "d"), "y": "loss", "model": "model", "shares": ("1",)},
    ),
    inversions: (SCORED, SCORES),
    loss_network: (
        {"a": [*SIZES, 3.0], "y": [*RATES, None], "name": [*"uvwxyz"]},
        {"x": ("a",), "y": "y", "label": "name", "seeds": 1},
    ),
    multiplier: (
        {"d": [1.0, 2.0, 4.0, 1.0], "loss": [3.0, 2.5, 2.0, 2.4], "share": [0, 0, 0, 0.5], "at": ["t"] * 4},
        {"unique": "d", "y": "loss", "share": "share", "at": "at"},
    ),
    optimum: (
        {"n": N.tolist(), "d": D.tolist(), "loss": LOSS.tolist(), "run": [f"{n:.0f}" for n in N]},
        PARAMETRIC | {"at": ("training_flops=1e20",), "block": "run", "draws": 0},
    ),
    plateau: (SCORED, SCORES),
    regime: (
        {"d": SIZES, "loss": [5.0, 4.0, 3.4, 3.1, 2.9], "n": ["1B"] * 5},
        {"x": "d", "y": "loss", "by": "n"},
    ),
    synergy: (
        {"loss": [3.0, 2.9, 3.1, 3.0], "target": [*"aabb"], "auxiliary": [*"abab"]},
        {"y": "loss", "target": "target", "auxiliary": "auxiliary"},
    ),
}


def _answer(question: ModuleType, table: dict[str, Any], options: dict[str, Any]) -> list[str]:
    return [repr(row) for row in question.rows(Columns.of_table(pa.table(table)), **options)]


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(each, marks=[pytest.mark.slow] if each in (curation, loss_network) else [])
        for each in NAMED
    ],
    ids=lambda each: each.__name__.rpartition(".")[2],
)
def test_rows_without_a_number_and_a_name_change_nothing(question: ModuleType) -> None:
    table, options = NAMED[question]
    names = {name for name, values in table.items() if isinstance(values[0], str)}
    number = min(set(table) - names)
    half = {name: None if name in names or name == number else values[0] for name, values in table.items()}
    padded = {name: [None, *values, half[name]] for name, values in table.items()}
    assert _answer(question, padded, options) == _answer(question, table, options)
    unnamed = {name: [None if name in names else values[0]] for name, values in table.items()}
    if question is not loss_network:  # names only the rows that it predicts
        with pytest.raises(RelscaleError, match="is empty in 1 of"):
            _answer(question, {name: [*values, *unnamed[name]] for name, values in table.items()}, options)


@pytest.mark.parametrize("ids", [[1234567, 1234568], [2**60, 2**60 + 1], [1e20, 1.0000001e20]])
def test_numbers_that_differ_have_labels_that_differ(ids: list[float]) -> None:
    labels = Columns.of_table(pa.table({"item": ids})).labels("item")
    assert len(set(labels)) == 2
    assert [float(label) for label in labels] == [float(each) for each in ids]


def test_a_label_is_as_short_as_it_can_be() -> None:
    table = Columns.of_table(pa.table({"size": [1e9, 7.0, 1234567.0, 0.1]}))
    assert table.labels("size").tolist() == ["1e+09", "7", "1234567", "0.1"]


def test_a_number_that_is_infinite_is_said_to_be() -> None:
    with pytest.raises(RelscaleError, match="column 'loss' has the value inf"):
        Columns({"loss": np.array([1.0, np.inf])}).numbers("loss")


def test_an_optimum_without_resamples_has_no_interval() -> None:
    rows = list(optimum.rows(SURFACE, **PARAMETRIC, at=("training_flops=1e20",), draws=0))
    assert all(row.value is not None and row.low is None and row.high is None for row in rows)


@pytest.mark.parametrize("draws", [-1, 1, 19])
def test_too_few_resamples_are_refused(draws: int) -> None:
    with pytest.raises(RelscaleError, match="draws: "):
        list(optimum.rows(SURFACE, **PARAMETRIC, at=("training_flops=1e20",), draws=draws))


def test_one_training_has_no_interval_of_resampled_trainings() -> None:
    rows = list(optimum.rows(SURFACE, **PARAMETRIC, at=("training_flops=1e20",), block="run", draws=20))
    assert all(row.low is None and "fewer than 5 of run" in (row.note or "") for row in rows)


def test_compute_that_is_negative_is_said_to_be_instead_of_blaming_the_law() -> None:
    with pytest.raises(RelscaleError, match="training_flops is -1"):
        list(optimum.rows(SURFACE, **PARAMETRIC, at=("training_flops=-1",), draws=0))


def test_a_missing_loss_leaves_its_row_out_of_the_estimation_and_no_more() -> None:
    asked: dict[str, Any] = {"x": ("n", "d"), "y": "loss", "model": "n", "shares": ("1",)}
    asked["fix"] = ("A=400", "alpha=0.34")
    gap = np.where(np.arange(24) == 1, np.nan, LOSS)
    kept = Columns({"n": N, "d": D, "loss": LOSS}).where(np.arange(24) != 1)
    with_gap = list(estimation.rows(Columns({"n": N, "d": D, "loss": gap}), **asked))
    assert with_gap == list(estimation.rows(kept, **asked))
    assert all(row.error is not None and np.isfinite(row.error) for row in with_gap)


@pytest.mark.slow
def test_shares_that_cannot_fall_within_those_tried_are_refused() -> None:
    first = np.linspace(0.05, 0.1, 12)
    shares = np.stack([first, 1 - first])
    loss = 1 + 0.5 * (shares[0] + 0.1) ** -0.3 + 0.1 * (shares[1] + 0.5) ** -0.4
    table = Columns({"share_a": shares[0], "share_b": shares[1], "loss": loss})
    asked: dict[str, Any] = {"x": ("share_a", "share_b"), "y": ("loss",), "order": "falling", "draws": 0}
    with pytest.raises(
        RelscaleError, match="order: no falling mixture has shares up to the largest in the data"
    ):
        list(mixture.rows(table, **asked))
    shares_at_best = [row.value for row in mixture.rows(table, within="simplex", **asked)][:2]
    assert shares_at_best[0] >= shares_at_best[1]


def test_pools_without_any_error_are_one_sentence() -> None:
    blank = {name: np.full(4, np.nan) for name in ("samples", "pool_samples", "pool", "error")}
    with pytest.raises(RelscaleError, match="no row has samples, pool_samples, error"):
        list(curation.rows(Columns(blank), y="error"))


def test_rates_of_one_scale_count_as_that_of_all_their_draws() -> None:
    scale = np.geomspace(1, 1e4, 6)
    rate = np.exp(-(scale**-0.2))
    once = Columns({"scale": scale, "rate": rate, "draws": np.full(6, 400.0)})
    split = Columns(
        {
            "scale": np.tile(scale, 2),
            "rate": np.concatenate([rate - 0.01, rate + 0.01]),
            "draws": np.full(12, 200.0),
        }
    )
    asked = {"scale": "scale", "rate": "rate", "draws": "draws"}
    (a,), (b,) = emergence.rows(once, **asked), emergence.rows(split, **asked)
    assert (b.points, b.emergence) == (6, a.emergence)
    assert b.least_bend == pytest.approx(a.least_bend, abs=1e-9)
    (same,) = emergence.rows(Columns({**split.of, "scale": np.full(12, 5.0)}), **asked)
    assert same.emergence is None
    assert same.note


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a metric that is none of the metrics": (
        metric_chain,
        {"metrics": ("loss",), "item": "n", "model": "d", "compute": "d", "lower_is_better": ("brier",)},
        "'brier' is not one of the metrics",
    ),
    "a level of 95": (emergence, {"scale": "n", "rate": "loss", "draws": "d", "level": 95.0}, "level: 95"),
    "a share above 1": (estimation, {"x": ("n", "d"), "y": "loss", "model": "n", "judged": 7.0}, "judged: 7"),
    "a weight below 0": (mixture, {"x": ("n", "d"), "y": ("loss",), "kl": -1.0}, "kl: -1"),
    "a noise below 0": (multiplier, {"unique": "n", "y": "loss", "share": "d", "noise": -1.0}, "noise: -1"),
    "a recipe without scale": (
        signal_noise,
        {"metrics": ("loss",), "run": "run", "step": "d", "recipe": "run"},
        "give both columns",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_option_that_cannot_be_meant_is_refused(name: str) -> None:
    question, asked, said = REFUSED[name]
    with pytest.raises(RelscaleError, match=said):
        list(question.rows(SURFACE, **asked))


def test_scores_that_do_not_vary_have_no_numbers_and_no_warnings() -> None:
    steps, still = np.arange(12.0), np.full(12, 0.0)
    table = Columns(
        {"step": steps, "still": still, "x": np.sin(steps), "y": np.cos(steps), "size": steps + 1}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (row,) = coupling.rows(table, x="still", y="y", size="size")
        assert (row.r, row.size, row.note) == (None, None, "a score is constant")
        (domain,) = domain_prediction.rows(table, step="step", domains=("a=still+still",))
        assert domain.monotone is None
        (metric,) = signal_noise.rows(table, metrics=("still",), run="", step="step")
        assert metric.snr is None
        assert metric.note


def test_a_metric_without_any_value_has_a_note() -> None:
    table = Columns(
        {
            "run": np.array(["a", "a", "b", "b"], dtype=object),
            "step": np.array([1.0, 2.0, 1.0, 2.0]),
            "measured": np.array([0.5, 0.51, 0.6, 0.61]),
            "empty": np.full(4, np.nan),
        }
    )
    found, none = signal_noise.rows(table, metrics=("measured", "empty"), run="run", step="step")
    assert found.snr is not None
    assert none.note == "no run has two checkpoints with it"


def test_the_trend_counts_pairs_that_rise_with_ties_as_half() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 40).astype(float), rng.integers(0, 5, 30).astype(float)
    counted = sum((x < y) + 0.5 * (x == y) for x in a for y in b)
    assert inversions._pairs_that_rise(a, b) == counted


def test_p_of_sign_flips_is_that_of_all_flips() -> None:
    change = np.array([0.3, -0.5, -0.1, -0.7, 0.2, -0.4])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
    exact = np.mean(change @ signs <= change.sum() + 1e-12)
    assert inversions.p_of_flips(change, np.random.default_rng(0)) == pytest.approx(exact, abs=0.015)


def test_what_a_line_leaves_by_rounding_alone_is_not_explained_by_anything() -> None:
    x = np.geomspace(1, 2, 12)
    table = Columns({"x": x, "y": 3 * x**0.7, "parity": np.arange(12) % 2.0})
    (row,) = explained.rows(table, x="x", y="y", by=("parity",))
    assert (row.share, row.f, row.p_value) == (0.0, None, None)
