"""Abilities and ease of items come back from what Rasch's model and 2PL draw."""

from pathlib import Path

import numpy as np
import pytest

from relscale.cli import main
from relscale.fitting.items.rasch import Items, abilities, calibrated

RNG = np.random.default_rng(0)
ABILITY, EASE = RNG.standard_normal(300), RNG.standard_normal(40)


def test_answers_that_are_the_probabilities_themselves_give_the_truth_back() -> None:
    truth = Items(EASE, np.ones(40))
    items, theta = calibrated(truth.chance(ABILITY))
    assert np.corrcoef(items.ease, EASE)[0, 1] > 0.9999
    assert np.array_equal(np.argsort(theta), np.argsort(ABILITY))


def test_slopes_are_distinguished_by_many_models() -> None:
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


def test_a_guess_lifts_scores_and_not_abilities() -> None:
    truth = Items(EASE, np.ones(40), guess=0.25)
    assert truth.chance(np.array([-50.0])) == pytest.approx(0.25)
    items, theta = calibrated(truth.chance(ABILITY), guess=0.25)
    plain, without = calibrated(Items(EASE, np.ones(40)).chance(ABILITY))
    assert np.median(np.abs(theta - without)) < 0.15  # the prior weighs more where guesses tell less
    assert np.median(np.abs(items.ease - plain.ease)) < 0.15


@pytest.mark.parametrize("guess", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("right", [0.02, 0.15, 0.5])
def test_an_ability_is_the_most_probable_however_few_answers_are_right(guess: float, right: float) -> None:
    """Below chance the probability of answers is not concave in the ability, and Newton's steps may circle."""
    answers = (np.random.default_rng(4).random((6, 40)) < right).astype(float)
    items = Items(EASE, np.ones(40), guess)
    found, _ = abilities(answers, items)
    for theta, given in zip(found, answers, strict=True):

        def log_posterior(at: float, given: np.ndarray = given) -> float:
            chance = items.chance(np.array([at]))[0]
            return float(np.log(np.where(given == 1, chance, 1 - chance)).sum() - at**2 / 2)

        around = np.linspace(-6, 6, 241)
        assert log_posterior(theta) >= max(map(log_posterior, around))


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
    name, items, models, slope, low, high, _, _, accuracy, least, most = said.splitlines()[-1].rsplit(
        None, 10
    )
    assert (name, items, models) == ("all items", "40", "4")
    assert float(slope) == pytest.approx(1 / np.log(10), rel=0.15)
    assert float(low) < 1 / np.log(10) < float(high)
    ahead = Items(EASE, np.ones(40)).accuracy(np.array([3.0]))[0]
    assert float(accuracy) == pytest.approx(ahead, abs=0.01)
    assert float(least) < ahead < float(most)
    assert main(["ability", str(table), "--model", "model", "--item", "q", "--score", "correct"]) == 1
    assert "no column 'q'" in capsys.readouterr().err
    assert main(["ability", str(table), "--model", "model", "--item", "item", "--score", "flops"]) == 1
    assert "outside 0 to 1" in capsys.readouterr().err


def test_answers_are_right_or_wrong_in_words_and_models_called_as_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``true`` and ``false`` are 1 and 0, and a model ``007`` is not called 7."""
    said = []
    for right, wrong in (("true", "false"), ("1", "0")):
        rows = [f"00{i},{j},{right if (i + j) % 3 else wrong}" for i in range(5) for j in range(9)]
        table = tmp_path / "answers.csv"
        table.write_text("\n".join(["model,item,correct", *rows]))
        assert main(["ability", str(table), "--model", "model", "--item", "item", "--score", "correct"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert "004" in said[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "1e22"], "--compute"),
        (["--compute", "flops", "--at", "0"], "not a positive compute"),
        (["--compute", "flops", "--at", "1e22", "--slopes"], "Rasch"),
        (["--compute", "flops", "--chance", "25"], "--chance"),
        (["--compute", "flops", "--where", "flops<3e20"], "4 models"),
        (["--compute", "moved"], "several values"),
        (["--compute", "flops", "--group", "model"], "several groups"),
    ],
)
def test_options_that_make_no_sense_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    rows = [
        f"m{i},q{j},{int(j < 3 * i)},{10.0 ** (18 + i)},{10.0 ** (18 + j)}"
        for i in range(4)
        for j in range(9)
    ]
    table = tmp_path / "answers.csv"
    table.write_text("\n".join(["model,item,correct,flops,moved", *rows]))
    columns = ["--model", "model", "--item", "item", "--score", "correct"]
    assert main(["ability", str(table), *columns, *options]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.mark.slow
def test_each_group_has_its_own_line_and_backtest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ability = np.linspace(-1, 1.5, 6)
    chance = np.hstack([Items(EASE, np.ones(40)).chance(rate * ability) for rate in (1.0, 0.2)])
    lines = [
        f"m{i},q{j},{p:.6f},{10.0 ** (18 + i)},{'fast' if j < 40 else 'slow'}"
        for i, row in enumerate(chance)
        for j, p in enumerate(row)
    ]
    table = tmp_path / "answers.csv"
    table.write_text("\n".join(["model,item,correct,flops,group", *lines]))
    columns = ["--model", "model", "--item", "item", "--score", "correct", "--compute", "flops"]
    assert main(["ability", str(table), *columns, "--group", "group", "--at", "1e24", "--backtest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    fast, slow = ([line.split() for line in lines if line.startswith(name)] for name in ("fast", "slow"))
    assert float(fast[0][3]) == pytest.approx(0.5 / np.log(10), rel=0.15)
    assert float(slow[0][3]) == pytest.approx(0.1 / np.log(10), rel=0.15)
    assert [row[1] for row in (fast[1], slow[1])] == ["3", "3"]  # 2 of the largest from four, 1 from five
    assert max(float(row[2]) for row in (fast[1], slow[1])) < 0.03


@pytest.mark.slow
def test_answers_that_are_wrong_more_often_than_by_guessing_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of six models that guess, (1 − 0.25)^6, 18% of the items, have no right answer; trick questions have none."""
    guessed = np.random.default_rng(0).random((6, 200)) < 0.25
    columns = ["--model", "model", "--item", "item", "--score", "correct", "--compute", "flops"]
    for tricks in (0, 60):
        guessed[:, :tricks] = False
        lines = [f"m{i},q{j},{int(x)},{10.0 ** (18 + i)}" for (i, j), x in np.ndenumerate(guessed)]
        table = tmp_path / "answers.csv"
        table.write_text("\n".join(["model,item,correct,flops", *lines]))
        assert main(["ability", str(table), *columns, "--chance", "0.25"]) == 0
        assert ("more than guessing at 0.25 explains" in capsys.readouterr().err) is bool(tricks)
