"""``relscale run``: run an experiment, from its config to its report."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

HELP = "run an experiment's workflow (finished jobs are skipped) and write its report"
FORWARDS_OPTIONS = True  # to Snakemake
EXTRAS = {  # by the source of the runs
    "train": ("workflow", "train", "score"),
    "checkpoints": ("workflow", "score"),
    "measurements": ("workflow",),
}
# Snakemake's option with all that is shared but the cache of sources, which is then temporary.
WITHOUT_CACHE = (
    "--shared-fs-usage",
    *(
        "input-output",
        "persistence",
        "software-deployment",
        "software-deployment-cache",
        "sources",
        "storage-local-copies",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG."""
    parser.add_argument(
        "config",
        type=Path,
        nargs="?",
        default=Path("config.yaml"),
        help="YAML file of the experiment, or the name of a shipped experiment: laptop, reference … "
        "(default: config.yaml). Options after it are passed to Snakemake, such as --dry-run, --cores 8, "
        "--profile slurm.",
    )


def run(options: argparse.Namespace) -> None:
    """Run an experiment's workflow in this folder and write its report; finished jobs are skipped.

    Results are written to results/EXPERIMENT. Further options are passed to Snakemake.
    """
    from relscale.experiments.check import check_experiment
    from relscale.experiments.config import load_config
    from relscale.extras import need
    from relscale.package_files import named_config
    from relscale.workflow.snakemake_options import is_read_only, is_submitted

    config = named_config(options.config)
    experiment = load_config(config)
    need("this experiment", *EXTRAS[experiment.runs.source])
    check_experiment(experiment, submitted=is_submitted(options.further))
    status = run_workflow(config, options.further, is_checked=True)
    if status:
        raise SystemExit(status)
    if not is_read_only(options.further):
        from relscale.commands.report import print_headline

        print_headline(config)


def has_writable_cache() -> bool:
    """Whether Snakemake can keep copies of its sources in the user's cache."""
    from relscale.storage.user_cache import user_cache

    folder = user_cache().with_name("snakemake")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def run_workflow(config: Path, further: list[str], is_checked: bool = False) -> int:
    """Run Snakemake on a config in the working folder; returns its exit status after all its jobs have ended.

    A signal that ended it is 128 and its number, as in a shell. An experiment that has been checked is not checked
    again, unless ``further`` changes it.
    """
    from relscale.package_files import FILES, SNAKEFILE
    from relscale.storage.process import CHECKED, RUN

    environment = os.environ | {
        RUN: str(
            os.getpid()
        ),  # Snakemake ends with this command, which prints the headline in place of the Snakefile
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        CHECKED: str(config.absolute()) if is_checked else "",
    }
    profile = FILES / "profiles" / "default"
    command = [
        *(sys.executable, "-m", "relscale.workflow.snakemake_command"),
        *([] if has_writable_cache() else WITHOUT_CACHE),
        *(f"--snakefile={SNAKEFILE}", f"--configfile={config}"),
        *(
            []
            if any(word.startswith("--workflow-profile") for word in further)
            else [f"--workflow-profile={profile}"]
        ),
        *further,
    ]
    process = subprocess.Popen(command, env=environment)
    # Ctrl-C reaches both processes; this one waits until Snakemake has ended its jobs.
    handlers = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number)),
    }
    try:
        status = process.wait()
        return status if status >= 0 else 128 - status
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
