"""``relscale doctor``: hardware, software, and what relscale uses of them."""

import argparse

HELP = "check the hardware and software of this machine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--steps."""
    parser.add_argument(
        "--steps",
        action="store_true",
        help="Measure training steps too, a few seconds on one core, and print the config section 'hardware'.",
    )


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
    if options.steps:
        from relscale.errors import RelscaleError
        from relscale.gpu import has_gpu
        from relscale.training.step_time import measured_hardware

        if has_gpu():
            raise RelscaleError(
                "--steps: this machine has a GPU, and steps are measured on a processor only; use benchmarks/gpu.sh"
            )
        rate, per_token = measured_hardware()
        numbers = f"flops_per_second: {rate:.2g}, seconds_per_token: {per_token:.2g}".replace("e+", "e")
        print(f"\nhardware: {{{numbers}}}")
