"""A wrong command line is one sentence that names the mend, before anything is computed or written."""

import shlex

import pytest

from relscale.cli import main

TABLE = "compute,group,loss\n1e18,a,3.1\n1e19,a,2.8\n1e20,a,2.5\n1e18,b,4.1\n1e19,b,3.5\n1e20,b,3.0\n"

WRONG = [
    # commands and options
    ("", 2, "name a command, one of "),
    ("fitt t.csv", 2, "no command 'fitt'; did you mean 'fit'?"),
    ("fit", 2, "required: table"),
    ("fit t.csv --grop group", 2, "no option '--grop'; did you mean '--group'?"),
    ("fit t.csv --loss hubr", 2, "--loss: no 'hubr'; did you mean 'huber'?"),
    ("fit t.csv --level high", 2, "--level: 'high' is not a number"),
    ("fit t.csv --seed 1.5", 2, "--seed: '1.5' is not a whole number"),
    ("doctor now", 2, "one argument too many: 'now'"),
    ("suites --json", 2, "no option '--json'; there are none"),
    # files
    ("fit nowhere.csv", 1, "nowhere.csv: no such table"),
    ("fit own.xlsx", 1, "own.xlsx: a spreadsheet or another zip archive; save the table in it as CSV"),
    ("fit empty.csv", 1, "empty.csv: an empty file"),
    ("fit folder", 1, "folder: a folder; name the table in it"),
    ("fit binary.csv", 1, "binary.csv, line 1: not UTF-8 text; save it as UTF-8"),
    ("plan nowhere.yaml", 1, "nowhere.yaml: no such config file"),
    ("plan nowhere/a.yaml", 1, "nowhere/a.yaml: no such config file; its folder does not exist"),
    ("plan folder/a.yaml", 1, "folder/a.yaml: no such config file; its folder has no YAML files"),
    ("plan brokn.yaml", 1, "brokn.yaml: no such config file; did you mean 'broken.yaml'?"),
    ("plan short.yaml --goodput much", 2, "'much' is not a critical batch; give tokens, such as 2e6"),
    ("plan broken.yaml", 1, "broken.yaml, line 3: not YAML"),
    ("plan short.yaml", 1, "short.yaml: 'sources' is missing"),
    ("run lapto", 1, "did you mean 'laptop'?"),
    ("run", 1, "config.yaml: not in this folder; name a config, or a shipped experiment such as reference"),
    ("report reference", 1, "no such fit; run the experiment first"),
    # names
    ("laws relativ", 1, "did you mean 'relative'?"),
    ("figures isoflops", 1, "did you mean 'isoflop'?"),
    ("suites mmul", 1, "did you mean 'mmlu'?"),
    ("datasets olmo", 1, "did you mean 'olmo_ladder'?"),
    ("atlas broken_lw", 1, "did you mean 'broken_law'?"),
    ("fit t.csv --law relativ", 1, "no law 'relativ'; did you mean 'relative'?"),
    # columns and values
    ("fit t.csv --x comput", 1, "no column 'comput'; did you mean 'compute'?"),
    ("fit t.csv --y los", 1, "no column 'los'; did you mean 'loss'?"),
    ("fit t.csv --group grup", 1, "no column 'grup'; did you mean 'group'?"),
    ("fit t.csv --group group --baseline c", 1, "no 'c' in column 'group'; there are a, b"),
    ("fit t.csv --law parametric --x params,tokens", 1, "no column 'params'; it has compute, group, loss"),
    ("fit t.csv --level 95", 1, "level: 95.0 is not between 0 and 1; write 0.95"),
    ("fit t.csv --at 1e22FLOPs", 1, "'1e22FLOPs' is neither compute, such as 1e22,1e24"),
    ("fit t.csv --fix E", 1, "'E' is not a parameter with its value, such as E=1.87"),
    ("fit t.csv --law power --fix Q=1", 1, "law power has no parameter 'Q'; it has error_at_reference, beta"),
    ("fit t.csv --where group", 1, "'group' is not a condition; write COLUMN=VALUE"),
    ("fit t.csv --where compute>x", 1, "where: 'x' is not a number; write one, such as compute>3"),
    ("fit t.csv --where grp=a", 1, "no column 'grp'"),
    ("fit t.csv --where group=z", 1, "no row meets 'group=z'"),
    ("frontier t.csv", 1, "params: name the column of params; it has compute, group, loss"),
    (
        "fit t.csv --cluster compute",
        1,
        "cluster: a table of measurements has one number per run and group and no items",
    ),
    # what would be written
    ("fit t.csv --plot out.png", 2, "--plot: out.png: the name of a page ends in .html"),
    ("fit t.csv --report out.pdf", 2, "--report: out.pdf: the name of a page ends in .html"),
    ("report short.yaml --output out.pdf", 2, "--output: out.pdf: the name of a page ends in .html"),
    ("singular-values short.yaml --plot s.png", 2, "--plot: s.png: the name of a page ends in .html"),
    ("fit t.csv --output t.csv", 1, "t.csv is the table itself"),
    ("fit t.csv --output .", 1, "which is not a table of a fit; name a separate folder"),
    ("fit t.csv --output a.xlsx", 1, "a.xlsx: the name of a table ends in .parquet or .csv"),
    ("ask synergy t.csv --output a.xlsx", 2, "a.xlsx: the name of a table ends in .parquet or .csv"),
    ("export short.yaml --output t.csv", 2, "t.csv is a file; name a folder"),
]


@pytest.mark.parametrize(("line", "status", "message"), WRONG, ids=[line for line, *_ in WRONG])
def test_a_wrong_command_line_says_what_to_change(tmp_path, monkeypatch, capsys, line, status, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "own.xlsx").write_bytes(b"PK\x03\x04\x14")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00binary")
    (tmp_path / "broken.yaml").write_text("experiment: a\ndesign: [1, 2\n")
    (tmp_path / "short.yaml").write_text("experiment: a\n")
    before = set(tmp_path.iterdir())
    try:
        ended = main(shlex.split(line))
    except SystemExit as stopped:
        ended = stopped.code
    printed = capsys.readouterr()
    assert ended == status
    (said,) = printed.err.splitlines()
    assert message in said
    assert len(said) < 400
    assert "Traceback" not in said
    assert not printed.out
    assert set(tmp_path.iterdir()) == before
