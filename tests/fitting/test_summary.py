from typing import Any

import pyarrow as pa
import pytest

from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits, empty
from relscale.fitting.report.summary import summary
from relscale.fitting.report.untrusted_runs import left_out

GROUPS = {"a": (1.5, 0.08, 0.3), "b": (1.0, 0.05, 0.0)}
CURVE = {
    "corpus": "text",
    "optimizer": "c-adamc",
    "suite": "s",
    "prompt": "plain",
    "metric": "bits_per_byte_answer_mean",
    "group": "a",
}


@pytest.fixture(name="fits", scope="module")
def fitted(World: Any) -> Fits:
    return fit(World(GROUPS).measurements, suites={"s": {"baseline": "b"}})


def test_the_summary_has_a_row_a_group_and_the_gap_against_the_baseline(fits: Fits) -> None:
    verdicts, frontier, laws = summary(fits, {}).split("\n\n")[:3]
    assert verdicts.splitlines()[0].startswith("1 gap")
    assert [line.split()[1] for line in frontier.splitlines()[2:]] == [
        "compute_optimal_tokens",
        "compute_optimal_params",
        "power",
    ]
    target, baseline = laws.splitlines()[2:]
    assert "0.0800 [0.0800, 0.0800]" in target
    assert "-0.0300 [-0.0300, -0.0300]" in target  # Δβ = β_b − β_t = 0.05 − 0.08
    assert "0.0500 [0.0500, 0.0500]" in baseline
    assert "-0.03" not in baseline


def test_a_suite_is_shown_by_the_metric_and_prompt_that_it_names(fits: Fits) -> None:
    assert "0.0800" not in summary(fits, {"s": ("another metric", "another prompt")})


def test_columns_may_be_left_out(fits: Fits) -> None:
    assert "corpus" in summary(fits, {})
    assert "corpus" not in summary(fits, {}, without=["corpus"])


@pytest.mark.slow
def test_of_many_groups_it_shows_how_many_go_which_way_and_the_extremes(World: Any) -> None:
    groups = {f"g{i:02}": (1.5, 0.05 + 0.001 * i, 0.0) for i in range(1, 41)} | {"b": (1.0, 0.05, 0.0)}
    said = summary(fit(World(groups).measurements, suites={"s": {"baseline": "b"}}), {})
    assert (
        "41 groups against b: 40 gaps close, 0 widen, 0 cross, 0 are flat, 0 are not resolved (FDR 5%)"
        in said
    )
    shown = [line.split()[2] for line in said.splitlines() if line.startswith("text ") and " b " in line]
    assert shown == ["g40", "g39", "g38", "g03", "g02", "g01"]


def test_many_groups_without_a_baseline_show_the_extremes_of_their_exponents(fits: Fits) -> None:
    law = CURVE | {"law": "power", "parameter": "beta", "status": "ok"}
    many = [law | {"group": f"g{i:02}", "value": i / 100} for i in range(20)]
    said = summary(Fits({**fits.tables, "fits": rows("fits", *many), "verdicts": rows("verdicts")}), {})
    shown = [line.split()[2] for line in said.splitlines() if line.startswith("text ")]
    assert shown == ["g00", "g01", "g02", "g17", "g18", "g19"]
    assert "0.1900" in said
    assert "s, bits_per_byte_answer_mean, text: 20 groups, without a baseline" in said


def test_many_groups_of_no_corpus_are_named_without_one(fits: Fits) -> None:
    law = CURVE | {"corpus": None, "law": "power", "parameter": "beta", "status": "ok"}
    many = [law | {"group": f"g{i:02}", "value": i / 100} for i in range(20)]
    said = summary(Fits({**fits.tables, "fits": rows("fits", *many), "verdicts": rows("verdicts")}), {})
    assert "s, bits_per_byte_answer_mean: 20 groups" in said


def test_two_intervals_of_one_exponent_are_distinguished(fits: Fits) -> None:
    loss = {"corpus": "text", "suite": "validation", "group": "all", "metric": "nats_per_token"}
    exponent = loss | {"law": "compute_optimal_tokens", "parameter": "exponent", "value": 0.5369}
    by_line = exponent | {"method": "line", "status": "ok"}
    by_draws = exponent | {
        "method": "frontier bootstrap, pairs",
        "method_note": "percentile, 1000 draws",
        "status": "failed draws",
    }
    said = summary(Fits({**fits.tables, "fits": rows("fits", by_line, by_draws)}), {})
    first, second = [line for line in said.splitlines() if "compute_optimal_tokens" in line]
    assert first.endswith(" ok")
    assert "t interval of the last stage" in first
    assert second.endswith("pairs bootstrap, percentile, 1000 draws  failed draws")


@pytest.mark.slow
def test_corpora_that_are_compared_stand_beside_the_groups(World: Any) -> None:
    world = World(GROUPS, noise=0.01, corpora=("text", "code"))
    said = summary(
        fit(world.measurements, options={"contrasts": {"corpus": "text"}, "baselines": {"s": "b"}}), {}
    )
    between = [line for line in said.splitlines() if line.startswith("code ") and " text " in line]
    assert {line.split()[1] for line in between} == {"s", "validation"}


def rows(name: str, *given: dict[str, Any]) -> pa.Table:
    schema = empty(name).schema
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in given], schema)


def test_crossings_forecasts_laws_predictions_and_answers_are_shown_where_there_are(fits: Fits) -> None:
    crossing = CURVE | {
        "parameter": "crossing_flops",
        "baseline": "b",
        "contrast": "group",
        "status": "no crossing in range",
    }
    law = {"fit": "mine", "law": "parametric", "parameter": "E", "value": 1.8172, "low": 1.7, "status": "ok"}
    ahead = CURVE | {
        "quantity": "ratio",
        "baseline": "b",
        "training_flops": 2e23,
        "candidate": "ensemble",
        "value": 0.5,
    }
    other = ahead | {"candidate": "persistence", "value": 0.123}
    seen = {
        "fit": "mine",
        "run": "big",
        "observed": 2.5,
        "predicted": 2.52,
        "relative_error": 0.0071,
        "status": "ok",
    }
    answer = {
        "quantity": "alpha",
        "published": 0.3478,
        "reproduced": 0.34731,
        "agrees": False,
        "within": True,
    }
    full = Fits(
        {
            **fits.tables,
            "fits": pa.concat_tables([fits.fits, rows("fits", crossing, law)]),
            "forecasts": rows(
                "forecasts", ahead | {"low": 0.4, "high": 0.6, "spread_low": 0.45, "spread_high": 0.55}, other
            ),
            "predictions": rows("predictions", seen),
            "reproduction": rows("reproduction", answer, {"quantity": "ours alone", "reproduced": 1.0}),
        }
    )
    said = summary(full, {})
    assert "no crossing in range" in said
    assert "1.8172 [1.7, …]" in said
    assert "2e+23" in said
    assert "0.5000 [0.4000, 0.6000]" in said
    assert "[0.45, 0.55]" in said
    assert "0.123" not in said
    assert "0.71%" in said
    assert "0.3478" in said
    assert "ours alone" not in said
    assert said.endswith("'reproduction': 1")


@pytest.mark.slow
def test_what_is_left_out_is_reported_with_its_reason(World: Any) -> None:
    world = World(GROUPS)
    cut = [
        row | {"status": "context cut in 30 of 1534 items"}
        if (row["group"], row["run"]) in (("a", "text-1e+11-w0-s0"), ("b", "text-1e+11-w1-s0"))
        else row
        for row in world.rows
    ]
    table = pa.Table.from_pylist(cut)
    said = summary(fit(table, suites={"s": {"baseline": "b"}}), {}, measurements=table)
    assert said.splitlines()[-1] == "2 runs excluded: s plain, a, b: context cut in 30 of 1534 items"
    assert left_out(table, {"suite": "validation"}) == []
    assert left_out(world.measurements) == []
