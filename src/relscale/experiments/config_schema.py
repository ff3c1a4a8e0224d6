"""The JSON Schema of an experiment's config, generated from its types."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import (
    DefsRef,
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)
from pydantic_core import core_schema

from relscale.experiments.experiment import BY_SOURCE, Experiment

Schema = dict[str, Any]


@cache
def config_schema() -> Schema:
    """The schema of configs of all sources of runs; ``runs.source`` selects among them."""
    return _schema(BY_SOURCE, _Generator)


@cache
def schema_of_source(name: str) -> Schema:
    """The schema of configs of one source of runs, to read them by: made in a third of the time."""
    return _schema({name: BY_SOURCE[name]}, _LongNames)


def _schema(experiments: Mapping[str, type[Experiment]], generator: type[GenerateJsonSchema]) -> Schema:
    references, definitions = models_json_schema(
        [(experiment, "validation") for experiment in experiments.values()],
        schema_generator=generator,
        by_alias=True,
    )
    by_source = []
    for name, experiment in experiments.items():
        runs: Schema = {"properties": {"source": {"const": name}}}
        condition: Schema = {"properties": {"runs": runs}}
        if name != "train":  # the default
            runs["required"], condition["required"] = ["source"], ["runs"]
        by_source.append({"if": condition, "then": references[experiment, "validation"]})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An experiment",
        "description": "What to train or read, score, fit and draw.",
        "type": "object",
        "properties": {
            "runs": {
                "description": "Source of the measurements: models to train and score, a table of checkpoints to "
                "score, or published tables.",
                "type": "object",
                "properties": {"source": {"enum": list(BY_SOURCE), "default": "train"}},
            }
        },
        "allOf": by_source,
        "$defs": definitions["$defs"],
    }


def schema_text() -> str:
    """The schema as text, for the file that editors read."""
    return json.dumps(config_schema(), indent=1, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """Keeps the order of keys, omits titles, and describes configs as written by hand, where optional keys are omitted.

    Null is allowed only if declared (`relscale.experiments.section.NULLABLE`).
    """

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Keep the declared order."""
        return value

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No titles: they would repeat the keys."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A section without a title; unknown keys are reported before missing ones."""
        json_schema = super().model_schema(schema)
        json_schema.pop("title", None)
        first = ("description", "type", "additionalProperties")
        return {**{key: json_schema[key] for key in first if key in json_schema}, **json_schema}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema of the value itself."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Omit the default None and the defaults of whole sections."""
        default = schema.get("default")
        if default is None or isinstance(default, BaseModel | Mapping):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A mapping whose keys may be constrained."""
        keys = self.generate_inner(schema["keys_schema"])
        json_schema: JsonSchemaValue = {"type": "object"}
        if "pattern" in keys:
            json_schema["propertyNames"] = keys
        values = self.generate_inner(schema["values_schema"])
        if values:
            json_schema["additionalProperties"] = values
        if "min_length" in schema:
            json_schema["minProperties"] = schema["min_length"]
        return json_schema

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Alternatives selected by the value of one key, so that messages concern the selected one."""
        key = schema["discriminator"]
        choices = {str(name): self.generate_inner(choice) for name, choice in schema["choices"].items()}
        return {
            "type": "object",
            "required": [key],
            "properties": {key: {"enum": list(choices)}},
            "allOf": [
                {"if": {"properties": {key: {"const": name}}}, "then": choice}
                for name, choice in choices.items()
            ],
        }


class _LongNames(_Generator):
    """Leaves the definitions under their full names; most of the time goes into finding short ones."""

    def generate_definitions(
        self, inputs: Sequence[tuple[Any, JsonSchemaMode, core_schema.CoreSchema]]
    ) -> tuple[dict[tuple[Any, JsonSchemaMode], JsonSchemaValue], dict[DefsRef, JsonSchemaValue]]:
        """The schemas, and the definitions that they refer to."""
        return {(key, mode): self.generate_inner(schema) for key, mode, schema in inputs}, self.definitions
