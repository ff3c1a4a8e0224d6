"""``relscale plot``: one figure."""

import argparse
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
    from relscale.experiments.experiment import MeasurementExperiment, TrainingExperiment
    from relscale.experiments.results import Results
    from relscale.figures.data import FigureData
    from relscale.figures.plot import plot
    from relscale.figures.registry import all_figures
    from relscale.storage.file_name import named
    from relscale.studies.critical_batches import branch_tables

    experiment = load_config(options.config)
    results = Results.of(experiment)
    corpora, names = experiment.scored_corpora, experiment.suites
    stores = corpora if isinstance(experiment, TrainingExperiment) else ()
    published = experiment.suites if isinstance(experiment, MeasurementExperiment) else None
    prepared = suite_files(names if published is None else (), options.suites, results)
    data = FigureData(
        measurements=options.measurements or results.measurements,
        fits=options.fits or results.fits,
        suites=prepared if published is None else published,
        tokens=by_name("--tokens", stores, options.tokens, map(results.tokens, stores)),
        corpora=corpora,
        other_tables=branch_tables(experiment, results),
    )
    figure = named(all_figures(experiment.figures, names), options.figure)
    plot(figure, data, options.output, pictures=not options.no_pictures)
