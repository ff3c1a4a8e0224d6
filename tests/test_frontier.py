"""The frontier of a table of one's own: rows that cannot be used are left out and counted, the rest is a sentence."""

import math

import numpy as np
import pyarrow as pa
import pytest
from one_sentence import assert_one_sentence

import relscale
from relscale.errors import RelscaleError

BUDGETS = [1e18, 1e19, 1e20]


def rows():
    """Runs whose losses lie on parabolas in ln tokens, least at 20 tokens per parameter."""
    return [
        {
            "flops": c,
            "params": c / 6 / (s * best),
            "tokens": s * best,
            "loss": 3 - 0.1 * n + 0.02 * math.log(s) ** 2,
        }
        for n, c in enumerate(BUDGETS)
        for best in [math.sqrt(20 * c / 6)]
        for s in (0.25, 0.5, 1.0, 2.0, 4.0)
    ]


@pytest.mark.parametrize("cell", [None, math.nan, math.inf, 0.0, -1.0, "n/a"])
@pytest.mark.parametrize("column", ["flops", "tokens", "params", "loss"])
def test_a_row_without_a_usable_number_is_left_out_and_the_minimum_stays(column, cell):
    table = rows()
    for row in table if cell == "n/a" else ():
        row[column] = str(row[column])
    table[6][column] = cell
    found = relscale.frontier(pa.Table.from_pylist(table), budget="flops")
    optima = {row["budget"]: row for row in found.optima}
    assert [optima[c]["tokens"] for c in BUDGETS] == pytest.approx([math.sqrt(20 * c / 6) for c in BUDGETS])
    assert optima[1e19]["runs"] == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget": "budgt"}, "budget: no column 'budgt'"),
        ({"corpus": "corpora"}, "corpus: no column 'corpora'"),
        ({"block": "run"}, "block: no column 'run'"),
        ({"loss": "text"}, "column 'text' is not numeric: row 1 is 'a'"),
        ({"corpus": "hole"}, "column 'hole' is empty in 1 row"),
        ({"loss": "zero"}, "no row can be fitted, the first is not positive: zero is 0 in row 1"),
        ({"level": 2}, "level: 2 is not between 0 and 1"),
        ({"where": "flops>1e30"}, "no row meets"),
    ],
)
def test_what_has_no_frontier_is_one_sentence(options, said):
    table = [row | {"text": "a", "hole": "web" if n else None, "zero": 0} for n, row in enumerate(rows())]
    with pytest.raises(RelscaleError) as error:
        relscale.frontier(pa.Table.from_pylist(table), **options)
    assert_one_sentence(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize("target", [0, -1e20, math.nan, math.inf])
def test_an_optimum_is_at_positive_compute(target):
    with pytest.raises(RelscaleError, match="is not a positive compute"):
        relscale.frontier(pa.Table.from_pylist(rows())).at(target)


def chinchilla(noise=0.0, budgets=(1e18, 1e19, 1e20, 1e21, 1e22), seed=0):
    """Runs on the loss of Hoffmann et al., E + A / N^α + B / D^β, seven sizes around the optimum of each budget."""
    generator = np.random.default_rng(seed)
    rows = []
    for c in budgets:
        best = ((0.34 * 406.4) / (0.28 * 410.7)) ** (1 / 0.62) * (c / 6) ** (0.28 / 0.62)
        for n in best * np.geomspace(1 / 3, 3, 7):
            loss = 1.69 + 406.4 / n**0.34 + 410.7 / (c / 6 / n) ** 0.28
            rows.append(
                {"flops": c, "params": n, "tokens": c / 6 / n, "loss": loss + noise * generator.normal()}
            )
    return rows


def least_loss(c):
    n = ((0.34 * 406.4) / (0.28 * 410.7)) ** (1 / 0.62) * (c / 6) ** (0.28 / 0.62)
    return 1.69 + 406.4 / n**0.34 + 410.7 / (c / 6 / n) ** 0.28


@pytest.mark.parametrize("c", [1e18, 3e20, 1e24])
def test_the_least_loss_of_a_law_with_a_floor_is_that_of_the_law_beyond_the_budgets_too(c):
    found = relscale.frontier(pa.Table.from_pylist(chinchilla())).at(c).where(quantity="L*")
    assert found["value"] == pytest.approx([least_loss(c)], rel=1e-4)


@pytest.mark.slow
def test_intervals_of_the_least_loss_cover_it_a_hundredfold_beyond_the_budgets():
    covered = 0
    for seed in range(50):
        (row,) = (
            relscale.frontier(pa.Table.from_pylist(chinchilla(0.003, seed=seed)))
            .at(1e24)
            .where(quantity="L*")
        )
        covered += row["low"] <= least_loss(1e24) <= row["high"]
    assert covered >= 43  # a binomial of 95% is below in 1 of 250


def test_three_optima_fix_no_floor_and_the_row_says_so():
    found = relscale.frontier(pa.Table.from_pylist(chinchilla(budgets=(1e18, 1e19, 1e20)))).at(1e21)
    assert found.where(quantity="L*")["law"] == ["power law without a floor"]


def jittered(spread, scale=1.0, seeds=1):
    """Runs whose compute is near a budget's, and whose tokens and loss are those of that compute."""
    generator = np.random.default_rng(0)
    return [
        {
            "flops": c,
            "params": c / 6 / tokens,
            "tokens": tokens,
            "loss": 3 - 0.1 * math.log10(c / 1e18) + 0.02 * math.log(s) ** 2,
            "seed": seed,
        }
        for budget in BUDGETS
        for s in (0.25, 0.5, 1.0, 2.0, 4.0)
        for c in [scale * budget * (1 + spread * generator.uniform(-1, 1))]
        for tokens in [s * math.sqrt(20 * c / 6)]
        for seed in range(seeds)
    ]


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("spread", [1e-12, 0.001, 0.004])
def test_runs_of_about_one_compute_share_a_budget_where_no_column_names_it(spread, seeds):
    """Tokens are whole numbers, so that 6·N·D hardly ever is the budget to the last bit; each corpus has its own."""
    table = [
        row | {"corpus": corpus}
        for corpus, scale in (("a", 1.0), ("b", 0.95))
        for row in jittered(spread, scale, seeds)
    ]
    table.append({"flops": 1.02e18, "params": 1e8, "tokens": 1e9, "loss": math.nan, "corpus": "a"})
    found = relscale.frontier(pa.Table.from_pylist(table))
    for corpus, scale in (("a", 1.0), ("b", 0.95)):
        optima = [row for row in found.optima.where(corpus=corpus) if row["status"] == "ok"]
        assert [row["tokens"] for row in optima] == pytest.approx(
            [math.sqrt(20 * scale * c / 6) for c in BUDGETS], rel=0.005
        )
    assert "budget = flops (runs within 1% share a budget)" in repr(found)


def test_a_table_of_random_sizes_has_no_budgets_and_no_exponents():
    generator = np.random.default_rng(1)
    for runs in (30, 300):
        params, tokens = np.exp(generator.uniform(np.log([[1e7], [1e8]]), np.log([[1e9], [1e10]]), (2, runs)))
        loss = 1.7 + 406 / params**0.34 + 411 / tokens**0.28
        table = pa.table({"flops": 6 * params * tokens, "params": params, "tokens": tokens, "loss": loss})
        with pytest.raises(RelscaleError) as refused:
            relscale.frontier(table).exponents  # noqa: B018
        assert_one_sentence(refused.value)
        assert "--budget COLUMN" in str(refused.value)


def test_two_budgets_that_are_close_stay_two():
    close = [row for c in (1.0, 1.05) for row in ({**run, "flops": c * run["flops"]} for run in rows())]
    assert list(relscale.frontier(pa.Table.from_pylist(close)).optima["runs"]) == [5] * 6


def test_a_table_that_was_written_twice_is_refused():
    table = chinchilla(noise=0.01)
    with pytest.raises(RelscaleError, match="70 of 70 rows equal another") as refused:
        relscale.frontier(pa.Table.from_pylist(table * 2))
    assert_one_sentence(refused.value)
    seeds = [row | {"seed": seed} for seed in (0, 1) for row in table]
    assert list(relscale.frontier(pa.Table.from_pylist(seeds)).optima["runs"]) == [14] * 5


def test_two_equal_runs_are_a_note():
    table = chinchilla(noise=0.01)
    fitted = relscale.frontier(pa.Table.from_pylist(table + table[:1]))
    (note,) = fitted.notes
    assert note.startswith("2 of 36 rows equal another")
    assert note in repr(fitted)
    assert relscale.frontier(pa.Table.from_pylist(table)).notes == ()


def test_rows_that_cannot_be_fitted_are_no_copies():
    table = chinchilla(noise=0.01)
    diverged = table[0] | {"loss": float("nan")}
    empty = dict.fromkeys(table[0])
    lost = pa.Table.from_pylist([*table, diverged, diverged, empty, empty])
    assert relscale.frontier(lost).notes == ()


def test_compute_is_compared_with_parameters_and_tokens_per_corpus():
    table = chinchilla(noise=0.01)
    other = [row | {"tokens": row["tokens"] / 1e9, "corpus": "billions"} for row in table]
    fitted = relscale.frontier(pa.Table.from_pylist([row | {"corpus": "ones"} for row in table] + other))
    ones, billions = np.split(np.array(fitted.exponents["exponent"]), 2)
    assert billions == pytest.approx(ones)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda i, row: row | {"flops": math.log10(row["flops"])}, id="log10"),
        pytest.param(lambda i, row: row | {"flops": math.log(row["flops"])}, id="ln"),
        pytest.param(
            lambda i, row: row | {"tokens": row["tokens"] / (1e9 if i % 5 else 1)}, id="mixed units"
        ),
    ],
)
def test_compute_that_is_not_proportional_to_parameters_and_tokens_is_refused(changed):
    table = [changed(i, row) for i, row in enumerate(chinchilla())]
    with pytest.raises(RelscaleError, match="should be nearly constant") as refused:
        relscale.frontier(pa.Table.from_pylist(table))
    assert_one_sentence(refused.value)


@pytest.mark.parametrize("unit", [1e-9, 1e3])
@pytest.mark.parametrize("column", ["flops", "params", "tokens"])
def test_exponents_have_no_unit(column, unit):
    plain = relscale.frontier(pa.Table.from_pylist(chinchilla())).exponents["exponent"]
    table = [row | {column: unit * row[column]} for row in chinchilla()]
    assert relscale.frontier(pa.Table.from_pylist(table)).exponents["exponent"] == pytest.approx(plain)
