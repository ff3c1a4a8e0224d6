"""The command ``relscale``: one verb a stage. The workflow's rules call these, and so can a person."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relscale.config import load_config
from relscale.errors import RelscaleError
from relscale.experiment import job_name, job_names, job_runs, results_folder

# Heavy libraries are imported where a verb needs them: `relscale plan` takes a fraction of a second.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; print a user's mistake as one line and return 1."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except RelscaleError as error:
        print(f"relscale {options.verb}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `relscale plan … | head`
        sys.stderr.close()
    except OSError as error:  # no such file, no permission, no space: the system's own words say which
        print(f"relscale {options.verb}: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line: a sub-command for each verb."""
    top = argparse.ArgumentParser(
        prog="relscale",
        description="Relative scaling laws for language models: plan, train, score, fit and draw. The stages follow "
        "one another as listed; `snakemake` runs them all and keeps what is up to date.",
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    verb = _verb(verbs, plan, "show the runs that an experiment trains, their size and expected time")
    verb.add_argument(
        "--output", type=Path, help="write the table here (.csv or .parquet) instead of showing it"
    )

    verb = _verb(verbs, corpus, "turn a source of text into a table of documents")
    verb.add_argument("--source", required=True, help="a key of the config's 'sources'")
    verb.add_argument("--threads", type=int, default=1, help="processes that read files (default 1)")
    verb.add_argument("--output", type=Path, required=True, help="the table to write, documents.parquet")

    verb = _verb(verbs, tokenize, "train the vocabulary, or turn a corpus into a store of tokens")
    verb.add_argument("--corpus", help="a key of the config's 'corpora'; left out, the vocabulary is trained")
    verb.add_argument("--threads", type=int, default=1, help="threads of the tokenizer (default 1)")
    verb.add_argument(
        "--output",
        type=Path,
        required=True,
        help="the store's manifest.json, or the vocabulary's tokenizer.json",
    )

    verb = _verb(verbs, train, "train the runs of one job; those already in the store are not trained again")
    verb.add_argument("--corpus", required=True, help="a key of the config's 'corpora'")
    verb.add_argument("--job", required=True, help="a budget such as 1e12, or a run's name; see training.job")
    verb.add_argument("--threads", type=int, default=1, help="threads of the processor (default 1)")
    verb.add_argument("--output", type=Path, required=True, help="the manifest to write (.json): a row a run")

    verb = _verb(verbs, score, "make a suite's data ready, or score the models of one job on every suite")
    verb.add_argument("--prepare", metavar="SUITE", help="write the data of this suite and score nothing")
    verb.add_argument("--corpus", help="a key of the config's 'corpora'")
    verb.add_argument("--job", help="'all', a budget such as 1e12, or a run's name; see scoring.job")
    verb.add_argument("--threads", type=int, default=1, help="threads of the processor (default 1)")
    verb.add_argument(
        "--output", type=Path, required=True, help="the manifest to write: scores .json, or suite.yaml"
    )

    verb = _verb(verbs, collect, "turn item scores into the measurement table")
    verb.add_argument("--output", type=Path, required=True, help="the measurements (.parquet or .csv)")
    verb.add_argument("--replicates", type=Path, help="the same under resampled items (.parquet or .csv)")

    verb = verbs.add_parser("fit", help="fit the laws to a table of measurements", description=fit.__doc__)
    verb.add_argument("table", type=Path, help="measurements (.parquet or .csv)")
    verb.add_argument(
        "--replicates", type=Path, help="the same under resampled items, for intervals over items"
    )
    verb.add_argument(
        "--config", type=Path, help="the experiment: its section 'fit' and its suites' baselines"
    )
    verb.add_argument(
        "--output", type=Path, required=True, help="the folder for frontier, errors, gaps and fits"
    )
    verb.set_defaults(run=fit)

    verb = verbs.add_parser("plot", help="draw one figure", description=plot.__doc__)
    verb.add_argument("figure", help="its name, such as isoflop, or relative-law-knowledge for one suite")
    verb.add_argument("--config", type=Path, required=True, help="the experiment's YAML file")
    verb.add_argument(
        "--output", type=Path, required=True, help="the .html to write; other formats go beside it"
    )
    verb.set_defaults(run=plot)
    return top


def plan(options: argparse.Namespace) -> None:
    """Show the runs that an experiment trains: design, size, expected memory and time."""
    from relscale.design.cost import Hardware
    from relscale.design.isoflop import grid
    from relscale.design.isoflop import plan as planned
    from relscale.design.table import format_table, plan_table
    from relscale.tables import write_table

    config = load_config(options.config)
    runs = planned(config)
    table = plan_table(runs, Hardware(**config["hardware"]))
    if options.output:
        write_table(table, options.output)
        return
    print(format_table(table))
    first = next(iter(config["corpora"]))  # the grid is the same for every corpus
    for cell in grid(config, first, config["design"]["optimizers"][0])[1]:
        print(f"left out: {first}, budget {cell.budget:g}: {cell.reason}")


def corpus(options: argparse.Namespace) -> None:
    """Turn a source of text into documents (parquet) with a manifest beside them."""
    from relscale.corpora.build import build_source

    config = load_config(options.config)
    source = _section(config, "sources", options.source)
    build_source(source, options.output.parent, seed=config["seed"], workers=options.threads)


def tokenize(options: argparse.Namespace) -> None:
    """Train the experiment's vocabulary or, with --corpus, turn that corpus into a store of tokens."""
    from relscale.tokens.build import build_store
    from relscale.tokens.vocabulary import train_vocabulary

    config = load_config(options.config)
    results = results_folder(config)
    _set_tokenizer_threads(options.threads)
    if options.corpus is None:
        parts = [_part(config, name) for name in config["corpora"]]
        train_vocabulary(parts, config["vocabulary"], options.output.parent, seed=config["seed"])
    else:
        build_store(
            *_part(config, options.corpus), results / "vocabulary", options.output.parent, seed=config["seed"]
        )


def train(options: argparse.Namespace) -> None:
    """Train the runs of one job, one after another; those already in the store are not trained again."""
    from relscale.design.cost import Hardware
    from relscale.design.isoflop import plan as planned
    from relscale.training.job import train_job
    from relscale.training.progress import progress

    config = load_config(options.config)
    _section(config, "corpora", options.corpus)
    results, store = results_folder(config), Path(config["store"])
    training = {**config["training"], "threads": options.threads}
    hardware = Hardware(**config["hardware"])

    def report(line: str) -> None:
        print(
            f"{line}; {progress(planned(config), results / 'tokens', store, training, hardware)}", flush=True
        )

    train_job(
        job_runs(config, options.corpus, options.job, training["job"]),
        results / "tokens" / options.corpus,
        results / "vocabulary",
        store,
        training,
        options.output,
        report,
    )


def score(options: argparse.Namespace) -> None:
    """Score the models of one job on every suite of the experiment or, with --prepare, make one suite's data."""
    from relscale.scoring.job import score_job
    from relscale.scoring.suite import prepare_suite

    config = load_config(options.config)
    results = results_folder(config)
    if options.prepare:
        suite = _section(config, "suites", options.prepare)
        documents = sorted({_part(config, name)[0] for name in config["corpora"]})
        prepare_suite(options.prepare, suite, documents, options.output.parent, config["seed"])
        return
    _section(config, "corpora", options.corpus)
    runs = job_runs(config, options.corpus, options.job, config["scoring"]["job"])
    trained = dict.fromkeys(job_name(run, config["training"]["job"]) for run in runs)
    score_job(
        [results / "runs" / options.corpus / f"{job}.json" for job in trained],
        [results / "suites" / suite for suite in config["suites"]],
        Path(config["store"]),
        {**config["scoring"], "threads": options.threads},
        options.output,
    )


def collect(options: argparse.Namespace) -> None:
    """Turn item scores into measurements, and into the same measurements under resampled items."""
    from relscale.measurements.collect import collect as collected
    from relscale.tables import write_table

    config = load_config(options.config)
    results = results_folder(config)
    manifests = {
        stage: [
            results / folder / corpus / f"{job}.json"
            for corpus in config["corpora"]
            for job in job_names(config, corpus, config[stage]["job"])
        ]
        for stage, folder in (("training", "runs"), ("scoring", "scores"))
    }
    measurements, replicates = collected(
        manifests["training"],
        manifests["scoring"],
        config["experiment"],
        config["collect"]["replicates"],
        config["seed"],
    )
    write_table(measurements, options.output)
    if options.replicates:
        write_table(replicates, options.replicates)


def fit(options: argparse.Namespace) -> None:
    """Fit the compute-optimal frontier, each group's law along it and the relative laws; print what was found."""
    from relscale.fitting.fit import fit as fitted
    from relscale.fitting.fits import write
    from relscale.fitting.summary import summary
    from relscale.scoring.manifest import Manifest, read_manifest
    from relscale.tables import read_table

    config = load_config(options.config) if options.config else {"fit": {}, "suites": {}}
    manifests: dict[str, Manifest] = {
        name: read_manifest(results_folder(config) / "suites" / name) for name in config["suites"]
    }
    replicates = read_table(options.replicates) if options.replicates else None
    facts = {name: {"baseline": suite.baseline, "chance": suite.chance} for name, suite in manifests.items()}
    fits = fitted(read_table(options.table), replicates, config["fit"], facts)
    write(fits, options.output)
    print(summary(fits, {name: (suite.metric, suite.prompt) for name, suite in manifests.items()}))


def plot(options: argparse.Namespace) -> None:
    """Draw one figure: HTML and JSON always, SVG, PDF and PNG where this machine has a Chrome."""
    from relscale.figures.data import FigureData
    from relscale.figures.plot import plot as drawn

    config = load_config(options.config)
    results = results_folder(config)
    data = FigureData(
        measurements=results / "measurements.parquet",
        fits=results / "fits",
        suites={name: results / "suites" / name / "suite.yaml" for name in config["suites"]},
        tokens={name: results / "tokens" / name / "manifest.json" for name in config["corpora"]},
    )
    drawn(options.figure, data, options.output)


def _part(config: dict[str, Any], corpus: str) -> tuple[Path, str | None]:
    """The documents that a corpus is taken from, and which part of them."""
    options = _section(config, "corpora", corpus)
    documents = results_folder(config) / "corpora" / options["source"] / "documents.parquet"
    return documents, options.get("part")


def _set_tokenizer_threads(threads: int) -> None:
    """Read by the tokenizers library when it first encodes."""
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"


def _verb(verbs: Any, run: Any, help_text: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(run.__name__, help=help_text, description=run.__doc__)
    verb.add_argument("config", type=Path, help="the experiment's YAML file")
    verb.set_defaults(run=run)
    return verb


def _section(config: dict[str, Any], section: str, key: str) -> Any:
    """One entry of a section of the config, or an error that lists those there are."""
    if key not in config[section]:
        raise RelscaleError(
            f"no {key!r} under '{section}' in the config; there are {', '.join(config[section])}"
        )
    return config[section][key]


if __name__ == "__main__":
    sys.exit(main())
