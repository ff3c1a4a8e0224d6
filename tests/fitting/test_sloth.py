"""Scores that are sigmoids of skills are forecast from one small model of a family."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit

from relscale.cli import main
from relscale.fitting.capabilities import held_out
from relscale.fitting.sloth import forecast, objective

REFERENCE = Path(__file__).parents[2] / "reference"
CHANCE = np.array([0.25, 0.25, 0.5, 0.0, 0.1])
FAMILIES = [family for family in "abcde" for _ in range(4)]
SKILLS = 2


def simulated() -> tuple[np.ndarray, np.ndarray]:
    """Scores of five families' models by two skills, without noise, and the logarithms of their sizes."""
    random = np.random.default_rng(3)
    log_sizes = random.uniform([0, 25], [4, 29], (len(FAMILIES), 2))
    size, tokens = (log_sizes - [2, 27]).T
    family = {name: random.normal(0, 0.4, SKILLS) for name in "abcde"}
    skills = np.column_stack([size, tokens, size * tokens]) @ np.array(
        [[0.5, 0.2], [0.3, 0.6], [0.05, -0.04]]
    )
    skills += np.stack([family[name] for name in FAMILIES])
    loadings = random.uniform(0.2, 1, (SKILLS, len(CHANCE)))
    return CHANCE + (1 - CHANCE) * expit(skills @ loadings - 0.3), log_sizes


SCORES, LOG_SIZES = simulated()
ALL = np.ones(len(FAMILIES), dtype=bool)


def test_larger_models_of_a_family_follow_from_its_smallest() -> None:
    error = held_out(
        SCORES,
        LOG_SIZES.sum(axis=1),
        FAMILIES,
        lambda known: forecast(SCORES, LOG_SIZES, FAMILIES, known, SKILLS, CHANCE),
    )
    assert error == pytest.approx(0, abs=2e-3)


def test_one_skill_does_not_explain_two() -> None:
    one, two = (np.abs(forecast(SCORES, LOG_SIZES, FAMILIES, ALL, d, CHANCE) - SCORES).mean() for d in (1, 2))
    assert two < 1e-3 < one


def test_a_missing_score_is_left_out_and_a_benchmark_without_any_has_no_forecast() -> None:
    missing = SCORES.copy()
    missing[[2, 9, 14], [1, 0, 3]] = np.nan
    missing[:, 4] = np.nan
    found = forecast(missing, LOG_SIZES, FAMILIES, ALL, SKILLS, CHANCE)
    assert found[:, :4] == pytest.approx(SCORES[:, :4], abs=2e-3)
    assert np.isnan(found[:, 4]).all()


def test_the_gradient_is_that_of_differences() -> None:
    random = np.random.default_rng(0)
    design, scores = random.normal(size=(20, 4)), np.where(random.random((20, 5)) < 0.1, np.nan, SCORES)
    error = objective(design, scores, SKILLS, CHANCE)
    theta = random.normal(size=(4 + 5) * SKILLS + 5)
    slopes = approx_fprime(theta, lambda at: error(at)[0], 1e-7)
    assert error(theta)[1] == pytest.approx(slopes, abs=1e-4)


def capabilities(*options: str) -> list[str]:
    table = REFERENCE / "sloth_benchmarks.csv.gz"
    few = ("--where", "family_of_law=pythia,opt,llama,llama-2,bloom")
    return ["capabilities", str(table), "--family", "family_of_law", "--model", "sloth", *few, *options]


SIZES = ("--params", "params_billions", "--tokens", "tokens_trillions")
BENCHMARKS = ("--benchmarks", "MMLU,ARC,HellaSwag", "--chance", "MMLU=.25,ARC=.25,HellaSwag=.25")


def test_the_command_forecasts_a_size_and_a_number_of_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(capabilities(*SIZES, *BENCHMARKS, "--components", "1", "--at", "llama=130,1.4")) == 0
    said = capsys.readouterr().out
    assert "mean error of the fit" in said
    assert "forecasts of a family's larger models from its smallest" in said
    forecasts = next(line.split() for line in said.splitlines() if line.startswith("llama at 130,1.4"))
    assert all(0.25 < float(score) < 1 for score in forecasts[3:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (BENCHMARKS, "--params: --model sloth needs this column"),
        ((*SIZES, *BENCHMARKS, "--compute", "flops_1e21"), "--compute: --model sloth does not use it"),
        ((*SIZES, "--benchmarks", "MMLU,ARC", "--chance", "ARK=.25"), "--chance: no benchmark 'ARK'"),
        ((*SIZES, "--benchmarks", "MMLU,ARC", "--chance", "ARC=25"), "'25' is not a score from 0 to 1"),
        (
            (*SIZES, "--benchmarks", "MMLU,params_billions"),
            "'params_billions' has scores outside 0 to 1",
        ),
        ((*SIZES, *BENCHMARKS, "--at", "llama=130"), "'130' is not positive parameters and tokens"),
    ],
)
def test_a_mistake_is_one_sentence(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(capabilities(*options)) == 1
    assert message in capsys.readouterr().err
