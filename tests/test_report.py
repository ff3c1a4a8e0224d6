"""The report by `relscale report` and by `make`: drawn where something is new, and no name on the way is a command."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from hostile import NAMES
from one_sentence import assert_one_sentence

from relscale import cli
from relscale.config import check_config
from relscale.errors import RelscaleError
from relscale.report import make_report
from relscale.results import Results

ROOT = Path(__file__).parents[1]
MEASURED = {"runs": {"source": "measurements", "tables": [{"path": "t.csv"}]}}


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield Path()
    assert not list(tmp_path.rglob("PWNED"))


@pytest.fixture
def called(monkeypatch):
    """What would be run, in place of running it; the report is there afterwards."""
    calls = []

    def run(arguments, **_):
        calls.append(arguments)
        Path(
            next(word for word in arguments if word.startswith("--report=")).removeprefix("--report=")
        ).touch()
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def experiment(name):
    config = {"experiment": name, **MEASURED}
    Path("x.yaml").write_text(yaml.safe_dump(config))
    figures = Results.of(check_config(config)).figures
    figures.mkdir(parents=True)
    (figures / "a.html").touch()
    return figures


@pytest.mark.parametrize("name", NAMES)
def test_a_report_lies_in_the_results_whatever_the_experiment_is_called(name, called):
    experiment(name)
    assert make_report(Path("x.yaml")).resolve().parent.parent == Path("results").resolve()
    assert len(called) == 1


def test_a_report_is_drawn_again_where_a_figure_is_newer(called):
    figure = experiment("mine") / "a.html"
    report = make_report(Path("x.yaml"))
    make_report(Path("x.yaml"))
    assert len(called) == 1
    os.utime(figure, (report.stat().st_mtime + 1,) * 2)
    make_report(Path("x.yaml"))
    assert len(called) == 2


def test_there_is_no_report_before_there_are_figures(capsys):
    Path("x.yaml").write_text(yaml.safe_dump({"experiment": "mine", **MEASURED}))
    with pytest.raises(RelscaleError, match="no figures yet") as error:
        make_report(Path("x.yaml"))
    assert_one_sentence(error.value)
    assert cli.main(["report", "x.yaml"]) == 1


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("goal", ["run", "report"])
def test_make_runs_neither_the_name_of_a_config_nor_that_of_its_experiment(goal):
    """With stand-ins that say what they are told."""
    for path in ("envs/requirements.lock", "pyproject.toml", ".venv/installed"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    for name in ("snakemake", "relscale"):
        Path(".venv/bin").mkdir(exist_ok=True)
        script = Path(".venv/bin", name)
        script.write_text('#!/bin/sh\nfor word; do echo "<$word>"; done\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    shutil.copy(ROOT / "Makefile", ".")
    config = "x y'z;touch PWNED;`touch PWNED`.yaml"
    Path(config).write_text("experiment: $(touch${IFS}PWNED)\n")
    done = subprocess.run(
        ["make", goal, f"CONFIG={config}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"<report>\n<{config}>" in done.stdout
    assert goal == "report" or f"<--configfile={config}>" in done.stdout
