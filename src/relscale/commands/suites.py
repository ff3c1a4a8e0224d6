"""``relscale suites``: the shipped evaluation suites."""

import argparse
from collections.abc import Iterable

from relscale.commands.listing import add_name, check_name

HELP = "list the suites, or explain one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME."""
    add_name(parser, "suite", _names)


def _names() -> Iterable[str]:
    from relscale.scoring.suite_description import available_suites

    return available_suites()


def run(options: argparse.Namespace) -> None:
    """List the suites, or describe one: groups, metric, options with their defaults, and its name in a config."""
    from relscale.listings import suites
    from relscale.scoring.options import Suite
    from relscale.scoring.suite_description import available_suites, read_suite
    from relscale.storage.yaml_text import dump

    if options.name is None:
        print(suites())
        print("\nlm-eval tasks can be a suite as well: suites: {reading: {lm_eval: [hellaswag, arc_easy]}}")
        return
    check_name("suite", options.name, available_suites())
    manifest = read_suite(options.name, Suite())[1]
    print(f"{options.name}: {manifest.title}\n\n{manifest.description}\n")
    for heading, value in (
        ("kind", manifest.kind),
        ("groups", ", ".join(manifest.groups) or "those of the documents"),
        ("baseline", manifest.baseline),
        ("metric", f"{manifest.metric}, {manifest.direction} is better"),
        ("note", manifest.note),
    ):
        if value:
            print(f"{heading + ':':<10} {value}")
    if manifest.options.model_fields_set:
        print("options, with their defaults:")
        print("\n".join(f"  {line}" for line in dump(manifest.options.given()).splitlines()))
    print(f"\nIn a config: suites: {{{options.name}: {{}}}}")
