"""An experiment's configuration: read, checked against the schema, defaults filled in."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from relscale.errors import RelscaleError
from relscale.pins import with_pins

SCHEMA = Path(__file__).with_name("config.schema.yaml")
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def load_config(path: str | Path) -> dict[str, Any]:
    """Read and check an experiment's YAML file; the pins beside it are filled in.

    Raises
    ------
    RelscaleError
        The file is missing, is no YAML, or breaks the schema: the message names the key and what is allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise RelscaleError(f"{path}: no such config file")
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise RelscaleError(f"{path}{line}: not YAML ({getattr(error, 'problem', error)})") from error
    return with_pins(check_config(config, str(path)), [path])


def check_config(config: Any, name: str = "config") -> dict[str, Any]:
    """A checked copy of ``config`` with every default filled in.

    ``1e11`` is text to YAML 1.1; text that is a number in that form is read as the number it is.

    Raises
    ------
    RelscaleError
        A key is unknown, missing or out of its range, or a reference between sections leads nowhere.
    """
    if not isinstance(config, dict):
        raise RelscaleError(f"{name}: a config is a mapping of keys, with 'experiment' among them")
    config = _numbers(config)  # a copy, so that defaults are not written into the caller's
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    errors = list(_filling_defaults(jsonschema.Draft202012Validator)(schema).iter_errors(config))
    if errors:
        raise RelscaleError(f"{name}: {_explain(min(errors, key=lambda error: list(map(str, error.path))))}")
    _check_source(config, name)
    if config["runs"]["source"] != "train":
        return config
    for corpus, options in config["corpora"].items():
        _check_corpus(f"{name}: corpora.{corpus}", options, config)
    _check_budgets(config["design"], name)
    return config


def _check_source(config: dict[str, Any], name: str) -> None:
    """What belongs to one source of runs stands with no other."""
    source = config["runs"]["source"]
    for key, owner in (("tables", "measurements"), ("table", "checkpoints")):
        if key in config["runs"] and source != owner:
            raise RelscaleError(
                f"{name}: runs.{key}: is read where runs.source is {owner!r}; name it or leave them out"
            )
    for key in ("sources", "corpora", "design"):
        if key in config and source == "measurements":
            raise RelscaleError(
                f"{name}: {key}: nothing is trained where runs.source is {source!r}; leave it out"
            )


def _check_corpus(where: str, options: dict[str, Any], config: dict[str, Any]) -> None:
    """What a corpus names is there: its sources, and the suites that it must not contain."""
    for part in corpus_parts(options):
        if part["source"] not in config["sources"]:
            raise RelscaleError(
                f"{where}.source: no source {part['source']!r}; sources: {', '.join(config['sources']) or 'none'}"
            )
    for suite in options.get("decontaminate", {}).get("suites", []):
        if suite not in config["suites"]:
            raise RelscaleError(
                f"{where}.decontaminate: no suite {suite!r}; suites: {', '.join(config['suites']) or 'none'}"
            )


def corpus_parts(options: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a corpus, each with its source and weight, and a part where it names one; of most a single one."""
    parts: list[dict[str, Any]] = options.get("parts") or [
        {key: options[key] for key in ("source", "part") if key in options} | {"weight": 1}
    ]
    return parts


def _check_budgets(design: dict[str, Any], name: str) -> None:
    """What is said of single budgets is said of budgets that are tried."""
    for key in ("widths", "seeds"):
        by_budget = design.get(key)
        for budget in by_budget if isinstance(by_budget, dict) else ():
            try:
                known = float(budget) in design["budgets"]
            except ValueError:
                known = False
            if not known:
                raise RelscaleError(f"{name}: design.{key}: {budget} is not among the budgets")


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    return value


def _filling_defaults(validator: Any) -> Any:
    """The validator class, extended to write the schema's defaults into what it checks."""
    check_properties = validator.VALIDATORS["properties"]

    def fill_and_check(
        checker: Any, properties: dict[str, Any], instance: Any, schema: Any
    ) -> Iterator[jsonschema.ValidationError]:
        if isinstance(instance, dict):
            for key, part in properties.items():
                part = checker._resolver.lookup(part["$ref"]).contents if "$ref" in part else part
                if "default" in part:
                    default = part["default"]
                    instance.setdefault(key, default.copy() if isinstance(default, dict | list) else default)
        yield from check_properties(checker, properties, instance, schema)

    return jsonschema.validators.extend(validator, {"properties": fill_and_check})


def _explain(error: jsonschema.ValidationError) -> str:
    """One line: the key, what is wrong with it, what is allowed."""
    if error.validator == "oneOf" and not error.context and isinstance(error.instance, dict):
        keys = [key for way in error.validator_value for key in way.get("required", ())]
        return f"{_key(error)}: give one of {', '.join(keys)}, not several"
    if error.context:  # of several alternatives, the one that was met furthest says most
        return _explain(max(error.context, key=lambda cause: len(cause.path)))
    key = _key(error)
    prefix = f"{key}: " if key else ""
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(error.schema.get("properties", {}))
        unknown = next(str(name) for name in error.instance if name not in known)
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(known)}"
        return f"{prefix}unknown key {unknown!r}; {hint}"
    if error.validator == "enum":
        return f"{prefix}{error.instance!r} is not one of {', '.join(map(repr, error.validator_value))}"
    if error.validator == "required":
        return f"{prefix}{error.message.replace('is a required property', 'is missing')}"
    if error.validator == "type" and error.validator_value == "array":
        is_single = isinstance(error.instance, str | int | float)
        hint = f"; one of a single entry is written [{error.instance}]" if is_single else ""
        return f"{prefix}{error.instance!r} is no list{hint}"
    return f"{prefix}{error.message}"


def _key(error: jsonschema.ValidationError) -> str:
    return ".".join(str(part) for part in error.absolute_path)
