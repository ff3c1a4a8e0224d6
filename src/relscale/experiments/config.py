"""An experiment's configuration: read from YAML, checked, and turned into its types."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import jsonschema
from pydantic import ValidationError

from relscale.errors import RelscaleError
from relscale.experiments.config_schema import config_schema
from relscale.experiments.experiment import BY_SOURCE, Experiment, TrainingExperiment
from relscale.experiments.paths import opened_path, recorded_path
from relscale.experiments.pins import pins_file, with_pins
from relscale.experiments.schema_values import values_of
from relscale.experiments.section import NOT_BLANK
from relscale.exported_suites import with_exported_suites
from relscale.package_files import named_config
from relscale.storage.atomic import write_text
from relscale.storage.tables import listed
from relscale.storage.yaml_text import Plain, dump, read
from relscale.suggestions import nearest, suggestion
from relscale.tokens.options import Corpus, MixturePart

CHANGES_NO_NUMBER = "reads the config, whose values are digested wherever they count"

LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}
EXAMPLES = {
    "number": "a number, such as 1e11 or 0.5",
    "integer": "a whole number, such as 8",
    "boolean": "true or false",
}
DEVICE = re.compile(r".*\(cpu\|cuda\|mps\).*", re.DOTALL)  # the pattern of a device's name
LONGEST = 240  # characters of what is wrong, without the file's name
SHOWN = 60  # of a value


def load_config(path: str | Path) -> Experiment:
    """Read and check an experiment's YAML file; the pins beside it are filled in.

    Raises
    ------
    RelscaleError
        The file is missing, is no YAML, or breaks the schema: the message names the key and what is allowed.
    """
    return load_configs([path])


def load_configs(
    paths: Sequence[str | Path],
    overrides: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Experiment:
    """The experiment that several files make up, each over those before it, and ``overrides`` over all.

    Parameters
    ----------
    paths
        YAML files, or names of experiments that come with relscale. Paths in a file are relative to its folder.
    overrides
        What a command line states in their place (Snakemake's ``--config``), text as if it stood in YAML unquoted.
    report
        Called with a line per suite that is taken from beside a table of checkpoints.

    Raises
    ------
    RelscaleError
        As `load_config`.
    """
    files = [named_config(Path(path)) for path in paths]
    config: Any = {}
    for path in files:
        config = _merged(config, _read(path))
    config = _merged(config, _unquoted(overrides or {}))
    name = " + ".join([*map(str, files), *(["--config"] if overrides else [])])
    return with_exported_suites(with_pins(check_config(config, name), files), report)


def save_config(experiment: Experiment, path: Path) -> None:
    """Keep the config as it was resolved beside the results; nothing is written where it has not changed."""
    paths = partial(recorded_path, folder=path.parent)
    text = dump(values_of(config_schema(), experiment.values(), paths))
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def extend_config(path: str | Path, further: Mapping[str, Any], output: Path, law: str, corpus: str) -> None:
    """Write a config file with further keys, in which a law predicts a corpus, too; its pins come along.

    Raises
    ------
    RelscaleError
        The config would be wrong with them, the law predicts other rows than those of corpora, or ``output`` is the
        config itself, whose comments would be lost.
    """
    file = named_config(Path(path))
    if output.resolve() == file.resolve():
        raise RelscaleError(f"{output} is the config itself, whose comments would be lost; name another file")
    config = _merged(_read(file), further)
    for entry in config["fit"]["laws"]:
        if entry["name"] == law:
            predict = entry.get("predict") or {}
            if set(predict) - {"corpus"}:
                raise RelscaleError(
                    f"{file}: fit.laws.{law}.predict names {', '.join(predict)}; let it name corpora alone, to "
                    "which another can be added"
                )
            corpora = predict.get("corpus", [])
            entry["predict"] = {"corpus": [*([corpora] if isinstance(corpora, str) else corpora), corpus]}
    check_config(config, str(output))
    write_text(output, dump(values_of(config_schema(), config, partial(recorded_path, folder=output.parent))))
    if pins_file(file).is_file():
        write_text(pins_file(output), pins_file(file).read_text(encoding="utf-8"))


def check_config(config: Any, name: str = "config") -> Experiment:
    """The experiment that a mapping of keys describes.

    Each value is read as the type that the schema has at its place (``relscale.experiments.schema_values``):
    ``1e11`` and ``2e3`` are numbers, whole where the schema says so, and ``no`` is a name where a name belongs.

    Parameters
    ----------
    config
        As read from YAML; it is left as it was.
    name
        Of the file, for messages.

    Raises
    ------
    RelscaleError
        A key is unknown, missing or out of its range, a number is not finite, or a reference between sections leads
        nowhere.
    """
    try:
        values = values_of(config_schema(), _mapping(config, ""))
        _check_source(values)
        errors = list(_validator().iter_errors(values))
        if errors:
            raise RelscaleError(_explain(min(errors, key=lambda error: list(map(str, error.path)))))
        experiment = _typed(values)
        if isinstance(experiment, TrainingExperiment):
            _check_corpora(experiment)
            _check_budgets(experiment)
        return experiment
    except RelscaleError as error:
        raise RelscaleError(f"{name}: {shortened(str(error), LONGEST)}") from None


def _typed(values: dict[str, Any]) -> Experiment:
    source = values.get("runs", {}).get("source", "train")
    try:
        return BY_SOURCE[source].model_validate(values)
    except ValidationError as error:  # what JSON Schema cannot state
        first = error.errors()[0]
        raise RelscaleError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def shortened(text: str, most: int) -> str:
    """A text as one line of at most ``most`` characters, what is between its ends left out."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return line if len(line) <= most else f"{line[: most * 2 // 3]} … {line[len(line) - most // 3 :]}"


def _read(path: Path) -> dict[str, Any]:
    """A config file, its paths as they are opened from the working folder."""
    config = _mapping(read(path), str(path))
    try:
        opened: dict[str, Any] = values_of(config_schema(), config, partial(opened_path, folder=path.parent))
        return opened
    except RelscaleError as error:
        raise RelscaleError(f"{path}: {shortened(str(error), LONGEST)}") from None


def _mapping(config: Any, name: str) -> dict[str, Any]:
    if isinstance(config, dict):
        return config
    prefix = f"{name}: " if name else ""
    raise RelscaleError(f"{prefix}a config is a mapping of keys, with 'experiment' among them")


def _merged(under: Any, over: Any) -> Any:
    """Mappings key by key, anything else replaced."""
    if not (isinstance(under, dict) and isinstance(over, Mapping)):
        return over
    return {**under, **{key: _merged(under.get(key), entry) for key, entry in over.items()}}


def _unquoted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _unquoted(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_unquoted(entry) for entry in value]
    return None if value is None else Plain(value)


def _check_source(values: dict[str, Any]) -> None:
    """Refuse keys of one source of runs beside another source."""
    runs = values.get("runs", {})
    if runs is None:
        return
    if not isinstance(runs, dict):
        raise RelscaleError(
            f"runs: {shortened(repr(runs), SHOWN)} is no mapping; write {{source: train}}, or leave it out"
        )
    source = runs.get("source", "train")
    if not isinstance(source, str) or source not in BY_SOURCE:
        return
    for key, owner in (("tables", "measurements"), ("table", "checkpoints")):
        if key in runs and source != owner:
            raise RelscaleError(
                f"runs.{key}: is read where runs.source is {owner!r}; name it or leave them out"
            )
    for key in ("sources", "corpora", "design"):
        if key in values and source == "measurements":
            raise RelscaleError(f"{key}: nothing is trained where runs.source is {source!r}; leave it out")


def _check_corpora(experiment: TrainingExperiment) -> None:
    """Check that a corpus's sources exist, and the suites that it must not contain."""
    mixtures = experiment.design.mixtures
    parts: list[tuple[str, MixturePart]] = [
        (f"design.mixtures.parts.{name}", part) for name, part in (mixtures.parts if mixtures else {}).items()
    ]
    parts += [
        (f"corpora.{name}", part) for name, corpus in experiment.corpora.items() for part in corpus.mixture
    ]
    for key, part in parts:
        if part.source not in experiment.sources:
            raise RelscaleError(
                f"{key}.source: no source {part.source!r}; {suggestion(part.source, experiment.sources, 'sources:')}"
            )
    for name, corpus in experiment.corpora.items():
        _check_pruning(name, corpus, experiment)
        for suite in corpus.decontaminate.suites if corpus.decontaminate else ():
            if suite not in experiment.suites:
                raise RelscaleError(
                    f"corpora.{name}.decontaminate: no suite {suite!r}; suites: "
                    f"{', '.join(experiment.suites) or 'none'}"
                )


def _check_pruning(name: str, corpus: Corpus, experiment: TrainingExperiment) -> None:
    """A corpus that is pruned is all there as documents, and what scores them is another corpus, whole."""
    if corpus.prune is None:
        return
    key, reference = f"corpora.{name}.prune", corpus.prune.reference
    if experiment.is_streamed(name):
        raise RelscaleError(f"{key}: a source on the hub is streamed, and not pruned; leave it out")
    if reference is not None and (reference == name or reference not in experiment.corpora):
        others = [corpus_name for corpus_name in experiment.corpora if corpus_name != name]
        raise RelscaleError(unknown_name(f"{key}.reference", "other corpus", reference, others))
    of_reference = experiment.corpora[reference].prune if reference is not None else None
    if of_reference is not None and of_reference.score == "loss":
        raise RelscaleError(
            f"{key}.reference: {reference} is pruned by loss itself; name a corpus that is not"
        )


def _check_budgets(experiment: TrainingExperiment) -> None:
    """Check that values for single budgets are for budgets of the design, one per budget."""
    design = experiment.design
    budgets = set(design.budgets)
    if len(budgets) < len(design.budgets):
        raise RelscaleError("design.budgets: the same budget is listed twice")
    for key, by_budget in (("widths", design.widths), ("seeds", design.seeds)):
        named: set[float] = set()
        for budget in by_budget if isinstance(by_budget, dict) else ():
            value = _float(budget)
            if value is None or value not in budgets:
                raise RelscaleError(f"design.{key}: {budget} is not among the budgets")
            if value in named:
                raise RelscaleError(f"design.{key}: the budget {budget} is listed twice")
            named.add(value)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(config_schema())


def _explain(error: jsonschema.ValidationError) -> str:
    """One line: the key, what is wrong with it, what is allowed."""
    if error.validator == "oneOf" and not error.context and isinstance(error.instance, dict):
        keys = [key for way in error.validator_value for key in way.get("required", ())]
        return f"{_key(error)}: give one of {', '.join(keys)}, not several"
    if error.context:  # of several alternatives, the one that was met furthest says most
        return _explain(max(error.context, key=lambda cause: (len(cause.path), cause.validator != "type")))
    key = _key(error)
    return f"{key}: {_reason(error)}" if key else _reason(error)


def _reason(error: jsonschema.ValidationError) -> str:
    value, allowed = shortened(_written(error.instance), SHOWN), error.validator_value
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(error.schema.get("properties", {}))
        unknown = next(str(name) for name in error.instance if name not in known)
        close = nearest(unknown, known)
        hint = f"did you mean {close!r}?" if close else f"allowed: {', '.join(known)}"
        return f"unknown key {shortened(repr(unknown), SHOWN)}; {hint}"
    if error.validator == "enum":
        return f"{value} is not one of {', '.join(map(repr, allowed))}"
    if error.validator == "required":
        missing = next(name for name in allowed if name not in error.instance)
        choices = error.schema.get("properties", {}).get(missing, {}).get("enum")
        return f"{missing!r} is missing" + (
            f"; it is one of {', '.join(map(repr, choices))}" if choices else ""
        )
    if error.validator == "pattern" and allowed == NOT_BLANK:
        return f"{value} is blank; a name is a text that one can read"
    if error.instance is None and error.validator == "type":
        return "is empty; give a value, or leave the key out"
    if error.validator == "pattern" and DEVICE.fullmatch(allowed):
        return f"{value} is no device; name auto, cpu, or one such as cuda:0"
    if error.validator == "type" and isinstance(allowed, str) and allowed in EXAMPLES:
        return f"{value} is not of type {allowed!r}; write {EXAMPLES[allowed]}"
    if error.validator == "type" and allowed == "array":
        is_single = isinstance(error.instance, str | int | float)
        hint = f"; one of a single entry is written [{value}]" if is_single else ""
        return f"{value} is no list{hint}"
    if error.validator == "type" and allowed == "object":
        return f"{value} is no mapping; {_keys_of(error.schema)}"
    if error.validator == "type" and allowed == "string":
        return f"{value} is no text"
    if error.validator in LIMITS:
        is_percent = (
            error.validator in ("maximum", "exclusiveMaximum") and allowed == 1 < error.instance < 100
        )
        hint = f"; write {error.instance / 100:g}" if is_percent else ""
        return f"{value} is not {LIMITS[error.validator]} {_written(allowed)}{hint}"
    if error.validator == "minItems":
        return f"{value} is too short; name {allowed} at least"
    if error.validator == "uniqueItems":
        return f"{value} names one twice; leave it out once"
    message: str = error.message
    return message.replace(repr(error.instance), value)


def _keys_of(schema: Mapping[str, Any]) -> str:
    """How a mapping of that schema is written: the keys that it needs, else those that it may have."""
    needed, known = schema.get("required", ()), sorted(schema.get("properties", ()))
    if needed:
        return f"write {{{', '.join(f'{key}: …' for key in needed)}}}"
    return f"its keys are {listed(known)}" if known else "write {NAME: …}"


def _written(value: Any) -> str:
    """A value as a config has it: 2e9, and not 2000000000.0."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return re.sub(r"e\+?(-?)0*", r"e\1", f"{value:g}") if isinstance(value, float) else repr(value)


def unknown_name(key: str, kind: str, name: str, known: Sequence[str], place: str = "") -> str:
    """A message about an unknown name: it suggests the nearest known name, or lists the first of the known ones."""
    description = " ".join(word for word in ("no", kind, shortened(repr(name), SHOWN), place) if word)
    return f"{key}: {description}; {suggestion(name, known) if known else 'there are none'}"


def _key(error: jsonschema.ValidationError) -> str:
    return ".".join(shortened(str(part), SHOWN) for part in error.absolute_path)
