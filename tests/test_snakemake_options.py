"""Some commands of Snakemake run no job: they must write and remove nothing, and end without a headline."""

import pytest

from relscale.workflow.snakemake_options import is_read_only, is_submitted

READ_ONLY = (
    *("-n", "-np", "-Fn", "--dry-run", "--dryrun", "--dry-run=json"),
    *("--lint", "-l", "--list", "--list-rules", "--list-changes=code", "--list-changes code"),
    *("-S", "-D", "--summary", "--detailed-summary", "--dag", "--dag=dot", "--rulegraph", "--d3dag"),
    *("--report", "--report=page.html", "--report page.html", "--unlock", "--archive=all.tar"),
)
SUBMITS = (
    "--profile slurm",
    "--profile=slurm",
    "--executor slurm -j 9",
    "-e slurm",
    "-eslurm",
    "--exec=slurm",
)
RUNS = ("", "--cores 2", "-c2", "-j 4", "-F", "-k", "--forceall", "--report-after-run", "--touch", "name.dag")


@pytest.mark.parametrize("command", READ_ONLY)
def test_a_command_that_only_looks_is_read_only(command: str) -> None:
    assert is_read_only(["snakemake", "--configfile", "mine.yaml", *command.split()])


@pytest.mark.parametrize("command", RUNS)
def test_a_command_that_runs_jobs_is_not(command: str) -> None:
    assert not is_read_only(["snakemake", "--configfile", "mine.yaml", *command.split()])


@pytest.mark.parametrize("command", SUBMITS)
def test_an_executor_or_a_profile_submits_jobs(command: str) -> None:
    assert is_submitted(["snakemake", "--configfile", "mine.yaml", *command.split()])


@pytest.mark.parametrize("command", [*READ_ONLY, *RUNS])
def test_a_command_that_names_neither_does_not_unless_the_environment_has_a_profile(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    assert not is_submitted(["snakemake", *command.split()])
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "slurm")
    assert is_submitted(["snakemake", *command.split()])
