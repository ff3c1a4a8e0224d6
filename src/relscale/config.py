"""An experiment's configuration: read, checked against the schema, defaults filled in."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from relscale.errors import RelscaleError
from relscale.pins import with_pins
from relscale.schema_values import values_of
from relscale.yaml_text import Plain, load, read

SCHEMA = Path(__file__).with_name("config.schema.yaml")
LONGEST = 240  # characters of what is wrong, without the file's name
SHOWN = 60  # of a value
MOST_LISTED = 8  # names in a message
NOT_BLANK = r"\S"  # the pattern of names


def load_config(path: str | Path) -> dict[str, Any]:
    """Read and check an experiment's YAML file; the pins beside it are filled in.

    Raises
    ------
    RelscaleError
        The file is missing, is no YAML, or breaks the schema: the message names the key and what is allowed.
    """
    return load_configs([path])


def load_configs(paths: Sequence[str | Path], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The config that several files make up, each over those before it, and ``overrides`` over all.

    Parameters
    ----------
    paths
        YAML files.
    overrides
        What a command line says in their place (Snakemake's ``--config``), texts as if they stood in YAML unquoted.

    Raises
    ------
    RelscaleError
        As `load_config`.
    """
    config: Any = {}
    for path in paths:
        if not Path(path).is_file():
            raise RelscaleError(f"{path}: no such config file")
        config = _merged(config, _mapping(read(path), str(path)))
    config = _merged(config, _unquoted(overrides or {}))
    name = " + ".join([*map(str, paths), *(["--config"] if overrides else [])])
    return with_pins(check_config(config, name), paths)


def check_config(config: Any, name: str = "config") -> dict[str, Any]:
    """A checked copy of ``config`` with every default filled in.

    Each value is read as the type that the schema has at its place (``relscale.schema_values``): ``1e11`` and ``2e3``
    are numbers, whole where the schema says so, and ``no`` is a name where a name belongs.

    Raises
    ------
    RelscaleError
        A key is unknown, missing or out of its range, a number is not finite, or a reference between sections leads
        nowhere.
    """
    try:
        config = values_of(_schema(), _mapping(config, ""))
        errors = list(_validator().iter_errors(config))
        if errors:
            raise RelscaleError(_explain(min(errors, key=lambda error: list(map(str, error.path)))))
        _check_source(config)
        if config["runs"]["source"] == "train":
            for corpus, options in config["corpora"].items():
                _check_corpus(f"corpora.{corpus}", options, config)
            _check_budgets(config["design"])
    except RelscaleError as error:
        raise RelscaleError(f"{name}: {shortened(str(error), LONGEST)}") from None
    for options in config["suites"].values():
        if isinstance(options.get("lm_eval"), str):
            options["lm_eval"] = [options["lm_eval"]]
    return config


def corpus_parts(options: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a corpus, each with its source and weight, and a part where it names one; of most a single one."""
    parts: list[dict[str, Any]] = options.get("parts") or [
        {key: options[key] for key in ("source", "part") if key in options} | {"weight": 1}
    ]
    return parts


def shortened(text: str, most: int) -> str:
    """A text as one line of at most ``most`` characters, what is between its ends left out."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return line if len(line) <= most else f"{line[: most * 2 // 3]} … {line[len(line) - most // 3 :]}"


def _mapping(config: Any, name: str) -> dict[str, Any]:
    if isinstance(config, dict):
        return config
    where = f"{name}: " if name else ""
    raise RelscaleError(f"{where}a config is a mapping of keys, with 'experiment' among them")


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


def _check_source(config: dict[str, Any]) -> None:
    """What belongs to one source of runs stands with no other."""
    source = config["runs"]["source"]
    for key, owner in (("tables", "measurements"), ("table", "checkpoints")):
        if key in config["runs"] and source != owner:
            raise RelscaleError(
                f"runs.{key}: is read where runs.source is {owner!r}; name it or leave them out"
            )
    for key in ("sources", "corpora", "design"):
        if key in config and source == "measurements":
            raise RelscaleError(f"{key}: nothing is trained where runs.source is {source!r}; leave it out")


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


def _check_budgets(design: dict[str, Any]) -> None:
    """What is said of single budgets is said of budgets that are tried, and once of each."""
    budgets = set(map(float, design["budgets"]))
    if len(budgets) < len(design["budgets"]):
        raise RelscaleError("design.budgets: the same budget stands there twice")
    for key in ("widths", "seeds"):
        by_budget = design.get(key)
        said: set[float] = set()
        for budget in by_budget if isinstance(by_budget, dict) else ():
            value = _float(budget)
            if value not in budgets:
                raise RelscaleError(f"design.{key}: {budget} is not among the budgets")
            if value in said:
                raise RelscaleError(f"design.{key}: the budget {budget} stands there twice")
            said.add(value)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = load(SCHEMA)
    return schema


@cache
def _validator() -> Any:
    return _filling_defaults(jsonschema.Draft202012Validator)(_schema())


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
    return f"{key}: {_reason(error)}" if key else _reason(error)


def _reason(error: jsonschema.ValidationError) -> str:
    value, allowed = shortened(repr(error.instance), SHOWN), error.validator_value
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(error.schema.get("properties", {}))
        unknown = next(str(name) for name in error.instance if name not in known)
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(known)}"
        return f"unknown key {shortened(repr(unknown), SHOWN)}; {hint}"
    if error.validator == "enum":
        return f"{value} is not one of {', '.join(map(repr, allowed))}"
    if error.validator == "required":
        missing = next(name for name in allowed if name not in error.instance)
        return f"{missing!r} is missing"
    if error.validator == "pattern" and allowed == NOT_BLANK:
        return f"{value} is blank; a name is a text that one can read"
    if error.instance is None and error.validator == "type":
        return "is empty; give a value, or leave the key out"
    if error.validator == "type" and allowed == "array":
        is_single = isinstance(error.instance, str | int | float)
        hint = f"; one of a single entry is written [{value}]" if is_single else ""
        return f"{value} is no list{hint}"
    return error.message.replace(repr(error.instance), value)


def unknown_name(where: str, kind: str, name: str, known: Sequence[str], place: str = "") -> str:
    """A message about a name that is none of those there are: the one that it comes near, or the first of them."""
    close = difflib.get_close_matches(name, known, n=1)
    listed = (
        f"{', '.join(known[:MOST_LISTED])}{' …' if len(known) > MOST_LISTED else ''}" if known else "none"
    )
    hint = f"did you mean {close[0]!r}?" if close else f"there are {listed}"
    what = " ".join(word for word in ("no", kind, shortened(repr(name), SHOWN), place) if word)
    return f"{where}: {what}; {hint}"


def _key(error: jsonschema.ValidationError) -> str:
    return ".".join(shortened(str(part), SHOWN) for part in error.absolute_path)
