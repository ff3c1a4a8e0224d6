"""Reading and validation of an experiment's config."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from relscale.errors import RelscaleError
from relscale.experiments.config_schema import Schema, config_schema, schema_of_source
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

if TYPE_CHECKING:
    import jsonschema

CHANGES_NO_NUMBER = "reads the config; results digest the values that they depend on"

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
LONGEST = 240  # characters of a message, without the file's name
SHOWN = 60  # characters of a value in a message


def load_config(path: str | Path) -> Experiment:
    """Read and check an experiment's YAML file, with the hub revisions pinned beside it.

    Raises
    ------
    RelscaleError
        The file is missing, is not YAML, or violates the schema; the message names the key and what is allowed.
    """
    return load_configs([path])


def load_configs(
    paths: Sequence[str | Path],
    overrides: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Experiment:
    """Read and check an experiment from several files; each overrides those before it, and ``overrides`` all files.

    Parameters
    ----------
    paths
        YAML files, or names of shipped experiments. Paths in a file are relative to its folder.
    overrides
        Values from the command line (Snakemake's ``--config``); text is interpreted like unquoted YAML.
    report
        Called with one message per suite that is replaced by one beside the table of checkpoints.

    Raises
    ------
    RelscaleError
        For the same reasons as `load_config`.
    """
    files = [named_config(Path(path)) for path in paths]
    config: Any = {}
    for path in files:
        config = _merged(config, _read(path))
    config = _merged(config, _unquoted(overrides or {}))
    name = " + ".join([*map(str, files), *(["--config"] if overrides else [])])
    return with_exported_suites(with_pins(check_config(config, name), files), report)


def save_config(experiment: Experiment, path: Path) -> None:
    """Write the resolved config beside the results, unless it is unchanged."""
    paths = partial(recorded_path, folder=path.parent)
    values = experiment.values()
    text = dump(values_of(_schema(values), values, paths))
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def extend_config(path: str | Path, further: Mapping[str, Any], output: Path, law: str, corpus: str) -> None:
    """Write a config with further keys, in which a law also predicts a further corpus; its pins are copied.

    Raises
    ------
    RelscaleError
        The extended config is invalid, the law's predictions are not selected by corpus only, or ``output`` is the
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
                    f"{file}: fit.laws.{law}.predict names {', '.join(predict)}; name only corpora there, so that "
                    "one can be added"
                )
            corpora = predict.get("corpus", [])
            entry["predict"] = {"corpus": [*([corpora] if isinstance(corpora, str) else corpora), corpus]}
    check_config(config, str(output))
    write_text(output, dump(values_of(_schema(config), config, partial(recorded_path, folder=output.parent))))
    if pins_file(file).is_file():
        write_text(pins_file(output), pins_file(file).read_text(encoding="utf-8"))


def check_config(config: Any, name: str = "config") -> Experiment:
    """Check the values of a config and convert them to an experiment.

    Each value is converted to the type that the schema requires (``relscale.experiments.schema_values``): ``1e11`` and
    ``2e3`` are numbers, or integers if required, and ``no`` is a name if a name is required.

    Parameters
    ----------
    config
        The values as read from YAML; not modified.
    name
        Name of the file, for messages.

    Raises
    ------
    RelscaleError
        A key is unknown, missing or out of its range, a number is not finite, or a section refers to a missing entry
        of another.
    """
    try:
        written = _mapping(config, "")
        values = values_of(_schema(written), written)
        _check_source(values)
        experiment = _accepted(values) or _explained(values)
        if isinstance(experiment, TrainingExperiment):
            _check_corpora(experiment)
            _check_budgets(experiment)
        return experiment
    except RelscaleError as error:
        raise RelscaleError(f"{name}: {shortened(str(error), LONGEST)}") from None


def _accepted(values: dict[str, Any]) -> Experiment | None:
    """The experiment of values that its types accept strictly, as in JSON; None for all others."""
    if _has_null(values):  # which the schema allows for few of the optional keys, the types for all
        return None
    try:
        return _type(values).model_validate_json(json.dumps(values), strict=True)
    except (
        ValidationError,
        KeyError,
        TypeError,
    ):  # KeyError: no such source; TypeError: a value that JSON lacks
        return None


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list) else value is None


def _type(values: dict[str, Any]) -> type[Experiment]:
    return BY_SOURCE[values.get("runs", {}).get("source", "train")]


def _explained(values: dict[str, Any]) -> Experiment:
    """The experiment, or the error that the schema finds in its values, whose messages are better than the types'."""
    import jsonschema  # takes a tenth of a second

    errors = list(jsonschema.Draft202012Validator(config_schema()).iter_errors(values))
    if errors:
        raise RelscaleError(_explain(min(errors, key=lambda error: list(map(str, error.path)))))
    try:
        return _type(values).model_validate(values)
    except ValidationError as error:  # what JSON Schema cannot state
        first = error.errors()[0]
        raise RelscaleError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def shortened(text: str, most: int) -> str:
    """A text as one line of at most ``most`` characters; the middle of a longer one is omitted."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return line if len(line) <= most else f"{line[: most * 2 // 3]} … {line[len(line) - most // 3 :]}"


def _read(path: Path) -> dict[str, Any]:
    """The values of a config file, with paths that can be opened from the working folder."""
    config = _mapping(read(path), str(path))
    try:
        opened: dict[str, Any] = values_of(_schema(config), config, partial(opened_path, folder=path.parent))
        return opened
    except RelscaleError as error:
        raise RelscaleError(f"{path}: {shortened(str(error), LONGEST)}") from None


def _mapping(config: Any, name: str) -> dict[str, Any]:
    if isinstance(config, dict):
        return config
    prefix = f"{name}: " if name else ""
    raise RelscaleError(f"{prefix}a config is a mapping of keys, with 'experiment' among them")


def _schema(config: Mapping[str, Any]) -> Schema:
    """The schema of the config's source of runs, which is made faster than that of all; of all if there is none."""
    runs = config.get("runs", {})
    source = runs.get("source", "train") if isinstance(runs, Mapping) else None
    return schema_of_source(source) if isinstance(source, str) and source in BY_SOURCE else config_schema()


def _merged(base: Any, override: Any) -> Any:
    """A value with its override: mappings are merged key by key, other values are replaced."""
    if not (isinstance(base, dict) and isinstance(override, Mapping)):
        return override
    return {**base, **{key: _merged(base.get(key), entry) for key, entry in override.items()}}


def _unquoted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _unquoted(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_unquoted(entry) for entry in value]
    return None if value is None else Plain(value)


def _check_source(values: dict[str, Any]) -> None:
    """Reject keys that do not apply to the source of the runs."""
    runs = values.get("runs", {})
    if runs is None:
        return
    if not isinstance(runs, dict):
        raise RelscaleError(
            f"runs: {shortened(repr(runs), SHOWN)} is not a mapping; write {{source: train}}, or remove it"
        )
    source = runs.get("source", "train")
    if not isinstance(source, str) or source not in BY_SOURCE:
        return
    for key, owner in (("tables", "measurements"), ("table", "checkpoints")):
        if key in runs and source != owner:
            raise RelscaleError(
                f"runs.{key}: used only if runs.source is {owner!r}; set that, or remove the key"
            )
    for key in ("sources", "corpora", "design"):
        if key in values and source == "measurements":
            raise RelscaleError(f"{key}: nothing is trained if runs.source is {source!r}; remove it")


def _check_corpora(experiment: TrainingExperiment) -> None:
    """Check that the sources of corpora exist, and the suites from which they are decontaminated."""
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
    """Check that a pruned corpus is not streamed, and that its reference is another corpus, not pruned by loss."""
    if corpus.prune is None:
        return
    key, reference = f"corpora.{name}.prune", corpus.prune.reference
    if experiment.is_streamed(name):
        raise RelscaleError(f"{key}: a source on the hub is streamed and cannot be pruned; remove it")
    if reference is not None and (reference == name or reference not in experiment.corpora):
        others = [corpus_name for corpus_name in experiment.corpora if corpus_name != name]
        raise RelscaleError(unknown_name(f"{key}.reference", "other corpus", reference, others))
    reference_prune = experiment.corpora[reference].prune if reference is not None else None
    if reference_prune is not None and reference_prune.score == "loss":
        raise RelscaleError(
            f"{key}.reference: {reference} is pruned by loss itself; name a corpus that is not"
        )


def _check_budgets(experiment: TrainingExperiment) -> None:
    """Check that options per budget are for budgets of the design, each given once."""
    design = experiment.design
    budgets = set(design.budgets)
    if len(budgets) < len(design.budgets):
        raise RelscaleError("design.budgets: the same budget is listed twice")
    for key, by_budget in (("widths", design.widths), ("seeds", design.seeds)):
        seen: set[float] = set()
        for budget in by_budget if isinstance(by_budget, dict) else ():
            value = _float(budget)
            if value is None or value not in budgets:
                raise RelscaleError(f"design.{key}: {budget} is not among the budgets")
            if value in seen:
                raise RelscaleError(f"design.{key}: the budget {budget} is listed twice")
            seen.add(value)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _explain(error: "jsonschema.ValidationError") -> str:
    """A message of one line: the key, its problem, and what is allowed."""
    if error.validator == "oneOf" and not error.context and isinstance(error.instance, dict):
        keys = [key for way in error.validator_value for key in way.get("required", ())]
        return f"{_key(error)}: give one of {', '.join(keys)}, not several"
    if error.context:  # of several alternatives, the one that fits best has the most useful message
        return _explain(max(error.context, key=lambda cause: (len(cause.path), cause.validator != "type")))
    key = _key(error)
    return f"{key}: {_reason(error)}" if key else _reason(error)


def _reason(error: "jsonschema.ValidationError") -> str:
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
        return f"{value} is blank; give a name with visible characters"
    if error.instance is None and error.validator == "type":
        return "is empty; give a value, or remove the key"
    if error.validator == "pattern" and DEVICE.fullmatch(allowed):
        return f"{value} is not a device; give auto, cpu, or a device such as cuda:0"
    if error.validator == "type" and isinstance(allowed, str) and allowed in EXAMPLES:
        return f"{value} is not of type {allowed!r}; write {EXAMPLES[allowed]}"
    if error.validator == "type" and allowed == "array":
        is_single = isinstance(error.instance, str | int | float)
        hint = f"; write a list of one entry as [{value}]" if is_single else ""
        return f"{value} is not a list{hint}"
    if error.validator == "type" and allowed == "object":
        return f"{value} is not a mapping; {_keys_of(error.schema)}"
    if error.validator == "type" and allowed == "string":
        return f"{value} is not text"
    if error.validator in LIMITS:
        is_percent = (
            error.validator in ("maximum", "exclusiveMaximum") and allowed == 1 < error.instance < 100
        )
        hint = f"; write {error.instance / 100:g}" if is_percent else ""
        return f"{value} is not {LIMITS[error.validator]} {_written(allowed)}{hint}"
    if error.validator == "minItems":
        return f"{value} is too short; give at least {allowed}"
    if error.validator == "uniqueItems":
        return f"{value} has a duplicate; remove it"
    message: str = error.message
    return message.replace(repr(error.instance), value)


def _keys_of(schema: Mapping[str, Any]) -> str:
    """The form of a mapping of a schema: its required keys, else its allowed keys."""
    needed, known = schema.get("required", ()), sorted(schema.get("properties", ()))
    if needed:
        return f"write {{{', '.join(f'{key}: …' for key in needed)}}}"
    return f"its keys are {listed(known)}" if known else "write {NAME: …}"


def _written(value: Any) -> str:
    """A value in the notation of configs: 2e9 instead of 2000000000.0."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return re.sub(r"e\+?(-?)0*", r"e\1", f"{value:g}") if isinstance(value, float) else repr(value)


def unknown_name(key: str, kind: str, name: str, known: Sequence[str], place: str = "") -> str:
    """A message about an unknown name: it suggests the nearest known name, or lists the first of the known ones."""
    description = " ".join(word for word in ("no", kind, shortened(repr(name), SHOWN), place) if word)
    return f"{key}: {description}; {suggestion(name, known) if known else 'there are none'}"


def _key(error: "jsonschema.ValidationError") -> str:
    return ".".join(shortened(str(part), SHOWN) for part in error.absolute_path)
