"""Reading and writing of YAML, for configs, suites, tasks and pins.

It follows YAML 1.2, where ``no``, ``on`` and dates are text, and ``1e11`` is a number. Keys are text as written
(``2024``, ``1.0``, ``null``). Unquoted values remain `Plain` text in `read`, whose types a schema determines
(``relscale.experiments.schema_values``); `load` infers their types.

Ambiguous or excessive input is an error with its line: duplicate keys, or keys that look alike, tags,
several documents, recursive references, and text that would expand to more than `MOST_NODES` values.
"""

import codecs
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from relscale.errors import RelscaleError
from relscale.lookalikes import appearance, distinguishable

MOST_BYTES = 10_000_000
MOST_NODES = 200_000
DEEPEST = 60  # nesting depth
OTHERS = (  # marks of other encodings, the longest first
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
MERGE = "<<"
STANDARD = "tag:yaml.org,2002:"
COLLECTIONS = (None, "!", f"{STANDARD}map", f"{STANDARD}seq")
PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

BREAKS = "\x85\u2028\u2029"  # ends of lines to YAML 1.1

NULL = re.compile(r"|~|null|Null|NULL")
TRUE = re.compile(r"true|True|TRUE")
FALSE = re.compile(r"false|False|FALSE")
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Plain(str):
    """An unquoted value, as written."""


def load(path: str | Path, text_tags: Collection[str] = ()) -> Any:
    """Read a file, inferring the types of unquoted values.

    Parameters
    ----------
    path
        The file.
    text_tags
        Tags such as ``!function`` whose values are read as text; any other is an error.

    Raises
    ------
    RelscaleError
        For the same reasons as `read`.
    """
    return resolved(read(path, text_tags))


def read(path: str | Path, text_tags: Collection[str] = ()) -> Any:
    """Read a file, unquoted values as `Plain` text.

    Raises
    ------
    RelscaleError
        The file is missing, not UTF-8, or ambiguous as described above; the message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file")
    if path.stat().st_size > MOST_BYTES:
        raise RelscaleError(f"{path}: over {MOST_BYTES // 10**6} MB of YAML; a config is a few lines")
    return parse(_decoded(path.read_bytes(), str(path)), str(path), text_tags)


def parse(text: str, name: str, text_tags: Collection[str] = ()) -> Any:
    """The single document of a text; ``name`` identifies it in messages.

    Raises
    ------
    RelscaleError
        For the same reasons as `read`.
    """
    reading = _Reading(name, frozenset(text_tags))
    try:
        for event in _events(text):
            reading.take(event)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise RelscaleError(f"{name}{line}: not YAML ({_in_one_line(error.problem)})") from None
    except yaml.YAMLError as error:  # a character that is invalid in YAML
        position = getattr(error, "position", None)
        line = "" if position is None else f", line {text.count(chr(10), 0, position) + 1}"
        raise RelscaleError(
            f"{name}{line}: not YAML ({_in_one_line(getattr(error, 'reason', error))})"
        ) from None
    return reading.document


def dump(value: Any) -> str:
    """Values as YAML that all readers interpret equally: text that looks like a number is quoted."""
    return str(yaml.dump(value, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=110))


class _Quoting(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would not read as text without quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        """Writes values in full instead of references."""
        return True


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    quotes = None if isinstance(scalar(text), str) else "'"
    if any(letter in text for letter in BREAKS):  # other quotes would fold these into spaces
        quotes = '"'
    return dumper.represent_scalar(f"{STANDARD}str", text, style=quotes)


_Quoting.add_representer(str, _represent)


def resolved(value: Any) -> Any:
    """A copy in which `Plain` text is null, true, false, a number or text by the rules of YAML 1.2."""
    if isinstance(value, dict):
        return {key: resolved(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [resolved(entry) for entry in value]
    return scalar(value) if isinstance(value, Plain) else value


def scalar(text: str) -> Any:
    """The value of an unquoted text by the rules of YAML 1.2."""
    if NULL.fullmatch(text):
        return None
    if TRUE.fullmatch(text) or FALSE.fullmatch(text):
        return bool(TRUE.fullmatch(text))
    parsed = number(text)
    return str(text) if parsed is None else parsed


def number(text: str) -> int | float | None:
    """A text as a number; None if it is not a number, or an integer too long to convert."""
    if INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        try:
            return int(text, base)
        except ValueError:  # Python limits the digits of integers
            return None
    if FLOAT.fullmatch(text):
        return float(text)
    if INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return None


def _events(text: str) -> Iterator[Any]:
    parser = PARSER(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


@dataclass
class _Open:
    """A collection that is being read."""

    value: Any
    line: int
    anchor: str | None
    is_mapping: bool
    nodes: int = 1
    key: str | None = None
    merged: list[dict[str, Any]] = field(default_factory=list)
    appearances: dict[str, str] = field(default_factory=dict)


@dataclass
class _Reading:
    """Builds values from events without recursion, so that deep nesting cannot overflow the stack."""

    name: str
    text_tags: frozenset[str]
    document: Any = None
    documents: int = 0
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        """Process one event."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.error(line, "a second document begins; a file may have only one")
        elif isinstance(event, yaml.AliasEvent):
            if any(mapping.anchor == event.anchor for mapping in self.open):
                raise self.error(line, f"*{event.anchor} is inside what it refers to")
            if event.anchor not in self.anchors:
                raise self.error(line, f"*{event.anchor} refers to nothing before it")
            self.add(*self.anchors[event.anchor], line)
        elif isinstance(event, yaml.ScalarEvent):
            value = self.text(event, line)
            if event.anchor:
                self.anchors[event.anchor] = value, 1
            self.add(value, 1, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            if event.tag not in COLLECTIONS:
                raise self.error(line, f"the tag {event.tag} is not supported")
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            if len(self.open) == DEEPEST:
                raise self.error(line, f"more than {DEEPEST} lists and mappings inside one another")
            self.open.append(_Open({} if is_mapping else [], line, event.anchor, is_mapping))
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.open.pop()
            if done.merged:
                done.value = {
                    key: entry for mapping in done.merged[::-1] for key, entry in mapping.items()
                } | done.value
            if done.anchor:
                self.anchors[done.anchor] = done.value, done.nodes
            self.add(done.value, done.nodes, done.line)

    def add(self, value: Any, nodes: int, line: int) -> None:
        """Add a finished value to the open collection."""
        if not self.open:
            self.document = value
            return
        into = self.open[-1]
        into.nodes += nodes
        if into.nodes > MOST_NODES:
            raise self.error(line, f"its references unfold to more than {MOST_NODES:,} values")
        if not into.is_mapping:
            into.value.append(value)
        elif into.key is None:
            if not isinstance(value, str):
                raise self.error(line, "a key is a list or mapping; a key is a name")
            if value in into.value:
                raise self.error(
                    line, f"the key {str(value)!r} is duplicated; the second would replace the first"
                )
            other = into.appearances.setdefault(appearance(value), value)
            if other != value:
                raise self.error(
                    line, f"the keys {distinguishable(other, value)} look alike; write one name in one way"
                )
            into.key = value
            if not self.merges(into):
                into.key = str(value)
        else:
            if self.merges(into):
                into.merged += self.mappings(value, line)
            else:
                into.value[into.key] = value
            into.key = None

    def merges(self, into: _Open) -> bool:
        return isinstance(into.key, Plain) and into.key == MERGE

    def mappings(self, value: Any, line: int) -> list[dict[str, Any]]:
        """The mappings merged by ``<<``; earlier ones take precedence."""
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(mapping, dict) for mapping in several):
            raise self.error(line, f"{MERGE} takes a mapping, or a list of mappings")
        return several

    def text(self, event: Any, line: int) -> Any:
        """A scalar as text, `Plain` if unquoted; with a standard tag, as that type."""
        tag = event.tag
        if tag in (None, "!") or tag in self.text_tags:
            is_plain = event.implicit[0] and tag is None
            return Plain(event.value) if is_plain else str(event.value)
        kind = tag.removeprefix(STANDARD)
        if kind == "str":
            return str(event.value)
        parsed = scalar(event.value)
        if type(parsed) is not {"null": type(None), "bool": bool, "int": int, "float": float}.get(kind):
            raise self.error(line, f"the tag {tag} is not supported")
        return parsed

    def error(self, line: int, reason: str) -> RelscaleError:
        """The error for a line."""
        return RelscaleError(f"{self.name}, line {line}: {_in_one_line(reason)}")


def _decoded(data: bytes, name: str) -> str:
    """UTF-8 bytes as text, with or without a byte order mark, as Snakemake reads it."""
    other = next((encoding for mark, encoding in OTHERS if data.startswith(mark)), None)
    if other or b"\0" in data:
        raise RelscaleError(f"{name}: {other or 'UTF-16 perhaps'}, not UTF-8; save the file as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RelscaleError(
            f"{name}, line {line}: not UTF-8 (byte 0x{data[error.start]:02x}; Latin-1 or Windows-1252 perhaps); "
            "save the file as UTF-8"
        ) from None


def _in_one_line(reason: Any) -> str:
    text = " ".join(str(reason).split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= 160 else f"{text[:160]}…"
