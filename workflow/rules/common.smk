# What every stage shares: the experiment, read and checked before anything runs, and what its rules depend on.

import inspect
import os
import signal
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from relscale.workflow import progress
from relscale.experiments.config import load_configs, save_config
from relscale.errors import RelscaleError
from relscale.workflow.failed_jobs import FailedJobs
from relscale.workflow.pipeline import Pipeline, as_inputs, other_files
from relscale.provenance import code_digest, digest
from relscale.workflow.recovery import remove_damaged, remove_leftovers
from relscale.experiments.results import Wildcard
from relscale.scoring.builders import builder_modules
from relscale.workflow.snakemake_options import is_read_only, is_submitted
from relscale.workflow.lock_files import clear_stale_locks, share_lock

# Read from the command line, because Snakemake tells the rules only of `dryrun`: the executor is an argument of
# `Workflow.execute`, and a summary, a list or `--unlock` is a method that is called after the rules are read.
ARGUMENTS = sys.argv[1:] if workflow.is_main_process else []
READ_ONLY = workflow.output_settings.dryrun or is_read_only(ARGUMENTS)  # such a command writes and removes nothing
SUBMITS = is_submitted(ARGUMENTS)
SHORT = 600  # seconds; jobs that take less may share an allocation of a cluster
MANY = 200  # inputs: after each job Snakemake looks through all those of a rule that is in a group

# The files are read anew: Snakemake's own reader takes a corpus called `no` for False, the last of two keys for the
# only one, and names neither file nor line.
if not workflow.configfiles:
    workflow.configfiles.append("config.yaml")
try:
    experiment = load_configs(
        workflow.configfiles,
        workflow.config_settings.config,
        logger.warning if workflow.is_main_process else lambda line: None,
    )
    if workflow.is_main_process:
        from relscale.experiments.check import check_experiment  # not in each job of a cluster

        check_experiment(experiment, submitted=SUBMITS)
    pipeline = Pipeline(experiment)
    if workflow.is_main_process:
        logger.addHandler(FailedJobs(logger))
        progress.expected_seconds.update(pipeline.seconds_by_rule())
        # Snakemake asks for its lock later than this is read.
        for line in [] if READ_ONLY else clear_stale_locks(Path(".snakemake")):
            logger.warning(line)
        # While another Snakemake is at work here, its results are left alone; this one will not get the lock.
        if not any(Path(".snakemake", "locks").glob("*")):
            # What is damaged counts as absent.
            for line in remove_damaged(pipeline.results.folder, Path(experiment.store), dry=READ_ONLY):
                logger.warning(line)
            if not READ_ONLY:
                save_config(experiment, pipeline.results.config)
        # On a cluster: sbatch and sacct as slurm/bin has them; what they add is said there.
        if SUBMITS:
            os.environ.update(PATH=os.pathsep.join([f"{workflow.basedir}/slurm/bin", *os.get_exec_path()]))
    else:
        # Inside a Slurm job: the warning before the time limit is for the training, whose Snakemake must outlive it.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
except (RelscaleError, OSError) as error:
    raise WorkflowError(str(error)) from None

results = pipeline.results
# The verbs read the config as it stands after --configfile and --config. Each rule carries the part of it that its
# result depends on as a parameter, so that a change elsewhere repeats nothing.
CONFIG = str(results.config)
ON_GPUS = experiment.hardware.gpus_per_node > 0
SOURCE, CORPUS, SUITE, JOB, FIGURE = map(Wildcard, ("{source}", "{corpus}", "{suite}", "{job}", "{figure}"))


wildcard_constraints:
    source="[^/]+",
    corpus="[^/]+",
    suite="[^/]+",
    job="[^/]+",
    figure="[^/]+",


onstart:
    share_lock(Path(".snakemake"))


def of_job(function):
    """A function of a job, with its signature: Snakemake asks for that some ten times for each of thousands of jobs."""
    function.__signature__ = inspect.signature(function)
    return function


def code_of(*entries):
    """The digest of code as a function of a job, so that the process of one job reads no other's code."""
    return of_job(lambda w: code_digest(*entries))


def memory(mb):
    """What a job asks for, MB: so much, and twice that once it has failed."""
    return of_job(lambda w, attempt: min(attempt, 2) * (mb(w) if callable(mb) else mb))
