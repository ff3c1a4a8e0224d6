"""What must hold of every question: it is explained, and a table without its columns is one sentence."""

from pathlib import Path

import pytest

from relscale.cli import main
from relscale.questions.catalogue import question, question_names

STRANGER = "model,size_class,bleu\na,small,10.5\nb,large,12.5\nc,small,11.0\nd,huge,14.0\n"


@pytest.mark.parametrize("name", question_names())
def test_a_question_is_explained_with_the_meaning_of_each_option(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", name]) == 0
    said = capsys.readouterr().out
    for each in question(name).arguments:
        assert f"--{each.name.replace('_', '-')}" in said
        assert each.meaning, f"{name}: --{each.name} has no meaning in the docstring of rows"


@pytest.mark.parametrize("name", question_names())
def test_columns_that_are_not_there_are_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "stranger.csv"
    path.write_text(STRANGER)
    asked = []
    for each in question(name).arguments:
        if each.required:
            asked += [f"--{each.name.replace('_', '-')}", "1" if each.type in (int, float) else "missing"]
    assert main(["ask", name, str(path), *asked]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("relscale ask: ")
    assert said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.err


def test_an_unknown_question_is_named() -> None:
    assert main(["ask", "explaned"]) == 1


def test_all_questions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in question_names())


def test_an_option_that_is_given_twice_adds_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "batches.csv"
    rows = [f"{batch:g},{2000 * (1 + 3000 / batch):.6f}" for batch in (250, 1000, 4000, 16000)]
    path.write_text("\n".join(["batch,steps", *rows]))
    asked = ["ask", "optimum", str(path), "--law", "critical_batch", "--x", "batch", "--y", "steps"]
    asked += ["--draws", "0", "--at", "overhead=0.2,from_batch=250"]
    said = []
    for fixed in (
        ["--fix", "B_crit=9000,S_min=1000"],
        ["--fix", "B_crit=9000", "--fix", "S_min=1000"],
        ["--fix", "S_min=1000"],
    ):
        assert main([*asked, *fixed]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != said[2]


def test_rows_without_a_number_are_counted_whatever_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["unique,loss,share", "1e8,3,0", "2e8,2.5,0", "4e8,2,0", "1e8,2.5,0.5", "1e8,2.4,"]
    (tmp_path / "runs.csv").write_text("\n".join(lines))
    asked = ["--unique", "unique", "--y", "loss", "--share", "share"]
    assert main(["ask", "multiplier", str(tmp_path / "runs.csv"), *asked]) == 0
    assert "column 'share': 1 of 5 rows have no number" in capsys.readouterr().out


SCORES = """size,item,family,score
1,a,x,0
2,a,x,1
1,b,,1
2,b,,1
1,c,x,1
2,c,x,0
"""
NAMED = {
    "plateau": "--score score --item item --size size --family family",
    "inversions": "--score score --item item --size size --family family",
    "regime": "--x size --y size --by family",
    "critical_branch": "--factor size --y score --at family",
    "coupling": "--x score --y size --size size --model family",
}


@pytest.mark.parametrize("question", NAMED)
def test_rows_without_a_name_are_no_group_of_their_own(
    question: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scores.csv").write_text(SCORES)
    assert main(["ask", question, str(tmp_path / "scores.csv"), *NAMED[question].split()]) == 1
    assert "column 'family' is empty in 2 of 6 rows; fill it, or remove these" in capsys.readouterr().err


@pytest.mark.parametrize(("condition", "left"), [("size>1", 3), ("item=a,b", 4)])
def test_an_answer_or_error_names_the_rows_that_a_condition_left(
    condition: str, left: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scores.csv").write_text(SCORES.replace("b,,", "b,x,"))
    remark = f"{left} of 6 rows meet {condition}"
    command = ["ask", "coupling", str(tmp_path / "scores.csv"), "--where", condition, "--size", "size"]
    assert main([*command, "--x", "score", "--y", "size"]) == 0
    assert remark in capsys.readouterr().out
    assert main([*command, "--x", "score", "--y", "size", "--model", "family"]) == 1
    assert f"({remark})" in capsys.readouterr().err


def test_branches_of_one_factor_may_be_of_several_checkpoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "branches.csv").write_text("at,k,loss\n1,1,3\n1,2,2.99\n2,1,2\n2,2,2.1\n")
    command = ["ask", "critical_branch", str(tmp_path / "branches.csv"), "--factor", "k", "--y", "loss"]
    assert main(command) == 0
    assert "rows of one k are averaged" in capsys.readouterr().out
    assert main([*command, "--at", "at"]) == 0
    assert "averaged" not in capsys.readouterr().out
