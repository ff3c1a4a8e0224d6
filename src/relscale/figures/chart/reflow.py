"""A figure on a page of any width: how its panels, key and notes are arranged, from wide to narrow.

A figure is drawn for the width that suits it (`Grid`). On a narrower page its panels shrink to ``SMALLEST`` of their
width; then the key goes below; then fewer panels stand side by side. Data are the same in every arrangement: one is a
few changes of the layout. Between two arrangements the panels stretch, as plotly's ``autosize`` has it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from relscale.figures.chart.style import SIZE
from relscale.figures.chart.text import text_width, wrap
from relscale.figures.page import TITLE, TITLE_LINE

LINE = 18  # for a line of small print
KEY_LINE = 22
KEY_SAMPLE = 62  # a key's sample of line and symbol, with the space around it
SMALLEST = 0.75  # of its width is what a panel shrinks to before fewer stand side by side
SCALE = 200  # pixels that a scale of colours is long
NARROWEST = 320  # pixels of the narrowest page
END_NAME = "end"  # of the annotations and shapes that name the ends of lines

Changes = dict[str, Any]  # of a layout, as Plotly.relayout takes them


@dataclass(slots=True)
class Arrangeable:
    """The sizes of a grid in pixels: its panels and the margins around them.

    Attributes
    ----------
    heights
        Of the panels, by row.
    by_row
        Whether panels are read row by row; else those of a column belong together.
    left, right, bottom, top
        Around all panels, without key and notes; ``top`` without the title.
    keys
        The names in the legend, its title first where it has one.
    notes
        The small print below, and the place of its annotation in the layout.
    titles
        Of the axes that have one only at the edge of the grid: the name of the axis in the layout, and the title.
    names_of
        The vertical axes of names that the panel to the left has too.
    names
        Pixels of ``right`` for names at the ends of lines, for which the narrowest page has the key instead; 0 where
        the key is always shown.
    scale
        The title of a scale of colours under the key, for which a narrow page has no room; empty where there is none.
    least
        The width that the figure needs; a narrower page scrolls.
    """

    title: str
    width: int
    heights: Sequence[int]
    columns: int
    gap_x: int
    gap_y: int
    left: int
    right: int
    bottom: int
    top: int
    by_row: bool
    keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    note: int = -1
    titles: dict[str, str] = field(default_factory=dict)
    names_of: set[str] = field(default_factory=set)
    names: int = 0
    scale: str = ""
    least: int = NARROWEST

    @property
    def key_width(self) -> int:
        """Pixels of a legend to the right."""
        wide = max((text_width(key, SIZE - 1) for key in self.keys), default=0) + KEY_SAMPLE
        return math.ceil(max(wide, text_width(self.scale, SIZE - 1))) + 22

    def page(self, columns: int, key_at_side: bool, share: float = 1.0) -> int:
        """Width in pixels of ``columns`` panels at ``share`` of their width, with the key beside them or below."""
        panels = columns * share * self.width + (columns - 1) * self.gap_x
        return math.ceil(
            self.left + panels + self.right + (self.key_width if key_at_side and self.keys else 0)
        )

    @property
    def natural(self) -> int:
        """Pixels that the figure is drawn for."""
        title = math.ceil(text_width(self.title, SIZE + 3) + 28)
        return max(self.page(self.columns, key_at_side=True), title)


def arrangements(figure: go.Figure, parts: Arrangeable) -> list[tuple[int, Changes]]:
    """Arrangements from wide to narrow: the least width of the page that each is for, and its layout."""
    layout = figure.layout.to_plotly_json()
    down = [columns for columns in range(parts.columns, 0, -1) if _is_balanced(parts.columns, columns)]
    if not parts.names:
        cases = [
            (columns, key) for columns in down for key in ("beside", "below") if parts.keys or key == "below"
        ]
        cases = [case for case in cases if case == (parts.columns, "beside") or case[1] == "below"]
    else:
        cases = [*((columns, "named") for columns in down), (1, "below")]
    widths = [parts.page(columns, key == "beside", SMALLEST) for columns, key in cases[:-1]] + [0]
    layouts = []
    for width, (columns, key) in zip(widths, cases, strict=True):
        changes = _panels(parts, set(layout), columns)
        layouts.append((width, changes | _around(parts, max(width, NARROWEST), changes.pop("height"), key)))
        if parts.names:
            for kind in ("annotations", "shapes"):
                named = [
                    i
                    for i, annotation in enumerate(layout.get(kind, ()))
                    if annotation.get("name") == END_NAME
                ]
                layouts[-1][1].update({f"{kind}[{i}].visible": key == "named" for i in named})
    return layouts


def _is_balanced(panels: int, columns: int) -> bool:
    """Whether no fewer columns take as many rows: of four panels two and two, not three and one."""
    return columns == math.ceil(panels / math.ceil(panels / columns))


def _lines(parts: Arrangeable, columns: int) -> Iterator[tuple[int, list[int], bool]]:
    """The rows of an arrangement: the row that gives the height, the panels' numbers, whether it begins a block."""
    rows = range(len(parts.heights))
    chunks = [range(i, min(i + columns, parts.columns)) for i in range(0, parts.columns, columns)]
    pairs = (
        [(row, chunk, True) for row in rows for chunk in chunks]
        if parts.by_row
        else [(row, chunk, row == 0) for chunk in chunks for row in rows]
    )
    for row, chunk, begins in pairs:
        yield row, [row * parts.columns + column for column in chunk], begins


def _panels(parts: Arrangeable, present: set[str], columns: int) -> Changes:
    """The axes with so many panels side by side, and the panels' height together."""
    lines = [
        (row, [panel for panel in panels if f"xaxis{panel + 1 if panel else ''}" in present], begins)
        for row, panels, begins in _lines(parts, columns)
    ]
    lines = [line for line in lines if line[1]]
    apart = max(
        parts.gap_y, parts.bottom + parts.top + 6
    )  # of blocks: titles of axes and headings are between
    gaps = [
        (apart if columns < parts.columns or parts.by_row else parts.gap_y) if begins else parts.gap_y
        for _, _, begins in lines[1:]
    ]
    if parts.by_row:
        gaps = [parts.gap_y] * len(gaps)
    height = sum(parts.heights[row] for row, _, _ in lines) + sum(gaps)
    wide = columns * parts.width + (columns - 1) * parts.gap_x
    changes: Changes = {"height": height}
    top = 0
    for i, (row, panels, _) in enumerate(lines):
        last = i + 1 == len(lines) or lines[i + 1][2]
        for place, panel in enumerate(panels):
            left, name = place * (parts.width + parts.gap_x), panel + 1 if panel else ""
            changes[f"xaxis{name}.domain"] = [left / wide, (left + parts.width) / wide]
            changes[f"yaxis{name}.domain"] = [
                1 - (top + parts.heights[row]) / height,
                1 - top / height,
            ]
            if f"yaxis{name}" in parts.names_of:
                changes[f"yaxis{name}.showticklabels"] = place == 0
            for axis, is_shown in ((f"xaxis{name}", last), (f"yaxis{name}", place == 0)):
                if axis in parts.titles:
                    changes[f"{axis}.title.text"] = parts.titles[axis] if is_shown else None
        top += parts.heights[row] + (gaps[i] if i < len(gaps) else 0)
    return changes


def _around(parts: Arrangeable, page: int, height: int, key: str) -> Changes:
    """Title, key (beside, below or named at the ends of lines) and notes around panels, on a page of that width."""
    title = wrap(parts.title, page - 28, SIZE + 3)
    top = TITLE + TITLE_LINE * (len(title) - 1) + parts.top + 6
    bottom, right = parts.bottom, parts.right - (parts.names if key == "below" else 0)
    changes: Changes = {
        "title.text": "<br>".join(title),
        "title.pad.t": 12 if len(title) == 1 else 26,
        "showlegend": bool(parts.keys) and key != "named",
    }
    if parts.keys and key == "beside":
        right += parts.key_width
        bottom += max(0, KEY_LINE * len(parts.keys) + 10 - height - 40)
        changes |= {
            "legend.orientation": "v",
            "legend.xref": "container",
            "legend.x": 1,
            "legend.xanchor": "right",
            "legend.y": 1,
        }
    elif parts.keys and key == "below":
        changes |= {
            "legend.orientation": "h",
            "legend.xref": "paper",
            "legend.x": 0,
            "legend.xanchor": "left",
            "legend.y": -(bottom - 6) / height,
        }
        bottom += KEY_LINE * _key_lines(parts.keys, page - parts.left - right) + 10
    if parts.scale:
        changes["coloraxis.showscale"] = key == "beside"
    notes = [line for note in parts.notes for line in wrap(note, page - 28, SIZE - 2)]
    if notes:
        changes |= {
            f"annotations[{parts.note}].text": "<br>".join(notes),
            f"annotations[{parts.note}].xshift": 14 - parts.left,
            f"annotations[{parts.note}].yshift": -(bottom + 4),
        }
        bottom += LINE * len(notes) + 14
    return changes | {
        "margin.r": right,
        "margin.t": top,
        "margin.b": bottom,
        "height": top + height + bottom,
    }


def _key_lines(keys: Sequence[str], width: int) -> int:
    """Lines that a legend takes below panels, entries of one width side by side."""
    wide = max(text_width(key, SIZE - 1) for key in keys) + KEY_SAMPLE + 10
    return math.ceil(len(keys) / max(1, int(width // wide)))
