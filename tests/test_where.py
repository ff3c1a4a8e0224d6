"""Every command with ``--where`` names the rows that the condition left, in its results and its errors."""

from pathlib import Path

import pytest

from relscale.cli import main

ROWS = 12
RUNS = "flops,params,tokens,loss,kept\n" + "".join(
    f"{c},{c / 6 / d},{d},{2 + 1e3 * c**-0.15 + 0.1 * i * i},{kept}\n"
    for kept in "yn"
    for c in (1e18, 1e19)
    for i, d in ((-1, c**0.5), (0, 2 * c**0.5), (1, 4 * c**0.5))
)
ANSWERS = "model,item,score,kept\n" + "".join(
    f"{m}{kept},{i},{int((m + i) % 3 > 0)},{kept}\n" for kept in "yn" for m in (1, 2, 3) for i in (1, 2)
)
SCORES = "family,compute,a,b,kept\n" + "".join(
    f"{family},{10**size},{0.1 * size},{0.08 * size + 0.1 * (family == 'y')},{kept}\n"
    for kept in "yn"
    for family in "xy"
    for size in (1, 2, 3)
)
COMMANDS = {
    "fit": (RUNS, "fit TABLE --x flops --y loss --law power --run-key flops,tokens,kept"),
    "frontier": (RUNS, "frontier TABLE"),
    "ask": (RUNS, "ask coupling TABLE --x loss --y params --size tokens"),
    "ability": (ANSWERS, "ability TABLE --model model --item item --score score"),
    "capabilities": (SCORES, "capabilities TABLE --benchmarks a,b --family family --compute compute"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_result_names_the_rows_that_a_condition_left(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, line = COMMANDS[command]
    table = tmp_path / "table.csv"
    table.write_text(text)
    words = [str(table) if word == "TABLE" else word for word in line.split()]
    assert main(words) == 0
    assert "rows meet" not in capsys.readouterr().out
    assert main([*words, "--where", "kept=y"]) == 0
    assert f"{ROWS // 2} of {ROWS} rows meet kept=y" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_one_row_is_too_little_and_the_message_names_the_condition(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, line = COMMANDS[command]
    table = tmp_path / "table.csv"
    header, first, *others = text.splitlines()
    table.write_text("\n".join([header, first[:-1] + "one", *others]))
    words = [str(table) if word == "TABLE" else word for word in line.split()]
    fitted = main([*words, "--where", "kept=one"]) == 0
    printed = capsys.readouterr()
    assert f"1 of {ROWS} rows meet kept=one" in (printed.out if fitted else printed.err)
    assert not fitted or "too few runs" in printed.out
