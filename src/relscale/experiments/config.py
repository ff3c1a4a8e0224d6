"""Reading and validation of an experiment's config."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from relscale.errors import RelscaleError
from relscale.experiments.config_schema import Schema, config_schema, schema_of_source
from relscale.experiments.experiment import BY_SOURCE, Experiment, TrainingExperiment
from relscale.experiments.messages import LONGEST, SHOWN, shortened
from relscale.experiments.paths import opened_path, recorded_path
from relscale.experiments.pins import pins_file, with_pins
from relscale.experiments.references import check_budgets, check_corpora
from relscale.experiments.schema_error import explain
from relscale.experiments.schema_values import values_of
from relscale.exported_suites import with_exported_suites
from relscale.package_files import named_config
from relscale.storage.atomic import write_text
from relscale.storage.yaml_text import Plain, dump, read

CHANGES_NO_NUMBER = "reads the config; results digest the values that they depend on"


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
    text = config_text(experiment.values(), path.parent)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def config_text(values: dict[str, Any], folder: Path) -> str:
    """Values of a config, whose paths are relative to the working folder, as the text of a config in ``folder``."""
    opened = values_of(_schema(values), values)
    return dump(values_of(_schema(opened), opened, partial(recorded_path, folder=folder)))


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
    write_text(output, config_text(config, output.parent))
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
            check_corpora(experiment)
            check_budgets(experiment)
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
        raise RelscaleError(explain(min(errors, key=lambda error: list(map(str, error.path)))))
    try:
        return _type(values).model_validate(values)
    except ValidationError as error:  # what JSON Schema cannot state
        first = error.errors()[0]
        raise RelscaleError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


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
