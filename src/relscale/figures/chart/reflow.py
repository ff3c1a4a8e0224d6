"""Arrangements of a figure's panels, legend and notes for pages of any width, from wide to narrow.

A figure is drawn at its natural width (`Grid`), and its notes extend over the whole figure. On a narrower page its
panels first shrink to ``SMALLEST`` of their width; then the legend moves below them; then fewer panels are side by
side. Every arrangement has the same data and changes only the layout. Between two arrangements, plotly's
``autosize`` stretches the panels.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import plotly.graph_objects as go

from relscale.figures.chart.style import SIZE
from relscale.figures.chart.text import text_width, wrap
from relscale.figures.page import TITLE, TITLE_LINE

LINE = 18  # pixels for a line of small print
KEY_LINE = 22
KEY_SAMPLE = 62  # a key's sample of line and symbol, with the space around it
SMALLEST = 0.75  # share of its width to which a panel shrinks before fewer are side by side
COLOUR_SCALE = 200  # pixels: length of a colour scale
NARROWEST = 320  # pixels of the narrowest page
SIDE = 14  # pixels at the left and right of title and notes
END_LABEL = "end"  # name of the annotations and shapes that label the ends of lines

Changes = dict[str, Any]  # of a layout, as Plotly.relayout takes them
KeyPosition = Literal["beside", "below", "end labels"]  # end labels replace the legend


@dataclass(slots=True)
class GridContent:
    """The panels, legend and notes of a grid, with their sizes in pixels.

    Attributes
    ----------
    width, heights
        Width of a panel, and height of the panels of each row.
    gap_x, gaps
        Space between the panels of a row, and below each row. The last row has one, too: a narrow page may break it.
    by_row
        Whether panels are read row by row; otherwise the panels of a column belong together.
    left, right, bottom, top
        Margins around all panels, without title, legend and notes.
    keys
        Names in the legend, after its title if it has one.
    notes, note_annotation
        The notes below the panels, and the index of their annotation in the layout.
    titles
        Titles of the axes that show one only at the edge of the grid, by the axis' name in the layout.
    shared_names
        The vertical axes with the same names as the panel to their left.
    end_labels_width
        The part of ``right`` for labels at the ends of lines, which the legend replaces on the narrowest page; 0 if
        the legend is always shown.
    colour_scale
        Title of the colour scale below the legend, which a narrow page does not show; empty without a scale.
    least_width
        The least width of the figure; a narrower page scrolls.
    """

    title: str
    width: int
    heights: Sequence[int]
    columns: int
    gap_x: int
    gaps: Sequence[int]
    left: int
    right: int
    bottom: int
    top: int
    by_row: bool
    keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    note_annotation: int = -1
    titles: dict[str, str] = field(default_factory=dict)
    shared_names: set[str] = field(default_factory=set)
    end_labels_width: int = 0
    colour_scale: str = ""
    least_width: int = NARROWEST

    @property
    def key_width(self) -> int:
        """Width of a legend to the right of the panels."""
        names = max((text_width(key, SIZE - 1) for key in self.keys), default=0) + KEY_SAMPLE
        return math.ceil(max(names, text_width(self.colour_scale, SIZE - 1))) + 22

    def page_width(self, columns: int, key: KeyPosition, share: float = 1.0) -> int:
        """Width of a page with ``columns`` panels side by side, each at ``share`` of its width."""
        panels = columns * share * self.width + (columns - 1) * self.gap_x
        key_width = self.key_width if key == "beside" and self.keys else 0
        return math.ceil(self.left + panels + self.right + key_width)

    @property
    def natural_width(self) -> int:
        """Width at which the figure is drawn."""
        title = math.ceil(text_width(self.title, SIZE + 3) + 2 * SIDE)
        return max(self.page_width(self.columns, "beside"), title)


def arrangements(figure: go.Figure, content: GridContent) -> list[tuple[int, Changes]]:
    """The arrangements from wide to narrow: the smallest page width of each, and its changes of the layout."""
    layout = figure.layout.to_plotly_json()
    cases = _cases(content)
    widths = [content.page_width(columns, key, SMALLEST) for columns, key in cases[:-1]] + [0]
    cases, widths = [cases[0], *cases], [content.natural_width, *widths]
    end_labels = [
        f"{kind}[{i}].visible"
        for kind in ("annotations", "shapes")
        for i, label in enumerate(layout.get(kind, ()))
        if label.get("name") == END_LABEL and content.end_labels_width
    ]
    arranged = []
    for width, (columns, key) in zip(widths, cases, strict=True):
        height, changes = _panels(content, set(layout), columns)
        changes |= _margins(content, max(width, NARROWEST), height, key)
        arranged.append((width, changes | dict.fromkeys(end_labels, key == "end labels")))
    return arranged


def _cases(content: GridContent) -> list[tuple[int, KeyPosition]]:
    """The number of panels side by side and the position of the legend, from wide to narrow."""
    all_columns = range(content.columns, 0, -1)
    columns = [number for number in all_columns if _is_balanced(content.columns, number)]
    if content.end_labels_width:
        return [*((number, "end labels") for number in columns), (1, "below")]
    beside: list[tuple[int, KeyPosition]] = [(content.columns, "beside")] if content.keys else []
    return [*beside, *((number, "below") for number in columns)]


def _is_balanced(panels: int, columns: int) -> bool:
    """Whether fewer columns need more rows: of four panels two and two, not three and one."""
    return columns == math.ceil(panels / math.ceil(panels / columns))


class PanelRow(NamedTuple):
    """Panels side by side in an arrangement: their height, the space below them, their numbers, and whether a block
    begins with them.
    """

    height: int
    gap: int
    panels: list[int]
    begins_block: bool


def _panel_rows(content: GridContent, present: set[str], columns: int) -> Iterator[PanelRow]:
    """The rows of an arrangement with ``columns`` panels side by side, without panels that have no axes."""
    rows = range(len(content.heights))
    chunks = [
        range(first, min(first + columns, content.columns)) for first in range(0, content.columns, columns)
    ]
    parts = (
        [(row, chunk, True) for row in rows for chunk in chunks]
        if content.by_row
        else [(row, chunk, row == 0) for chunk in chunks for row in rows]
    )
    for row, chunk, begins_block in parts:
        numbers = [row * content.columns + column for column in chunk]
        panels = [number for number in numbers if f"xaxis{_suffix(number)}" in present]
        if panels:
            yield PanelRow(content.heights[row], content.gaps[row], panels, begins_block)


def _suffix(panel: int) -> str:
    """The end of the names of a panel's axes."""
    return str(panel + 1) if panel else ""


def _panels(content: GridContent, present: set[str], columns: int) -> tuple[int, Changes]:
    """The height of all panels, and their axes, with ``columns`` panels side by side."""
    rows = list(_panel_rows(content, present, columns))
    is_broken = columns < content.columns and not content.by_row
    block_gap = content.bottom + content.top + 6  # room for titles of axes and headings
    gaps = [
        max(row.gap, block_gap) if below.begins_block and is_broken else row.gap
        for row, below in pairwise(rows)
    ]
    height = sum(row.height for row in rows) + sum(gaps)
    width = columns * content.width + (columns - 1) * content.gap_x
    changes: Changes = {}
    top = 0
    for row, gap, below in zip(rows, [*gaps, 0], [*rows[1:], None], strict=True):
        is_last = below is None or below.begins_block
        for position, panel in enumerate(row.panels):
            left = position * (content.width + content.gap_x)
            x_axis, y_axis = f"xaxis{_suffix(panel)}", f"yaxis{_suffix(panel)}"
            changes[f"{x_axis}.domain"] = [left / width, (left + content.width) / width]
            changes[f"{y_axis}.domain"] = [1 - (top + row.height) / height, 1 - top / height]
            if y_axis in content.shared_names:
                changes[f"{y_axis}.showticklabels"] = position == 0
            for axis, has_title in ((x_axis, is_last), (y_axis, position == 0)):
                if axis in content.titles:
                    changes[f"{axis}.title.text"] = content.titles[axis] if has_title else None
        top += row.height + gap
    return height, changes


def _margins(content: GridContent, page: int, height: int, key: KeyPosition) -> Changes:
    """Title, legend, notes and margins around panels of this height, on a page of this width."""
    title = wrap(content.title, page - 2 * SIDE, SIZE + 3)
    top = TITLE + TITLE_LINE * (len(title) - 1) + content.top + 6
    bottom = content.bottom
    right = content.right - (content.end_labels_width if key == "below" else 0)
    changes: Changes = {
        "title.text": "<br>".join(title),
        "title.pad.t": 12 if len(title) == 1 else 26,
        "showlegend": bool(content.keys) and key != "end labels",
    }
    if content.keys and key == "beside":
        right += content.key_width
        bottom += max(0, KEY_LINE * len(content.keys) + 10 - height - 40)
        changes |= {
            "legend.orientation": "v",
            "legend.xref": "container",
            "legend.x": 1,
            "legend.xanchor": "right",
            "legend.y": 1,
        }
    elif content.keys and key == "below":
        changes |= {
            "legend.orientation": "h",
            "legend.xref": "paper",
            "legend.x": 0,
            "legend.xanchor": "left",
            "legend.y": -(bottom - 6) / height,
        }
        bottom += KEY_LINE * _key_lines(content.keys, page - content.left - right) + 10
    if content.colour_scale:
        changes["coloraxis.showscale"] = key == "beside"
    notes = [line for note in content.notes for line in wrap(note, page - 2 * SIDE, SIZE - 2)]
    if notes:
        annotation = f"annotations[{content.note_annotation}]"
        changes |= {
            f"{annotation}.text": "<br>".join(notes),
            f"{annotation}.xshift": SIDE - content.left,
            f"{annotation}.yshift": -(bottom + 4),
        }
        bottom += LINE * len(notes) + 14
    return changes | {
        "margin.r": right,
        "margin.t": top,
        "margin.b": bottom,
        "height": top + height + bottom,
    }


def _key_lines(keys: Sequence[str], width: int) -> int:
    """Lines of a legend below panels, with entries of equal width side by side."""
    entry = max(text_width(key, SIZE - 1) for key in keys) + KEY_SAMPLE + 10
    return math.ceil(len(keys) / max(1, int(width // entry)))
