"""``relscale doctor``: what this machine has, and what will be used."""

import argparse

HELP = "report the hardware and software of this machine, and what relscale will use"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(options: argparse.Namespace) -> None:
    """Say what this machine and this installation have, what each part is for, and how to get what is missing."""
    from tabulate import tabulate

    from relscale.doctor import findings

    rows = [
        ["ok" if each.available else "–", each.component, each.detail, each.consequence]
        for each in findings()
    ]
    print(
        tabulate(rows, headers=["", "component", "status", "consequence"], maxcolwidths=[None, None, 40, 60])
    )
