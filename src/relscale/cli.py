"""The command ``relscale``: one verb a stage. The workflow's rules call these, and so can a person."""

import argparse
import csv
import inspect
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relscale.config import corpus_parts, load_config
from relscale.errors import RelscaleError
from relscale.experiment import (
    checkpoints,
    corpora,
    documents_path,
    is_streamed,
    job_checkpoints,
    job_name,
    job_names,
    job_runs,
    planned,
    results_folder,
    runs_path,
    score_jobs,
    scores_path,
    source,
    suite_path,
    tables,
    tokens_needed,
    tokens_path,
    with_exported_suites,
)
from relscale.file_name import named
from relscale.process import EXIT_CODE, end_with

if TYPE_CHECKING:
    from relscale.design.placement import Placement
    from relscale.design.run import Run
    from relscale.tokens.corpus import CorpusPart, Decontamination

# Heavy libraries are imported where a verb needs them: `relscale plan` takes a fraction of a second.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; print a user's mistake as one line and return 1."""
    options = parser().parse_args(arguments)
    if options.parent is not None and options.run is not train:  # a training saves its state first
        end_with(options.parent)
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

    verb = _verb(
        verbs, plan, "show the runs that an experiment trains, their size, devices and time, and the bill"
    )
    verb.add_argument(
        "--output", type=Path, help="write the table here (.csv or .parquet) instead of showing it"
    )

    verb = _verb(verbs, corpus, "turn a source of text into a table of documents, or pin what is on the hub")
    verb.add_argument("--source", help="a key of the config's 'sources'")
    verb.add_argument("--threads", type=int, default=1, help="processes that read files (default 1)")
    verb.add_argument("--output", type=Path, help="the table to write, documents.parquet")
    verb.add_argument(
        "--pin", action="store_true", help="look up what has no revision yet, and keep it beside the config"
    )

    verb = _verb(verbs, tokenize, "make the vocabulary, or turn a corpus into a store of tokens")
    verb.add_argument("--corpus", help="a key of the config's 'corpora'; left out, the vocabulary is made")
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

    verb = verbs.add_parser(
        "fit",
        help="fit the laws to a table of measurements, or one law to any table",
        description=inspect.cleandoc(fit.__doc__ or ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("table", type=Path, help="measurements, or any table (.parquet, .csv, .tsv, .jsonl)")
    verb.add_argument(
        "--output",
        type=Path,
        help="the folder for all tables; of one law also a .parquet for its parameters (default TABLE.fits.parquet)",
    )
    measured = verb.add_argument_group("measurements")
    measured.add_argument(
        "--replicates", type=Path, help="the same under resampled items, for intervals over items"
    )
    measured.add_argument(
        "--config", type=Path, help="the experiment: its section 'fit' and its suites' baselines"
    )
    one = verb.add_argument_group("one law on any table")
    one.add_argument("--law", help="relative, power, or another law's name")
    one.add_argument(
        "--x",
        metavar="COLUMN",
        help="training compute; of other laws their predictors, with commas (a name with a comma in double quotes)",
    )
    one.add_argument("--y", metavar="COLUMN", help="the error: lower is better, and positive")
    one.add_argument("--group", metavar="COLUMN", help="test distributions")
    one.add_argument("--baseline", metavar="GROUP", help="the group that the others are compared with")
    one.add_argument("--corpus", metavar="COLUMN", help="what is fitted apart")
    one.add_argument(
        "--run", dest="told_apart", metavar="COLUMNS", help="what tells models apart (default: run, else --x)"
    )
    one.add_argument(
        "--block",
        metavar="COLUMN",
        help="ties the checkpoints of one training (default: block, else each run)",
    )
    one.add_argument("--tokens", metavar="COLUMN", help="training tokens")
    one.add_argument("--params", metavar="COLUMN", help="parameters")
    one.add_argument("--error", choices=["log", "linear"], default="log", help="(default log)")
    one.add_argument("--loss", choices=["squares", "huber"], default="squares", help="(default squares)")
    one.add_argument(
        "--delta", type=float, help="of Huber's loss (default 0.001, in ln y or of the median y)"
    )
    one.add_argument(
        "--fix",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter that is given, not fitted",
    )
    one.add_argument("--level", type=float, default=0.95, help="of the intervals (default 0.95)")
    one.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    one.add_argument("--plot", type=Path, metavar="HTML", help="draw the figure; other formats go beside it")
    verb.set_defaults(run=fit)

    verb = _verb(
        verbs, export, "give each model a folder ready for the hub, and all of them a table; or push them"
    )
    verb.add_argument("--output", type=Path, required=True, help="the folder of the export")
    verb.add_argument(
        "--push", metavar="ORGANISATION", help="upload what is in the folder already, a repository each"
    )
    verb.add_argument(
        "--yes", action="store_true", help="with --push: do it, and do not only say what it would do"
    )

    verb = verbs.add_parser("plot", help="draw one figure", description=plot.__doc__)
    verb.add_argument("figure", help="its name, such as isoflop, or relative-law-knowledge for one suite")
    verb.add_argument("--config", type=Path, required=True, help="the experiment's YAML file")
    verb.add_argument(
        "--output", type=Path, required=True, help="the .html to write; other formats go beside it"
    )
    verb.set_defaults(run=plot)

    _verb(verbs, report, "make one page of an experiment's figures, where something in it is new")

    for verb in verbs.choices.values():
        verb.add_argument("--parent", type=int, metavar="PID", help="stop when this process is gone")
    return top


def plan(options: argparse.Namespace) -> None:
    """Show the runs that an experiment trains: design, size, expected memory, devices and time, and the bill."""
    from relscale.check import check_experiment
    from relscale.design.bill import bill, format_bill
    from relscale.design.cost import Hardware
    from relscale.design.isoflop import grid
    from relscale.design.placement import place
    from relscale.design.table import format_dropped, format_table, plan_table
    from relscale.tables import write_table

    config = load_config(options.config)
    if source(config) == "checkpoints":
        _show_checkpoints(config, options.output)
        return
    config = _training(options.config)
    check_experiment(config)
    runs = planned(config)
    hardware = Hardware(**config["hardware"])
    placements = [place(run, hardware, config["training"]) for run in runs]
    table = plan_table(runs, placements)
    if options.output:
        write_table(table, options.output)
        return
    print(format_table(table), end="\n\n")
    first = next(iter(config["corpora"]))  # the grid is the same for every corpus
    for line in format_dropped(grid(config, first, config["design"]["optimizers"][0])[1]):
        print(line)
    for line in _warnings(config, runs, placements):
        print(line)
    print(format_bill(bill(runs, placements, config["training"].get("checkpoints", ())), hardware))


def _warnings(
    config: dict[str, Any], runs: "Sequence[Run]", placements: "Sequence[Placement]"
) -> Iterator[str]:
    """What a plan costs beyond its bill, a line each."""
    limit = config["hardware"].get("hours")
    slow = [
        run.name for run, each in zip(runs, placements, strict=True) if limit and each.seconds > 3600 * limit
    ]
    if slow:
        yield f"longer than hardware.hours ({limit:g}) on all devices: {len(slow)} runs, {slow[0]} among them"
    streamed = [
        name
        for name in corpora(config)
        if is_streamed(config, name) and "tokens" not in config["corpora"][name]
    ]
    if streamed:
        most = max(tokens_needed(config, name) for name in streamed)
        yield (
            f"streamed as far as the largest run reads, {most:.4g} tokens: {', '.join(streamed)}; a larger "
            "budget makes it another text, on which all runs are trained anew: name "
            f"corpora.{streamed[0]}.tokens to leave room"
        )


def _show_checkpoints(config: dict[str, Any], output: Path | None) -> None:
    """The table of checkpoints as it was read: nothing is trained, and this is what is scored."""
    import pyarrow as pa

    from relscale.scoring.checkpoint_table import COLUMNS, check_distinct
    from relscale.tables import write_table

    check_distinct(checkpoints(config), config["runs"]["table"])

    rows = [
        {
            "run": each.run,
            "from": each.model or each.samples,
            **{name: getattr(each, name) for name in COLUMNS},
        }
        for each in checkpoints(config)
    ]
    table = pa.Table.from_pylist(rows)
    if output:
        write_table(table, output)
        return
    for row in rows:
        print(
            f"{row['corpus']}  {row['run']}  {row['params'] or 0:,} parameters  {row['tokens'] or 0:,} tokens  "
            f"{row['training_flops']:.3g} FLOPs  {row['from']}"
        )


def corpus(options: argparse.Namespace) -> None:
    """Turn a source of text into documents (parquet) with a manifest beside them.

    With --pin: look up the revisions of what the experiment takes from the hub, and write them beside its config.
    """
    from relscale.corpora.build import build_source
    from relscale.corpora.options import SOURCE
    from relscale.pins import pins_file, write_pins

    if options.pin:
        for kind, found in write_pins(load_config(options.config), options.config).items():
            for name, commit in found.items():
                print(f"{kind} {name}: {commit}")
        print(f"pins: {pins_file(options.config)}")
        return
    if not options.source or not options.output:
        raise RelscaleError("name a --source and its --output, or give --pin")
    config = _training(options.config)
    name = named(config["sources"], options.source)
    chosen = _section(config, "sources", name)
    build_source(SOURCE.validate_python(chosen), options.output.parent, config["seed"], options.threads, name)


def tokenize(options: argparse.Namespace) -> None:
    """Make the experiment's vocabulary or, with --corpus, turn that corpus into a store of tokens."""
    from relscale.tokens.corpus import build_corpus
    from relscale.tokens.options import Vocabulary
    from relscale.tokens.vocabulary import take_vocabulary, train_vocabulary

    config = _training(options.config)
    results = results_folder(config)
    _set_tokenizer_threads(options.threads)
    words = Vocabulary.model_validate(config["vocabulary"])
    if options.corpus is not None:
        corpus = named(config["corpora"], options.corpus)
        build_corpus(
            _parts(config, corpus),
            results / "vocabulary",
            options.output.parent,
            Path(config["store"]),
            config["seed"],
            tokens_needed(config, corpus),
            _decontamination(config, corpus),
            options.threads,
        )
    elif "tokenizer" in config["vocabulary"]:
        take_vocabulary(words, options.output.parent)
    else:
        parts = [(part.documents, part.part) for name in config["corpora"] for part in _parts(config, name)]
        train_vocabulary(parts, words, options.output.parent, seed=config["seed"])


def train(options: argparse.Namespace) -> None:
    """Train the runs of one job, one after another; those already in the store are not trained again.

    On SIGTERM, SIGUSR1 or SIGINT the run under way saves its state and the command exits with 85; the same command goes
    on from there.
    """
    from relscale.design.cost import Hardware
    from relscale.training.data import TrainingData
    from relscale.training.interruption import Interrupted
    from relscale.training.job import Job, train_job
    from relscale.training.options import Training
    from relscale.training.progress import progress

    config = _training(options.config)
    corpus = named(config["corpora"], options.corpus)
    _section(config, "corpora", corpus)
    results, store = results_folder(config), Path(config["store"])
    training = Training.model_validate({**config["training"], "threads": options.threads})
    hardware = Hardware(**config["hardware"])

    so_far = progress(planned(config), results / "tokens", store, training, hardware)
    try:
        data = TrainingData(tokens_path(config, corpus), results / "vocabulary")
        runs = job_runs(config, corpus, options.job, training.job)
        train_job(
            Job(runs, data, store, training, hardware),
            options.output,
            lambda line: print(f"{line}; {so_far()}", flush=True),
            options.parent,
        )
    except Interrupted as stop:
        print(f"relscale train: {stop}", file=sys.stderr)
        raise SystemExit(EXIT_CODE) from None


def score(options: argparse.Namespace) -> None:
    """Score the models of one job on every suite of the experiment or, with --prepare, make one suite's data."""
    from relscale.atomic import atomic_path
    from relscale.scoring.job import score_job
    from relscale.scoring.suite import prepare_suite
    from relscale.scoring.suite_code import trust_suite_code
    from relscale.scoring.task_metrics import add_task_metrics

    config = with_exported_suites(load_config(options.config), lambda line: print(line, file=sys.stderr))
    if source(config) == "measurements":
        raise RelscaleError(_nothing_to_do(options.config, "measurements"))
    trust_suite_code(config["scoring"]["trust_suite_code"])
    if options.prepare:
        name = named(config["suites"], options.prepare)
        suite = _section(config, "suites", name)
        documents = sorted(
            {part.documents for name in config.get("corpora", {}) for part in _parts(config, name)}
        )
        scored = any(score_jobs(config, name) for name in corpora(config))
        prepare_suite(name, suite, documents, options.output.parent, config["seed"], requests=scored)
        return
    corpus = named(corpora(config), options.corpus or "")
    if corpus not in corpora(config):
        raise RelscaleError(f"--corpus: {options.corpus!r}; there are {', '.join(corpora(config))}")
    suites = [suite_path(config, suite) for suite in config["suites"]]
    with atomic_path(options.output) as manifest:
        score_job(
            _runs(config, corpus, options.job),
            suites,
            Path(config["store"]),
            {**config["scoring"], "threads": options.threads},
            manifest,
        )
        add_task_metrics(manifest, suites, Path(config["store"]))


def _runs(config: dict[str, Any], corpus: str, job: str) -> list[dict[str, Any]]:
    """The runs of a scoring job: name, key, path and status of each."""
    from relscale.scoring.checkpoint_table import resolve
    from relscale.scoring.job import read_runs

    if source(config) == "checkpoints":
        safe = config["scoring"]["use_safetensors"]
        return [resolve(checkpoint, safe) for checkpoint in job_checkpoints(config, corpus, job)]
    planned = job_runs(config, corpus, job, config["scoring"]["job"])
    jobs = dict.fromkeys(job_name(run, config["training"]["job"]) for run in planned)
    trained: dict[str, list[dict[str, Any]]] = {}  # a run, and the checkpoints on its way
    for name in jobs:
        for entry in read_runs(runs_path(config, corpus, name)):
            trained.setdefault(entry["training"], []).append(entry)
    missing = [run.name for run in planned if run.name not in trained]
    if missing:
        folder = runs_path(config, corpus, job).parent
        raise RelscaleError(
            f"{folder}: no manifest there lists {missing[0]}, which the plan has; train first"
        )
    return [entry for run in planned for entry in trained[run.name]]


def collect(options: argparse.Namespace) -> None:
    """Turn item scores, or tables as they were published, into measurements; scores under resampled items too."""
    from relscale.measurements.collect import collect as collected
    from relscale.measurements.measurement import REPLICATES
    from relscale.measurements.options import Collect
    from relscale.measurements.published import read_tables
    from relscale.measurements.runs import Measured, listed_runs, trained_runs
    from relscale.scoring.checkpoint_table import check_distinct
    from relscale.scoring.manifest import read_manifest
    from relscale.scoring.suite import lists_tasks
    from relscale.scoring.suite_code import trust_suite_code
    from relscale.tables import write_pieces, write_table

    config = load_config(options.config)
    if tables(config):
        write_table(read_tables(tables(config), config["experiment"]), options.output)
        if options.replicates:  # of items that no table tells of
            write_pieces([], REPLICATES, options.replicates)
        return
    trust_suite_code(config["scoring"]["trust_suite_code"])
    names = corpora(config)
    scores = [scores_path(config, name, job) for name in names for job in score_jobs(config, name)]
    runs: list[Measured]
    if source(config) == "checkpoints":
        suites = {name: read_manifest(suite_path(config, name)) for name in config["suites"]}
        table = checkpoints(config)
        check_distinct(table, config["runs"]["table"])
        named = [name for name, told in config["suites"].items() if lists_tasks(name, told)]
        runs = listed_runs(table, scores, suites, named)
    else:
        unit = config["training"]["job"]
        trained = [runs_path(config, name, job) for name in names for job in job_names(config, name, unit)]
        runs = trained_runs(trained, scores, [run.name for run in planned(config)], list(config["suites"]))
    measurements, replicates = collected(
        runs,
        config["experiment"],
        Collect.model_validate(config["collect"]),
        config["seed"],
        {suite: suite_path(config, suite) for suite in config["suites"]},
    )
    write_table(measurements, options.output)
    if options.replicates:
        write_pieces(replicates, REPLICATES, options.replicates)


def fit(options: argparse.Namespace) -> None:
    """Fit the laws to a table and print what was found.

    Measurements, as `collect` writes them, give the compute-optimal frontier, each group's law along it and the
    relative laws, under the options of an experiment (--config). Any other table gives the law that --law names, of the
    columns that --group, --x and --y name.
    """
    if options.law:
        _fit_table(options)
    elif options.output is None:
        raise RelscaleError(
            "--output: measurements are fitted into a folder, name it; or name a --law for another table"
        )
    else:
        for name in ("x", "y", "group", "baseline", "corpus", "block", "tokens", "params", "plot"):
            if getattr(options, name) is not None:
                raise RelscaleError(f"--{name} is for one law on any table; name the --law")
        _fit_measurements(options)


def _fit_table(options: argparse.Namespace) -> None:
    from relscale.table_fit import check_drawn
    from relscale.table_fit import fit as fitted
    from relscale.tables import table_name

    for name in ("config", "replicates"):
        if getattr(options, name) is not None:
            raise RelscaleError(f"--{name} is for measurements, and --law is for any other table")
    for name in ("x", "y"):
        if getattr(options, name) is None:
            raise RelscaleError(f"--{name}: name the column of the table that holds it")
    output = options.output or options.table.with_name(f"{table_name(options.table)}.fits.parquet")
    if output.resolve() == options.table.resolve():
        raise RelscaleError(f"--output: {output} is the table itself")
    if options.plot:
        check_drawn(options.law, options.error, options.loss, bool(options.fix))
    columns = ("group", "baseline", "corpus", "block", "tokens", "params")
    settings = ("error", "loss", "delta", "level", "seed")
    result = fitted(
        options.table,
        options.law,
        x=_columns(options.x),
        y=options.y,
        run=_columns(options.told_apart) if options.told_apart else (),
        fixed=_fixed(options.fix),
        **{name: getattr(options, name) for name in (*columns, *settings)},
    )
    print(result)
    result.write(output)
    print(f"\nwritten: {output}")
    if options.plot:
        result.plot(options.plot)


def _fixed(texts: Sequence[str]) -> dict[str, float]:
    """Parameters and their values, from ``NAME=VALUE`` each."""
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise RelscaleError(f"--fix: {text!r} is no parameter with its value, such as E=1.87") from None
    return found


def _columns(text: str) -> list[str]:
    """Names between commas; one that has a comma of its own stands in double quotes, as in CSV."""
    try:
        (names,) = csv.reader(io.StringIO(text, newline=""), strict=True)
    except (csv.Error, ValueError):
        raise RelscaleError(f"{text!r}: not a list of columns between commas") from None
    return names


def _fit_measurements(options: argparse.Namespace) -> None:

    from relscale.fitting.fit import fit as fitted
    from relscale.fitting.fits import write
    from relscale.fitting.report.reproduction import reproduction
    from relscale.fitting.report.summary import summary
    from relscale.measurements.sanity import flag_impossible
    from relscale.measurements.typed import typed
    from relscale.tables import open_table, read_table

    config: dict[str, Any] = load_config(options.config) if options.config else {"fit": {}, "seed": 0}
    suites = _suites(config)
    answers = config["fit"].get("answers")
    replicates = open_table(options.replicates) if options.replicates else None
    measurements = typed(read_table(options.table), str(options.table))
    if {"metric", "value"} <= set(measurements.column_names):
        measurements = flag_impossible(measurements, zeros=True)
    fits = fitted(measurements, replicates, config["fit"], suites, seed=config["seed"])
    if answers:
        fits = fits.with_table("reproduction", reproduction(read_table(answers), fits))
    write(fits, options.output)
    shown = {name: (told["metric"], told["prompt"]) for name, told in suites.items() if told.get("metric")}
    print(summary(fits, shown, measurements=measurements))


def _suites(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Baseline, metric, prompt and chance of each suite: as its manifest says or the config does."""
    from relscale.scoring.manifest import read_manifest

    facts = ("baseline", "metric", "prompt", "chance")
    suites: dict[str, dict[str, Any]] = config.get("suites", {})
    if not suites or tables(config):  # the config is all that there is
        return {name: {"prompt": "default"} | told for name, told in suites.items()}
    manifests = {name: read_manifest(suite_path(config, name)) for name in suites}
    return {name: {fact: getattr(suite, fact) for fact in facts} for name, suite in manifests.items()}


def plot(options: argparse.Namespace) -> None:
    """Draw one figure: HTML and JSON always, SVG, PDF and PNG where this machine has a Chrome."""
    from relscale.figures.data import FigureData
    from relscale.figures.plot import each_figure
    from relscale.figures.plot import plot as drawn

    config = load_config(options.config)
    results = results_folder(config)
    data = FigureData(
        measurements=results / "measurements.parquet",
        fits=results / "fits",
        suites=config["suites"]
        if tables(config)
        else {name: suite_path(config, name) / "suite.yaml" for name in config["suites"]},
        tokens={name: tokens_path(config, name) / "manifest.json" for name in corpora(config)}
        if source(config) == "train"
        else {},
        corpora=corpora(config),
    )
    drawn(named(each_figure(config["figures"], config["suites"]), options.figure), data, options.output)


def report(options: argparse.Namespace) -> None:
    """Make one page of an experiment's figures and captions where one is newer than the page; say where it is."""
    from relscale.report import make_report

    print(f"report: {make_report(options.config)}")


def export(options: argparse.Namespace) -> None:
    """Give each trained model a folder with weights, tokenizer, card and record, and all of them a table.

    An experiment whose runs are that table (runs: {source: checkpoints, table: FOLDER/checkpoints.csv}) has the same
    figures without training. Pushing is a step of its own: --push with --yes uploads what was exported.
    """
    from relscale.release.export import export as exported
    from relscale.release.push import push, to_push
    from relscale.scoring.suite import needs_documents
    from relscale.tables import read_table

    config = _training(options.config)
    if options.push:
        count, size = to_push(options.output)
        if not options.yes:
            raise RelscaleError(
                f"--push: would upload {count} models, {size / 1e9:.1f} GB, to {options.push}; say --yes to do it"
            )
        licence = config["export"]["licence"]
        table = push(options.output, options.push, config["experiment"], licence)
        print(f"table: {table}")
        return
    results = results_folder(config)
    unit = config["training"]["job"]
    measured = results / "measurements.parquet"
    found = exported(
        config,
        [runs_path(config, name, job) for name in corpora(config) for job in job_names(config, name, unit)],
        read_table(measured).to_pylist() if measured.is_file() else [],
        {name: told["metric"] for name, told in _suites(config).items()} if measured.is_file() else {},
        {
            name: suite_path(config, name)
            for name, told in config["suites"].items()
            if needs_documents(name, told)
        },
        options.output,
    )
    print(f"{len(found.models)} models in {options.output}, table {found.table}")
    for name in found.without:
        print(f"{name}: diverged, in the table without a model")


def _training(path: Path) -> dict[str, Any]:
    """A config by which models are trained; there is nothing for the first stages to do by another."""
    config = load_config(path)
    if source(config) != "train":
        raise RelscaleError(_nothing_to_do(path, source(config)))
    return config


def _nothing_to_do(path: Path, name: str) -> str:
    first = {"checkpoints": "score", "measurements": "collect"}[name]
    return f"{path}: its runs.source is {name!r}, so that nothing is trained; start with {first!r}"


def _parts(config: dict[str, Any], corpus: str) -> "list[CorpusPart]":
    """The parts of a corpus, each with the documents that it is taken from."""
    from relscale.tokens.corpus import CorpusPart

    return [
        CorpusPart(part["source"], documents_path(config, part["source"]), part.get("part"), part["weight"])
        for part in corpus_parts(_section(config, "corpora", corpus))
    ]


def _decontamination(config: dict[str, Any], corpus: str) -> "Decontamination | None":
    """What a corpus must not contain, as prepared suites have it."""
    from relscale.tokens.corpus import Decontamination

    chosen = config["corpora"][corpus].get("decontaminate")
    if chosen is None:
        return None
    return Decontamination(tuple(suite_path(config, suite) for suite in chosen["suites"]), chosen["ngram"])


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
