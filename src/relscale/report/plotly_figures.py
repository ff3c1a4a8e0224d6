"""The section of interactive figures: plotly.js and all figures are compressed in the page, and drawn on scrolling."""

import base64
import copy
import gzip
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from relscale.figures.page import CONFIG, POINTED, TITLE, TITLE_LINE
from relscale.report.data_table import folded_table
from relscale.report.markup import Markup, element, identifier, section
from relscale.report.report_data import ReportFigure

MOST_POINTS = 60  # points per trace in the table of a figure's numbers
INTERACTIVE = (
    "Hover over a mark for its numbers, click a name in the legend to hide it, double-click to reset."
)
TOP_MARGIN = 8  # pixels above a figure without its title


def figure_anchor(name: str) -> str:
    """The anchor of a figure."""
    return identifier("figure", name)


def figure_title(figure: ReportFigure) -> str:
    """The title of a figure."""
    title = (figure.drawn.get("layout", {}).get("title") or {}).get("text")
    return _plain(str(title or figure.name.replace("-", " ")))


def packed(figures: Sequence[ReportFigure]) -> list[Markup]:
    """The scripts with plotly.js and the figures; none without figures."""
    if not figures:
        return []
    library = resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()
    drawn = {figure_anchor(figure.name): _untitled(figure.drawn) for figure in figures}
    shown = {"config": CONFIG, "pointed": POINTED, "figures": drawn}
    return [
        _script("packed-plotly", library),
        _script("packed-figures", json.dumps(shown, separators=(",", ":")).encode()),
    ]


def figure_section(figure: ReportFigure) -> Markup:
    """A figure with its heading, caption, and table of numbers."""
    layout = figure.drawn.get("layout", {})
    title = figure_title(figure)
    width, height = layout.get("width") or 900, layout.get("height") or 500
    anchor = figure_anchor(figure.name)
    return element(
        "figure",
        element("h3", element("a", title, href=f"#{anchor}")),
        element("figcaption", figure.caption),
        element(
            "div",
            element("div", class_="plot", data_figure=anchor, data_width=width, data_height=height),
            class_="plot-frame scroll",
            tabindex="0",
            role="region",
            aria_label=f"Figure: {title}",
        ),
        _numbers(figure.drawn),
        id=anchor,
        class_="plotly",
    )


def _untitled(figure: Mapping[str, Any]) -> dict[str, Any]:
    """A figure without its title, which is a heading of the page, and without the space for the title."""
    drawn = copy.deepcopy(dict(figure))
    layout = drawn.get("layout", {})
    arrangements = (layout.get("meta") or {}).get("arrangements", [])
    if not arrangements:
        return drawn
    layout.pop("title", None)
    for arrangement in arrangements:
        changes = arrangement["layout"]
        lines = str(changes.pop("title.text", "")).count("<br>") + 1
        changes.pop("title.pad.t", None)
        if "margin.t" not in changes:  # an empty figure, of which only the text is arranged
            continue
        title_space = TITLE + TITLE_LINE * (lines - 1) - TOP_MARGIN
        changes["margin.t"] -= title_space
        changes["height"] -= title_space
    return drawn


def _numbers(drawn: Mapping[str, Any]) -> Markup:
    """A table of the first points of each series and line, or of the cells if the figure is a table."""
    traces = drawn.get("data", [])
    columns = [trace["text"] for trace in traces if trace.get("mode") == "text"]
    if len(columns) == len(traces) and (cells := list(zip(*columns, strict=True))):
        head, *lines = ([_plain(cell) for cell in line] for line in cells)
        return folded_table("Data of this figure", head, _filled_down(lines))
    rows = []
    for trace in traces:
        x, y = _values(trace.get("x")), _values(trace.get("y"))
        name = _plain(str(trace.get("name") or trace.get("legendgroup") or ""))
        is_reference = trace.get("hoverinfo") == "skip" and not name
        if trace.get("mode") == "text" or trace.get("fill") or is_reference or not x or not y:
            continue  # the edge of a band would look like points of its series
        rows += [(name, _cell(a), _cell(b)) for a, b in list(zip(x, y, strict=False))[:MOST_POINTS]]
    return folded_table("Data of this figure", ("series", "x", "y"), rows)


def _filled_down(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """The lines of a table without section headings, with empty first cells replaced by the cell above."""
    filled: list[list[str]] = []
    for first, *others in lines:
        if any(others):
            filled.append([first or (filled[-1][0] if filled else ""), *others])
    return filled


def _values(column: Any) -> list[Any]:
    """A column of a trace as a list; plotly stores arrays in binary."""
    if isinstance(column, dict) and "bdata" in column:
        import numpy as np

        return list(
            np.frombuffer(base64.b64decode(column["bdata"]), dtype=np.dtype(column["dtype"])).ravel().tolist()
        )
    return column if isinstance(column, list) else []


def _cell(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else "" if value is None else _plain(str(value))


def _plain(text: str) -> str:
    """Text as plotly shows it, with entities resolved and without tags."""
    import html
    import re

    return html.unescape(re.sub(r"</?(b|i|br|sub|sup|span|a|em)\b[^<>]*>", " ", text)).strip()


def _script(anchor: str, data: bytes) -> Markup:
    packed_data = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return element("script", Markup(packed_data), id=anchor, type="text/plain")


def figures_section(figures: Sequence[ReportFigure]) -> Markup | None:
    """The section of all figures; None without figures."""
    if not figures:
        return None
    return section(
        "figures",
        "Figures",
        element("p", INTERACTIVE, class_="quiet"),
        *map(figure_section, figures),
        element("noscript", element("p", "These figures need JavaScript.")),
    )
