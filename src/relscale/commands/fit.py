"""``relscale fit``: the laws of measurements, or one law on any table."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from relscale.commands import fit_table
from relscale.commands.inputs import by_name
from relscale.errors import RelscaleError

if TYPE_CHECKING:
    from relscale.experiment import Experiment
    from relscale.scoring.options import PublishedSuite

HELP = "fit the laws to a table of measurements, or one law to any table"
MEASURED = {"suite", "group", "metric", "value", "training_flops"}  # columns of measurements


class SuiteFacts(TypedDict):
    """A suite's facts for fits: the group, metric and prompt form that it is shown by, and a guess's accuracy."""

    baseline: str | None
    metric: str | None
    prompt: str
    chance: float | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, --output, the options for measurements, and those for one law on any table."""
    parser.add_argument("table", type=Path, help="Measurements, or any table (.parquet, .csv, .tsv, .jsonl).")
    parser.add_argument(
        "--output",
        type=Path,
        help="The folder for all tables; for one law also a .parquet for its parameters (default: "
        "TABLE.fits.parquet).",
    )
    measured = parser.add_argument_group("measurements")
    measured.add_argument(
        "--replicates",
        type=Path,
        help="The measurements under resampled items, for intervals over items.",
    )
    measured.add_argument(
        "--config", type=Path, help="The experiment: its section 'fit' and the baselines of its suites."
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

    Measurements, as `collect` writes them, give the compute-optimal frontier, each group's law along it and the
    relative laws, under the options of an experiment (--config). Any other table gives the law that --law names, of the
    columns that --group, --x and --y name; what is not named is guessed, and said.
    """
    if not _is_measured(options):
        for name in ("config", "replicates", "suites"):
            if getattr(options, name) is not None:
                raise RelscaleError(f"--{name} is for measurements, and --law is for any other table")
        fit_table.run(options)
        return
    if options.cluster is not None:
        from relscale.table_fit import CLUSTERED

        raise RelscaleError(f"--{CLUSTERED}")
    if options.output is None:
        raise RelscaleError(
            "--output: measurements are fitted into a folder, name it; or name a --law for another table"
        )
    for name in fit_table.COLUMNS:
        if getattr(options, name) is not None:
            raise RelscaleError(f"--{name.replace('_', '-')} is for one law on any table; name the --law")
    fit_measurements(options.table, options.output, options.replicates, options.config, options.suites)


def _is_measured(options: argparse.Namespace) -> bool:
    """Whether the table is one of measurements, as `collect` writes them."""
    if options.law or options.x or options.y:
        return False
    if options.config or options.replicates or options.suites:
        return True
    from relscale.tables import read_table

    return set(read_table(options.table).column_names) >= MEASURED


def fit_measurements(
    table: Path,
    output: Path,
    replicates: Path | None = None,
    config: Path | None = None,
    suites: list[Path] | None = None,
) -> None:
    """Fit the laws to a table of measurements, write all tables of the fit, and print a summary.

    Parameters
    ----------
    table
        The measurements.
    output
        The folder that is written.
    replicates
        The measurements under resampled items.
    config
        The experiment.
    suites
        The manifest of each of its suites, in order; without them those of its results.

    Raises
    ------
    RelscaleError
        A file is missing, or is not what it should be.
    """
    from relscale.config import load_config
    from relscale.fitting.fit import fit
    from relscale.fitting.fits import write
    from relscale.fitting.options import Fit
    from relscale.fitting.report.frontier_advice import NO_WIDTHS
    from relscale.fitting.report.reproduction import reproduction
    from relscale.fitting.report.summary import summary
    from relscale.measurements.sanity import flag_impossible
    from relscale.measurements.typed import typed
    from relscale.tables import open_table, read_table

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
    )
    if section.answers:
        fits = fits.with_table("reproduction", reproduction(read_table(section.answers), fits))
    write(fits, output)
    shown = {
        name: (each["metric"], each["prompt"]) for name, each in facts.items() if each["metric"] is not None
    }
    widths = experiment.planned_widths if experiment else NO_WIDTHS
    print(summary(fits, shown, measurements=measurements, widths=widths))


def suite_facts(experiment: "Experiment", manifests: Sequence[Path] | None = None) -> dict[str, SuiteFacts]:
    """Baseline, metric, prompt form and chance of each suite, as its manifest states or the config does.

    Parameters
    ----------
    experiment
        Of which the suites are.
    manifests
        One per suite, in order; without them those of the results.
    """
    from relscale.experiment import MeasurementExperiment
    from relscale.results import Results
    from relscale.scoring.manifest import read_manifest

    names = experiment.suites
    if isinstance(experiment, MeasurementExperiment):  # there are no manifests
        return {name: _stated_facts(suite) for name, suite in experiment.suites.items()}
    suites = by_name("--suites", names, manifests, map(Results.of(experiment).suite, names))
    read = {name: read_manifest(file.parent) for name, file in suites.items()}
    return {
        name: SuiteFacts(
            baseline=suite.baseline, metric=suite.metric, prompt=suite.prompt, chance=suite.chance
        )
        for name, suite in read.items()
    }


def _stated_facts(suite: "PublishedSuite") -> SuiteFacts:
    """A config's facts about a suite with published measurements; it has the prompt form ``default``."""
    return SuiteFacts(
        baseline=suite.baseline, metric=suite.metric, prompt=suite.prompt or "default", chance=suite.chance
    )
