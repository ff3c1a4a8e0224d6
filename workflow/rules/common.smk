# What every stage shares: the experiment, where its results lie, its plan, and the digests of the code behind a rule.

from pathlib import Path

from snakemake.exceptions import WorkflowError

from relscale.config import check_config
from relscale.design.isoflop import plan
from relscale.design.cost import Hardware, memory, seconds
from relscale.design.run import run_to_dict
from relscale.errors import RelscaleError
from relscale.experiment import CONFIG_FILE, job_name, job_names, job_runs, results_folder, save_config
from relscale.figures.plot import PER_SUITE, figure_module, figure_suite, static_formats
from relscale.provenance import code_digest, digest
from relscale.scoring.suite import suite_digest

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
HARDWARE = Hardware(**config["hardware"])


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


def documents(corpus):
    """The documents that a corpus is a part of."""
    return f"{RESULTS}/corpora/{config['corpora'][corpus]['source']}/documents.parquet"


def all_documents():
    """The documents of every corpus that is trained on."""
    return sorted({documents(corpus) for corpus in CORPORA})


def figure_files():
    """Every figure; one that shows a single suite is drawn for each."""
    names = []
    for figure in config["figures"]:
        names += [f"{figure}-{suite}" for suite in config["suites"]] if figure == PER_SUITE else [figure]
    return [f"{RESULTS}/figures/{name}.html" for name in names]
