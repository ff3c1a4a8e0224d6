"""Some commands of Snakemake run no job: they must write and remove nothing, and end without a headline."""

from pathlib import Path

import pytest

from relscale.commands.run import WITHOUT_CACHE, has_writable_cache
from relscale.workflow.snakemake_options import is_read_only, is_submitted

READ_ONLY = (
    *("-n", "-np", "-Fn", "--dry-run", "--dryrun"),
    *("--lint", "-l", "--list", "--list-rules", "--list-changes=code", "--list-changes code"),
    *("-S", "-D", "--summary", "--detailed-summary", "--dag", "--dag=dot", "--rulegraph", "--d3dag"),
    *("--report", "--report=page.html", "--report page.html", "--unlock", "--archive=all.tar"),
)
DRY_RUNS = ("-e dryrun", "-edryrun", "--executor dryrun", "--exec=dryrun", "--profile dry")
SUBMITS = (
    "--profile=mine",
    "--executor slurm -j 9",
    "-e slurm",
    "-eslurm",
    "-pe slurm",
    "--exec=slurm",
    "--prof mine",
    "--profile mine",
)
LOCAL = (
    *("--profile none", "--profile=none", "--profile here"),
    *("-e local", "--executor=dryrun", "-e touch", "--profile mine -e local"),
)
RUNS = ("", "--cores 2", "-c2", "-j 4", "-F", "-k", "--forceall", "--report-after-run", "--touch", "name.dag")


@pytest.mark.slow
@pytest.mark.parametrize("command", [*READ_ONLY, *DRY_RUNS])
def test_a_command_that_runs_no_job_is_read_only(command: str) -> None:
    assert is_read_only(["--configfile", "mine.yaml", *command.split()])
    assert not is_submitted(command.split())


@pytest.mark.parametrize("command", [*RUNS, *SUBMITS, "-e local", "--profile here"])
def test_a_command_that_runs_jobs_is_not(command: str) -> None:
    assert not is_read_only(["--configfile", "mine.yaml", *command.split()])


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``mine`` names Slurm as the executor, ``dry`` a dry run, ``here`` none; the environment names no profile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    executors = {"mine": "executor: slurm", "dry": "executor: dryrun", "here": "keep-going: true"}
    for name, text in executors.items():
        Path(name).mkdir()
        Path(name, "config.yaml").write_text(f"{text}\njobs: 2\n")


@pytest.mark.parametrize("command", SUBMITS)
def test_an_executor_of_other_machines_submits_jobs_also_from_a_profile(command: str) -> None:
    assert is_submitted(["--configfile", "mine.yaml", *command.split()])


@pytest.mark.parametrize("command", LOCAL)
def test_an_option_of_this_machine_beats_the_profile_and_the_environment(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_submitted(command.split())
    if "--profile" in command:
        monkeypatch.setenv("SNAKEMAKE_PROFILE", "mine")
        assert not is_submitted(command.split())


@pytest.mark.parametrize("command", [*READ_ONLY, *RUNS])
def test_a_command_that_names_neither_does_not_unless_the_environment_has_a_profile(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_submitted(command.split())
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "none")
    assert not is_submitted(command.split())
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "mine")
    assert is_submitted(command.split())


def test_without_a_cache_of_the_user_everything_else_is_shared():
    from snakemake.settings.types import SharedFSUsage

    option, *shared = WITHOUT_CACHE
    assert option == "--shared-fs-usage"
    assert set(shared) == {*SharedFSUsage.choices()} - {"source-cache", "none"}


def test_a_cache_that_cannot_be_made_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert has_writable_cache()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert not has_writable_cache()
