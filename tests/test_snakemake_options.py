"""Some commands of Snakemake run no job: they must write and remove nothing, and end without a headline."""

import pytest

from relscale.workflow.snakemake_options import is_read_only

READ_ONLY = (
    *("-n", "-np", "-Fn", "--dry-run", "--dryrun", "--dry-run=json"),
    *("--lint", "-l", "--list", "--list-rules", "--list-changes=code", "--list-changes code"),
    *("-S", "-D", "--summary", "--detailed-summary", "--dag", "--dag=dot", "--rulegraph", "--d3dag"),
    *("--report", "--report=page.html", "--report page.html", "--unlock", "--archive=all.tar"),
)
RUNS = ("", "--cores 2", "-c2", "-j 4", "-F", "-k", "--forceall", "--report-after-run", "--touch", "name.dag")


@pytest.mark.parametrize("command", READ_ONLY)
def test_a_command_that_only_looks_is_read_only(command: str) -> None:
    assert is_read_only(["snakemake", "--configfile", "mine.yaml", *command.split()])


@pytest.mark.parametrize("command", RUNS)
def test_a_command_that_runs_jobs_is_not(command: str) -> None:
    assert not is_read_only(["snakemake", "--configfile", "mine.yaml", *command.split()])
