"""Sections of the config as types: each is declared once, beside the code that uses it, as a frozen pydantic model.

The JSON schema, the defaults, completion in editors and the reference page of the documentation are derived from it.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic_core import CoreSchema, core_schema

CHANGES_NO_NUMBER = "base of the sections; their declarations are digested where they are used"

LARGEST_INTEGER = 2**63 - 1  # largest integer of tables and random generators
NOT_BLANK = r"\S"


class Section(BaseModel):
    """Base of all sections: frozen, and without undeclared keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        regex_engine="python-re",
        use_attribute_docstrings=False,
        defer_build=True,
    )

    def values(self) -> dict[str, JsonValue]:
        """The section as in a config file: all keys that have a value."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def given(self) -> dict[str, JsonValue]:
        """The keys that were given, without defaults."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


@dataclass(frozen=True, eq=False)  # a value need not be hashable
class SchemaKeyword:
    """A keyword of JSON Schema in addition to those derived by pydantic."""

    name: str
    value: Any

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the annotated type with the keyword."""
        return {**handler(core), self.name: self.value}


class NullIsAllowed:
    """Marks an optional key whose value may be written as null; other optional keys are left out instead."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the annotated type, with null."""
        schema = handler(core)
        if "anyOf" in schema:  # null is among the alternatives
            return schema
        if "enum" in schema:
            return {**schema, "enum": [*schema["enum"], None]}
        return {**schema, "type": [schema["type"], "null"]}


class Unique:
    """Marks a list without duplicates."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of the annotated type, with the check."""
        return core_schema.no_info_after_validator_function(_without_duplicates, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the annotated type, with the keyword."""
        return {**handler(core), "uniqueItems": True}


def _without_duplicates(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError(f"{list(values)} has a duplicate; remove it")
    return values


NULLABLE = NullIsAllowed()
UNIQUE = Unique()

Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Name = Annotated[str, Field(pattern=NOT_BLANK)]
Text = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[str, ...], UNIQUE]
SomeNames = Annotated[tuple[str, ...], Field(min_length=1), UNIQUE]
PathText = Annotated[str, SchemaKeyword("format", "path")]
"""A file or folder to read, relative to the config's folder; a leading ``~`` is the home folder."""
FilledPath = Annotated[str, Field(min_length=1), SchemaKeyword("format", "path")]
PathOrHubName = Annotated[str, Field(min_length=1), SchemaKeyword("format", "path-or-hub-name")]
"""A path if it exists, else a name on the hub."""
WrittenPath = Annotated[str, Field(min_length=1), SchemaKeyword("format", "written-path")]
"""A folder to write, relative to the working folder of the workflow."""
Revision = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{40}$(?!\n)",
        description="A commit on the hub; `relscale pin CONFIG` writes it beside the config.",
    ),
]
