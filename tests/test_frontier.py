"""The frontier of a table of one's own: rows that cannot be used are left out and counted, the rest is a sentence."""

import math

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
        ({"loss": "text"}, "column 'text' holds no numbers: row 1 is 'a'"),
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
