"""A message about a value that violates the schema of the config: the key, its problem, and what is allowed."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from relscale.experiments.messages import SHOWN, shortened
from relscale.experiments.section import NOT_BLANK
from relscale.storage.tables import listed
from relscale.suggestions import nearest

if TYPE_CHECKING:
    import jsonschema

CHANGES_NO_NUMBER = "texts of messages"

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


def explain(error: "jsonschema.ValidationError") -> str:
    """A message of one line: the key, its problem, and what is allowed."""
    if error.validator == "oneOf" and not error.context and isinstance(error.instance, dict):
        keys = [key for way in error.validator_value for key in way.get("required", ())]
        return f"{_key(error)}: give one of {', '.join(keys)}, not several"
    if error.context:  # of several alternatives, the one that fits best has the most useful message
        return explain(max(error.context, key=lambda cause: (len(cause.path), cause.validator != "type")))
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


def _key(error: "jsonschema.ValidationError") -> str:
    return ".".join(shortened(str(part), SHOWN) for part in error.absolute_path)
