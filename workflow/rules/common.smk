# What every stage shares: the experiment, where its results lie, its plan, and the digests of the code behind a rule.

from pathlib import Path

from snakemake.exceptions import WorkflowError

from relscale.config import check_config
from relscale.design.cost import Hardware, memory, seconds
from relscale.design.isoflop import plan
from relscale.design.run import run_to_dict
from relscale.errors import RelscaleError
from relscale.experiment import CONFIG_FILE, check_tables, job_name, job_names, job_runs, results_folder, save_config, tables
from relscale.fitting.fits import SCHEMAS
from relscale.figures.plot import figure_base, figure_module, figure_suite, static_formats, suite_figures
from relscale.laws.catalogue import law, law_names
from relscale.measurements.published import source_module
from relscale.provenance import code_digest, digest
from relscale.scoring.manifest import read_manifest
from relscale.scoring.suite import suite_digest, suite_folder

if not workflow.configfiles:

    configfile: "config.yaml"


# What can be wrong is said before anything runs.
try:
    config = check_config(config, " + ".join(map(str, workflow.configfiles)))
    TRAINS = config["runs"]["source"] == "train"
    check_tables(config)
    if TRAINS:
        plan(config)
    SUITE_DATA = {name: suite_digest(name, options) for name, options in config["suites"].items() if TRAINS}
    FIGURE_CODE = {name: code_digest("relscale.figures.plot", name) for name in map(figure_module, config["figures"])}
    LOADERS = [source_module(table["loader"]).__name__ for table in tables(config) if "loader" in table]
    ASKED = [law(entry["law"]) for entry in config["fit"]["laws"]]
except RelscaleError as error:
    raise WorkflowError(str(error))

RESULTS = results_folder(config).as_posix()
CONFIG = f"{RESULTS}/{CONFIG_FILE}"
CORPORA = list(config.get("corpora", {}))
SUITES = list(config["suites"])
TABLES = [table["path"] for table in tables(config)]
FIT_TABLES = list(SCHEMAS)
LAWS = [f"relscale.laws.{name}" for name in law_names()]  # found by name, so that no import leads to them
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


def planned(w):
    """The runs of a training job."""
    return job_runs(config, w.corpus, w.job, config["training"]["job"])


def expected_seconds(w):
    """How long a training job takes by the plan, in seconds."""
    return sum(seconds(run, HARDWARE) for run in planned(w))


def run_manifests(w):
    """What a scoring job scores: the manifests of the training jobs that its runs belong to."""
    runs = job_runs(config, w.corpus, w.job, config["scoring"]["job"])
    jobs = dict.fromkeys(job_name(run, config["training"]["job"]) for run in runs)
    return [f"{RESULTS}/runs/{w.corpus}/{job}.json" for job in jobs]


def suite_facts():
    """What a config says of its suites that a fit depends on; titles and labels are for figures alone."""
    facts = ("baseline", "metric", "prompt", "chance")
    return {suite: {k: v for k, v in config["suites"][suite].items() if k in facts} for suite in SUITES}


def figure_files():
    """Every figure; one that shows a single suite is drawn for each."""
    names = []
    for figure in config["figures"]:
        names += [f"{figure}-{suite}" for suite in SUITES] if figure in suite_figures() else [figure]
    return [f"{RESULTS}/figures/{name}.html" for name in names]


def caption(figure):
    """The text under a figure in the report; of a suite's figure, with what the suite says of itself."""
    path = Path(workflow.basedir, "workflow", "report", f"{figure_base(figure)}.rst")
    text = path.read_text(encoding="utf-8")
    suite = figure_suite(figure)
    if suite is None:
        return text
    if not TRAINS:
        shown = config["suites"].get(suite, {})
        return f"{text}\n**{shown.get('title', suite)}.** {shown.get('what', '')} {shown.get('note', '')}\n"
    manifest = read_manifest(suite_folder(suite, config["suites"][suite]))
    return f"{text}\n**{manifest.title}.** {manifest.what} {manifest.note}\n"
