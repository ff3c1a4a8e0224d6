"""An extrapolation chooses by folds that look like what is asked, and refuses what is absurd."""

import numpy as np
import pandas as pd
import pytest

from relscale import cli
from relscale.errors import RelscaleError
from relscale.extrapolation.candidates import emergence, item_response
from relscale.extrapolation.extrapolate import combined, extrapolate, refusal, weights
from relscale.extrapolation.folds import Fold, make_folds
from relscale.extrapolation.of_table import extrapolate_table
from relscale.extrapolation.stacking import LEAN, PRIOR_CURVES, products, stacked
from relscale.extrapolation.table import Table
from relscale.fitting.status import Status


def table(names, x, y, group=None, model=None):
    n = len(y)
    return Table(
        tuple(names),
        np.asarray(x, float),
        np.asarray(y, float),
        np.zeros(n, np.int64) if group is None else np.asarray(group),
        np.arange(n) if model is None else np.asarray(model),
    )


@pytest.fixture(scope="module")
def streams():
    """Two corpora, five sizes, four numbers of streams, on the law without noise."""
    n, p, g = (
        axis.ravel()
        for axis in np.meshgrid(np.geomspace(5e8, 4e9, 5), [1.0, 2.0, 4.0, 8.0], [0, 1], indexing="ij")
    )
    y = (0.9 - 0.3 * g) + (1.1 - 0.2 * g) * (n / 1e9 * (1 + 0.35 * np.log(p))) ** -0.3
    return table(("params", "streams"), [n, p], y, g.astype(np.int64))


@pytest.mark.slow
def test_a_law_without_noise_is_extrapolated_exactly_to_more_streams(streams):
    more = streams.x[1] > 4
    result = extrapolate(streams.take(~more), streams.take(more))
    assert result.forecast == pytest.approx(streams.y[more], rel=1e-4)


def test_folds_go_in_the_direction_of_what_is_asked(streams):
    more = streams.x[1] > 4
    known = streams.take(~more)
    first = make_folds(known, streams.take(more))[0]
    assert set(known.x[1, first.targets]) == {4.0}
    assert set(known.x[1, first.known]) == {1.0, 2.0}


def test_folds_cut_the_edges_that_what_is_asked_lies_beyond():
    rate, n = (axis.ravel() for axis in np.meshgrid([1.0, 2, 4, 8], [1.0, 2, 4, 8]))
    known = table(("lr", "params"), [rate, n], rate + n)
    asked = table(("lr", "params"), [[0.5, 2, 8], [16, 16, 16]], [np.nan] * 3)
    first = make_folds(known, asked)[0]
    assert set(known.x[0, first.targets]) == {1.0, 2.0, 4.0, 8.0}
    assert set(known.x[0, first.known]) == {2.0, 4.0, 8.0}
    assert known.x[1, first.known].max() == 4


def test_a_forecast_below_zero_or_far_beyond_the_data_is_refused():
    known = table(("examples",), [np.arange(1.0, 5.0)], [4.0, 3.0, 2.0, 1.0])
    assert "absurd" in refusal(np.array([0.5, -0.1]), known)
    assert "absurd" in refusal(np.array([16.1]), known)
    assert refusal(np.array([np.nan]), known) == "no number"
    assert refusal(np.array([0.5, 15.9]), known) == ""


def test_weights_fall_with_the_square_of_the_mean_squared_error():
    weight = weights(np.array([[0.1], [0.2], [0.1]]), np.array([True, True, False]))
    assert weight == pytest.approx([16 / 17, 1 / 17, 0])


MANY = np.arange(200)  # curves of one point each, so that little is held to where the search starts


def of_curves(*errors):
    return [products(np.array([np.broadcast_to(error, 200) for error in errors], float), MANY)]


def test_candidates_that_miss_in_opposite_directions_outweigh_one_that_misses_less():
    folds = of_curves(0.2, -0.2, 0.15)
    weight = stacked(folds, np.ones(1), np.ones(3) / 3, np.ones(3, bool), None)
    assert abs(0.2 * weight[0] - 0.2 * weight[1] + 0.15 * weight[2]) < 0.01
    assert weight[1] > 0.4


def test_two_copies_of_a_candidate_weigh_together_what_one_weighs():
    """The errors of two independent candidates, where inverse variances are best: 4/5 and 1/5."""
    noise = np.random.default_rng(0).normal(size=(2, 20_000)) * [[0.1], [0.2]]
    of_curve = np.repeat(MANY, 100)
    twice = [products(noise[[0, 1, 1]], of_curve)]
    weight = stacked(twice, np.ones(1), np.ones(3) / 3, np.ones(3, bool), None)
    assert weight[0] == pytest.approx(0.8, abs=0.03)


def test_weights_from_few_curves_stay_near_those_by_each_candidates_errors():
    start = np.array([0.3, 0.7])
    few = [products(np.array([[0.1], [0.11]]), np.zeros(1, np.int64))]
    assert stacked(few, np.ones(1), start, np.ones(2, bool), None) == pytest.approx(start, abs=0.02)


def test_no_small_change_of_the_weights_lowers_their_objective():
    """The conditions of Karush, Kuhn and Tucker: slopes are equal for all candidates, each times its weight."""
    rng = np.random.default_rng(0)
    error = 0.1 * rng.normal(size=400) + np.linspace(0.05, 0.1, 16)[:, None] * rng.normal(size=(16, 400))
    mean, has = products(error, np.repeat(MANY[:40], 10))
    weight = stacked([(mean, has)], np.ones(1), np.ones(16) / 16, np.ones(16, bool), None)
    along = mean @ weight
    slope = (2 * along / (along @ weight)[:, None]).mean(axis=0) + PRIOR_CURVES / 40 * np.log(16 * weight)
    assert weight * (slope - slope @ weight) == pytest.approx(np.zeros(16), abs=1e-8)


def test_the_mean_leans_to_the_leader_unless_it_is_refused():
    folds = of_curves(0.01, 1.0, 0.02)
    usable = np.array([True, True, True])
    assert stacked(folds, np.ones(1), np.ones(3) / 3, usable, 1)[1] >= LEAN
    refused = stacked(folds, np.ones(1), np.array([0.5, 0, 0.5]), np.array([True, False, True]), 1)
    assert refused[1] == 0
    assert refused.sum() == pytest.approx(1)


def test_a_candidate_without_a_forecast_of_a_curve_is_judged_by_the_others():
    gaps = np.where(MANY < 150, 0.05, np.nan)
    weight = stacked(of_curves(gaps, 0.5), np.ones(1), np.ones(2) / 2, np.ones(2, bool), None)
    assert weight[0] > 0.8


@pytest.mark.slow
def test_curves_of_one_predictor_each_count_alike():
    """A power law and a law with a floor, of which the second is a thousand times less."""
    x = np.geomspace(1, 100, 16)
    y = np.concatenate([x**-0.3, 1e-3 * (0.5 + x**-0.6)])
    group = np.repeat([0, 1], 16)
    every = table(("examples",), [np.tile(x, 2)], y, group)
    ahead = every.x[0] > 60
    result = extrapolate(every.take(~ahead), every.take(ahead), ("M1", "M2", "BNSL"))
    assert np.log(result.forecast / y[ahead]) == pytest.approx(0, abs=0.01)
    assert result.weight[result.candidates.index("BNSL")] >= LEAN


def test_the_mean_is_of_logarithms_where_values_are_positive():
    each = np.array([[1.0], [4.0]])
    assert combined(np.array([0.5, 0.5]), each, logs=True) == pytest.approx([2.0])
    assert combined(np.array([0.5, 0.5]), each, logs=False) == pytest.approx([2.5])


def test_predictors_that_no_candidate_has_are_an_error():
    known = table(("a", "b"), np.ones((2, 6)), np.ones(6))
    with pytest.raises(RelscaleError, match="no candidate has the predictors a, b"):
        extrapolate(known, known)


def test_beyond_its_threshold_a_task_rises_as_the_others_do():
    """Two tasks rise by one unit of the logit per decade; the third falls up to its threshold."""
    x = np.linspace(-1, 2, 31)
    jitter = 1e-3 * np.sin(np.arange(31))
    rise = [-1 / (1 + np.exp(x + level + jitter)) for level in (1.0, 2.0)]
    fall = -0.4 - 0.02 * x
    known = table(
        ("log_flops",),
        [np.tile(x, 3)],
        np.concatenate([*rise, fall]),
        np.repeat([0, 1, 2], 31),
        np.tile(range(31), 3),
    )
    at = table(("log_flops",), [[3.0]], [np.nan], [2], [99])
    forecast = emergence.forecast(None, 0.0, known, at)
    level = np.median(emergence.logit(fall[-8:]))
    assert forecast == pytest.approx([-1 / (1 + np.exp(1 - level))], abs=2e-3)
    asked = (known.group < 2) & (known.x[0] > 1)
    result = extrapolate(known, at, folds=[Fold(~asked, asked, "beyond 10")])
    assert set(result.refused) == {""}


@pytest.mark.slow
def test_the_command_forecasts_the_rows_that_a_condition_leaves_out(streams, tmp_path, capsys):
    (n, p), lines = streams.x, ["size,streams,corpus,loss,split"]
    for row in zip(n, p, streams.group, streams.y, strict=True):
        lines.append(",".join(map(str, row)) + (",test" if row[1] > 4 else ",train"))
    (tmp_path / "runs.csv").write_text("\n".join(lines))
    arguments = [
        "extrapolate",
        str(tmp_path / "runs.csv"),
        "--y",
        "loss",
        "--x",
        "params=size,streams",
        "--group",
        "corpus",
    ]
    assert cli.main([*arguments, "--train", 'split == "train"']) == 0
    printed = capsys.readouterr().out
    assert "of 10 rows with a known answer: R² 1.0000" in printed
    assert "parallel streams, Huber" in printed
    assert cli.main([*arguments, "--train", "splt == 3"]) == 1
    assert "no column 'splt'; did you mean 'split'" in capsys.readouterr().err


def told(rows, **options):
    """What is said of rows that cannot be extrapolated."""
    asked = {
        "y": "loss",
        "x": {"compute": "flops"},
        "train": 'split == "train"',
        "group": ["group"],
    } | options
    with pytest.raises(RelscaleError) as error:
        extrapolate_table(pd.DataFrame(rows), **asked)
    return str(error.value)


ROWS = [
    {"flops": 10.0**step, "loss": 3 - 0.1 * step, "group": "g", "split": "train" if step < 8 else "test"}
    for step in range(10)
]


@pytest.mark.parametrize(
    ("changed", "options", "said"),
    [
        ({"loss": "diverged"}, {}, "column 'loss' is not numeric: row 1 is 'diverged'"),
        ({"flops": None}, {}, "no row that is known has a number"),
        ({"group": None}, {}, "column 'group' is empty in 1 row"),
        ({"group": "g "}, {}, "'g ' and 'g' look alike"),
        ({"group": "new", "split": "test"}, {}, "no known row of group 'new'"),
        ({}, {"train": "split == 'train' and flops < 1e5"}, "no curve has 5 known points as far before"),
        ({}, {"y": "los"}, "no column 'los'; did you mean 'loss'?"),
        ({}, {"train": "split"}, "not true or false for each row of table; write a condition such as"),
        ({}, {"train": "flops +"}, "not a condition on the columns"),
        ({}, {"train": "flop < 1"}, "no column 'flop'; did you mean 'flops'"),
        ({}, {"train": "flops > 0"}, "10 of 10 rows are known"),
        ({"forecast": 1.0}, {}, "a column 'forecast', which the forecast would replace"),
    ],
)
def test_what_cannot_be_extrapolated_is_one_sentence(changed, options, said):
    first = ROWS[0] | changed
    rows = [row | {"flops": None} for row in ROWS[1:8]] + ROWS[8:] if "flops" in changed else ROWS[1:]
    found = told([first, *rows], **options)
    assert said in found
    assert len(found.splitlines()) == 1


def answered(rng, scatter=0.0):
    """Answers of 14 models to 200 items by the Rasch model, whose abilities are on a line in ln compute."""
    compute, items = np.geomspace(1e18, 1e22, 14), 200
    ability = np.linspace(-1.5, 1.5, 14) + scatter * rng.standard_normal(14)
    probability = 1 / (1 + np.exp(-(ability[:, None] + rng.standard_normal(items))))
    answers = (rng.random(probability.shape) < probability).astype(float)
    model, item = (axis.ravel() for axis in np.indices(answers.shape))
    return table(("training_flops",), compute[model][None], answers.ravel(), item, model), probability


@pytest.mark.slow
def test_accuracies_of_larger_models_follow_from_the_answers_of_smaller_ones():
    """Over simulated suites the error is that of sampling: without bias, and far below that of no change."""
    errors, unchanged = [], []
    for seed in range(5):
        known, probability = answered(np.random.default_rng(seed))
        larger = known.x[0] > 2e21
        result = extrapolate(known.take(~larger), known.take(larger))
        assert result.candidates == ("item response",)
        assert set(result.interval.status) == {Status.NO_INTERVAL}
        accuracy = result.forecast.reshape(-1, 200).mean(axis=1)
        truth = probability[-len(accuracy) :].mean(axis=1)
        errors.append(accuracy - truth)
        unchanged.append(probability[-len(accuracy) - 1].mean() - truth)
    assert np.abs(np.mean(errors)) < 0.02
    assert np.sqrt(np.mean(np.square(errors))) < 0.5 * np.sqrt(np.mean(np.square(unchanged)))


def test_items_are_told_apart_by_their_ease():
    """An item that is easier by construction has the higher forecast, at every compute."""
    known, probability = answered(np.random.default_rng(0))
    larger = known.x[0] > 2e21
    forecast = item_response.item_response(known.take(~larger), known.take(larger)).reshape(-1, 200)
    for found, true in zip(forecast, probability[-len(forecast) :], strict=True):
        assert np.corrcoef(found, true)[0, 1] > 0.7  # of eases from 11 answers each
    assert (np.diff(forecast, axis=0) > 0).all()


@pytest.mark.parametrize("models", [np.arange(8), np.repeat([0, 1], 4)])
def test_several_answers_to_one_item_count_as_their_mean(models):
    """Of models of one compute that the table does not name, or of one model that was asked twice."""
    answers = np.array([1.0, 0, 1, 1, 1, 0, 0, 0])
    known = table(("c",), np.repeat([1.0, 2.0], 4)[None], answers, np.tile([0, 0, 1, 1], 2), models)
    assert item_response.answers_of(known)[0].tolist() == [[0.5, 1.0], [0.5, 0.0]]


def test_only_answers_are_right_or_wrong():
    compute = np.tile(np.geomspace(1, 100, 8), 6)
    item, answers = np.repeat(np.arange(6), 8), np.tile([0, 0, 0, 1, 0, 1, 1, 1], 6)
    assert item_response.candidates(table(("c",), compute[None], answers, item))
    assert not item_response.candidates(table(("c",), compute[None], answers + 0.5, item))
    assert not item_response.candidates(table(("c",), compute[None], answers, np.zeros(48, np.int64)))
    assert not item_response.candidates(table(("log_flops",), np.log(compute + 1)[None], answers, item))
