"""Validation of the arguments of public functions against their annotations."""

import inspect
import os
from collections.abc import Callable, KeysView, Mapping, Sequence, ValuesView
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from relscale.errors import RelscaleError

P = ParamSpec("P")
T = TypeVar("T")

WORDS: dict[Any, str] = {
    **{str: "text", Path: "a path", int: "a whole number", float: "a number", bool: "True or False"},
    **{Sequence: "a list", list: "a list", tuple: "a tuple", Mapping: "a mapping", dict: "a mapping"},
    **{Callable: "a function", NoneType: "None"},
}


def typed(function: Callable[P, T]) -> Callable[P, T]:
    """Decorator that checks arguments against the function's annotations.

    Arrays and columns are accepted as lists, and numpy's numbers as numbers. Arguments annotated ``Any`` are not
    checked; a wrong number of arguments raises Python's ``TypeError``.

    Raises
    ------
    RelscaleError
        Raised by the returned function: an argument has the wrong type.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            hint = _hints(function).get(name, Any)
            kind = signature.parameters[name].kind
            if hint is Any or kind is inspect.Parameter.VAR_KEYWORD:
                continue
            if kind is inspect.Parameter.VAR_POSITIONAL:
                for element in value:
                    _check(function, name, element, hint)
                continue
            bound.arguments[name] = _check(function, name, value, hint)
        return function(*bound.args, **bound.kwargs)

    return checked


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(function)


def _check(function: Callable[..., Any], name: str, value: object, hint: object) -> Any:
    """Check one argument and return it, an array as a list."""
    plain = _plain(value)
    owner = function.__qualname__.removesuffix(".__init__")
    if _is_type(plain, hint):
        if Path in get_args(hint) and isinstance(plain, str) and (not plain or "\0" in plain):
            raise RelscaleError(f"{owner}: {name} is {plain!r}, which is not a path")
        return plain
    types = " or ".join(dict.fromkeys(_words(hint)))
    shown = (
        repr(plain) if isinstance(plain, str | bytes | int | float | None) else f"a {type(value).__name__}"
    )
    raise RelscaleError(f"{owner}: {name} is {types}, not {shown[:60]}")


def _plain(value: object) -> object:
    """A Python object for an array, column or scalar of numpy, pandas, Arrow or polars, or a view of a mapping."""
    if isinstance(value, KeysView | ValuesView):
        return list(value)
    methods = (getattr(value, name, None) for name in ("tolist", "to_pylist", "to_list", "as_py"))
    plain = next((method for method in methods if callable(method)), None)
    return value if plain is None or isinstance(value, type) else plain()


def _is_type(value: object, hint: Any) -> bool:
    """Whether a value has an annotated type."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(_is_type(value, option) for option in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if hint is None or hint is NoneType:
        return value is None
    if hint is float or hint is int:
        return isinstance(value, Real if hint is float else Integral) and not isinstance(value, bool)
    if hint is Path:
        return isinstance(value, os.PathLike)
    kind: Any = origin or hint
    if kind is Callable:
        return callable(value)
    if not isinstance(kind, type):
        return True
    if not isinstance(value, kind) or (kind is Sequence and isinstance(value, str | bytes)):
        return False
    if isinstance(value, Mapping):
        return not inner or all(
            _is_type(key, inner[0]) and _is_type(element, inner[1]) for key, element in value.items()
        )
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return not inner or all(_is_type(element, inner[0]) for element in value)
    return True


def _words(hint: Any) -> list[str]:
    """The types of an annotation in plain words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return [word for part in inner for word in _words(part)]
    if origin is Literal:
        return [repr(option) for option in inner]
    kind = origin or hint
    return [WORDS.get(kind, f"a {getattr(kind, '__name__', kind)}")]
