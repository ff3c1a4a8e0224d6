"""The config's sections ``suites`` and ``scoring``: evaluation suites and scoring options."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from relscale.experiments.section import (
    NULLABLE,
    UNIQUE,
    FilledPath,
    Names,
    PathText,
    PositiveInt,
    SchemaKeyword,
    Section,
    Share,
    SomeNames,
    Text,
)

_TaskNames = Annotated[tuple[Text, ...], Field(min_length=1), UNIQUE]
Tasks = Annotated[
    _TaskNames,
    BeforeValidator(
        lambda names: (
            (names,) if isinstance(names, str) else tuple(names) if isinstance(names, list) else names
        ),
        json_schema_input_type=Text | _TaskNames,
    ),
]
"""Names of tasks; a single name needs no list."""


def _with_texts(data: dict[str, object]) -> dict[str, object]:
    for name in _HUB_KEYS:
        if not isinstance(data.get(name, ""), str):
            raise ValueError(f"{name}: {data[name]!r} is not text")
    return data


_HUB_KEYS = ("hub", "revision")
_PATH = {"format": "path-or-hub-name"}
_PATHS = {**_PATH, "items": _PATH}
SuiteData = Annotated[
    dict[str, object],
    AfterValidator(_with_texts),
    SchemaKeyword("properties", {name: {"type": "string"} for name in _HUB_KEYS}),
    SchemaKeyword("additionalProperties", {**_PATHS, "additionalProperties": _PATHS}),
]
"""Files or folders by task, or a data set of the hub; see suite.yaml."""
FEWEST_ITEMS = 10  # groups with fewer are excluded, as listed in the manifest
Device = Annotated[str, Field(pattern="^(cpu|cuda|mps)(:[0-9]+)?$(?!\n)")]


class SuiteOptions(Section):
    """Options of a suite's tasks; the suite.yaml lists those that a suite supports."""

    part: str | None = Field(default=None, description="Part of the sources from which documents are taken.")
    forms: SomeNames | None = Field(default=None, description="Prompt forms.")
    subjects: Names | None = Field(default=None, description="Subjects to score; all by default.")
    written_by: SomeNames | None = Field(default=None, description="Authors of the items to score.")
    documents: PositiveInt | None = Field(default=None, description="Documents per group in the data.")
    documents_of_a_package: PositiveInt | None = Field(
        default=None, description="Maximum number of documents from one package."
    )
    bytes: PositiveInt | None = Field(default=None, description="Length of a document, in bytes.")
    changes: PositiveInt | None = Field(
        default=None,
        description="Minimum number of words per document that are spelt differently in British English.",
    )
    questions: PositiveInt | None = Field(default=None, description="Questions per group in the data.")
    choices: Annotated[int, Field(ge=2)] | None = Field(default=None, description="Answers per question.")
    questions_of_a_module: PositiveInt | None = Field(
        default=None, description="Maximum number of questions per group from one source file."
    )
    limit: Annotated[PositiveInt | None, NULLABLE] = Field(
        default=None, description="Maximum number of items per task; null means no limit."
    )
    num_fewshot: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Solved examples before each question."
    )
    context_tokens: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Tokens before a scored text that are context only."
    )
    overlap: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="Maximum share of words that two answers have in common."
    )


class HubDataSource(Section):
    """A data set of the hub as the source of a suite."""

    hub: Text
    revision: str | None = None
    files: tuple[str, ...] = ()


class Suite(SuiteOptions):
    """Options of a suite.

    `given` returns those that the experiment sets; the others have the suite's values.
    """

    model_config = ConfigDict(extra="allow")  # so that a message can name the options that the suite has

    path: PathText | None = Field(
        default=None,
        description="A folder with suite.yaml; by default the shipped suite of that name.",
    )
    lm_eval: Tasks | None = Field(default=None, description="Names of lm-eval tasks, in place of a folder.")
    include_path: PathText | None = Field(
        default=None,
        description="A folder of lm-eval tasks, groups and tags of your own that lm_eval may name, as in lm-eval's "
        "option of that name.",
    )
    baseline: str | None = Field(default=None, description="The group that the others are compared with.")
    cluster: str | None = Field(
        default=None,
        description="Field of a document that names its cluster, such as a file, a passage or a subject: "
        "items are resampled by cluster.",
    )
    data: FilledPath | SuiteData | None = Field(
        default=None,
        description="Location of the suite's data; for lm-eval tasks, a file or folder per task.",
    )

    @model_serializer(mode="wrap")
    def _only_given_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        given_keys = {*self.model_fields_set, *(self.model_extra or {})}
        return {key: value for key, value in handler(self).items() if key in given_keys}


class GroupLabel(Section):
    """A group in figures."""

    label: str | None = Field(default=None, description="Title in figures.")


class PublishedSuite(Section):
    """A suite of published measurements in figures."""

    title: str | None = Field(default=None, description="Title in figures.")
    description: str | None = Field(default=None, description="What the suite measures.")
    note: str | None = Field(default=None, description="Note for readers.")
    baseline: str | None = Field(default=None, description="The group that the others are compared with.")
    metric: str | None = Field(default=None, description="Headline metric of the suite.")
    prompt: str | None = Field(default=None, description="Headline prompt form of the suite.")
    chance: Share | None = Field(default=None, description="Chance accuracy.")
    groups: dict[str, GroupLabel] | None = Field(
        default=None, description="Labels of the groups, in the order of the legend."
    )


class Scoring(Section):
    """Options of scoring."""

    job: Literal["corpus", "budget", "run"] = Field(
        default="corpus", description="One job per corpus, per budget of a corpus, or per run."
    )
    batch_tokens: Annotated[PositiveInt | None, NULLABLE] = Field(
        default=None, description="Tokens per batch; null leaves it to the device."
    )
    dtype: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Number format of the weights."
    )
    quantization: Literal["none", "int8", "int4"] = Field(
        default="none",
        description="Number format to which the weights of linear layers are rounded before scoring; products "
        "stay in dtype. "
        "`relscale quantization` compares two such scorings.",
    )
    device: (
        Annotated[str, Field(pattern="^(auto|(cpu|cuda|mps)(:[0-9]+)?)$(?!\n)")]
        | Annotated[tuple[Device, ...], Field(min_length=1)]
    ) = Field(
        default="auto",
        description="A torch device, several (one process per device), or auto: all GPUs, else the "
        "processor.",
    )
    use_safetensors: bool = Field(
        default=True, description="Whether weights must be safetensors; reading pickled weights can run code."
    )
    trust_remote_code: bool = Field(
        default=False, description="Whether code in a checkpoint's folder may run."
    )
    trust_suite_code: bool = Field(
        default=False,
        description="Whether functions named by tasks in a suite's folder (!function) may run. Those of "
        "relscale and of lm-eval's tasks always may.",
    )
    threads: PositiveInt = Field(default=1, description="Processor threads per job.")
