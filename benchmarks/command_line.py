"""Command lines of the benchmarks."""

import argparse


def command_line(docstring: str | None) -> argparse.ArgumentParser:
    """A parser whose help begins with the benchmark's docstring, as it stands there."""
    return argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )
