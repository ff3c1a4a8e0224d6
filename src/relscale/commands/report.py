"""``relscale report``: one page of an experiment's figures."""

import argparse

from relscale.commands.inputs import add_config

HELP = "make one page of an experiment's figures, where something in it is new"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG."""
    add_config(parser)


def run(options: argparse.Namespace) -> None:
    """Make one page of an experiment's figures and captions if one is newer than the page; print where it is."""
    from relscale.report import make_report

    print(f"report: {make_report(options.config)}")
