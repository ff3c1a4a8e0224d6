"""``relscale report``: the report of an experiment, as one HTML file."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config
from relscale.commands.outputs import output_page
from relscale.printable import printable

HELP = "write the report of a fitted experiment: one HTML file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --output, --provenance."""
    add_config(parser)
    parser.add_argument(
        "--output", type=output_page, metavar="HTML", help="Output file (default: that of the results)."
    )
    parser.add_argument(
        "--provenance",
        action="store_true",
        help="Write Snakemake's provenance page instead: every job with its parameters and software.",
    )


def run(options: argparse.Namespace) -> None:
    """Write the report from the tables and figures of the results, and static figures if Chrome is installed; print the
    headline and the path of the report.
    """
    from relscale.errors import RelscaleError
    from relscale.experiments.config import load_config
    from relscale.experiments.results import Results
    from relscale.figures.pictures import draw_pictures
    from relscale.report.page import write_listed_report, write_report
    from relscale.report.report_data import experiment_data
    from relscale.workflow.provenance_page import make_provenance_page

    if options.provenance:
        print(f"provenance: {make_provenance_page(options.config)}")
        return
    experiment = load_config(options.config)
    results = Results.of(experiment)
    if not results.fit("verdicts").is_file():
        raise RelscaleError(f"{results.fits}: no such fit; run the experiment first")
    output = options.output or results.report
    in_results = output.absolute() == results.report.absolute()
    data = experiment_data(experiment)
    (write_listed_report if in_results else write_report)(data, output)
    if in_results:
        draw_pictures([page for figure in data.figures if (page := results.figure(figure.name)).is_file()])
    print_headline(options.config, output)


def print_headline(config: Path, output: Path | None = None) -> None:
    """Print the headline of an experiment and the path of its report.

    Parameters
    ----------
    config
        The experiment.
    output
        Path of the report, if not that of the results.
    """
    print(headline_text(config, output))


def headline_text(config: Path, output: Path | None = None) -> str:
    """The headline of an experiment, and the path of its report."""
    from relscale.experiments.config import load_config
    from relscale.experiments.results import Results
    from relscale.fitting.fits import read
    from relscale.fitting.report.headline import headline_of_tables
    from relscale.report.report_data import experiment_names

    experiment = load_config(config)
    results = Results.of(experiment)
    headline = headline_of_tables(read(results.fits), experiment_names(experiment), experiment.planned_widths)
    return printable(f"{headline}\nreport: {output or results.report}")
