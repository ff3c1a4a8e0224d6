# Shared by all stages: the experiment, read and checked before anything runs, and the dependencies of its rules.

import inspect
import os
import signal
import sys
from pathlib import Path

import snakemake.exceptions
from snakemake.exceptions import ApiError, WorkflowError
from snakemake.logging import logger

from relscale.workflow import progress
from relscale.experiments.config import load_configs, save_config
from relscale.errors import RelscaleError
from relscale.workflow.failed_jobs import FailedJobs
from relscale.workflow.pipeline import Pipeline
from relscale.provenance import code_digest, digest
from relscale.workflow.recovery import remove_damaged, remove_leftovers
from relscale.experiments.results import Wildcard
from relscale.storage.process import CHECKED
from relscale.scoring.builders import builder_modules
from relscale.workflow.snakemake_options import is_read_only, is_submitted
from relscale.workflow.user_files import as_inputs, file_states
from relscale.workflow.lock_files import clear_stale_locks, is_locked, refusal, share_lock

# Read from the command line, because Snakemake tells the rules only of `dryrun`: the executor is an argument of
# `Workflow.execute`, and a summary, a list or `--unlock` is a method that is called after the rules are read.
ARGUMENTS = sys.argv[1:] if workflow.is_main_process else []
READ_ONLY = workflow.output_settings.dryrun or is_read_only(ARGUMENTS)  # such a command writes and removes nothing
SUBMITS = is_submitted(ARGUMENTS)
SHORT = 600  # seconds; shorter jobs may share an allocation of a cluster
MANY = 200  # inputs of a rule in a group, all of which Snakemake checks after each job

# The files are read again, because Snakemake's reader parses a corpus called `no` as False, accepts duplicate keys, and
# names neither file nor line in errors.
if not workflow.configfiles:
    workflow.configfiles.append("config.yaml")
try:
    experiment = load_configs(
        workflow.configfiles,
        workflow.config_settings.config,
        logger.warning if workflow.is_main_process else lambda line: None,
    )
    is_checked = (
        list(map(str, workflow.configfiles)) == [os.environ.get(CHECKED)] and not workflow.config_settings.config
    )
    if workflow.is_main_process and not is_checked:
        from relscale.experiments.check import check_experiment  # not imported in the jobs of a cluster

        check_experiment(experiment, submitted=SUBMITS)
    pipeline = Pipeline(experiment)
    if workflow.is_main_process:
        logger.addHandler(FailedJobs(logger))
        progress.expected_seconds.update(pipeline.seconds_by_rule())
        # Snakemake acquires its lock after reading this file; its own error advises to unlock living workflows as well.
        snakemake.exceptions.LockException = lambda: ApiError(refusal(Path(".snakemake")))
        for line in [] if READ_ONLY else clear_stale_locks(Path(".snakemake")):
            logger.warning(line)
        # If another Snakemake makes these results, they are not touched; this one will not get the lock.
        if not is_locked(pipeline.results.folder, Path(".snakemake")):
            # Damaged results are recomputed.
            for line in remove_damaged(pipeline.results.folder, Path(experiment.store), dry=READ_ONLY):
                logger.warning(line)
            if not READ_ONLY:
                save_config(experiment, pipeline.results.config)
        # On a cluster, sbatch and sacct are wrapped by the scripts in slurm/bin, which give the reasons.
        if SUBMITS:
            os.environ.update(PATH=os.pathsep.join([f"{workflow.basedir}/slurm/bin", *os.get_exec_path()]))
    else:
        # In a Slurm job, the signal before the time limit is for the training; Snakemake must survive it.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
except (RelscaleError, OSError) as error:
    raise WorkflowError(str(error)) from None

results = pipeline.results
# The commands read the resolved config (--configfile and --config). Each rule has the digest of the part that its result
# depends on as a parameter, so that other changes re-run nothing.
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


def job_function(function):
    """A function of a job with its signature stored, because Snakemake inspects it about ten times per job."""
    function.__signature__ = inspect.signature(function)
    return function


def job_code_digest(*entries):
    """The digest of code as a function of a job, so that the process of one job reads no code of other rules."""
    return job_function(lambda w: code_digest(*entries))


def memory(mb):
    """The memory requested by a job, MB; doubled after a failure."""
    return job_function(lambda w, attempt: min(attempt, 2) * (mb(w) if callable(mb) else mb))
