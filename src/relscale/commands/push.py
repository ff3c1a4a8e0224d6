"""``relscale push``: upload exported models to the hub."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, training_experiment

HELP = "upload the models of an export to the hub, one repository per model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --folder, --organisation and --yes."""
    add_config(parser)
    parser.add_argument("--folder", type=Path, required=True, help="The folder of the export.")
    parser.add_argument("--organisation", required=True, help="The user or organisation on the hub.")
    parser.add_argument("--yes", action="store_true", help="Upload; without it, a dry run.")


def run(options: argparse.Namespace) -> None:
    """Upload the output of `relscale export`: one repository per model and one for the table."""
    from relscale.release.push import push, upload_size

    experiment = training_experiment(options.config, instead="only trained models are exported and uploaded")
    count, size = upload_size(options.folder)
    if not options.yes:
        print(
            f"would upload {count} models, {size / 1e9:.3g} GB, to {options.organisation}; --yes uploads them"
        )
        return
    table = push(options.folder, options.organisation, experiment.name, experiment.export.licence)
    print(f"table: {table}")
