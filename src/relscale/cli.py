"""The command ``relscale`` and its subcommands."""

import argparse
import gc
import inspect
import os
import re
import sys
import traceback
from collections.abc import Collection, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from relscale import __version__
from relscale.errors import RelscaleError
from relscale.extras import named_extras
from relscale.heap import keep_freed_memory
from relscale.light_scipy import use_scipy_without_f2py, use_scipy_without_notes
from relscale.printable import PrintableStream
from relscale.suggestions import suggestion

COMMANDS = {  # each is a module of relscale.commands, which imports heavy libraries only when it runs
    "an experiment": ("init", "plan", "run", "report", "mix", "quantization", "singular-values", "doctor"),
    "a table": ("design", "fit", "frontier", "extrapolate", "capabilities", "ability", "ask"),
    "a forecast": ("forecast", "score-forecasts"),
    "catalogues": ("laws", "suites", "figures", "datasets", "atlas"),
    "stages of the workflow": (
        *(
            "pin",
            "corpus",
            "vocabulary",
            "tokenize",
            "train",
            "branches",
            "suite",
            "score",
            "collect",
            "plot",
        ),
        *("export", "push", "schema"),
    ),
}
VERBS = tuple(verb for verbs in COMMANDS.values() for verb in verbs)
# Commands that use pandas (suite: by lm-eval), or no table; for the others Arrow need not import it.
PANDAS_OR_NO_TABLE = ("extrapolate", "quantization", "suite", "init")
# Thresholds of Python's garbage collector: importing torch creates a million objects that all stay, and with the
# default of 700 an eighth of the time is spent searching them for cycles.
GC_THRESHOLDS = (100_000, 50, 100)
EXTRAS = {"suite": "score", "score": "score", "collect": "score", "run": "workflow"}  # default: train


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line with a suggestion."""

    def error(self, message: str) -> NoReturn:
        """End the program with one line and status 2."""
        choice = re.fullmatch(
            r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message, re.DOTALL
        )
        if choice:
            argument, value, choices = choice.groups()
            known = [name.strip(" '") for name in choices.split(",")]
            problem = "no command" if argument == "COMMAND" else f"{argument}: no"
            message = f"{problem} {value!r}; {suggestion(value, VERBS if argument == 'COMMAND' else known)}"
        elif number := re.fullmatch(r"argument (\S+): invalid (int|float) value: (.*)", message, re.DOTALL):
            argument, kind, value = number.groups()
            message = f"{argument}: {value} is not a {'whole ' if kind == 'int' else ''}number"
        elif unknown := re.fullmatch(r"unrecognized arguments: (\S+).*", message, re.DOTALL):
            message = self.unknown_argument(unknown[1])
        elif message.endswith("are required: COMMAND"):
            message = f"name a command, one of {', '.join(VERBS)}"
        self.exit(2, f"{self.prog}: {' '.join(message.split())} ({self.prog} --help)\n")

    def unknown_argument(self, argument: str) -> str:
        """The error for an argument that the command does not have."""
        name = argument.partition("=")[0]
        if not name.startswith("-"):
            return f"one argument too many: {name!r}"
        known = [option for action in self._actions for option in action.option_strings]
        shown = [
            option for option in known if option.startswith("--") and option not in ("--help", "--parent")
        ]
        return f"no option {name!r}; {suggestion(name, shown)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user error is printed as one line, with exit status 1."""
    streams: Any = (PrintableStream(sys.stdout), PrintableStream(sys.stderr))
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        try:
            return _run(arguments)
        except SystemExit:  # --help, --version, a wrong command line
            sys.stdout.flush()
            raise
        finally:
            if arguments is None:
                gc.freeze()  # nothing is searched for cycles at exit, which would take a tenth of a second


def _run(arguments: Sequence[str] | None) -> int:
    in_own_process = arguments is None
    if in_own_process:
        gc.set_threshold(*GC_THRESHOLDS)
        # pydantic looks for plugins in the metadata of every installed package, for a twentieth of a second.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    options = parsed(arguments)
    command = _module(options.verb)
    if in_own_process:
        keep_freed_memory()
        use_scipy_without_notes()
        if options.verb not in PANDAS_OR_NO_TABLE:
            from relscale.arrow_without_pandas import use_arrow_without_pandas

            use_arrow_without_pandas()
            use_scipy_without_f2py()
    if options.parent is not None and not getattr(command, "STOPS_ITSELF", False):
        from relscale.storage.process import end_with

        end_with(options.parent)
    try:
        with named_extras("this command", EXTRAS.get(options.verb, "train")):
            command.run(options)
            sys.stdout.flush()
    except (RelscaleError, OSError) as error:  # OSError: no such file, no permission, no space on the disk
        print(f"relscale {options.verb}: {_sentence(error)}", file=sys.stderr)
        return 1
    except SystemExit as error:
        place = _foreign_place(error)
        if place is None:
            raise
        print(
            f"relscale {options.verb}: {place}: this code ends the command (sys.exit); remove the call",
            file=sys.stderr,
        )
        return 1
    return 0


def _sentence(error: RelscaleError | OSError) -> str:
    """The message of an error; that of the system without its number, after the file."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _foreign_place(error: BaseException) -> str | None:
    """File and line of the code that raised an error; None if it is code of relscale."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if Path(frame.filename).is_relative_to(Path(__file__).parent):
        return None
    return f"{frame.filename}, line {frame.lineno}"


def _module(verb: str) -> Any:
    """The module of a command."""
    return import_module(f"relscale.commands.{verb.replace('-', '_')}")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line; ``further`` holds those that the command forwards."""
    given = sys.argv[1:] if arguments is None else arguments
    if "_ARGCOMPLETE" in os.environ:  # the shell asks for completions
        _complete()
    top, command_parsers = parsers(given[:1] if given and given[0] in VERBS else VERBS)
    options, further = top.parse_known_args(arguments)
    command = _module(options.verb)
    if further and not getattr(command, "FORWARDS_OPTIONS", False):
        parser = command_parsers[options.verb]
        parser.error(parser.unknown_argument(further[0]))
    options.further = further
    return options


def _complete() -> None:
    """Answer the shell and end the process, if argcomplete is installed."""
    try:
        import argcomplete
    except ModuleNotFoundError:
        return
    argcomplete.autocomplete(parser())


def parsers(commands: Collection[str] = VERBS) -> tuple[Parser, dict[str, Parser]]:
    """The parser of the command line, and that of each of some commands, by default of all."""
    top = Parser(
        prog="relscale",
        description="Relative scaling laws for language models: which gaps between groups close with compute, and "
        "which widen.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"relscale {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND", title=argparse.SUPPRESS)
    listed, width = [], max(map(len, VERBS))
    command_parsers = {}
    for title, names in COMMANDS.items():
        listed.append(f"\n{title}:")
        for name in filter(commands.__contains__, names):
            command = _module(name)
            verb = command_parsers[name] = verbs.add_parser(
                name,
                description=inspect.cleandoc(command.run.__doc__ or ""),
                formatter_class=argparse.RawDescriptionHelpFormatter,
                allow_abbrev=not getattr(command, "FORWARDS_OPTIONS", False),
            )
            command.add_arguments(verb)
            verb.add_argument("--parent", type=int, metavar="PID", help=argparse.SUPPRESS)
            listed.append(f"  {name:<{width}}  {command.HELP}")
    listed += [
        "",
        'See relscale COMMAND --help. Shell completion: eval "$(register-python-argcomplete relscale)"',
    ]
    top.epilog = "\n".join(listed).lstrip()
    return top, command_parsers


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    return parsers()[0]


if __name__ == "__main__":
    sys.exit(main())
