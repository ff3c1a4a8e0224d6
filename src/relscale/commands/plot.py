"""``relscale plot``: one figure."""

import argparse
from dataclasses import replace
from pathlib import Path

from relscale.commands.inputs import add_files, by_name, suite_files
from relscale.commands.outputs import output_page

HELP = "draw one figure"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FIGURE, --config, its input files, and --output."""
    parser.add_argument(
        "figure", help="Name of the figure, such as isoflop, or relative-law-knowledge for one suite."
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML file of the experiment.")
    parser.add_argument(
        "--measurements",
        type=Path,
        metavar="FILE",
        help="The table of measurements (default: that of the results).",
    )
    parser.add_argument(
        "--fits",
        type=Path,
        metavar="FOLDER",
        help="The folder of the fitted tables (default: that of the results).",
    )
    add_files(parser, "--suites", "The suite.yaml of each suite, in the order of the config")
    add_files(
        parser, "--tokens", "The manifest.json of each corpus's token store, in the order of the config"
    )
    parser.add_argument(
        "--no-pictures",
        action="store_true",
        help="Do not draw SVG, PDF and PNG; relscale report draws them for all figures at once.",
    )
    parser.add_argument(
        "--output", type=output_page, required=True, help="Output .html; other formats are written beside it."
    )


def run(options: argparse.Namespace) -> None:
    """Draw one figure as HTML and JSON, and as SVG, PDF and PNG if Chrome is installed."""
    from relscale.experiments.config import load_config
    from relscale.experiments.experiment import MeasurementExperiment
    from relscale.experiments.results import Results
    from relscale.figures.experiment_data import experiment_data
    from relscale.figures.plot import plot
    from relscale.figures.registry import all_figures
    from relscale.storage.file_name import named

    experiment = load_config(options.config)
    results = Results.of(experiment)
    data = experiment_data(experiment, results)
    is_prepared = not isinstance(experiment, MeasurementExperiment)
    prepared = suite_files(experiment.suites if is_prepared else (), options.suites, results)
    data = replace(
        data,
        measurements=options.measurements or data.measurements,
        fits=options.fits or data.fits,
        suites=prepared if is_prepared else data.suites,
        tokens=by_name("--tokens", data.tokens, options.tokens, data.tokens.values()),
    )
    figure = named(all_figures(experiment.figures, experiment.suites), options.figure)
    plot(figure, data, options.output, pictures=not options.no_pictures)
