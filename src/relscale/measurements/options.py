"""The config's section ``collect``, and the tables of an experiment on measurements."""

from typing import Literal

from pydantic import Field

from relscale.experiments.section import Count, Names, PathText, Section, Share


class Table(Section):
    """A table of measurements, and the mapping of its columns to those of relscale.measurements.measurement."""

    path: PathText = Field(description="CSV, TSV, JSON lines or parquet.")
    loader: str | None = Field(
        default=None,
        description="A module of relscale.measurements.sources, for a table that needs more than renamed columns.",
    )
    columns: dict[str, str] = Field(
        default={},
        description="Names of columns in the table that differ from those of the measurements: "
        "{column of the measurements: name in the table}.",
    )
    constants: dict[str, object] = Field(
        default={}, description="Constant values of columns that the table lacks."
    )
    formats: dict[str, str] = Field(
        default={}, description='Columns composed of others, such as "{model}-{step}".'
    )


class Collect(Section):
    """The conversion of item scores to measurements."""

    replicates: Count = Field(default=200, description="Bootstrap replicates over items.")
    cut: Share = Field(
        default=0.01,
        description="Maximum share of a group's items whose prompt is truncated to the model's context, and, for bits "
        "per byte and other numbers that are no comparison of choices, of its scored bytes that the model's vocabulary "
        "lacks; rows above it are flagged by their status and not fitted.",
    )
    prompts: Literal["same", "any"] = Field(
        default="same",
        description="A model whose prompts differ from those of the others (other few-shot examples, "
        "another template, a chat template) is flagged by its status and not fitted. `any` "
        "compares it anyway and reports it.",
    )
    subjects: Names = Field(
        default=(),
        description="Suites whose subjects are also measured as separate groups, in a suite <suite>_subjects.",
    )
