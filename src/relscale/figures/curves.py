"""Curves over compute: measured points, the law fitted to them, its interval, and the name at the line's end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from relscale.figures import chart
from relscale.figures.chart.axes import Axis
from relscale.figures.data import LAWS, FigureData, Quantity, Series
from relscale.figures.law_lines import LawLine, law_line
from relscale.figures.row_filter import CurveFilter
from relscale.figures.select import reason
from relscale.figures.suite import Suite
from relscale.fitting.inference.estimand import Estimand

MOST_BANDS = 4  # bands in a panel; more are replaced by the intervals at the largest compute, side by side
MOST_LARGE = 40  # points of a group that are drawn large
MOST_POINTS = 4000  # points in a panel of a crowded suite; more are not drawn


@dataclass(frozen=True)
class Curve:
    """The points of one group or series, and the law fitted to them.

    Attributes
    ----------
    group
        Legend group, shown and hidden together.
    verdict
        Verdict on the gap; None if not requested or not known.
    """

    label: str
    group: str
    flops: Sequence[float]
    values: Sequence[float]
    line: LawLine | None
    status: str = "ok"
    verdict: str | None = None
    series: str = ""
    shows_interval: bool = True
    shows_points: bool = True

    @property
    def shown_values(self) -> list[float]:
        """The values that the axis includes: points, line, and the band up to the limits at which it is clipped."""
        shown = list(self.values) if self.shows_points else []
        if self.line:
            shown += [self.line.value[0], self.line.value[-1]]
        if self.shows_interval and self.line and self.line.low and self.line.high:
            low, high = self._band_limits
            shown += [max(min(self.line.low), low), min(max(self.line.high), high)]
        return shown

    @property
    def _band_limits(self) -> tuple[float, float]:
        """Limits of the band: beyond the points by the factor that the points span, or by a quarter if that is more."""
        factor = max(max(self.values) / min(self.values), 1.25)
        return min(self.values) / factor, max(self.values) * factor

    @property
    def is_clipped(self) -> bool:
        """Whether its interval extends beyond the limits of the band."""
        if not (self.shows_interval and self.line and self.line.low and self.line.high):
            return False
        low, high = self._band_limits
        return min(self.line.low) < low or max(self.line.high) > high


def group_curves(
    data: FigureData, series: Series, suite: Suite, quantity: Quantity, estimand: Estimand | None = None
) -> list[Curve]:
    """One curve per group of a suite: E(F), or G(F)."""
    curves = []
    for group, label in suite.labels.items():
        key: CurveFilter = {**series.key, **suite.key, "group": group}
        points = data.points(quantity, **key)
        if not points:
            continue
        fits = data.law_rows(**key, law=LAWS[quantity])
        flops = [point.flops for point in points]
        slopes = data.law_rows(**key, parameter="delta_beta")
        curves.append(
            Curve(
                baseline_label(suite) if group == suite.baseline else label,
                f"{suite.name}/{group}",
                flops,
                [point.value for point in points],
                law_line(fits, flops, estimand),
                next((reason(fit) for fit in fits if fit.estimand in (None, "these items")), "no fit"),
                next((row.verdict for row in slopes if row.verdict), None),
                series.label,
                shows_interval=not suite.is_crowded,
                shows_points=not suite.is_crowded or len(points) * len(suite.labels) <= MOST_POINTS,
            )
        )
    return curves


def curves_axis(curves: Sequence[Sequence[Curve]], width: int, title: str) -> Axis:
    """The axis of compute for panels of curves, with room at the right for intervals side by side."""
    flops = [value for panel in curves for curve in panel for value in curve.flops]
    strip = max((chart.strip_width(len(strip_curves(panel))) for panel in curves), default=0.0)
    return chart.compute_axis(flops, width, title, aside=strip)


def draw_curves(
    panel: chart.Panel, curves: Sequence[Curve], styles: Mapping[str, chart.Style], *, unit: str = "FLOPs"
) -> None:
    """Draw curves into a panel that has its axes; ``styles`` are by legend group."""
    strip = strip_curves(curves)
    for curve in curves:
        style, line = styles[curve.group], curve.line
        is_large = len(curve.flops) <= MOST_LARGE
        law = f"<br>{line.words()}" if line else ""
        hover = f"{curve.label}<br>%{{x}} {unit}<br>%{{y}}{law}"
        dots = replace(style, size=8 if is_large else 4, opacity=1 if is_large else 0.45)
        if not is_large:  # below the line, which many points would hide
            panel.points(curve.flops, curve.values, dots, hover=hover, name=curve.label, group=curve.group)
        if line:
            panel.line(
                line.flops,
                line.value,
                style,
                low=line.low,
                high=line.high,
                band_on_hover=bool(strip),
                name=curve.label,
                group=curve.group,
            )
        if is_large:
            panel.points(curve.flops, curve.values, dots, hover=hover, name=curve.label, group=curve.group)
    if strip:
        intervals = [
            chart.StripInterval(
                line.value[-1], line.low[-1], line.high[-1], styles[curve.group], curve.label, curve.group
            )
            for curve, line in strip
            if line.low and line.high
        ]
        chart.interval_strip(panel, max(max(curve.flops) for curve in curves), intervals)


def interval_curves(curves: Sequence[Curve]) -> list[tuple[Curve, LawLine]]:
    """The curves with an interval, and their lines."""
    return [(curve, curve.line) for curve in curves if curve.shows_interval and curve.line and curve.line.low]


def strip_curves(curves: Sequence[Curve]) -> list[tuple[Curve, LawLine]]:
    """The curves whose intervals are side by side at the right, in descending order of their lines' ends."""
    with_intervals = interval_curves(curves)
    if len(with_intervals) <= MOST_BANDS:
        return []
    return sorted(with_intervals, key=lambda pair: -pair[1].value[-1])


def label_curves(
    panel: chart.Panel,
    curves: Sequence[Curve],
    styles: Mapping[str, chart.Style],
    baseline: tuple[str, float] | None = None,
) -> None:
    """Label each curve at its end, and ``baseline``, a label and its height, if it is a constant line."""
    labels = [
        chart.EndLabel(
            curve.label, curve.line.value[-1] if curve.line else curve.values[-1], styles[curve.group]
        )
        for curve in curves
    ]
    if baseline:
        labels.append(chart.EndLabel(*baseline, chart.Style(chart.BASELINE)))
    chart.end_labels(panel, labels)


def curve_labels_width(suite: Suite, baseline: bool = True) -> int:
    """Pixels for the labels at the ends of a suite's curves; ``baseline`` includes `baseline_label`."""
    return chart.end_labels_width([*suite.labels.values(), *([baseline_label(suite)] if baseline else [])])


def baseline_label(suite: Suite) -> str:
    """The label of the baseline, marked as such."""
    return f"{suite.baseline_label} (baseline)"
