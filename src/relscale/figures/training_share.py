"""A domain's slope against its share of the training tokens (the paper's Figure 5c).

Top: β of each group's own law. Bottom: Δβ against the baseline. A column is a corpus.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData, Row, Series, Suite
from relscale.figures.law_lines import ABOUT, ESTIMANDS, known
from relscale.figures.panels import (
    HEADING,
    LINE,
    Panels,
    empty,
    footnotes,
    heading,
    level_line,
    note_in_panel,
    panels,
    set_axes,
)

TITLE = "Slope and training share"
PREFERRED = "domains"
FEWEST = 4  # groups that a correlation needs, and even then it only describes
SLOPES = (
    ("power_law", "beta", "β, error ∝ F<sup>−β</sup> (no unit)"),
    ("relative_power_law", "delta_beta", "Δβ (no unit)"),
)
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels from the panel's top left corner
LABEL = theme.SIZE - 2
ROUNDS = 4
# Where a label may stand beside its point: plotly's name, and its corner nearest to the point, in widths and heights.
PLACES = (
    ("middle right", 0.0, -0.5),
    ("middle left", -1.0, -0.5),
    ("top center", -0.5, 0.0),
    ("bottom center", -0.5, -1.0),
    ("top right", 0.0, 0.0),
    ("bottom right", 0.0, -1.0),
    ("top left", -1.0, 0.0),
    ("bottom left", -1.0, -1.0),
)


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw one suite whose groups have training shares: ``options["suite"]``, else ``domains``, else the first.

    Raises
    ------
    RelscaleError
        There is no suite of that name, or a token store's manifest is missing.
    """
    shares = {series.label: data.training_shares(series.corpus) for series in data.series}
    shared = set.union(set(), *shares.values())
    names = [options["suite"]] if options.get("suite") else data.suite_names()
    suites = [data.suite(name, options) for name in names]
    suites = [suite for suite in suites if len(shared & set(suite.labels)) > 1]
    if not suites:
        return empty(TITLE, "No suite has groups whose shares of the training tokens were recorded.")
    suite = next((suite for suite in suites if suite.name == PREFERRED), suites[0])
    grid = panels(
        f"{TITLE}: {suite.title}",
        2,
        len(data.series),
        height=290,
        gap_y=84 + LINE,
        gap_x=84,
        top=HEADING + LINE,
    )
    points = {
        (series.label, law): _points(data, series, suite, law, parameter, shares[series.label], options)
        for series in data.series
        for law, parameter, _ in SLOPES
    }
    percents = [100 * point["share"] for told in points.values() for point in told]
    x = theme.log_axis(percents, "share of training tokens (%)", pad=0.25)
    styles = theme.styles(list(suite.labels), suite.baseline)
    for row, (law, _, title) in enumerate(SLOPES):
        for column, series in enumerate(data.series):
            told = points[series.label, law]
            ends = [point[end] for point in told for end in ("value", "low", "high") if known(point[end])]
            y = theme.linear_axis(ends, _title(suite, law, title), pad=0.12, zero=law == "relative_power_law")
            set_axes(grid, row, column, x, y)
            heading(grid, row, column, series.label, _correlation(told))
            if law == "relative_power_law":
                level_line(grid, row, column, 0.0)
            if told:
                _draw_panel(grid, row, column, told, suite, styles, x["range"], y["range"])
            else:
                note_in_panel(grid, row, column, "no law was fitted to a group with a known share")
    intervals = {
        (point["level"], point["estimand"])
        for told in points.values()
        for point in told
        if known(point["low"])
    }
    notes = [f"Bars: {level:.0%} interval for {ABOUT[estimand]}." for level, estimand in sorted(intervals)]
    notes.append(
        "Correlations, of slope with log share, describe these groups; groups are few and were not drawn at random, so "
        "they test nothing."
    )
    footnotes(grid, notes)
    return grid.figure


def _title(suite: Suite, law: str, title: str) -> str:
    return f"Δβ against {suite.baseline_label} (no unit)" if law == "relative_power_law" else title


def _points(
    data: FigureData,
    series: Series,
    suite: Suite,
    law: str,
    parameter: str,
    shares: dict[str, float],
    options: dict[str, Any],
) -> list[Row]:
    """The slopes of the groups with a known share, each with the interval of the widest estimand that has one."""
    found = []
    for group in suite.labels:
        if not shares.get(group):
            continue
        rows = data.rows("fits", **series.key, **suite.key, group=group, law=law, parameter=parameter)
        rows = [row for row in rows if known(row["value"]) and row["estimand"] in ESTIMANDS]
        if options.get("estimand"):
            rows = [row for row in rows if row["estimand"] == options["estimand"]]
        rows.sort(key=lambda row: (not known(row["low"], row["high"]), ESTIMANDS.index(row["estimand"])))
        found += [row | {"share": shares[group]} for row in rows[:1]]
    return found


def _draw_panel(
    grid: Panels,
    row: int,
    column: int,
    points: Sequence[Row],
    suite: Suite,
    styles: dict[str, theme.Style],
    x_range: Sequence[float],
    y_range: Sequence[float],
) -> None:
    axes = grid.axes(row, column)
    width, height = grid.width, grid.heights[row]

    def across(percent: float) -> float:
        return (float(np.log10(percent)) - x_range[0]) / (x_range[1] - x_range[0]) * width

    def down(value: float) -> float:
        return (y_range[1] - value) / (y_range[1] - y_range[0]) * height

    spots = [(across(100 * point["share"]), down(point["value"])) for point in points]
    bars = [
        (x - 5, down(point["high"]), x + 5, down(point["low"]))
        for (x, _), point in zip(spots, points, strict=True)
        if known(point["low"], point["high"])
    ]
    if y_range[0] < 0 < y_range[1] and row == 1:
        bars.append((0, down(0) - 2, width, down(0) + 2))
    labels = [suite.labels[point["group"]] for point in points]
    places = place_labels(spots, labels, bars, width, height)
    for point, label, place in zip(points, labels, places, strict=True):
        style = styles[point["group"]]
        bar = None
        if known(point["low"], point["high"]):
            up, down_by = point["high"] - point["value"], point["value"] - point["low"]
            bar = {
                "type": "data",
                "array": [up],
                "arrayminus": [down_by],
                "color": style.colour,
                "thickness": 1.5,
            }
        grid.figure.add_trace(
            go.Scatter(
                x=[100 * point["share"]],
                y=[point["value"]],
                error_y=bar,
                mode="markers+text",
                marker=style.marker(10),
                text=[label],
                textposition=place,
                textfont={"size": LABEL},
                hovertemplate=f"{label}: %{{x:.2f}}% of training tokens<br>slope %{{y:.4f}}<extra></extra>",
                showlegend=False,
                **axes,
            )
        )


def place_labels(
    spots: Sequence[tuple[float, float]],
    labels: Sequence[str],
    bars: Sequence[Box],
    width: float,
    height: float,
) -> list[str]:
    """A place for each label beside its point, plotly's name of it, covering as little as can be had.

    Each label in turn takes the place where it covers the least of points, bars and the other labels and leaves the
    panel the least, the first of ``PLACES`` among equals; a few rounds settle it.
    """
    marks = [(x - 7, y - 7, x + 7, y + 7) for x, y in spots] + list(bars)
    offers = [_offers(spot, label) for spot, label in zip(spots, labels, strict=True)]
    chosen = [own[0] for own in offers]
    panel = (2.0, 2.0, width - 2, height - 2)

    def cost(box: Box, others: Sequence[Box]) -> float:
        area = (box[2] - box[0]) * (box[3] - box[1])
        return 3 * (area - _overlap(box, panel)) + sum(_overlap(box, other) for other in (*marks, *others))

    for _ in range(ROUNDS):
        for i, own in enumerate(offers):
            others = [box for j, (_, box) in enumerate(chosen) if j != i]
            chosen[i] = min(own, key=lambda offer: cost(offer[1], others))
    return [name for name, _ in chosen]


def _offers(spot: tuple[float, float], label: str) -> list[tuple[str, Box]]:
    """The places of one label, with the box that it would take."""
    wide, high = theme.text_width(label, LABEL) + 4, LABEL + 2
    found = []
    for name, right, up in PLACES:
        left = spot[0] + right * wide + (8 if right == 0 else -8 if right == -1 else 0)
        bottom = spot[1] - up * high - (8 if up == 0 else -8 if up == -1 else 0)
        found.append((name, (left, bottom - high, left + wide, bottom)))
    return found


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0)


def _correlation(points: Sequence[Row]) -> str:
    if len(points) < FEWEST:
        return f"{len(points)} groups: too few to correlate"
    share = np.log([point["share"] for point in points])
    slope = np.array([point["value"] for point in points])
    pearson, spearman = correlation(share, slope), correlation(ranks(share), ranks(slope))
    return f"{len(points)} groups: Pearson {_signed(pearson)}, rank correlation {_signed(spearman)}"


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's r; nan where either does not vary."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else float("nan")


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0; equal values share the mean of theirs."""
    below = (values[None, :] < values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    return np.asarray(below + (equal - 1) / 2, dtype=float)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if np.isfinite(value) else "undefined"
