"""``relscale init``: write a starter config."""

import argparse
from collections.abc import Callable
from pathlib import Path

from relscale.commands.outputs import default_output, output_config
from relscale.errors import RelscaleError

HELP = "write a starter config: texts, fit, checkpoints, or a shipped experiment such as paper"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """KIND, PATH, --minutes, --name and --output."""
    parser.add_argument(
        "kind",
        metavar="KIND",
        help="texts: train models on folders of text; fit: fit a table of measurements; checkpoints: score "
        "released models; or the name of a shipped experiment (paper, laptop …) to copy.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="Folders of text (one with subfolders, or several), a table, or models (folders or names on the "
        "hub).",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=10.0,
        help="texts: time limit of the experiment on this machine, in minutes (default: 10).",
    )
    parser.add_argument("--name", help="Name of the experiment (default: from the paths).")
    parser.add_argument(
        "--output", type=output_config, metavar="YAML", help="Output file (default: NAME.yaml)."
    )


def run(options: argparse.Namespace) -> None:
    """Write a commented config for `relscale run`; existing files are not overwritten.

    For texts, budgets and widths are chosen to fit --minutes on this machine and the amount of text.
    """
    from relscale.package_files import experiments
    from relscale.storage.atomic import write_text
    from relscale.suggestions import suggestion

    kinds: dict[str, Callable[[argparse.Namespace, str, Path], dict[Path, str]]] = {
        "texts": _texts,
        "fit": _fit,
        "checkpoints": _checkpoints,
    }
    shipped = {name: path for name, path in experiments().items() if name not in (*kinds, "reference")}
    if options.kind not in (*kinds, *shipped):
        raise RelscaleError(f"no {options.kind!r}; {suggestion(options.kind, [*kinds, *shipped])}")
    if options.minutes <= 0:
        raise RelscaleError(f"--minutes: {options.minutes:g}; give the time limit in minutes, such as 10")
    name = options.name or _name(options)
    output: Path = options.output or default_output(Path(f"{name.replace('/', '-')}.yaml"))
    if options.kind in kinds:
        written = kinds[options.kind](options, name, output)
    else:
        written = {output: _shipped(shipped[options.kind], output)}
    for path in written:
        if path.exists():
            raise RelscaleError(f"{path}: already exists; choose another --output, or remove it")
    for path, text in written.items():
        write_text(path, text)
        print(f"written: {path}")
    print(f"next: relscale run {output}")


def _name(options: argparse.Namespace) -> str:
    from relscale.starting.parts import distinct_names

    if options.kind in ("texts", "fit") and options.paths:
        return "-and-".join(distinct_names([Path(path) for path in options.paths])[:3])
    return str(options.kind)


def _texts(options: argparse.Namespace, name: str, output: Path) -> dict[Path, str]:
    from relscale.starting.texts import texts_config

    paths = [Path(path).expanduser() for path in options.paths]
    return {output: texts_config(paths, options.minutes, name, output.parent)}


def _fit(options: argparse.Namespace, name: str, output: Path) -> dict[Path, str]:
    from relscale.starting.table import table_config

    if len(options.paths) != 1:
        raise RelscaleError("fit: name one table, a CSV, TSV, JSON lines or parquet file")
    return {output: table_config(Path(options.paths[0]).expanduser(), name, output.parent)}


def _checkpoints(options: argparse.Namespace, name: str, output: Path) -> dict[Path, str]:
    from relscale.starting.checkpoints import checkpoints_config, checkpoints_table

    table = output.with_suffix(".csv")
    return {
        table: checkpoints_table(options.paths, output.parent),
        output: checkpoints_config(table, name, output.parent),
    }


def _shipped(config: Path, output: Path) -> str:
    """A shipped config, with the path of the schema in this installation."""
    from relscale.starting.parts import schema_line

    first, _, remainder = config.read_text(encoding="utf-8").partition("\n")
    return (
        f"{schema_line(output.parent)}\n{remainder}"
        if first.startswith("# yaml-language-server")
        else f"{first}\n{remainder}"
    )
