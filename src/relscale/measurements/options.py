"""The config's section ``collect``, and the tables of an experiment on measurements."""

from typing import Literal

from pydantic import Field

from relscale.section import Count, Names, PathText, Section, Share


class Table(Section):
    """A table of measurements, and how its columns become those of relscale.measurements.measurement."""

    path: PathText = Field(description="CSV, TSV, JSON lines or parquet.")
    loader: str | None = Field(
        default=None,
        description="A module of relscale.measurements.sources, for a table that needs more than other "
        "names.",
    )
    columns: dict[str, str] = Field(
        default={},
        description="The name in the table of each column of the measurements that has another name there.",
    )
    constants: dict[str, object] = Field(
        default={}, description="Values of columns that the table does not have."
    )
    formats: dict[str, str] = Field(
        default={}, description='Columns that are composed of others, such as "{model}-{step}".'
    )


class Collect(Section):
    """How item scores become measurements."""

    replicates: Count = Field(default=200, description="Bootstrap replicates over items.")
    cut: Share = Field(
        default=0.01,
        description="Maximum share of a group's questions whose prompt was truncated to a model's "
        "context; above it the row is flagged by its status and not fitted.",
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
