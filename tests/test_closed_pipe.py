"""``relscale … | head``: whoever stops reading what is printed still gets the files that were asked for."""

import os
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from relscale.cli import main

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "reference"
LADDER = str(REFERENCE / "olmo_ladder_mmlu.csv")
SIZES = "flops,params,tokens,loss\n" + "".join(
    f"{budget:g},{params:g},{budget / 6 / params:g},{1.7 + 480 / params**0.34 + 6000 * (params / budget) ** 0.4:.5f}\n"
    for budget in (1e19, 1e20, 1e21)
    for params in (budget**0.5 * share for share in (0.02, 0.05, 0.1, 0.2, 0.5))
)

SWEEP = "params,tokens,learning_rate,batch_tokens,loss\n" + "".join(
    f"1e8,2e9,{rate:g},{batch:g},{3 + abs(i) / 50 + abs(j) / 99}\n"
    for i, rate in enumerate((1e-4, 1e-3, 1e-2), -1)
    for j, batch in enumerate((1e5, 1e6, 1e7), -1)
)

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder with two tables."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sizes.csv").write_text(SIZES)
    (tmp_path / "sweep.csv").write_text(SWEEP)
    return tmp_path


@contextmanager
def nobody_reads():
    """A standard output and error whose reader is gone; inside a test, as pytest sets its own before."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as closed, redirect_stdout(closed), redirect_stderr(closed):
        yield


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (f"fit {LADDER} --output fits.parquet --report fit.html", "fits.parquet fit.html"),
        ("frontier sizes.csv --at 1e22 --output optima.csv", "optima.csv"),
        ("ask sweep sweep.csv --draws 0 --output a.csv --plot a.html", "a.csv a.html"),
        (
            "extrapolate sizes.csv --y loss --x params,tokens --train flops<1e21 --laws parametric --output e.csv",
            "e.csv",
        ),
        ("atlas broken_law --output atlas.csv", "atlas.csv"),
        ("laws", ""),
        ("plan paper", ""),
    ],
    ids=lambda text: text.split()[0] if text else "",
)
def test_what_was_requested_is_written_though_nobody_reads(command, files, folder):
    with nobody_reads():
        assert main(command.split()) == 0
    assert all((folder / name).stat().st_size for name in files.split())


def test_help_that_nobody_reads_is_no_error():
    with nobody_reads(), pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0


def test_a_workflow_whose_progress_nobody_reads_goes_on():
    from snakemake_logger_plugin_relscale import Terminal

    with nobody_reads():
        terminal = Terminal(stderr=True)
        for line in ("train 1/10", "train 2/10"):
            terminal.print(line)
