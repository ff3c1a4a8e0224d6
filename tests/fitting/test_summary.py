from typing import Any

from relscale.fitting.fit import fit
from relscale.fitting.summary import summary

GROUPS = {"a": (1.5, 0.08, 0.3), "b": (1.0, 0.05, 0.0)}


def test_the_summary_has_a_row_a_group_and_the_gap_against_the_baseline(World: Any) -> None:
    fits = fit(World(GROUPS).measurements, suites={"s": {"baseline": "b"}})
    frontier, laws = summary(fits, {}).split("\n\n")
    assert [line.split()[2] for line in frontier.splitlines()[2:]] == [
        "compute_optimal_tokens",
        "compute_optimal_params",
        "power_law",
    ]
    target, baseline = laws.splitlines()[2:]
    assert "0.0800 [0.0800, 0.0800]" in target
    assert "-0.0300 [-0.0300, -0.0300]" in target  # Δβ = β_b − β_t = 0.05 − 0.08
    assert "0.0500 [0.0500, 0.0500]" in baseline
    assert "-0.03" not in baseline


def test_a_suite_is_shown_by_the_metric_and_prompt_that_it_names(World: Any) -> None:
    fits = fit(World(GROUPS).measurements, suites={"s": {"baseline": "b"}})
    assert "0.0800" not in summary(fits, {"s": ("another metric", "another prompt")})
