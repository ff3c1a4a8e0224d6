"""Scores that are lines in ln compute per family are forecast exactly; a missing one of rank one is filled in."""

from pathlib import Path

import numpy as np
import pytest

from relscale.cli import main
from relscale.fitting.capabilities import completed, components, forecast, held_out

REFERENCE = Path(__file__).parents[2] / "reference"
FAMILIES = ["a"] * 4 + ["b"] * 3 + ["c"] * 3
LOG_COMPUTE = np.array([0.0, 1, 2, 3, 0.5, 1.5, 2.5, 1, 2, 4])
LEVEL = np.array([{"a": 0.1, "b": 0.3, "c": -0.2}[family] for family in FAMILIES])
SCORES = 0.4 + np.outer(0.05 * LOG_COMPUTE + LEVEL, [0.5, 1.0, 0.8])


def test_larger_models_of_a_family_follow_from_its_smallest() -> None:
    known = np.array([True, False, False, False] + [True] * 6)
    assert forecast(SCORES, LOG_COMPUTE, FAMILIES, known, 1) == pytest.approx(SCORES, abs=1e-12)
    error = held_out(
        SCORES, LOG_COMPUTE, FAMILIES, lambda known: forecast(SCORES, LOG_COMPUTE, FAMILIES, known, 1)
    )
    assert error == pytest.approx(0, abs=1e-12)


def test_a_missing_score_of_one_component_is_found() -> None:
    missing = SCORES.copy()
    missing[2, 1] = missing[7, 0] = np.nan
    assert completed(missing) == pytest.approx(SCORES, abs=1e-6)


def test_one_direction_has_all_the_variance_and_more_of_it_is_better() -> None:
    found = components(SCORES)
    assert found.shares[0] == pytest.approx(1)
    assert (found.loadings[0] > 0).all()
    assert found.scores(found.of(SCORES)[:, :1]) == pytest.approx(SCORES)


def capabilities(*options: str) -> list[str]:
    table = REFERENCE / "observational_benchmarks.csv.gz"
    return ["capabilities", str(table), "--family", "family", "--compute", "flops_1e21", *options]


def test_the_command_shows_components_and_forecasts(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--benchmarks", "MMLU,ARC-C,HellaSwag", "--at", "Llama-2=5000")
    assert main(capabilities(*options)) == 0
    said = capsys.readouterr().out
    assert "component 1" in said
    assert "Llama-2 at 5000" in said
    assert "outside the range of scores in the table" in said


@pytest.mark.parametrize(("scale", "is_said"), [(100, True), (1, False)])
def test_percentages_among_shares_are_said_to_be_so(
    scale: float, is_said: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The components of such scores are those of the percentages."""
    rows = [f"{n},{f},{scale * a},{b}" for n, f, (a, b, _) in zip(FAMILIES, LOG_COMPUTE, SCORES, strict=True)]
    table = tmp_path / "models.csv"
    table.write_text("\n".join(["family,log_flops,easy,hard", *rows]))
    columns = ["--family", "family", "--compute", "log_flops", "--benchmarks", "easy,hard"]
    assert main(["capabilities", str(table), *columns]) == 0
    assert ("if these are percentages, write all in one unit" in capsys.readouterr().out) == is_said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--benchmarks", "MMLU,ARK"), "no column 'ARK'"),
        (("--benchmarks", "MMLU,ARC-C", "--at", "GPT-9=1e3"), "no family 'GPT-9'"),
        (("--benchmarks", "MMLU,ARC-C", "--at", "Llama-2=much"), "'much' is not a positive compute"),
        (
            ("--benchmarks", "MMLU,ARC-C", "--chance", "MMLU=.25"),
            "--chance: --model components does not use it",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(capabilities(*options)) == 1
    assert message in capsys.readouterr().err
