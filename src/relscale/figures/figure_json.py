"""A figure as plotly's JSON, in few characters."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DIGITS = 7  # significant digits of numbers in a figure, far more precise than a pixel


def figure_json(figure: "Figure") -> str:
    """The figure without spaces, and with floats rounded to ``DIGITS`` significant digits, which halves its size."""
    return json.dumps(_rounded(json.loads(figure.to_json())), ensure_ascii=False, separators=(",", ":"))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return value
