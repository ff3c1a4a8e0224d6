"""An output that cannot be written is refused before anything is read or computed, by every command that has one."""

import os
import re

import pytest

from relscale.cli import VERBS, main, parsers

OUTPUTS = [  # `ability --slopes` is no file
    (verb, option)
    for verb, parser in parsers()[1].items()
    for option in ("--output", "--plot", "--report", "--page", "--record", "--slopes", "--critical-batches")
    if option in parser._option_string_actions and (verb, option) != ("ability", "--slopes")
]
FOLDERS = {("fit", "--output"), ("export", "--output")}  # these can be folders

BY_RULES = {  # the rules of the workflow name these, or any ending will do
    (verb, "--output") for verb in ("corpus", "schema", "score", "suite", "tokenize", "train", "vocabulary")
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder.csv").mkdir()
    return tmp_path


def refusal(capsys, *line: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(line)
    printed = capsys.readouterr()
    assert stopped.value.code == 2
    assert not printed.out
    (said,) = printed.err.splitlines()
    return said


def test_commands_with_an_output_are_found() -> None:
    assert {"fit", "ask", "atlas", "collect"} <= {verb for verb, _ in OUTPUTS} <= set(VERBS)


@pytest.mark.parametrize(("verb", "option"), OUTPUTS)
def test_an_output_below_a_file_is_refused(files, capsys, verb: str, option: str) -> None:
    assert f"{option}: file/a.csv: {files / 'file'} is a file" in refusal(capsys, verb, option, "file/a.csv")


@pytest.mark.parametrize(
    ("verb", "option"), [output for output in OUTPUTS if output not in FOLDERS | BY_RULES]
)
def test_an_output_by_the_name_of_another_kind_of_file_is_refused(
    files, capsys, verb: str, option: str
) -> None:
    said = refusal(capsys, verb, option, "a.docx")
    assert re.search(rf"{option}: a\.docx: the name of a [A-Za-z ]+ ends in \.", said)


@pytest.mark.parametrize(("verb", "option"), [output for output in OUTPUTS if output not in FOLDERS])
def test_a_folder_is_not_an_output_file(files, capsys, verb: str, option: str) -> None:
    assert f"{option}: folder.csv is a folder" in refusal(capsys, verb, option, "folder.csv")


@pytest.mark.parametrize("line", [("fit", "file"), ("init", "fit", "file")])
def test_so_is_the_default_output_in_a_folder_that_cannot_be_written(
    files, capsys, monkeypatch, line
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root, who can write everywhere
    files.joinpath("file").write_text("a,b\n1,2\n")
    assert main(line) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"relscale {line[0]}: --output: ")
    assert "cannot be written; name another place" in said
