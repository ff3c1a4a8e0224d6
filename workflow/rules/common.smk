# What every stage shares: the experiment, where its results lie, its plan, and the digests of the code behind a rule.

from pathlib import Path

from snakemake.exceptions import WorkflowError

from relscale.config import check_config
from relscale.design.isoflop import plan
from relscale.design.run import budget_label, run_to_dict
from relscale.errors import RelscaleError
from relscale.experiment import CONFIG_FILE, results_folder, save_config
from relscale.figures.plot import figure_module, static_formats
from relscale.provenance import code_digest, digest

if not workflow.configfiles:

    configfile: "config.yaml"


try:
    config = check_config(config, " + ".join(map(str, workflow.configfiles)))
    RUNS = plan(config) if config["corpora"] else []
except RelscaleError as error:
    raise WorkflowError(str(error))

RESULTS = results_folder(config).as_posix()
CONFIG = f"{RESULTS}/{CONFIG_FILE}"
CORPORA = list(config["corpora"])


wildcard_constraints:
    source="[^/]+",
    corpus="[^/]+",
    suite="[^/]+",
    job="[^/]+",
    figure="[^/]+",


# What the verbs read is the config as it stands after --configfile and --config; each rule carries the part of it that
# it depends on as a parameter.
onstart:
    save_config(config)


def job_name(run, unit):
    """The job that a run belongs to: all of a corpus, those of a budget, or the run alone."""
    return {"corpus": "all", "budget": budget_label(run.budget), "run": run.name}[unit]


def job_names(corpus, unit):
    """The jobs of a corpus, largest budget first, so that the longest start first."""
    runs = sorted((run for run in RUNS if run.corpus == corpus), key=lambda run: -run.budget)
    return list(dict.fromkeys(job_name(run, unit) for run in runs))


def job_runs(corpus, job, unit):
    """The runs of a job."""
    return [run for run in RUNS if run.corpus == corpus and job_name(run, unit) == job]


def documents(corpus):
    """The documents that a corpus is a part of."""
    return f"{RESULTS}/corpora/{config['corpora'][corpus]['source']}/documents.parquet"


def all_documents():
    """The documents of every corpus that is trained on."""
    return sorted({documents(corpus) for corpus in CORPORA})


def figure_names():
    """The figures to draw; one that shows a single suite is drawn for each."""
    names = []
    for figure in config["figures"]:
        per_suite = figure == "relative-law"
        names += [f"{figure}-{suite}" for suite in config["suites"]] if per_suite else [figure]
    return names


def figure_files():
    """Every file of every figure."""
    return [
        f"{RESULTS}/figures/{name}.{ending}"
        for name in figure_names()
        for ending in ("html", "json", *static_formats())
    ]
