"""Hover texts of points, with numbers formatted as everywhere else in a figure."""

from collections.abc import Sequence
from typing import Any

from relscale.figures.chart.numbers import known, significant


def hover_properties(
    template: str | None,
    x: Sequence[float | None],
    y: Sequence[float | None],
    details: Sequence[Any] | None,
) -> dict[str, Any]:
    """Properties of a trace that shows ``template`` on hover, or nothing if it is None.

    ``%{x}`` and ``%{y}`` are replaced by the coordinates of a point, formatted here because plotly's formats differ,
    and ``%{customdata}`` by its entry of ``details``.
    """
    if template is None:
        return {"hoverinfo": "skip", "customdata": details}
    texts = [
        [_formatted(a, 3), _formatted(b, 4), "" if detail is None else detail]
        for a, b, detail in zip(x, y, details or [""] * len(x), strict=True)
    ]
    for name, entry in (("x", 0), ("y", 1), ("customdata", 2)):
        template = template.replace(f"%{{{name}}}", f"%{{customdata[{entry}]}}")
    return {"hovertemplate": f"{template}<extra></extra>", "customdata": texts}


def _formatted(value: float | None, digits: int) -> str:
    return significant(value, digits) if value is not None and known(value) else ""
