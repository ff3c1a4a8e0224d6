"""``relscale singular-values``: largest singular values of an experiment's weight matrices."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, add_files, training_experiment
from relscale.commands.outputs import output_page, output_table

HELP = "largest singular values of an experiment's weight matrices, and their exponents in the width"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --runs, --output and --plot."""
    add_config(parser)
    add_files(parser, "--runs", "The manifests of all training jobs")
    parser.add_argument("--output", type=output_table, help="Write the values to this .parquet or .csv.")
    parser.add_argument("--plot", type=output_page, metavar="HTML", help="Write the figure to this .html.")


def run(options: argparse.Namespace) -> None:
    """Print the exponents of the largest singular values in the width: 0 if a recipe keeps the scale of matrices."""
    from tabulate import tabulate

    from relscale.storage.rows import names_of, table_of
    from relscale.storage.tables import write_table
    from relscale.studies.singular_values import (
        SingularValueRow,
        WidthExponentRow,
        singular_values,
        width_exponents,
    )
    from relscale.studies.trained_models import trained_models
    from relscale.training.record import record_in

    experiment = training_experiment(options.config, instead="only matrices of trained models are analysed")
    rows = [
        row
        for model in trained_models(experiment, options.runs)
        if model.status == "ok"
        for row in singular_values(Path(model.path), record_in(Path(model.path)))
    ]
    if options.output:
        write_table(table_of(SingularValueRow, rows), options.output)
    if options.plot:
        from relscale.figures.figure_file import write_figure
        from relscale.studies.singular_values_figure import singular_values_figure

        write_figure(singular_values_figure(rows), options.plot)
    names = names_of(WidthExponentRow)
    shown = [[getattr(row, name) for name in names] for row in width_exponents(rows)]
    print(tabulate(shown, names, floatfmt=".3f", missingval=""))
