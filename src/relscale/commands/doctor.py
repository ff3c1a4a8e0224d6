"""``relscale doctor``: hardware, software, and what relscale uses of them."""

import argparse

HELP = "check the hardware and software of this machine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(options: argparse.Namespace) -> None:
    """Report the hardware and installed components of this machine, their purpose, and how to install missing ones."""
    from tabulate import tabulate

    from relscale.doctor import findings

    rows = [
        ["ok" if finding.available else "–", finding.component, finding.detail, finding.consequence]
        for finding in findings()
    ]
    print(
        tabulate(rows, headers=["", "component", "status", "consequence"], maxcolwidths=[None, None, 40, 60])
    )
