"""Arms of one experiment: runs of a corpus and an optimizer that differ in another column."""

import numpy as np
import pyarrow as pa
import pytest

from relscale.errors import RelscaleError
from relscale.fitting.fit import fit
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.fitting.verdicts.words import sentence
from relscale.storage.rows import rows_of

FLOPS = np.geomspace(1e18, 1e22, 6)
LAWS = {
    0.001: (2.0, 0.05),
    0.002: (2.1, 0.06),
    0.004: (2.2, 0.05),
}  # E = level · (F / 1e18)^−β, by learning rate
CROSSING = 1e18 * 1.05**100


def measurements() -> pa.Table:
    rows = []
    for rate, (level, beta) in LAWS.items():
        for flops in FLOPS:
            run = {
                "experiment": "rates",
                "corpus": "web",
                "optimizer": "adamw",
                "run": f"{rate:g}-{flops:.3g}",
            }
            run |= {
                "training_flops": flops,
                "params": flops**0.5,
                "tokens": flops**0.5,
                "learning_rate": rate,
            }
            value = level * (flops / 1e18) ** -beta
            rows.append(run | {"suite": "s", "group": "g", "metric": "bits_per_byte", "value": value})
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="module")
def fitted():
    return fit(
        measurements(), options={"frontier": "all", "contrasts": {"columns": {"learning_rate": 0.001}}}
    )


def test_each_arm_is_compared_with_the_baseline(fitted):
    found = {
        (row["arm"], row["baseline"]): row["value"]
        for row in fitted.fits.to_pylist()
        if row["contrast"] == "learning_rate" and row["parameter"] == "delta_beta"
    }
    assert found == {
        ("0.002", "0.001"): pytest.approx(-0.01, abs=1e-9),
        ("0.004", "0.001"): pytest.approx(0, abs=1e-9),
    }


def test_two_arms_cross_where_their_laws_do(fitted):
    crossings = {
        row["arm"]: row["value"]
        for row in fitted.fits.to_pylist()
        if row["contrast"] == "learning_rate" and row["parameter"] == "crossing_flops"
    }
    assert crossings["0.002"] == pytest.approx(CROSSING, rel=1e-9)
    assert crossings["0.004"] is None
    verdicts = {row.arm: row for row in rows_of(VerdictRow, fitted.verdicts)}
    assert verdicts["0.002"].crossing_flops == pytest.approx(CROSSING, rel=1e-9)
    assert sentence(verdicts["0.002"]).startswith("g (web, learning_rate 0.002) crosses at 1.3×10²⁰")
    assert "× learning_rate 0.001, " in sentence(verdicts["0.002"])


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"learning_rate": 0.5}, r"learning_rate: no run has 0\.5; values: 0\.001, 0\.002, 0\.004"),
        ({"learning_rat": 1}, r"learning_rat: no such column; did you mean .*learning_rate"),
        ({"corpus": "web"}, r"corpus: use the option fit\.contrasts\.corpus"),
    ],
)
def test_a_column_or_a_baseline_that_is_not_there_is_named(columns, problem):
    with pytest.raises(RelscaleError, match=problem):
        fit(measurements(), options={"contrasts": {"columns": columns}})
