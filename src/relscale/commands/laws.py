"""``relscale laws``: the available laws."""

import argparse
from math import inf
from typing import TYPE_CHECKING

from relscale.commands.listing import add_name

if TYPE_CHECKING:
    from relscale.laws.law import Family, Law

HELP = "list the laws, or explain one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME."""
    add_name(parser, "law", known_laws)


def known_laws() -> tuple[str, ...]:
    """The names of all laws."""
    from relscale.laws.catalogue import law_names

    return law_names()


def run(options: argparse.Namespace) -> None:
    """List the laws, or describe one: formula, parameters, source, caveats, and the commands that fit and ask it."""
    from relscale.laws.catalogue import law_or_family
    from relscale.listings import laws

    if options.name is None:
        print(laws())
        return
    print(description(options.name, law_or_family(options.name)))


def description(name: str, law: "Law | Family") -> str:
    """The formula, parameters and source of a law, and the command that fits it."""
    from tabulate import tabulate

    from relscale.laws.catalogue import law_options
    from relscale.laws.law import Family

    file = name.partition(":")[0]
    options = law_options(file)
    family = f"shown for two columns {law.prefix}…; any number is possible" if isinstance(law, Family) else ""
    if isinstance(law, Family):
        law = law.example
    rows = [
        [
            parameter.name,
            parameter.unit,
            parameter.meaning,
            ""
            if parameter.low == -inf and parameter.high == inf
            else f"{parameter.low:g} to {parameter.high:g}",
        ]
        for parameter in law.parameters
    ]
    predictors = ",".join(law.input_columns)
    groups = " --group COLUMN --baseline GROUP" if law.gap else ""
    return "\n\n".join(
        [
            f"{name}: {law.formula}",
            *_paragraphs(file),
            *([family] if family else []),
            tabulate(rows, headers=["parameter", "unit", "meaning", "bounds"]),
            *([f"caveats: {law.traps}"] if law.traps else []),
            *(
                [f"options: {file}:{','.join(f'{key}={value}' for key, value in options.items())}"]
                if options
                else []
            ),
            f"source: {law.source}",
            f"relscale fit TABLE --law {name} --x {predictors} --y COLUMN{groups}",
            *_questions(file, law),
        ]
    )


def _questions(file: str, law: "Law") -> list[str]:
    """The commands that ask for the law's optimum, and their caveats."""
    from relscale.laws.catalogue import laws_with_optimum, optimum
    from relscale.questions import fitted_mixtures

    lines = []
    if file in laws_with_optimum():
        of_law = optimum(file, law.predictors)
        at = f" --at {','.join(f'{name}=…' for name in of_law.fixed)}" if of_law.fixed else ""
        command = f"relscale ask optimum TABLE --law {file} --x {','.join(law.predictors)} --y COLUMN{at}"
        meanings = "; ".join(f"{name}: {meaning}" for name, meaning in of_law.fixed.items())
        lines.append("\n".join(part for part in (command, meanings, of_law.traps) if part))
    if file in fitted_mixtures.LAWS:
        shares = [name for name in law.predictors if name.startswith(("share_", "flops_"))]
        lines.append(f"relscale ask mixture TABLE --law {file} --x {','.join(shares)} --y COLUMN")
    if file == "filtering":
        lines.append("relscale ask curation TABLE --y COLUMN")
    return lines


def _paragraphs(file: str) -> list[str]:
    """The paragraphs of a law's module docstring, without its sources."""
    import inspect

    from relscale.laws.catalogue import law_modules

    docstring = inspect.cleandoc(law_modules()[file].__doc__ or "")
    return [part for part in docstring.split("\n\n") if part and not part.startswith("Source")]
