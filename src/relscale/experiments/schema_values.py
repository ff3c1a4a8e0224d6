"""Conversion of a config's values to the types of its JSON schema.

A schema declares, for example, that a corpus's name is text and a width an integer. So an unquoted ``no`` or ``2024``
is text where text is required, ``2e3`` is 2000 where an integer is, and ``yes`` is true where a boolean is.
"""

import math
import os
from collections.abc import Iterator
from typing import Any

from relscale.errors import RelscaleError
from relscale.experiments.paths import PathKind, ReadPath, opened_path
from relscale.storage.yaml_text import DEEPEST, NULL, Plain, number, scalar

Schema = dict[str, Any]
LARGEST = 2**63 - 1  # largest integer of tables and random generators
YES, NO = ("true", "yes", "on"), ("false", "no", "off")
PARTS = ("allOf", "anyOf", "oneOf")
CONDITIONAL = ("then", "else")


def values_of(schema: Schema, written: Any, path: ReadPath = opened_path) -> Any:
    """A copy of ``written`` with each value converted to the type of the schema, where possible.

    Text, quoted or not, becomes a number or a boolean if no text is allowed; `Plain` text whose type the
    schema does not declare is converted by its form. Values that fit no type remain, so that validation reports them.
    Text of a format of `relscale.experiments.paths` becomes a path that this process can open.

    Parameters
    ----------
    schema
        The JSON schema.
    written
        The values as written.
    path
        Called with each path, its kind and its key; returns the path that replaces it (default: the path as it can be
        opened from the working folder).

    Raises
    ------
    RelscaleError
        A number is not finite or a whole number beyond 64 bits, or ``written`` is nested without end.
    """
    return _value([schema], written, schema, (), path)


def _value(schemas: list[Schema], written: Any, root: Schema, keys: tuple[str, ...], path: ReadPath) -> Any:
    if len(keys) > DEEPEST:
        raise RelscaleError(f"{'.'.join(keys[:3])}: nested without end, or deeper than {DEEPEST}")
    applicable = [part for schema in schemas for part in _parts(schema, root, written)]
    if isinstance(written, dict):
        entries = {}
        for key, entry in written.items():
            name = str(key)
            key_schemas = [schema for part in applicable for schema in _key_schemas(part, name)]
            entries[name] = _value(key_schemas, entry, root, (*keys, name), path)
        return entries
    if isinstance(written, list | tuple):
        items = [part["items"] for part in applicable if isinstance(part.get("items"), dict)]
        return [_value(items, entry, root, (*keys, str(place)), path) for place, entry in enumerate(written)]
    types = {name for part in applicable for name in _types(part)}
    written = os.fspath(written) if isinstance(written, os.PathLike) else written
    converted = (
        _text(str(written), types, isinstance(written, Plain)) if isinstance(written, str) else written
    )
    if isinstance(converted, float) and not math.isfinite(converted):
        raise RelscaleError(f"{'.'.join(keys)}: {written} is not a finite number; give one")
    if (
        isinstance(converted, float)
        and converted.is_integer()
        and "integer" in types
        and "number" not in types
    ):
        converted = int(converted)
    if isinstance(converted, int) and abs(converted) > LARGEST:
        raise RelscaleError(f"{'.'.join(keys)}: a whole number beyond 64 bits; give a smaller one")
    formats = (
        {part["format"] for part in applicable if "format" in part} if isinstance(converted, str) else set()
    )
    kind = next((path_kind for path_kind in PathKind if path_kind in formats), None)
    return converted if kind is None else path(converted, kind, ".".join(keys))


def _text(text: str, types: set[str], is_plain: bool) -> Any:
    """A text converted to one of the types that its key allows."""
    if not types:
        return scalar(text) if is_plain else text
    numeric = types & {"number", "integer"}
    if numeric and (is_plain or "string" not in types):
        parsed = number(text.replace("_", "")) if text[:1].isdigit() else number(text)
        if parsed is not None:
            return parsed
    if "boolean" in types and text.lower() in (*YES, *NO) and (is_plain or "string" not in types):
        return text.lower() in YES
    if "null" in types and NULL.fullmatch(text) and (is_plain or "string" not in types):
        return None
    if is_plain and not text:  # `key:` without a value
        return None
    if "string" in types or not is_plain:
        return text
    return scalar(text)


def _parts(schema: Schema, root: Schema, written: Any) -> Iterator[Schema]:
    """A schema and all schemas that it refers to or consists of, except those under unmet conditions."""
    yield schema
    if "$ref" in schema:
        node: Any = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            node = node[name]
        yield from _parts(node, root, written)
    for several in PARTS:
        for part in schema.get(several, ()):
            yield from _parts(part, root, written)
    for conditional in CONDITIONAL:
        if conditional in schema and not _is_excluded(schema.get("if", {}), written):
            yield from _parts(schema[conditional], root, written)


def _is_excluded(condition: Schema, written: Any) -> bool:
    """Whether a written value differs from that of a condition."""
    if not isinstance(written, dict):
        return "const" in condition and str(written) != str(condition["const"])
    return any(
        _is_excluded(part, written[key])
        for key, part in condition.get("properties", {}).items()
        if key in written
    )


def _key_schemas(schema: Schema, key: str) -> list[Schema]:
    """The schema of a key of a mapping, if it has one."""
    if key in schema.get("properties", {}):
        return [schema["properties"][key]]
    other = schema.get("additionalProperties")
    return [other] if isinstance(other, dict) else []


def _types(schema: Schema) -> Iterator[str]:
    named = schema.get("type", ())
    yield from [named] if isinstance(named, str) else named
    for allowed in [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]:
        yield {str: "string", bool: "boolean", int: "integer", float: "number"}.get(type(allowed), "null")
