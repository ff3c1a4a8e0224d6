"""Abilities and ease of items come back from what Rasch's model and 2PL draw."""

import re
from pathlib import Path

import numpy as np
import pytest

from relscale.cli import main
from relscale.fitting.items.rasch import Items, abilities, ability_line, calibrated

RNG = np.random.default_rng(0)
ABILITY, EASE = RNG.standard_normal(300), RNG.standard_normal(40)


def test_answers_that_are_the_probabilities_themselves_give_the_truth_back() -> None:
    truth = Items(EASE, np.ones(40))
    items, theta = calibrated(truth.chance(ABILITY))
    assert np.corrcoef(items.ease, EASE)[0, 1] > 0.9999
    assert np.array_equal(np.argsort(theta), np.argsort(ABILITY))


def test_slopes_are_told_apart_by_many_models() -> None:
    slope = np.exp(np.random.default_rng(1).uniform(-0.7, 0.7, 40))
    chance = Items(EASE, slope).chance(ABILITY)
    items, _ = calibrated((np.random.default_rng(2).random(chance.shape) < chance).astype(float), slopes=True)
    assert np.corrcoef(np.log(items.slope), np.log(slope))[0, 1] > 0.8


def test_the_standard_error_is_the_spread_of_abilities_around_the_truth() -> None:
    items = Items(np.zeros(200), np.ones(200))
    answers = (np.random.default_rng(3).random((4000, 200)) < 0.5).astype(float)
    theta, error = abilities(answers, items)
    assert np.std(theta) == pytest.approx(error.mean() * 1 / np.sqrt(1 + error.mean() ** 2), rel=0.05)


def test_a_missing_answer_counts_for_nothing() -> None:
    items, answers = Items(EASE, np.ones(40)), np.round(RNG.random((5, 40)))
    some = np.where(np.arange(40) < 20, answers, np.nan)
    few = abilities(answers[:, :20], Items(EASE[:20], np.ones(20)))[0]
    assert abilities(some, items)[0] == pytest.approx(few, abs=1e-9)


@pytest.mark.parametrize("count", [8, 40])
def test_few_items_do_not_flatten_the_line_of_abilities_along_compute(count: int) -> None:
    """Abilities from −2 to 2 over 12 models, 40 sets of items and answers: the mean slope is that of the truth."""
    ability, generator = np.linspace(-2, 2, 12), np.random.default_rng(0)
    slopes = []
    for _ in range(40):
        chance = Items(generator.standard_normal(count), np.ones(count)).chance(ability)
        answers = (generator.random(chance.shape) < chance).astype(float)
        slopes.append(ability_line(ability, *abilities(answers, calibrated(answers)[0]))[0])
    assert np.mean(slopes) == pytest.approx(1, abs=3 * np.std(slopes) / 40**0.5 + 0.05)


def test_the_command_prints_abilities_items_and_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["model,item,correct,flops"]
    for i, theta in enumerate((-1.0, 0.0, 1.0, 2.0)):
        chance = Items(EASE, np.ones(40)).chance(np.array([theta]))[0]
        lines += [f"m{i},q{j},{p:.6f},{10.0 ** (18 + i)}" for j, p in enumerate(chance)]
    table = tmp_path / "answers.csv"
    table.write_text("\n".join(lines))
    columns = ["--model", "model", "--item", "item", "--score", "correct"]
    assert main(["ability", str(table), *columns, "--compute", "flops", "--choose", "3", "--at", "1e22"]) == 0
    said = capsys.readouterr().out
    assert "4 models, 40 items" in said
    (slope,) = re.findall(r"ability = (\S+) · ln flops", said)
    assert float(slope) == pytest.approx(1 / np.log(10), rel=0.1)
    assert "at 1e+22: ability" in said
    assert main(["ability", str(table), "--model", "model", "--item", "q", "--score", "correct"]) == 1
    assert "no column 'q'" in capsys.readouterr().err
    assert main(["ability", str(table), "--model", "model", "--item", "item", "--score", "flops"]) == 1
    assert "outside 0 to 1" in capsys.readouterr().err
