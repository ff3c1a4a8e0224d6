"""``relscale pin``: hub revisions of an experiment."""

import argparse

from relscale.commands.inputs import add_config

HELP = "resolve missing hub revisions and write CONFIG.pins.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG."""
    add_config(parser)


def run(options: argparse.Namespace) -> None:
    """Resolve missing revisions on the Hugging Face hub and write them to CONFIG.pins.yaml, beside the config."""
    from relscale.experiments.config import load_config
    from relscale.experiments.pins import pins_file, write_pins

    for kind, pins in write_pins(load_config(options.config), options.config).items():
        for name, commit in pins.items():
            print(f"{kind} {name}: {commit}")
    print(f"pins: {pins_file(options.config)}")
