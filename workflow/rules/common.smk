# What every stage shares: the experiment, where its results lie, its plan, and the digests of the code behind a rule.

import math
import os
import re
import signal
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from relscale.check import check_experiment
from relscale.config import corpus_parts, load_configs
from relscale.design.cost import Hardware
from relscale.design.placement import GPU_PROCESS_BYTES, place, place_together
from relscale.design.run import run_to_dict
from relscale.errors import RelscaleError
from relscale.experiment import (
    CONFIG_FILE,
    checkpoints,
    checkpoints_by_job,
    corpora,
    documents_path,
    is_streamed,
    job_name,
    results_folder,
    runs_by_job,
    runs_path,
    save_config,
    scores_path,
    suite_path,
    tables,
    tokens_needed,
    tokens_path,
    with_exported_suites,
)
from relscale.failed_jobs import FailedJobs
from relscale.file_name import file_name
from relscale.fitting.fits import ROWS
from relscale.figures.caption import Caption
from relscale.figures.plot import each_figure, figure_base, figure_module, figure_suite, static_formats
from relscale.laws.catalogue import law_names
from relscale.measurements.published import source_module
from relscale.provenance import code_digest, digest, files_state
from relscale.recovery import remove_damaged
from relscale.scoring.lm_eval_log import log_files
from relscale.scoring.checkpoint_table import checkpoint_files
from relscale.scoring.safetensors_header import weight_files, weights_bytes
from relscale.scoring.suite import needs_documents, suite_digest, suite_inputs, suite_title
from relscale.workflow_lock import clear_stale_locks, share_lock

# What can be wrong is said before anything runs. The files are read anew: Snakemake's own reader takes a corpus called
# `no` for False, the last of two keys for the only one, and names neither file nor line.
if not workflow.configfiles:
    workflow.configfiles.append("config.yaml")
try:
    config = load_configs(workflow.configfiles, workflow.config_settings.config)
    config = with_exported_suites(config, logger.warning if workflow.is_main_process else lambda line: None)
    if workflow.is_main_process:
        check_experiment(config, any(word.startswith(("--profile", "--executor")) for word in sys.argv))
    SOURCE = config["runs"]["source"]
    TRAINS, SCORES = SOURCE == "train", SOURCE != "measurements"
    CHECKPOINTS = checkpoints(config)
    CORPORA = corpora(config)
    # Jobs by corpus and name, once for all rules: there may be thousands.
    TRAINING = runs_by_job(config, config["training"]["job"]) if TRAINS else {}
    SCORING = runs_by_job(config, config["scoring"]["job"]) if TRAINS else checkpoints_by_job(config)
    SCORE_JOBS = sorted(SCORING, key=lambda job: CORPORA.index(job[0]))
    SUITE_DATA = {name: suite_digest(name, options) for name, options in config["suites"].items() if SCORES}
    SUITE_FILES = {name: suite_inputs(options) for name, options in config["suites"].items() if SCORES}
    FIGURE_CODE = {name: code_digest("relscale.cli:plot", name) for name in map(figure_module, config["figures"])}
    LOADERS = [source_module(table["loader"]).__name__ for table in tables(config) if "loader" in table]
    # Whatever can fail is asked here. Where a function of a rule's input fails, Snakemake takes the files that an earlier
    # run has left, goes on with those, and deletes the results behind them.
    MADE = {name: needs_documents(name, options) for name, options in config["suites"].items() if SCORES}
    TITLES = {name: suite_title(name, options) for name, options in config["suites"].items() if SCORES}
    SAMPLES = [file for each in CHECKPOINTS if each.samples for file in log_files(each.samples)]
    LOCAL = {each.model for each in CHECKPOINTS if each.local}
    WEIGHTS = {model: weights_bytes(model) for model in LOCAL if weight_files(model)}
    MODEL_FILES = {model: checkpoint_files(model) for model in LOCAL}
    # Text and tokenizers of one's own: the state of their files, of which there may be too many to be inputs each.
    PATHS = {name: options["path"] for name, options in config.get("sources", {}).items() if "path" in options}
    SOURCE_FILES = {name: files_state(path) for name, path in PATHS.items()}
    TOKENIZER_FILES = files_state(config.get("vocabulary", {}).get("tokenizer", ""))
except (RelscaleError, OSError) as error:
    raise WorkflowError(str(error)) from None

RESULTS = results_folder(config).as_posix()
CONFIG = f"{RESULTS}/{CONFIG_FILE}"
SUITES = list(config["suites"])
# Wildcards are file names, so that no shell and no pattern of Snakemake meets a name that is not plain.
CORPUS = {file_name(name): name for name in CORPORA}
SOURCE_NAME = {file_name(name): name for name in config.get("sources", {})}
SUITE = {file_name(name): name for name in SUITES}
FIGURE = {file_name(name): name for name in each_figure(config["figures"], SUITES)}
PREPARED = {name: (suite_path(config, name) / "suite.yaml").as_posix() for name in SUITES}
TABLES = [table["path"] for table in tables(config)]
TABLE = [config["runs"]["table"]] if "table" in config["runs"] else []
ANSWERS = [config["fit"]["answers"]] if config["fit"]["answers"] else []
FIT_TABLES = list(ROWS)
LAWS = [f"relscale.laws.{name}" for name in law_names()]  # found by name, so that no import leads to them
PATTERN = r"[{}<>\n]|^\w+:"  # what Snakemake, or its report, reads as more than a path
# Commands that only look, and so remove nothing.
LOOKS = (
    r"-[pqkreF]*n[pqkreF0-9]*|-[lDSt]|--(dry-?run|lint|unlock|dag|rulegraph|filegraph|d3dag|summary|detailed-summary|list.*"
    r"|touch|cleanup-metadata|archive|report)(=.*)?"
)
ASKS = any(re.fullmatch(LOOKS, word) for word in sys.argv)
SHORT = 600  # seconds; jobs that take less may share an allocation of a cluster
MANY = 200  # inputs: after each job Snakemake looks through all those of a rule that is in a group
HARDWARE = Hardware(**config["hardware"])
OPTIMIZERS = [
    f"relscale.training.optimizers.{name.replace('-', '_')}" for name in config.get("design", {}).get("optimizers", [])
]


wildcard_constraints:
    source="[^/]+",
    corpus="[^/]+",
    suite="[^/]+",
    job="[^/]+",
    figure="[^/]+",


if workflow.is_main_process:
    logger.addHandler(FailedJobs(logger))
    # This is read before Snakemake asks for its lock.
    for line in clear_stale_locks(Path(".snakemake")):
        logger.warning(line)
    # What is damaged counts as absent. While another Snakemake is at work here, its results are left alone; this one
    # will not get the lock.
    if not any(Path(".snakemake", "locks").glob("*")):
        try:
            for line in remove_damaged(results_folder(config), Path(config["store"]), dry=ASKS):
                logger.warning(line)
        except (RelscaleError, OSError) as error:
            raise WorkflowError(str(error)) from None
    os.environ.update(PATH=os.pathsep.join([f"{workflow.basedir}/slurm/bin", *os.get_exec_path()]))
else:
    # Inside a Slurm job: the warning before the time limit is for the training, whose Snakemake must outlive it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


# What the verbs read is the config as it stands after --configfile and --config; each rule carries the part of it that
# it depends on as a parameter.
onstart:
    save_config(config)
    share_lock(Path(".snakemake"))


def as_inputs(*paths):
    """Files of the user's own, as inputs: those whose names say to Snakemake what they say to the file system."""
    return [path for path in map(str, paths) if not re.search(PATTERN, path)]


def other_files(*paths):
    """The state of those that cannot be inputs, as a parameter: a change of theirs is seen by it."""
    return [files_state(path) for path in map(str, paths) if re.search(PATTERN, path)]


def documents(corpus):
    """The documents of each source that a corpus is made of; of one on the hub, those held out."""
    sources = {part["source"] for part in corpus_parts(config["corpora"][corpus])}
    return [documents_path(config, source).as_posix() for source in sorted(sources)]


def unseen_suites(corpus):
    """The suites that a corpus must not contain."""
    return config["corpora"][corpus].get("decontaminate", {}).get("suites", [])


def all_documents():
    """The documents of every corpus that is trained on."""
    return sorted({path for corpus in CORPORA for path in documents(corpus)})


@cache
def placements(corpus, job):
    """Where each run of a training job trains: strategy, devices, memory and time."""
    return [place(run, HARDWARE, config["training"]) for run in TRAINING[CORPUS[corpus], job]]


def expected_seconds(w):
    """How long a training job takes by the plan, in seconds."""
    return sum(placement.seconds for placement in placements(w.corpus, w.job))


@cache
def devices_here(corpus, job):
    """The devices on one node that the runs of a training job need, one run after another."""
    together = place_together(TRAINING[CORPUS[corpus], job], HARDWARE, config["training"])
    return together.devices // together.nodes


def time_limit(seconds, attempt):
    """Minutes for a job that is expected to take so many seconds: time to start, and as much again in each attempt."""
    return attempt * (15 + math.ceil(2 * seconds / 60))


def memory(mb):
    """What a job asks for, MB: so much, and twice that once it has failed."""
    return lambda w, attempt: min(attempt, 2) * (mb(w) if callable(mb) else mb)


def scored_models(w):
    """What a scoring job scores: the manifests of the training jobs that its runs belong to, or files of checkpoints."""
    scored = SCORING[CORPUS[w.corpus], w.job]
    if not TRAINS:
        return [*TABLE, *(file for each in scored for file in MODEL_FILES.get(each.model, ()))]
    jobs = dict.fromkeys(job_name(run, config["training"]["job"]) for run in scored)
    return [runs_path(config, CORPUS[w.corpus], job).as_posix() for job in jobs]


def scoring_memory(w):
    """What a scoring job needs, MB: the largest of its checkpoints, as float32, beside the libraries."""
    scored = SCORING[CORPUS[w.corpus], w.job]
    weights = [4 * (each.params or 0) for each in scored]
    if not TRAINS:
        weights += [WEIGHTS.get(each.model, 0) for each in scored]
    device = GPU_PROCESS_BYTES if HARDWARE.gpus_per_node else 0
    return 2000 + (2 * max(weights, default=0) + device) // 10**6


def suite_facts():
    """What a config says of its suites that a fit depends on; titles and labels are for figures alone."""
    facts = ("baseline", "metric", "prompt", "chance")
    return {suite: {k: v for k, v in config["suites"][suite].items() if k in facts} for suite in SUITES}


def all_results():
    """What every stage leaves, so that what is missing on the way is made again too."""
    trained, scored = [], []
    if TRAINS:
        trained = [
            *all_documents(),
            f"{RESULTS}/vocabulary/tokenizer.json",
            *expand(f"{RESULTS}/tokens/{{corpus}}/manifest.json", corpus=CORPUS),
            *(runs_path(config, corpus, job).as_posix() for corpus, job in TRAINING),
        ]
    if SCORES:
        scored = [*PREPARED.values(), *(scores_path(config, corpus, job).as_posix() for corpus, job in SCORE_JOBS)]
    return [*trained, *scored, f"{RESULTS}/replicates.parquet"]


def figure_files():
    """Every figure."""
    return [f"{RESULTS}/figures/{name}.html" for name in FIGURE]


def caption(figure):
    """What stands under a figure in the report; of a suite's figure, with what the suite says of itself."""
    path = Path(workflow.basedir, "workflow", "report", f"{figure_base(figure)}.rst")
    text = path.read_text(encoding="utf-8")
    suite = figure_suite(figure)
    if suite is None:
        return Caption(text)
    options = config["suites"].get(suite, {})
    if SCORES:
        return Caption(text, TITLES.get(suite, (suite, "", "")))
    return Caption(text, (options.get("title", suite), options.get("what", ""), options.get("note", "")))
