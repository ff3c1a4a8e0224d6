"""What questions answer where the answer is known."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import sem, spearmanr
from scipy.stats import t as student

from relscale.atlas.explaining_scaling import loss, relative_rise, spectrum
from relscale.errors import RelscaleError
from relscale.laws import (
    critical_batch,
    data_constrained,
    datastore,
    filtering,
    information,
    mixture_additive,
    overtraining,
    parametric,
    repetition,
)
from relscale.measurements.pass_rates import Emergence
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
from relscale.questions.regime import Regime
from relscale.storage.column_arrays import Columns

SURFACE = np.array([1.8172, 477.8, 2143.5, 0.3473, 0.3672])
RNG = np.random.default_rng(0)


def text(*names: str) -> np.ndarray:
    return np.array(names, dtype=object)


def crossed(*axes: object) -> list[np.ndarray]:
    return [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]


def test_allocation_is_where_the_surface_is_least_along_its_compute() -> None:
    params, tokens = crossed(np.geomspace(1e8, 1e10, 6), np.geomspace(1e9, 1e11, 6))
    y = parametric.value(SURFACE, np.stack([params, tokens]))
    table = Columns({"params": params, "tokens": tokens, "loss": y})
    flops = 1e20
    asked = {"law": "parametric", "x": ("params", "tokens"), "y": "loss", "draws": 20}
    found = {row.quantity: row for row in optimum.rows(table, at=(f"training_flops={flops}",), **asked)}
    sizes = np.geomspace(1e8, 1e10, 200_001)
    least = sizes[parametric.value(SURFACE[:, None], np.stack([sizes, flops / 6 / sizes])).argmin()]
    assert found["params"].value == pytest.approx(least, rel=1e-4)
    assert found["params"].note is None
    own = float((6 * params * tokens).max()) * (1 + 1e-14)  # that of whole tokens is a little less
    notes = [row.note for row in optimum.rows(table, at=(f"training_flops={own!r}",), **asked)]
    assert not any("training_flops" in (note or "") for note in notes)
    far = {row.quantity: row for row in optimum.rows(table, at=("training_flops=1e25",), **asked)}
    assert far["params"].note == "beyond the data; at a value beyond the data: training_flops"
    assert far["loss"].note == "at a value beyond the data: training_flops, params, tokens"
    with pytest.raises(RelscaleError, match="needs training_flops"):
        list(optimum.rows(table, **asked))


def test_epochs_and_batch_of_known_laws() -> None:
    theta = np.array(
        [np.exp(0.6254804), np.exp(6.255414), np.exp(7.3049974), 0.3526596, 0.3526596, 15.387756, 5.309743]
    )
    found = data_constrained.OPTIMUM.optimal_values(theta, {"training_flops": 1e22, "unique_tokens": 25e9})
    assert found["params"] == pytest.approx(7.0261e9, rel=1e-4)
    assert found["epochs"] == pytest.approx(9.488, rel=1e-3)
    batch = critical_batch.OPTIMUM.optimal_values(
        np.array([1293.827, 2190.601]), {"overhead": 0.2, "from_batch": 256}
    )
    assert batch["batch_tokens"] == pytest.approx(745.32, abs=0.01)


@pytest.mark.parametrize("flops", [1e18, 1e20, 1e22])
def test_text_in_plenty_leaves_the_allocation_of_a_law_without_repetition(flops: float) -> None:
    theta = np.array([1.87, 521, 1488, 0.353, 0.353, 15.4, 5.3])
    params, tokens = parametric.compute_optimal(theta[:5], flops)
    for plenty in (1.01 * tokens, 100 * tokens):
        found = data_constrained.OPTIMUM.optimal_values(
            theta, {"training_flops": flops, "unique_tokens": plenty}
        )
        assert found["params"] == pytest.approx(params, rel=1e-4)
        assert found["tokens"] == pytest.approx(tokens, rel=1e-4)
        assert found["loss"] == pytest.approx(
            parametric.value(theta[:5], np.array([params, tokens])), rel=1e-9
        )
        assert found["epochs"] <= 1


def test_compute_that_no_run_had_is_beyond_the_data_though_its_sizes_and_tokens_are_not() -> None:
    """Small models on many tokens and large ones on few: their allocation of more compute is in neither's range."""
    params, tokens = np.geomspace(1e8, 1e10, 30), np.geomspace(1e11, 1e9, 30) * np.tile([0.5, 1, 1], 10)
    table = Columns(
        {"params": params, "tokens": tokens, "loss": parametric.value(SURFACE, np.stack([params, tokens]))}
    )
    asked = {"law": "parametric", "x": ("params", "tokens"), "y": "loss", "draws": 0}
    inside, beyond = (
        {row.quantity: row.note for row in optimum.rows(table, at=(f"training_flops={flops}",), **asked)}
        for flops in (5e19, 1e21)
    )
    assert set(inside.values()) == {None}
    assert set(beyond.values()) == {"at a value beyond the data: training_flops"}


def test_epochs_that_no_run_had_are_beyond_the_data() -> None:
    unique, epochs, params = crossed(
        np.geomspace(1e8, 1e10, 6), [1.0, 2.0, 4.0, 8.0], np.geomspace(1e7, 1e10, 6)
    )
    theta = np.array([1.87, 521, 1488, 0.353, 0.353, 15.4, 5.3])
    x = np.stack([params, unique * epochs, unique])
    columns = dict(zip(data_constrained.LAW.predictors, x, strict=True))
    table = Columns({**columns, "loss": data_constrained.LAW.value(theta, x)})
    asked = {"law": "data_constrained", "x": data_constrained.LAW.predictors, "y": "loss", "draws": 0}
    few, many = (
        {
            row.quantity: row
            for row in optimum.rows(table, at=("training_flops=1e19", f"unique_tokens={u}"), **asked)
        }
        for u in (1e9, 1.5e8)
    )
    assert few["epochs"].largest == 8
    assert few["epochs"].value < 8
    assert few["epochs"].note is None
    assert many["epochs"].value > 8
    assert many["epochs"].note == "beyond the data"
    assert many["loss"].note == "at a value beyond the data: epochs"


def test_optima_of_further_laws_are_the_least_of_each_along_the_compute() -> None:
    sizes, flops = np.geomspace(1e7, 1e12, 200_001), 1e21
    over, store = np.array([79.0, 193.0, -0.229, 1.53]), np.array([1.6, 400, 1500, 0.05, 0.34, 0.38, 3e9])
    found = overtraining.OPTIMUM.optimal_values(over, {"training_flops": flops})
    least = sizes[overtraining.value(over[:, None], np.stack([sizes, flops / 6 / sizes])).argmin()]
    assert found["params"] == pytest.approx(least, rel=1e-4)
    assert found["params"] * found["tokens"] * 6 == pytest.approx(flops)
    found = datastore.OPTIMUM.optimal_values(store, {"training_flops": flops, "datastore_tokens": 1e11})
    at = np.stack([sizes, flops / 6 / sizes, np.full_like(sizes, 1e11)])
    assert found["params"] == pytest.approx(sizes[datastore.LAW.value(store, at).argmin()], rel=1e-4)
    assert found["loss"] == pytest.approx(datastore.LAW.value(store, at).min())


def test_the_rate_of_a_batch_that_was_not_tried_is_said_to_be_beyond_the_data() -> None:
    batch = np.geomspace(3e4, 1e7, 12)
    table = Columns({"batch": batch, "rate": 2e-3 / (1 + (1e6 / batch) ** 0.7)})
    asked = {"law": "peak_learning_rate", "x": ("batch",), "y": "rate", "draws": 0}
    (inside,) = optimum.rows(table, at=("batch_tokens=1e6",), **asked)
    assert inside.value == pytest.approx(1e-3)
    assert inside.note is None
    (outside,) = optimum.rows(table, at=("batch_tokens=1e8",), **asked)
    assert outside.note == "at a value beyond the data: batch_tokens"


def mixtures(rows: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.dirichlet([1.0, 1.0, 1.0], rows).T
    x = x[:, (x < 0.8).all(axis=0)]
    return x, np.array([1.5, 0.5, 0.3, 0.9, 0.4, 0.6, 0.3])


def test_the_optimal_mixture_is_inside_and_none_is_larger_than_the_largest_tried() -> None:
    x, theta = mixtures()
    names = ("share_a", "share_b", "share_c")
    y = mixture_additive.value(theta, x)
    table = Columns({**dict(zip(names, x, strict=True)), "loss": y})
    found = [row.value for row in mixture.rows(table, x=names, y=("loss",), draws=0)][:3]
    grid = np.random.default_rng(2).dirichlet([1, 1, 1], 200_000).T
    best = grid[:, mixture_additive.value(theta, grid).argmin()]
    assert found == pytest.approx(best, abs=0.02)
    capped = Columns(
        {**table.of, "one": mixture_additive.value(np.array([1.5, 9, 0.01, 0.01, 0.4, 0.6, 0.3]), x)}
    )
    share = next(mixture.rows(capped, x=names, y=("one",), draws=0))
    assert share.value == pytest.approx(x[0].max(), abs=1e-6)
    assert share.note == "at the largest share in the data"
    free = next(mixture.rows(capped, x=names, y=("one",), draws=0, within="simplex"))
    assert free.value > share.value
    assert free.note == "beyond the data"


def test_a_heavy_divergence_keeps_the_prior() -> None:
    x, theta = mixtures()
    names = ("share_a", "share_b", "share_c")
    table = Columns({**dict(zip(names, x, strict=True)), "loss": mixture_additive.value(theta, x)})
    asked = {"x": names, "y": ("loss",), "draws": 0, "prior": ("0.2", "0.3", "0.5")}
    found = [row.value for row in mixture.rows(table, kl=1e4, **asked)][:3]
    assert found == pytest.approx([0.2, 0.3, 0.5], abs=1e-3)


def test_the_best_shares_by_infolaw_are_those_of_its_published_constants() -> None:
    """Of 7B parameters and the text that there is; known to 0.0025 from a search of a grid."""
    names, text = ("share_0", "share_1", "share_2"), 3.13e11
    law = information.LAW.make_law(names)
    theta = np.array([3.7373, 0.0441, 0.922, 0.140, 0.018])
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1.0, 1.0, 1.0], 60).T
    sizes, tokens = rng.choice([2.5e8, 1.2e9, 7e9], 60), rng.choice([1e11, 3e11, 1e12], 60)
    unique = np.repeat(np.array([[0.05], [0.15], [0.2]]) * text, 60, axis=1)
    x = np.vstack([sizes, tokens, shares, unique])
    table = Columns({**dict(zip(law.predictors, x, strict=True)), "loss": law.value(theta, x)})
    asked = {"x": names, "y": ("loss",), "law": "information", "order": "falling", "within": "simplex"}
    asked |= {"residual": "log", "draws": 0}
    *few, mean, _ = mixture.rows(table, at=("params=7e9", "tokens=3e11"), **asked)
    assert [row.value for row in few] == pytest.approx([0.548, 0.452, 0], abs=0.0025)
    at = np.array([7e9, 3e11, *(row.value for row in few), *unique[:, 0]])
    assert mean.value == pytest.approx(law.value(theta, at[:, None])[0], rel=1e-6)
    many = [row.value for row in mixture.rows(table, at=("params=7e9", "tokens=1e12"), **asked)]
    assert many[:3] == pytest.approx([0.3875, 0.3875, 0.225], abs=0.0025)
    with pytest.raises(RelscaleError, match="params differs between rows, from"):
        list(mixture.rows(table, at=("tokens=1e12",), **asked))


@pytest.mark.slow
def test_the_best_pools_change_with_compute_where_they_are_published_to() -> None:
    """From the published parameters of four pools of 12.8M samples: one pool up to 82M samples, two up to 1,005M."""
    pool, count = 12.8e6, 10
    seen = np.geomspace(0.3 * pool, 50 * pool, count)
    names, b, tau = (
        ("best", "second", "third"),
        (-0.16, -0.125, -0.10),
        (6.727272727, 8.545454545, 5.272727273),
    )
    at = np.stack([seen, np.full(count, pool)])
    error = [filtering.value(np.array([0.025, *of, 0.1]), at) for of in zip(b, tau, strict=True)]
    table = Columns(
        {
            **{"samples": np.tile(seen, 3), "pool_samples": np.full(3 * count, pool)},
            **{"pool": np.repeat(text(*names), count), "error": np.concatenate(error)},
        }
    )
    one, two, three = curation.rows(table, y="error", draws=0)
    assert [row.pools for row in (one, two, three)] == [1, 2, 3]
    assert two.which == "best, second"
    assert one.change == pytest.approx(82e6, abs=0.6e6)
    assert two.change == pytest.approx(1005e6, rel=0.015)
    assert two.note == "the change is beyond the data"
    best_two = table.where(table["pool"] != "third")
    first = next(curation.rows(best_two, y="error", draws=20))
    assert (first.low, first.high) == pytest.approx((first.change, first.change), rel=1e-3)  # without noise
    with pytest.raises(RelscaleError, match="order: best,second; the pools are best, second, third"):
        next(curation.rows(table, y="error", order=("best", "second")))


@pytest.mark.slow
def test_a_mixture_as_good_as_two_and_a_half_times_the_data_has_that_multiplier() -> None:
    unique = np.array([5e7, 1e8, 2e8, 2.5e8, 4e8])
    alone = repetition.decayed(unique, 4e9 / unique - 1, np.array(15.387756))
    loss_of = 1.8691 + 1488 / alone**0.35266
    table = {
        "unique": [*unique, 1e8, 1e8],
        "loss": [*loss_of, loss_of[3], 0.9],
        "share": [0.0] * 5 + [0.5, 0.7],
    }
    columns = Columns({name: np.array(values) for name, values in table.items()})
    exact, beyond = multiplier.rows(columns, unique="unique", y="loss", share="share", noise=0.002)
    assert exact.multiplier == pytest.approx(2.5, rel=1e-12)
    assert exact.low is not None
    assert exact.low < 2.5 < exact.high
    assert beyond.multiplier is None
    assert beyond.note.startswith("beyond the data: more than 4")
    of_both = Columns({**columns.of, "unique": np.array([*unique, 3e9, 3e9])})  # with what is mixed in
    again = multiplier.rows(of_both, unique="unique", y="loss", share="share", unique_in_mixtures=1e8)
    assert [row.multiplier for row in again] == pytest.approx([2.5, None])
    empty = Columns({**columns.of, "unique": np.array([*unique, np.nan, np.nan])})
    asked = {"unique": "unique", "y": "loss", "share": "share"}
    filled = multiplier.rows(empty, **asked, unique_in_mixtures=1e8)
    assert [row.multiplier for row in filled] == pytest.approx([2.5, None])
    with pytest.raises(RelscaleError, match="no mixture has numbers in all of unique, loss and share"):
        list(multiplier.rows(empty, **asked))


def test_a_run_without_a_share_is_left_out_of_multipliers_and_counted() -> None:
    columns = Columns(
        {
            "unique": np.array([1e8, 2e8, 4e8, 1e8, 1e8, 1e8]),
            "loss": np.array([3.0, 2.5, 2.0, 2.5, 2.4, np.nan]),
            "share": np.array([0.0, 0.0, 0.0, 0.5, np.nan, 0.5]),
        }
    )
    (row,) = multiplier.rows(columns, unique="unique", y="loss", share="share")
    assert row.multiplier == pytest.approx(2.0)
    assert row.note == "2 of 6 runs excluded: no number in unique, loss or share"


def test_the_critical_batch_is_that_of_the_largest_branch_that_no_smaller_one_is_clearly_below() -> None:
    """8 exceeds the 2.995 of 2 by more than 0.01, 4 does not; at the second checkpoint the largest is not too large."""
    losses = {"early": (3.000, 2.995, 3.004, 3.011), "late": (2.9, 2.9, 2.9, 2.905)}
    columns = Columns(
        {
            "k": np.tile([1.0, 2, 4, 8], 2),
            "loss": np.concatenate(list(losses.values())),
            "from": np.repeat(np.array(list(losses), dtype=object), 4),
        }
    )
    early, late = critical_branch.rows(columns, factor="k", y="loss", at="from", batch=256)
    assert (early.factor, early.batch, early.note) == (4, 1024, None)
    assert (late.factor, late.batch) == (8, 2048)
    assert late.note.startswith("a lower bound")
    diverged = Columns({**columns.of, "loss": np.where(columns.of["k"] == 8, np.nan, columns.of["loss"])})
    *_, late = critical_branch.rows(diverged, factor="k", y="loss", at="from")
    assert (late.factor, late.note) == (4, None), "a branch without a loss diverged: it is too large"
    with pytest.raises(RelscaleError, match="late: no branch with k 1"):
        list(critical_branch.rows(columns.where(np.arange(8) != 4), factor="k", y="loss", at="from"))
    with pytest.raises(RelscaleError, match=r"column noise: -0\.1 is negative"):
        noisy = Columns({"k": np.array([1.0, 2.0]), "loss": np.ones(2), "noise": np.array([0.1, -0.1])})
        list(critical_branch.rows(noisy, factor="k", y="loss", noise="noise"))


@pytest.mark.parametrize(("points", "exponent"), [(6, 0.3), (12, 0.5), (4, 1.0)])
def test_the_exponent_of_exact_powers_has_no_wider_limits_than_rounding(points: int, exponent: float) -> None:
    x = np.geomspace(1, 1000, points)
    _, low, high, floor = regime.exponent_above_floor(x, 2 * x**-exponent, 0.95)
    assert floor == 0
    assert (low, high) == pytest.approx((exponent, exponent), rel=1e-9)


@pytest.mark.slow
def test_an_exponent_without_a_floor_has_the_limit_of_steeper_ones_with_a_floor() -> None:
    """Noise hides a floor in some tables; without it, limits cover 88% of exponents."""
    rng, x, found = np.random.default_rng(0), np.geomspace(1, 1000, 8), 0
    while found < 2:
        y = (0.05 + x**-0.3) * np.exp(0.05 * rng.standard_normal(8))
        _, _, high, floor = regime.exponent_above_floor(x, y, 0.95)
        if floor > 0:
            continue
        found += 1

        def squares(exponent: float | None, y: np.ndarray = y) -> float:
            def away(p: np.ndarray) -> np.ndarray:
                return np.log(p[0] + p[1] * x ** -(exponent or p[2])) - np.log(y)

            return float(2 * least_squares(away, [0.01, 1.0, 0.3], bounds=([0, 0, 0], np.inf)).cost)

        tau = np.sqrt((squares(high) / squares(None) - 1) * 5)
        assert tau == pytest.approx(student.ppf(0.975, 5), rel=0.05)


def test_the_regimes_of_random_features_are_distinguished() -> None:
    eigenvalues = spectrum(4000, 0.5)
    few = np.geomspace(10, 160, 8)
    many = np.geomspace(400, 20_000, 10)
    by_features = [loss(p, np.inf, eigenvalues) for p in few]
    by_examples = [0.5 * (1 + relative_rise(20, d)) for d in many]
    table = Columns(
        {
            "x": np.concatenate([few, many]),
            "y": np.array([*by_features, *by_examples]),
            "of": np.repeat([1.0, 2.0], [8, 10]),
        }
    )
    resolution, variance = regime.rows(table, x="x", y="y", by="of")
    assert resolution.regime is Regime.RESOLUTION
    assert variance.exponent == pytest.approx(1, abs=0.1)
    assert regime.regime_of(0.9, 1.1) is Regime.VARIANCE
    assert regime.regime_of(0.2, 1.4) is Regime.MIXED


SCORES = inversions.ScoreOptions(score="score", item="item", size="size")


def long(scores: np.ndarray) -> Columns:
    """A row per size and item of scores (sizes, items)."""
    size, item = crossed(np.arange(1.0, len(scores) + 1), np.arange(scores.shape[1]))
    return Columns({"size": size, "item": item.astype(float), "score": scores.ravel()})


def test_a_planted_fall_is_an_inversion_and_a_rise_is_none() -> None:
    rng = np.random.default_rng(3)
    ease = rng.uniform(size=600)
    scores = np.array([(ease < level) for level in (0.3, 0.5, 0.42, 0.7)], dtype=float)
    found = list(inversions.rows(long(scores), scores=SCORES))
    assert [row.inversion for row in found] == [False, True, False]
    assert found[1].change == pytest.approx(scores[2].mean() - scores[1].mean())
    assert found[0].trend_p < 1e-6


@pytest.mark.slow
def test_false_inversions_of_equal_models_are_rare() -> None:
    rng = np.random.default_rng(4)
    called = []
    for _ in range(20):
        alike = long(rng.integers(0, 2, (3, 120)).astype(float))
        called.append(any(row.inversion for row in inversions.rows(alike, scores=SCORES)))
    assert np.mean(called) <= 0.2


def test_a_trend_is_that_of_the_items_that_all_sizes_have() -> None:
    rng = np.random.default_rng(0)
    shared = [(rng.random(40) < right).astype(float) for right in (0.2, 0.5, 0.8)]
    easy, none = np.ones(60), np.full(60, np.nan)
    p = {
        row.trend_p
        for first in (easy, none)
        for row in inversions.rows(
            long(np.array([[*shared[0], *first], [*shared[1], *none], [*shared[2], *none]])), scores=SCORES
        )
    }
    assert len(p) == 1
    assert p.pop() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of_one_size", "note"),
    [
        (1000, None),
        (4, "trend over 4 of 1000 items, those that all sizes have"),
        (0, "no trend: 0 of 1000 items, those that all sizes have"),
    ],
)
def test_a_size_with_few_items_leaves_few_to_the_trend_which_says_so(
    of_one_size: int, note: str | None
) -> None:
    scores = np.random.default_rng(0).random((4, 1000)) + np.arange(4)[:, None] / 4
    scores[1, of_one_size:] = np.nan
    for row in inversions.rows(long(scores), scores=SCORES):
        assert (row.trend_items, row.note) == (of_one_size, note)
        assert (row.trend_p is None) == (of_one_size == 0)


def test_scores_without_differences_have_no_trend_and_two_sizes_none_to_miss() -> None:
    found = list(inversions.rows(long(np.ones((3, 50))), scores=SCORES))
    assert {row.note for row in found} == {
        "no trend: all scores of the 50 items that all sizes have are equal"
    }
    (pair,) = inversions.rows(long(np.eye(2)), scores=SCORES)
    assert (pair.trend_p, pair.note) == (None, None)


def test_three_items_that_all_models_get_right_are_no_plateau() -> None:
    (row,) = plateau.rows(long(np.ones((2, 3))), scores=SCORES)
    assert row.low < -0.02
    assert not row.plateau
    (many,) = plateau.rows(long(np.ones((2, 400))), scores=SCORES)
    assert many.plateau
    (graded,) = plateau.rows(long(np.array([[0.2, 0.3, 0.4]] * 2)), scores=SCORES)
    assert graded.low < -0.02
    assert (graded.plateau, graded.note) == (False, None)


@pytest.mark.parametrize("largest", [np.linspace(0, 1, 500), np.arange(500) % 2.0])
def test_a_size_that_equals_the_largest_in_every_item_is_a_plateau(largest: np.ndarray) -> None:
    better = np.minimum(largest, 0.5)
    assert [
        row.plateau for row in plateau.rows(long(np.array([better, largest, largest])), scores=SCORES)
    ] == [
        False,
        True,
    ]
    small = [largest[::100]] * 2
    assert not any(row.plateau for row in plateau.rows(long(np.array(small)), scores=SCORES))


def test_equal_scores_that_say_nothing_of_their_range_have_no_limits_and_a_note() -> None:
    for question in (plateau, inversions):
        (row,) = question.rows(long(np.full((2, 50), 0.5)), scores=SCORES)
        assert (row.low, row.high, row.note) == (None, None, "no limits: all scores are equal")


def test_a_margin_of_shares_for_percentages_is_said_to_be_one() -> None:
    """Equal percentages are no plateau within ±0.02 percentage points, which nobody means."""
    scores = np.tile(np.arange(4000) % 2.0, (2, 1))
    (share,) = plateau.rows(long(scores), scores=SCORES)
    (percentage,) = plateau.rows(long(100 * scores), scores=SCORES)
    assert (share.plateau, share.note) == (True, None)
    assert not percentage.plateau
    assert percentage.note == "the margin, 0.02, is in units of the scores, whose range is 100"
    (meant,) = plateau.rows(long(100 * scores), scores=SCORES, margin=2.0)
    assert (meant.plateau, meant.note) == (True, None)


def test_a_plateau_begins_where_nothing_is_left_to_gain() -> None:
    ease = np.random.default_rng(5).uniform(size=4000)
    scores = np.array([(ease < level) for level in (0.3, 0.6, 0.7, 0.702)], dtype=float)
    found = list(plateau.rows(long(scores), scores=SCORES))
    assert [row.plateau for row in found] == [False, False, True]
    assert found[0].gain == pytest.approx(scores[3].mean() - scores[0].mean())


def test_one_seed_has_no_epistemic_part_and_two_that_disagree_have_ln_2() -> None:
    def table(p: list[float], seeds: int) -> Columns:
        return Columns(
            {
                "p": np.array(p),
                "item": np.zeros(2 * seeds),
                "choice": np.tile([0.0, 1.0], seeds),
                "seed": np.repeat(np.arange(seeds), 2).astype(float),
            }
        )

    asked = {"probability": "p", "item": "item", "choice": "choice", "seed": "seed"}
    (alone,) = epistemic.rows(table([0.3, 0.7], 1), **asked)
    assert alone.epistemic_nats == 0
    assert alone.aleatoric_nats == pytest.approx(-0.3 * np.log(0.3) - 0.7 * np.log(0.7))
    (two,) = epistemic.rows(table([1, 0, 0, 1], 2), **asked)
    assert two.epistemic_nats == pytest.approx(np.log(2))


def test_emergence_names_the_bend() -> None:
    size = np.geomspace(1, 64, 8)
    straight = np.exp(-2 * size**-0.5)
    two_steps = np.exp(-2 * size**-0.9) * np.exp(-1 * size**-0.1)
    table = Columns(
        {
            "n": np.tile(size, 2),
            "rate": np.concatenate([straight, two_steps]),
            "draws": np.full(16, 1e6),
            "task": np.repeat([0.0, 1.0], 8),
        }
    )
    one, other = emergence.rows(table, scale="n", rate="rate", draws="draws", task="task")
    assert one.emergence is Emergence.STANDARD
    assert other.emergence is Emergence.SLOWER


def test_models_that_scatter_around_the_task_law_rarely_emerge() -> None:
    rng, scale, draws = np.random.default_rng(0), np.geomspace(1e8, 1e11, 8), np.full(8, 5000.0)
    names = []
    for _ in range(100):
        rate = np.exp(-np.exp(0.8 - 0.35 * np.log(scale / 1e8) + 0.1 * rng.standard_normal(8)))
        table = Columns({"scale": scale, "rate": rng.binomial(5000, rate) / 5000, "draws": draws})
        names += [row.emergence for row in emergence.rows(table, scale="scale", rate="rate", draws="draws")]
    assert names.count(Emergence.STANDARD) >= 88  # 95 expected


def test_no_correlation_is_as_far_from_0_as_every_permutation() -> None:
    """Of these scores it is 0 but for rounding, and so it is of some permutations."""
    x, y = np.array([0, 6, 1, 2, 2, 4]) / 10, np.array([2, 4, 3, 5, 7, 1]) / 10
    assert coupling.permutation_p(x, y, np.random.default_rng(0)) == 1


def test_coupling_changes_its_sign_where_it_was_made_to() -> None:
    rng = np.random.default_rng(6)
    size = np.geomspace(0.1, 100, 120)
    x = 0.5 + 0.05 * np.log(size) + 0.1 * rng.standard_normal(120)
    y = 0.4 + np.log(size / 3) * (x - x.mean()) + 0.01 * rng.standard_normal(120)
    table = Columns({"x": x, "y": y, "size": size})
    every, below, above = coupling.rows(table, x="x", y="y", size="size", split=3.0)
    assert every.size == pytest.approx(3, rel=0.1)
    assert every.low < 3 < every.high
    assert below.r < -0.5 < 0.5 < above.r


def test_checkpoints_of_few_training_runs_are_not_counted_as_models() -> None:
    rng = np.random.default_rng(8)
    x, y, size = rng.standard_normal((3, 200))
    columns = {"x": x, "y": y, "size": np.exp(size)}
    (alone,) = coupling.rows(Columns(columns), x="x", y="y", size="size")
    assert (alone.n, alone.checkpoints) == (200, None)
    runs = columns | {"block": np.repeat(np.arange(10.0), 20)}
    for table, block in ((runs, ""), (columns | {"seed": runs["block"]}, "seed")):
        (row,) = coupling.rows(Columns(table), x="x", y="y", size="size", block=block)
        assert (row.n, row.checkpoints, row.r) == (10, 200, alone.r)
        assert (row.p_value, row.low, row.high) == (None, None, None)
        assert "checkpoints of one training run are not independent" in str(row.note)
    names = text(*(f"run {i}" if i < 20 else "" for i in range(200)))  # of one run each, or of none
    (row,) = coupling.rows(Columns(columns | {"block": names}), x="x", y="y", size="size")
    assert (row.n, row.checkpoints) == (200, None)
    two = columns | {"block": np.repeat([0.0, 1.0], 100)}
    with pytest.raises(RelscaleError, match="2 training runs have both x and y"):
        list(coupling.rows(Columns(two), x="x", y="y", size="size"))


def test_pairs_are_decided_as_often_as_normal_noise_says() -> None:
    rng = np.random.default_rng(7)
    means, sd = np.linspace(0, 1, 25), 0.1
    i, j = np.triu_indices(25, 1)
    from scipy.stats import norm

    small = means + sd * rng.standard_normal((300, 25))
    found = np.mean([signal_noise.decision_accuracy(each, means) for each in small])
    assert found == pytest.approx(norm.cdf((means[j] - means[i]) / (sd * np.sqrt(2))).mean(), abs=0.005)


@pytest.mark.slow
def test_limits_of_decided_pairs_cover_the_share_of_normal_scores() -> None:
    """Scores at both scales correlate by ρ: pairs have the same order with probability 1/2 + asin(ρ)/π."""
    rng, rho = np.random.default_rng(8), 0.5
    truth, hits = 0.5 + np.arcsin(rho) / np.pi, []
    for _ in range(300):
        small, noise = rng.standard_normal((2, 12))
        large = rho * small + np.sqrt(1 - rho**2) * noise
        limits = signal_noise.decision_limits(small, large, rng)
        hits.append(limits.low <= truth <= limits.high)
    assert np.mean(hits) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)


def test_pairs_that_all_agree_have_no_limits() -> None:
    order = np.arange(5.0)
    limits = signal_noise.decision_limits(order, order, np.random.default_rng(0))
    assert limits.low is limits.high is None
    assert limits.note == "no interval: it is 1 in all resamples"


def test_noise_is_of_the_last_checkpoints() -> None:
    table = Columns(
        {
            "run": text(*["a"] * 5, *["b"] * 5),
            "step": np.tile(np.arange(5.0), 2),
            "m": np.array([9, 9, 9, 1.0, 3.0, 9, 9, 9, 3.0, 5.0]),
        }
    )
    (row,) = signal_noise.rows(table, metrics=("m",), run="run", step="step", last=2)
    assert row.noise == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert row.signal == pytest.approx(2 / 3)
    assert row.snr == pytest.approx(2 / 3 / 0.375)


@pytest.mark.parametrize(
    ("repeated", "reason"),
    [
        ({"step": [1, 1, 2, 2]}, "several values of acc at one step"),
        (
            {"recipe": ["a", "a", "b", "b"], "scale": [1, 1, 1, 1]},
            "r has several values of recipe, such as a and b",
        ),
        ({"recipe": ["a"] * 4, "scale": [1, 1, 2, 2]}, "r has several values of scale, such as 1 and 2"),
    ],
)
def test_values_of_several_runs_are_not_the_noise_of_one(repeated: dict[str, list], reason: str) -> None:
    cells = {"run": ["r"] * 4, "acc": [0.1, 0.2, 0.3, 0.4], "step": [1, 2, 3, 4], **repeated}
    table = Columns(
        {name: np.array(of, dtype=object if isinstance(of[0], str) else float) for name, of in cells.items()}
    )
    named = {name: name for name in ("recipe", "scale") if name in repeated}
    with pytest.raises(RelscaleError, match=reason):
        list(signal_noise.rows(table, metrics=("acc",), run="run", step="step", **named))


def decided(**changed: list) -> signal_noise.SignalNoiseRow:
    """Two recipes at two scales, of three checkpoints each."""
    run = [name for name in ("small a", "small b", "large a", "large b") for _ in range(3)]
    cells = {
        "run": run,
        "step": [0.0, 1.0, 2.0] * 4,
        "recipe": [name[-1] for name in run],
        "scale": [1.0 if name.startswith("small") else 2.0 for name in run],
        "acc": [0.1, 0.11, 0.12, 0.2, 0.21, 0.22, 0.4, 0.41, 0.42, 0.6, 0.61, 0.62],
        **changed,
    }
    table = Columns(
        {
            name: np.array(of, dtype=object if None in of or isinstance(of[0], str) else float)
            for name, of in cells.items()
        }
    )
    (row,) = signal_noise.rows(
        table, metrics=("acc",), run="run", step="step", recipe="recipe", scale="scale"
    )
    return row


@pytest.mark.slow
@pytest.mark.parametrize("empty", [None, "", " "])
def test_an_empty_cell_is_no_other_recipe_or_scale_of_a_run(empty: str | None) -> None:
    recipe = ["a", empty, "a", empty, empty, "b", "a", "a", empty, "b", "b", empty]
    scale = [1.0, np.nan, 1.0, np.nan, 1.0, np.nan, 2.0, 2.0, 2.0, 2.0, np.nan, np.nan]
    assert decided(recipe=recipe, scale=scale) == decided()
    assert decided().decision_accuracy == 1


def test_rows_without_the_metric_are_no_run_of_two_recipes() -> None:
    assert decided(recipe=["z", *"aabbbaaabbb"], acc=[np.nan, 0.11, 0.12, *[0.2] * 9]).runs == 4


def test_runs_without_a_recipe_decide_nothing_and_rows_without_a_run_are_of_none() -> None:
    whole, undecided = decided(), decided(recipe=[None] * 3 + list("bbbaaabbb"))
    assert (undecided.snr, undecided.decision_accuracy) == (whole.snr, None)
    assert "decision accuracy: 1 of 4 runs excluded: no recipe or no scale" in undecided.note
    run = [None] * 3 + [name for name in ("small b", "large a", "large b") for _ in range(3)]
    nameless = decided(run=run)
    assert nameless.runs == 3
    assert "3 of 12 rows excluded: no run" in nameless.note


def test_a_line_per_two_models_explains_everything_and_tests_nothing() -> None:
    models = {"x": np.array([1.0, 2, 1, 2]), "y": np.array([3.0, 1, 2, 4]), "pair": text("a", "a", "b", "b")}
    (row,) = explained.rows(Columns(models), x="x", y="y", by=("pair",))
    assert (row.share, row.p_value) == (1.0, None)
    assert row.note.startswith("nothing can be tested")


def test_tasks_that_move_together_foretell_one_another() -> None:
    rng = np.random.default_rng(8)
    step, wave = np.arange(80.0), np.cumsum(rng.standard_normal(80))
    table = {
        name: wave * factor + 0.01 * rng.standard_normal(80)
        for name, factor in (("a", 1), ("b", 2), ("c", 0.5))
    }
    table |= {name: np.cumsum(rng.standard_normal(80)) for name in ("d", "e")} | {"step": step}
    rows = domain_prediction.rows(Columns(table), step="step", domains=("one=a+b+c", "other=d+e"))
    found = {(row.domain, row.predictor): row.error for row in rows}
    assert found["one", "one"] < 0.1 * found["one", "other"]


def test_checkpoints_of_two_trainings_are_not_one() -> None:
    step = np.tile(np.arange(8.0), 2)
    table = Columns({"step": step, "a": step, "b": -step})
    with pytest.raises(RelscaleError, match="several rows have one value; select one training run"):
        list(domain_prediction.rows(table, step="step", domains=("x=a+b",)))


def test_the_survival_area_is_one_and_the_mean() -> None:
    r = RNG.uniform(-1, 1, 50)
    assert metric_chain.area(r) == pytest.approx(1 + r.mean(), abs=1e-12)


def test_a_score_that_does_not_vary_is_undefined_and_not_zero() -> None:
    model, item = crossed(np.arange(5.0), np.arange(4.0))
    table = Columns({"model": model, "item": item, "flops": 10**model, "right": model * (item > 0)})
    (row,) = metric_chain.rows(table, metrics=("right",), item="item", model="model", compute="flops")
    assert row.undefined == 0.25
    assert row.mean == pytest.approx(1)


def test_the_mean_correlation_of_few_items_has_limits_as_wide_as_those_of_t() -> None:
    """Of six items a mean has a t interval; percentiles of resampled items alone are 30% narrower."""
    rng = np.random.default_rng(2)
    model, item = crossed(np.arange(9.0), np.arange(6.0))
    scores = model * rng.normal(0.5, 0.7, 6)[item.astype(int)] + 3 * rng.normal(size=len(model))
    table = Columns({"model": model, "item": item, "flops": 10.0**model, "right": scores})
    (row,) = metric_chain.rows(table, metrics=("right",), item="item", model="model", compute="flops")
    r = [spearmanr(model[item == i], scores[item == i]).statistic for i in range(6)]
    low, high = student.interval(0.95, 5, np.mean(r), sem(r))
    assert row.mean == pytest.approx(np.mean(r))
    assert row.low is not None
    assert row.high is not None
    assert min(row.high, 1) - max(row.low, -1) > 0.85 * (min(high, 1) - max(low, -1))


def test_a_law_of_one_curve_foretells_another_that_follows_it() -> None:
    params, tokens = crossed([1e8, 1e9], np.geomspace(1e9, 1e11, 30))
    y = parametric.value(SURFACE, np.stack([params, tokens]))
    table = Columns({"params": params, "tokens": tokens, "loss": y, "model": params})
    fix = ("A=477.8", "alpha=0.3473")
    found = list(
        estimation.rows(table, x=("params", "tokens"), y="loss", model="model", fix=fix, shares=("0.5",))
    )
    assert max(row.error for row in found) < 1e-3
    assert found[0].persistence > 1


def test_the_gain_of_a_pair_is_over_as_much_more_of_the_target_itself() -> None:
    rows = [
        *(("a", "a", 1.0), ("a", "a", 1.02), ("a", "b", 0.9), ("a", "b", 0.92)),
        *(("b", "b", 2.0), ("b", "b", 2.02), ("b", "a", 2.01), ("b", "a", 2.03)),
    ]
    target, auxiliary, loss = zip(*rows, strict=True)
    table = Columns({"target": text(*target), "auxiliary": text(*auxiliary), "loss": np.array(loss)})
    found = {(row.target, row.auxiliary): row for row in synergy.rows(table)}
    gain = found["a", "b"]
    assert gain.gain_percent == pytest.approx(100 * (1 - 0.91 / 1.01))
    assert gain.reverse_percent == pytest.approx(100 * (1 - 2.02 / 2.01))
    assert gain.stderr == pytest.approx(100 * 0.91 / 1.01 * np.hypot(0.01 / 0.91, 0.01 / 1.01))
    assert gain.p_bh is not None
    assert gain.p_bh < 0.05 < found["b", "a"].p_bh
    assert found["a", synergy.MEAN].gain_percent == gain.gain_percent
    with pytest.raises(RelscaleError, match="b has no row with auxiliary b"):
        list(synergy.rows(table.where(~((table["target"] == "b") & (table["auxiliary"] == "b")))))


@pytest.mark.slow
def test_a_network_of_losses_says_the_performance_inside_and_when_it_is_outside() -> None:
    rng = np.random.default_rng(3)
    general, code = rng.uniform(2.4, 3.6, 60), rng.uniform(1.0, 2.0, 60)
    truth = 1 / (1 + np.exp(3 * (general - 3) + 2 * (code - 1.5)))
    general, code = np.append(general, [3.0, 1.0]), np.append(code, [1.5, 1.5])
    table = Columns({"general": general, "code": code, "accuracy": np.append(truth, [np.nan, np.nan])})
    left_out, inside, outside = loss_network.rows(table, x=("general", "code"), y="accuracy", seeds=4)
    assert left_out.network < 1e-3 < left_out.plane  # a sigmoid of a plane is one unit
    assert inside.network == pytest.approx(0.5, abs=0.02)
    assert inside.note is None
    assert outside.note == "beyond the data"
    straight = Columns({**table.of, "accuracy": np.append(0.9 - 0.1 * general[:60], [np.nan] * 2)})
    assert next(loss_network.rows(straight, x=("general", "code"), y="accuracy", seeds=2)).note is not None
