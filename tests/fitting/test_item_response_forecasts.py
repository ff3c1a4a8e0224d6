"""Error rates are forecast from the answers of runs to single questions, where these are known."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from relscale.cli import main
from relscale.errors import RelscaleError
from relscale.fitting.curves.run_matrix import ItemResponses
from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits
from relscale.fitting.forecasts.error_forecasts import ErrorForecasts
from relscale.fitting.forecasts.item_response import AnsweredRuns, item_response
from relscale.fitting.forecasts.scales import Scales
from relscale.fitting.items.latent_regression import latent_regression
from relscale.measurements.measurement import RESPONSES
from relscale.storage.tables import write_table

ITEMS = 200
COMPUTE = np.geomspace(1e18, 1e20, 8)
AHEAD = 3e20
GROUPS = {"easy": 1.0, "hard": -0.5}
NEEDS = "needs per-item results"


def accuracy(ability: Any, ease: Any) -> Any:
    """P(right), (n, k), of Rasch's model."""
    return 1 / (1 + np.exp(-(np.asarray(ability)[..., None] + ease)))


def ability(compute: Any) -> Any:
    return np.asarray(-1.5 + 0.5 * np.log(np.asarray(compute) / 1e18))


@pytest.fixture(scope="module")
def answers() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    chances = {
        group: accuracy(ability(COMPUTE), ease + rng.standard_normal(ITEMS)) for group, ease in GROUPS.items()
    }
    return {group: rng.random(chance.shape) < chance for group, chance in chances.items()}


def tables(
    answers: dict[str, np.ndarray], metric: str = "error_rate", subjects: Any = None
) -> tuple[pa.Table, pa.Table]:
    """Measurements and responses; subjects (k,) are averaged with equal weights."""
    measured, responses = [], []
    for group, right in answers.items():
        for run, (compute, of_run) in enumerate(zip(COMPUTE, right, strict=True)):
            model = {"experiment": "e", "corpus": "c", "run": f"run {run}"}
            place = {"suite": "s", "prompt": "plain", "group": group}
            parts = [of_run] if subjects is None else [of_run[subjects == s] for s in np.unique(subjects)]
            value = float(np.mean([1 - part.mean() for part in parts]))
            spent = {"training_flops": compute, "status": "ok"}
            measured.append({**model, **place, **spent, "metric": metric, "value": value})
            for item, is_right in enumerate(of_run):
                subject = None if subjects is None else str(subjects[item])
                cells = {"subject": subject, "item": f"{group} {item}", "right": bool(is_right)}
                responses.append({**model, **place, **cells})
    rows = {name: [row.get(name) for row in responses] for name in RESPONSES.names}
    return pa.Table.from_pylist(measured), pa.table(rows).cast(
        pa.schema([field.with_type(_plain(field.type)) for field in RESPONSES])
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def fitted(measured: pa.Table, responses: pa.Table | None) -> Fits:
    options = {"forecast": ({"training_flops": AHEAD},), "baselines": {"s": "easy"}}
    return fit(measured, options=options, responses=responses)


def rows(fits: Fits, table: str = "forecasts", **cells: str) -> list[dict[str, Any]]:
    return [row for row in fits[table].to_pylist() if all(row[name] == cell for name, cell in cells.items())]


@pytest.mark.slow
def test_a_forecast_from_single_answers_is_one_candidate_more(answers: dict[str, np.ndarray]) -> None:
    measured, responses = tables(answers)
    with_it, without = fitted(measured, responses), fitted(measured, None)
    for quantity in ("error", "ratio"):
        for row in rows(with_it, candidate="item response", quantity=quantity):
            assert row["status"] == "ok"
            assert min(row["value"], row["weight"]) > 0
        assert all(
            row["value"] is None and row["weight"] == 0 and row["note"].startswith(NEEDS)
            for row in rows(without, candidate="item response", quantity=quantity)
        )
        assert rows(with_it, "backtests", candidate="item response", quantity=quantity)
        assert not rows(without, "backtests", candidate="item response", quantity=quantity)
    for name in ("persistence", "power law", "BNSL"):
        assert [row["value"] for row in rows(with_it, candidate=name)] == [
            row["value"] for row in rows(without, candidate=name)
        ]


@pytest.mark.slow
def test_no_answer_beyond_an_origin_changes_its_backtests(answers: dict[str, np.ndarray]) -> None:
    changed = {group: right.copy() for group, right in answers.items()}
    rng = np.random.default_rng(1)
    for right in changed.values():  # the last two runs answer other questions right, as many as before
        for run in (-1, -2):
            rng.shuffle(right[run])
    first, second = (
        {
            (row["group"], row["origin_flops"], row["training_flops"]): row["predicted"]
            for row in rows(fitted(*tables(each)), "backtests", candidate="item response", quantity="error")
        }
        for each in (answers, changed)
    )
    inside = [key for key in first if key[1] < COMPUTE[-2] * 0.99]
    assert inside
    assert all(first[key] == second[key] for key in inside)
    assert any(first[key] != second[key] for key in first if key not in inside)


@pytest.mark.slow
def test_a_mean_over_subjects_weighs_their_questions() -> None:
    """Forty hard questions of one subject count as much as 160 easy ones of another."""
    rng = np.random.default_rng(2)
    subjects = np.repeat(["few", "many"], [40, ITEMS - 40])
    ease = rng.standard_normal(ITEMS) + np.where(subjects == "few", -1.0, 1.0)
    right = {"easy": rng.random((8, ITEMS)) < accuracy(ability(COMPUTE), ease)}
    (macro,), (micro,) = (
        rows(fitted(*table), candidate="item response")
        for table in (tables(right, "error_rate_macro", subjects), tables(right))
    )
    wrong = 1 - accuracy(ability(AHEAD), ease)
    of_macro = np.mean([wrong[subjects == subject].mean() for subject in ("few", "many")])
    assert macro["value"] - micro["value"] == pytest.approx(of_macro - wrong.mean(), rel=0.15)


def test_responses_of_other_items_are_refused(answers: dict[str, np.ndarray]) -> None:
    measured, _ = tables(answers)
    _, responses = tables({group: ~right for group, right in answers.items()})
    with pytest.raises(RelscaleError, match=r"responses: error_rate of group .* collect both from the same"):
        fitted(measured, responses)
    with pytest.raises(RelscaleError, match="responses: no column right; relscale collect writes them"):
        fitted(measured, responses.drop_columns(["right"]))


@pytest.mark.slow
def test_at_a_budgets_optimum_runs_beside_it_are_allowed_for() -> None:
    """Accuracies without sampling: runs beside the optimum are less able by u², so a line through all is too low."""
    ease = np.random.default_rng(0).standard_normal(ITEMS)
    budgets, u = np.repeat(np.geomspace(1e18, 1e20, 5), 4), np.tile([-1.0, -0.3, 0.4, 1.2], 5)
    responses = ItemResponses(accuracy(ability(budgets) - 0.8 * u**2, ease), np.full(ITEMS, 1 / ITEMS), 0.0)
    point = np.repeat(np.arange(5), 4)
    scales, at = (Scales(np.log(c), *np.full((2, len(c)), np.nan)) for c in (budgets, np.array([AHEAD])))
    truth = 1 - accuracy(ability(AHEAD), ease).mean()
    known = np.ones(5, dtype=bool)
    (found,) = item_response(AnsweredRuns(scales, u, point, {0: responses}), known, at, 1, ErrorForecasts())[
        0
    ]
    (blind,) = item_response(
        AnsweredRuns(scales, None, point, {0: responses}), known, at, 1, ErrorForecasts()
    )[0]
    assert np.exp(found) == pytest.approx(truth, rel=0.03)
    assert np.exp(blind) > 1.1 * truth
    too_few = np.arange(5) < 2
    assert np.isnan(
        item_response(AnsweredRuns(scales, u, point, {0: responses}), too_few, at, 1, ErrorForecasts())
    ).all()


@pytest.mark.slow
def test_a_run_of_unknown_shape_is_not_used_where_shapes_differ() -> None:
    rng = np.random.default_rng(3)
    right = (rng.random((10, ITEMS)) < accuracy(ability(budgets := np.geomspace(1e18, 1e20, 10)), 0)).astype(
        float
    )
    log_flops = np.log(budgets)
    log_params = (log_flops - np.log(6)) / 2 + np.tile([0.3, -0.3], 5)
    log_params[4] = np.nan
    runs = Scales(log_flops, log_params, log_flops - np.log(6) - log_params)
    at = Scales(*(np.array([cell]) for cell in np.log([AHEAD, (AHEAD / 6) ** 0.5, (AHEAD / 6) ** 0.5])))

    def forecast(rows: np.ndarray) -> float:
        responses = ItemResponses(right[rows], np.full(ITEMS, 1 / ITEMS), 0.0)
        answered = AnsweredRuns(runs.take(rows), None, np.arange(len(rows)), {0: responses})
        return float(item_response(answered, np.ones(len(rows), dtype=bool), at, 1, ErrorForecasts())[0, 0])

    every = np.arange(10)
    assert forecast(every) == forecast(every[every != 4])
    assert np.isfinite(forecast(every))


@pytest.mark.slow
def test_a_known_chance_is_the_floor_of_the_forecast_unless_answers_contradict_it() -> None:
    """Accuracies without sampling, of models that guess."""
    budgets, at = COMPUTE, Scales(*(np.log([cell]) for cell in (AHEAD, np.nan, np.nan)))
    scales = Scales(np.log(budgets), *np.full((2, len(budgets)), np.nan))
    ease, guess = np.random.default_rng(4).standard_normal(ITEMS), 0.25
    right = guess + (1 - guess) * accuracy(ability(budgets) - 1.5, ease)
    truth = (1 - guess) * (1 - accuracy(ability(AHEAD) - 1.5, ease).mean())

    def forecast(right: np.ndarray, chance: float) -> float:
        runs = {0: ItemResponses(right, np.full(right.shape[1], 1 / right.shape[1]), chance)}
        answered = AnsweredRuns(scales, None, np.arange(len(budgets)), runs)
        known = np.ones(len(budgets), dtype=bool)
        return float(np.exp(item_response(answered, known, at, 1, ErrorForecasts())[0, 0]))

    informed, blind = forecast(right, guess), forecast(right, 0.0)
    assert informed == pytest.approx(truth, rel=0.02)
    assert abs(blind - truth) > 2 * abs(informed - truth)
    never = np.concatenate([right, np.zeros_like(right)], axis=1)
    assert forecast(never, guess) == forecast(never, 0.0)


@pytest.mark.slow
def test_the_digest_of_a_forecasts_data_has_the_responses_in_it(answers: dict[str, np.ndarray]) -> None:
    """Other answers of as many right ones are other data."""
    others = {group: right[:, ::-1].copy() for group, right in answers.items()}
    others["hard"][0] = others["hard"][0][::-1]
    digests = [{row["data"] for row in rows(fitted(*tables(each)))} for each in (answers, answers, others)]
    assert digests[0] == digests[1]
    assert not digests[0] & digests[2]


@pytest.mark.parametrize("option", ["--responses", "--replicates"])
def test_tables_in_batches_are_parquet(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``collect`` writes them as CSV too, which was called damaged."""
    measured, _ = tables({"easy": np.eye(8, ITEMS, dtype=bool)})
    write_table(measured, tmp_path / "m.parquet")
    (tmp_path / "r.csv").write_text("run,item,right\na,1,true\n")
    named = ["--output", str(tmp_path / "fits"), option, str(tmp_path / "r.csv")]
    assert main(["fit", str(tmp_path / "m.parquet"), *named]) == 1
    assert "r.csv: not a .parquet file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_target_is_forecast_at_its_own_tokens_per_parameter() -> None:
    """Accuracies without sampling, of models that are abler with more tokens per parameter."""
    budgets, shape = np.repeat(np.geomspace(1e18, 1e20, 6), 3), np.tile([2.0, 3.0, 4.0], 6)
    ease = np.random.default_rng(5).standard_normal(ITEMS)

    def scales(budget: np.ndarray, shape: np.ndarray) -> Scales:
        log_params = (np.log(budget / 6) - shape) / 2
        return Scales(np.log(budget), log_params, log_params + shape)

    right = accuracy(ability(budgets) + 0.5 * (shape - 3), ease)
    answered = AnsweredRuns(
        scales(budgets, shape), None, np.arange(18), {0: ItemResponses(right, np.full(ITEMS, 1 / ITEMS), 0.0)}
    )
    wanted = np.array([3.5, 4.0])
    found = item_response(
        answered, np.ones(18, dtype=bool), scales(np.full(2, AHEAD), wanted), 1, ErrorForecasts()
    )[:, 0]
    truth = 1 - accuracy(ability(np.full(2, AHEAD)) + 0.5 * (wanted - 3), ease).mean(axis=1)
    assert np.exp(found) == pytest.approx(truth, rel=0.03)


@pytest.mark.slow
def test_the_forecast_of_an_error_serves_its_ratio(
    answers: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each group is regressed once per origin, though its error and its ratio are both forecast."""
    regressed: list[tuple[bytes, ...]] = []

    def counted(answers: Any, compute: Any, *others: Any, **options: Any) -> Any:
        regressed.append((answers.tobytes(), compute.tobytes()))
        return latent_regression(answers, compute, *others, **options)

    monkeypatch.setattr("relscale.fitting.forecasts.item_response.latent_regression", counted)
    assert rows(fitted(*tables(answers)), candidate="item response", quantity="ratio")
    assert regressed
    assert len(regressed) == len(set(regressed))
