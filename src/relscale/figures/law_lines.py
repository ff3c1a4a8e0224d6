"""Fitted laws as curves: a power law through log-log points, with its interval, and the points themselves."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData, Row, Series, Suite, distinct
from relscale.figures.panels import Panels

POINTS = 17  # of a band's edge; the curve itself is straight in logs
MOST_NAMED = 4  # groups that a note names before it only counts
MOST_STYLED = (
    12  # groups that are told apart by colour, symbol and dash; of more, lines only, coloured by direction
)
MOST_LARGE = 40  # points of a group that are drawn large
MOST_POINTS = 4000  # of a panel of more than MOST_STYLED groups; beyond that, no points
LAWS = {"errors": "power_law", "gaps": "relative_power_law"}
VALUES = {"errors": "value", "gaps": "ratio"}
SLOPES = {"beta": -1, "delta_beta": 1, "exponent": 1}  # the sign of each in the law's log-log slope
MANY = {name: colour if name != "unclear" else "#8c8c8c" for name, (_, colour, _) in theme.DIRECTIONS.items()}
BASELINE = "baseline"  # its legend group, where groups have none of their own
ABOUT = {
    "item population": "the population of items",
    "these items": "these items (runs vary)",
    "validation loss": "the validation loss (runs vary)",
}
ESTIMANDS = tuple(ABOUT)  # the widest statement first


@dataclass(frozen=True)
class LawLine:
    """A fitted power law over the range it was fitted on.

    Attributes
    ----------
    low, high
        The interval's ends at each ``flops``, None where the fit has none.
    slope
        The fit row of the exponent, with its own interval.
    estimand
        What the interval is about: ``these items``, ``item population`` or ``validation loss``.
    """

    flops: list[float]
    value: list[float]
    low: list[float] | None
    high: list[float] | None
    slope: Row
    estimand: str


def law_line(rows: Sequence[Row], flops: Sequence[float], estimand: str | None = None) -> LawLine | None:
    """The curve that the fit rows of one law and one group describe, over the range of ``flops``.

    ``ln y(F) = ln y(F_ref) + s·z`` with ``z = ln(F / F_ref)``. Its half-width at F is ``√(h_ref² + 2ρ·h_ref·h_s·z +
    (h_s·z)²)`` with ``h_ref`` and ``h_s`` the half-widths of the two parameters' intervals and ρ the correlation of
    their estimates, which is 0 where points are independent and of one variance, and is not of checkpoints that share
    trainings, nor for the population of items. The two quantiles, which differ a little there, are taken as one.

    Parameters
    ----------
    rows
        Fit rows: a slope (``beta``, ``delta_beta`` or ``exponent``) and a level (``…_at_reference``).
    flops
        Training FLOPs of the fitted points.
    estimand
        Whose interval to take; else the widest statement that has one.

    Returns
    -------
    LawLine or None
        None where there is no fit.
    """
    positive = [value for value in flops if value and value > 0]
    lines = []
    for wanted in (estimand,) if estimand else ESTIMANDS:
        told = [row for row in rows if row["estimand"] == wanted]
        slope = next((row for row in told if row["parameter"] in SLOPES), None)
        level = next((row for row in told if row["parameter"].endswith("_at_reference")), None)
        if slope and level and positive and known(slope["value"], level["value"]) and level["value"] > 0:
            lines.append(_line(slope, level, min(positive), max(positive), wanted))
    return next((line for line in lines if line.low), lines[0] if lines else None)


def _line(slope: Row, level: Row, first: float, last: float, estimand: str) -> LawLine:
    reference = level["reference_flops"]
    sign = SLOPES[slope["parameter"]]
    exponent = sign * slope["value"]
    flops = [first * (last / first) ** (i / (POINTS - 1)) for i in range(POINTS)]
    away = [math.log(value / reference) for value in flops]
    value = [level["value"] * math.exp(exponent * x) for x in away]
    if not known(slope["low"], slope["high"], level["low"], level["high"]) or level["low"] <= 0:
        return LawLine(flops, value, None, None, slope, estimand)
    half_slope = (slope["high"] - slope["low"]) / 2
    half_level = math.log(level["high"] / level["low"]) / 2
    both = 2 * sign * (slope["correlation"] or 0.0) * half_level * half_slope
    half = [math.sqrt(max(half_level**2 + both * x + (half_slope * x) ** 2, 0.0)) for x in away]
    low = [y * math.exp(-h) for y, h in zip(value, half, strict=True)]
    high = [y * math.exp(h) for y, h in zip(value, half, strict=True)]
    return LawLine(flops, value, low, high, slope, estimand)


def known(*values: float | None) -> bool:
    """Whether every value is a finite number."""
    return all(value is not None and math.isfinite(value) for value in values)


@dataclass(frozen=True)
class Shown:
    """What panels came to show, for their axes and for the notes under the figure.

    Attributes
    ----------
    flops, values
        What the axes have to hold.
    fits
        (series, group, status of its fit), each in words.
    intervals
        (level, estimand) of the bands.
    schemes
        How the bands were made, where that is no t interval.
    points_left_out
        Points that are not drawn, being too many.
    """

    flops: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    fits: list[tuple[str, str, str]] = field(default_factory=list)
    intervals: set[tuple[float, str]] = field(default_factory=set)
    schemes: set[str] = field(default_factory=set)
    points_left_out: int = 0

    def __add__(self, other: "Shown") -> "Shown":
        return Shown(
            self.flops + other.flops,
            self.values + other.values,
            self.fits + other.fits,
            self.intervals | other.intervals,
            self.schemes | other.schemes,
            self.points_left_out + other.points_left_out,
        )

    def notes(self) -> list[str]:
        """What the bands are, and what each fit that is not simply ok has to say."""
        wide_first = sorted(self.intervals, key=lambda interval: ESTIMANDS.index(interval[1]))
        bands = [f"{level:.0%} interval for {ABOUT[estimand]}" for level, estimand in wide_first]
        notes = [f"Band: {'; where that is not known, '.join(bands)}."] if bands else []
        notes += [f"Bands by {scheme}." for scheme in sorted(self.schemes)]
        if self.points_left_out:
            notes.append(f"Lines only: the points are left out, {self.points_left_out:,} in all.")
        for series, status in distinct((series, status) for series, _, status in self.fits if status != "ok"):
            groups = distinct(group for told, group, _ in self.fits if told == series)
            these = distinct(group for told, group, why in self.fits if (told, why) == (series, status))
            named = ", ".join(these) if len(these) <= MOST_NAMED else f"{len(these)} groups"
            which = "" if these == groups else f", {named}"
            notes.append(f"{series}{which}: {status}.")
        return notes


def add_laws(
    grid: Panels,
    row: int,
    column: int,
    data: FigureData,
    series: Series,
    suite: Suite,
    styles: dict[str, theme.Style],
    table: str,
    estimand: str | None = None,
    unit: str = "FLOPs",
) -> Shown:
    """Draw each group's points and law into a panel: E(F) from ``errors``, G(F) from ``gaps``.

    The values returned are what the axis has to show: points and curves, and bands as far as they do not dwarf them.
    ``unit`` is that of compute, for what the mouse shows.
    """
    shown = Shown()
    for group, label in suite.labels.items():
        points = _points(data, series, suite, group, table)
        if not points:
            continue
        flops = [point["training_flops"] for point in points]
        values = [point[VALUES[table]] for point in points]
        fits = data.law_rows(**series.key, **suite.key, group=group, law=LAWS[table])
        line = law_line(fits, flops, estimand)
        trace = {**grid.axes(row, column), "legendgroup": f"{suite.name}/{group}", "name": label}
        few = len(points) <= MOST_LARGE
        marks = [
            go.Scatter(
                x=flops,
                y=values,
                mode="markers",
                marker=styles[group].marker(8 if few else 4) | {"opacity": 1 if few else 0.45},
                hovertemplate=f"{label}<br>%{{x:.3g}} {unit}<br>%{{y:.4g}}{_slope_text(line)}<extra></extra>",
                showlegend=False,
                **trace,
            )
        ]
        if line:
            curve = theme.line_with_band(line.flops, line.value, line.low, line.high, styles[group], **trace)
            marks = (
                [*curve, *marks] if few else [*marks, *curve]
            )  # a line that many points would bury is on top
            shown.values.extend([line.value[0], line.value[-1], *_bounded(line, values)])
            if line.low:
                shown.intervals.add((line.slope["level"], line.estimand))
                scheme = line.slope["scheme"] or ""
                shown.schemes.update([scheme] if "bootstrap" in scheme else [])
        grid.figure.add_traces(marks)
        shown.fits.append((series.label, label, _status(fits)))
        shown.flops.extend(flops)
        shown.values.extend(values)
    return shown


def add_many_laws(
    grid: Panels,
    row: int,
    column: int,
    data: FigureData,
    series: Series,
    suite: Suite,
    table: str,
    unit: str = "FLOPs",
) -> Shown:
    """Draw the laws of more groups than can be told apart by eye: thin lines, coloured by what their gap does.

    Names are shown when the mouse is over a line. Points are drawn, small, where they are not too many.
    """
    counts = 0
    shown = Shown()
    for group, label in suite.labels.items():
        points = _points(data, series, suite, group, table)
        if not points:
            continue
        flops = [point["training_flops"] for point in points]
        values = [point[VALUES[table]] for point in points]
        key = {**series.key, **suite.key, "group": group}
        fits = data.law_rows(**key, law=LAWS[table])
        direction = next(
            (fit["direction"] for fit in data.law_rows(**key, parameter="delta_beta") if fit["direction"]),
            None,
        )
        is_baseline = group == suite.baseline
        colour = theme.INK if is_baseline else MANY[direction or "unclear"]
        told = {
            **grid.axes(row, column),
            "legendgroup": BASELINE if is_baseline else direction or "unclear",
            "name": label,
            "showlegend": False,
        }
        line = law_line(fits, flops)
        shown.fits.append((series.label, label, _status(fits)))
        shown.flops.extend(flops)
        counts += len(points)
        if len(points) * len(suite.labels) <= MOST_POINTS:
            marker = {"color": colour, "size": 4, "opacity": 0.4}
            grid.figure.add_trace(
                go.Scatter(x=flops, y=values, mode="markers", marker=marker, hoverinfo="skip", **told)
            )
            shown.values.extend(values)
            counts -= len(points)
        if line:
            width, opacity = (3, 1.0) if is_baseline else (1.3, 0.75)
            grid.figure.add_trace(
                go.Scatter(
                    x=line.flops[::4],
                    y=line.value[::4],
                    mode="lines",
                    line={"color": colour, "width": width},
                    opacity=opacity,
                    hovertemplate=f"{label}<br>%{{x:.3g}} {unit}<br>%{{y:.4g}}{_slope_text(line)}<extra></extra>",
                    **told,
                )
            )
            shown.values.extend([line.value[0], line.value[-1]])
    return shown + Shown(points_left_out=counts)


def many_keys(grid: Panels, data: FigureData, suite: Suite) -> list[str]:
    """Legend entries for what ``add_many_laws`` drew, and their names."""
    rows = data.law_rows(**suite.key, parameter="delta_beta")
    found = {(row["corpus"], row["optimizer"], row["group"]): row["direction"] or "unclear" for row in rows}
    counts = Counter(found.values())
    entries = [
        (direction, colour, f"{theme.DIRECTIONS[direction][2]} ({counts[direction]})")
        for direction, colour in MANY.items()
    ]
    entries.append((BASELINE, theme.INK, f"{suite.baseline_label} (baseline)"))
    for group, colour, words in entries:
        style = theme.Style(colour, "circle", "solid")
        key = theme.legend_key(words, style, mode="lines", legendgroup=group, **grid.axes(0, 0))
        grid.figure.add_trace(key)
    return [words for _, _, words in entries]


def _points(data: FigureData, series: Series, suite: Suite, group: str, table: str) -> list[Row]:
    where = {**series.key, **suite.key, "group": group, "status": "ok"}
    return data.gaps(**where) if table == "gaps" else data.rows("errors", **where)


def _status(fits: Sequence[Row]) -> str:
    return next((fit["status"] for fit in fits if fit["estimand"] in (None, "these items")), "no fit")


def _bounded(line: LawLine, values: Sequence[float]) -> list[float]:
    """The band's ends, cut where they leave the points by more than the points span, or by 10% of their level."""
    if not line.low or not line.high:
        return []
    reach = max(max(values) / min(values), 1.1)
    return [max(min(line.low), min(values) / reach), min(max(line.high), max(values) * reach)]


def _slope_text(line: LawLine | None) -> str:
    if line is None:
        return ""
    row = line.slope
    name = {"delta_beta": "Δβ", "beta": "β"}.get(row["parameter"], row["parameter"])
    interval = f" [{theme.plain(row['low'])}, {theme.plain(row['high'])}]" if line.low else ""
    direction = f", {row['direction']}" if row.get("direction") else ""
    return f"<br>{name} = {row['value']:.4f}{interval}{direction}"
