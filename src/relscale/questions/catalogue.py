"""Registry of questions: every module of this package that defines ``rows``, found by name.

A question is one file. It declares

``ROW``
    The type of its rows (``relscale.storage.rows``).
``rows``
    A function of ``Columns`` and of keyword arguments, which become the options of ``relscale ask NAME TABLE``. A
    ``str`` names a column or is text, a ``tuple[str, ...]`` is several, separated by commas; ``int`` and ``float`` are
    numbers. The numpydoc section ``Parameters`` describes the arguments. Arguments shared by several questions
    form a frozen dataclass of ``option`` fields (``relscale.questions.options``), each of which is an option.
``figure``
    Optional: a function of the ``Columns``, the rows and the same keyword arguments that draws a plotly figure.

No other registration is needed.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import ModuleType
from typing import Any, get_type_hints

from relscale import questions as package
from relscale.errors import RelscaleError
from relscale.suggestions import suggestion


@dataclass(frozen=True)
class Argument:
    """An argument of a question: its name, description, type and default; ``required`` without a default."""

    name: str
    meaning: str
    type: Any
    default: Any
    required: bool


@dataclass(frozen=True)
class Question:
    """A question: its name, description, row type, function, arguments, and figure."""

    name: str
    description: str
    row: type
    rows: Callable[..., Iterable[Any]]
    arguments: tuple[Argument, ...]
    figure: Callable[..., Any] | None = None


def question_names() -> tuple[str, ...]:
    """The names of all questions, sorted."""
    return tuple(sorted(name for name, module in _modules().items() if hasattr(module, "rows")))


def question(name: str) -> Question:
    """Look up a question by name.

    Raises
    ------
    RelscaleError
        There is no such question.
    """
    name = name.replace("-", "_")
    if name not in question_names():
        raise RelscaleError(f"no question {name!r}; {suggestion(name, question_names())}")
    module = _modules()[name]
    return Question(
        name,
        inspect.cleandoc(module.__doc__ or ""),
        module.ROW,
        _by_option(module.rows, module.rows),
        arguments(module.rows),
        _by_option(module.figure, module.rows) if hasattr(module, "figure") else None,
    )


def arguments(function: Callable[..., Any]) -> tuple[Argument, ...]:
    """The keyword arguments of a question's function."""
    hints, meanings = get_type_hints(function), _meanings(function.__doc__ or "")
    return tuple(
        argument
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        for argument in (
            _fields(hints[parameter.name])
            if is_dataclass(hints[parameter.name])
            else [
                Argument(
                    name=parameter.name,
                    meaning=meanings.get(parameter.name, ""),
                    type=hints[parameter.name],
                    default=None if parameter.default is inspect.Parameter.empty else parameter.default,
                    required=parameter.default is inspect.Parameter.empty,
                )
            ]
        )
    )


def _fields(options: Any) -> Iterator[Argument]:
    """The options declared by a dataclass of options."""
    hints = get_type_hints(options)
    for field in fields(options):
        required = field.default is MISSING
        default = None if required else field.default
        yield Argument(field.name, field.metadata["meaning"], hints[field.name], default, required)


def _by_option(function: Callable[..., Any], rows: Callable[..., Any]) -> Callable[..., Any]:
    """The function with one keyword per option instead of a dataclass of options."""
    hints = get_type_hints(rows)
    groups: dict[str, Any] = {
        name: hints[name]
        for name, parameter in inspect.signature(rows).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and is_dataclass(hints[name])
    }

    def called(*columns: Any, **values: Any) -> Any:
        for name, group in groups.items():
            values[name] = group(
                **{field.name: values.pop(field.name) for field in fields(group) if field.name in values}
            )
        return function(*columns, **values)

    return called if groups else function


def _modules() -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return {
        name: importlib.import_module(f"{package.__name__}.{name}") for name in names if name != "catalogue"
    }


def _meanings(docstring: str) -> dict[str, str]:
    """The description of each name in the section ``Parameters``."""
    meanings: dict[str, str] = {}
    section = inspect.cleandoc(docstring).partition("Parameters\n----------\n")[2]
    section = re.split(r"\n\n\w+\n-+\n", section)[0]
    names: list[str] = []
    for line in section.splitlines():
        if line and not line.startswith(" "):
            names = [name.strip() for name in line.split(",")]
        else:
            for name in names:
                meanings[name] = f"{meanings.get(name, '')} {line.strip()}".strip()
    return meanings
