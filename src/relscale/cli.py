"""The command ``relscale``: one verb per stage. The workflow's rules call these, and so can a person."""

import argparse
import inspect
import sys
from collections.abc import Sequence
from importlib import import_module

from relscale.errors import RelscaleError

VERBS = (  # in the order of the stages; each is a module of relscale.commands, which imports heavy libraries as it runs
    *("plan", "pin", "corpus", "vocabulary", "tokenize", "train", "suite", "score", "collect", "fit", "plot"),
    *("report", "export", "push", "schema", "atlas"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; print a user's mistake as one line and return 1."""
    options = parser().parse_args(arguments)
    command = import_module(f"relscale.commands.{options.verb}")
    if options.parent is not None and not getattr(command, "STOPS_ITSELF", False):
        from relscale.process import end_with

        end_with(options.parent)
    try:
        command.run(options)
    except RelscaleError as error:
        print(f"relscale {options.verb}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `relscale plan … | head`
        sys.stderr.close()
    except OSError as error:  # no such file, no permission, no space: the system's own words say which
        print(f"relscale {options.verb}: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line: a sub-command per verb."""
    top = argparse.ArgumentParser(
        prog="relscale",
        description="Relative scaling laws for language models: plan, train, score, fit and draw. The verbs follow "
        "the stages; `snakemake` runs them all and repeats only what changed.",
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in VERBS:
        command = import_module(f"relscale.commands.{name}")
        verb = verbs.add_parser(
            name,
            help=command.HELP,
            description=inspect.cleandoc(command.run.__doc__ or ""),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(verb)
        verb.add_argument("--parent", type=int, metavar="PID", help="Stop when this process is gone.")
    return top


if __name__ == "__main__":
    sys.exit(main())
