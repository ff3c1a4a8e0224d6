"""``relscale fit``: the laws of measurements, or one law on any table."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from relscale.commands import fit_table
from relscale.commands.inputs import suite_files
from relscale.commands.outputs import output
from relscale.errors import RelscaleError

if TYPE_CHECKING:
    from relscale.experiments.experiment import Experiment
    from relscale.fitting.settings import SuiteFacts
    from relscale.scoring.manifest import Manifest
    from relscale.scoring.options import PublishedSuite

HELP = "fit the laws to a table of measurements, or one law to any table"
MEASURED = {"suite", "group", "metric", "value", "training_flops"}  # columns of measurements


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, --output, the options for measurements, and those for one law on any table."""
    parser.add_argument("table", type=Path, help="Measurements, or any table (.parquet, .csv, .tsv, .jsonl).")
    parser.add_argument(
        "--output",
        type=output,
        help="Output folder for all tables; for a single law also a .parquet of its parameters (default: "
        "TABLE.fits.parquet).",
    )
    measured = parser.add_argument_group("measurements")
    measured.add_argument(
        "--replicates",
        type=Path,
        help="Bootstrap replicates over items, for intervals over items.",
    )
    measured.add_argument(
        "--responses",
        type=Path,
        help="Whether each model answers each question right, for forecasts by item response theory.",
    )
    measured.add_argument(
        "--config",
        type=Path,
        help="Experiment with the options of the fit (section 'fit') and the baselines of its suites.",
    )
    measured.add_argument(
        "--suites",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="The suite.yaml of each suite, in the order of the config (default: those of the results).",
    )
    fit_table.add_arguments(parser)


def run(options: argparse.Namespace) -> None:
    """Fit the laws to a table and print the result.

    A table of measurements, as written by `collect`, is fitted with the options of an experiment (--config): the
    compute-optimal frontier, the law of each group along it, and the relative laws. To any other table a single law
    (--law) is fitted; columns that are not given by --group, --x and --y are guessed and reported.
    """
    if not _is_measured(options):
        for name in ("config", "replicates", "responses", "suites"):
            if getattr(options, name) is not None:
                raise RelscaleError(f"--{name} is for measurements, and --law is for any other table")
        fit_table.run(options)
        return
    if options.cluster is not None:
        from relscale.table_fit.fit import CLUSTERED

        raise RelscaleError(f"--{CLUSTERED}")
    from relscale.fitting.fits import check_folder

    if options.output is None:
        raise RelscaleError(
            "--output: the fit of measurements writes a folder; name it, or give --law for another table"
        )
    for name in fit_table.COLUMNS:
        if getattr(options, name) is not None:
            raise RelscaleError(f"--{name.replace('_', '-')} is for one law on any table; name the --law")
    check_folder(options.output)
    fit_measurements(
        options.table,
        options.output,
        options.replicates,
        options.config,
        options.suites,
        options.responses,
    )


def _is_measured(options: argparse.Namespace) -> bool:
    """Whether the table has the columns of measurements, as written by `collect`."""
    if options.law or options.x or options.y:
        return False
    if options.config or options.replicates or options.responses or options.suites:
        return True
    from relscale.storage.tables import read_table

    return set(read_table(options.table).column_names) >= MEASURED


def fit_measurements(
    table: Path,
    output: Path,
    replicates: Path | None = None,
    config: Path | None = None,
    suites: list[Path] | None = None,
    responses: Path | None = None,
) -> None:
    """Fit the laws to a table of measurements, write all tables of the fit, and print a summary.

    Parameters
    ----------
    table
        The measurements.
    output
        Output folder.
    replicates
        Bootstrap replicates over items.
    config
        The experiment.
    suites
        Manifests of its suites, in order; by default those of its results.
    responses
        Whether each model answers each question right.

    Raises
    ------
    RelscaleError
        A file is missing or invalid.
    """
    from relscale.experiments.config import load_config
    from relscale.fitting.curves.point_rows import ErrorRow
    from relscale.fitting.fit import fit
    from relscale.fitting.fits import write
    from relscale.fitting.options import Fit
    from relscale.fitting.report.frontier_advice import NO_WIDTHS
    from relscale.fitting.report.reproduction import reproduction
    from relscale.fitting.report.summary import summary
    from relscale.measurements.prompt_form import shown_form
    from relscale.measurements.sanity import flag_impossible
    from relscale.measurements.typed import typed
    from relscale.storage.rows import rows_of
    from relscale.storage.tables import open_table, read_table

    experiment = load_config(config) if config else None
    section = experiment.fit if experiment else Fit()
    facts = suite_facts(experiment, suites) if experiment else {}
    measurements = typed(read_table(table), str(table))
    if {"metric", "value"} <= set(measurements.column_names):
        measurements = flag_impossible(measurements)
    fits = fit(
        measurements,
        open_table(replicates) if replicates else None,
        section.values(),
        facts,
        seed=experiment.seed if experiment else 0,
        responses=open_table(responses) if responses else None,
    )
    if section.answers:
        fits = fits.with_table("reproduction", reproduction(read_table(section.answers), fits))
    write(fits, output)
    errors = rows_of(ErrorRow, fits.errors)
    shown = {
        name: (metric, shown_form(known["prompt"], forms))
        for name, known in facts.items()
        if (metric := known["metric"]) is not None
        and (forms := {row.prompt for row in errors if (row.suite, row.metric) == (name, metric)})
    }
    widths = experiment.planned_widths if experiment else NO_WIDTHS
    print(summary(fits, shown, measurements=measurements, widths=widths))


def suite_facts(experiment: "Experiment", manifests: Sequence[Path] | None = None) -> dict[str, "SuiteFacts"]:
    """Baseline, metric, prompt form and chance accuracy of each suite, from its manifest or the config.

    Parameters
    ----------
    experiment
        The experiment.
    manifests
        One per suite, in order; by default those of the results.
    """
    from relscale.experiments.experiment import MeasurementExperiment
    from relscale.experiments.results import Results
    from relscale.fitting.settings import SuiteFacts
    from relscale.scoring.manifest import read_manifest

    known: Mapping[str, Manifest | PublishedSuite]
    if isinstance(experiment, MeasurementExperiment):  # there are no manifests
        known = experiment.suites
    else:
        files = suite_files(experiment.suites, manifests, Results.of(experiment))
        known = {name: read_manifest(file.parent) for name, file in files.items()}
    return {
        name: SuiteFacts(
            baseline=suite.baseline, metric=suite.metric, prompt=suite.prompt, chance=suite.chance
        )
        for name, suite in known.items()
    }
