"""Curves over compute: measured points, the law fitted to them, its interval, and the name at the line's end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from relscale.figures import chart
from relscale.figures.chart.axes import Axis
from relscale.figures.chart.panel import labels_width, strip_width
from relscale.figures.data import LAWS, FigureData, Quantity, Series, Suite
from relscale.figures.law_lines import LawLine, law_line
from relscale.figures.row_filter import OfCurve
from relscale.figures.select import reason
from relscale.fitting.inference.estimand import Estimand

MOST_BANDS = 4  # in a panel; of more, the intervals at the largest compute stand side by side
MOST_LARGE = 40  # points of a group that are drawn large
MOST_POINTS = 4000  # in a panel of a crowded suite; beyond that, no points


@dataclass(frozen=True)
class Curve:
    """The points of one group or series, and the law fitted to them.

    Attributes
    ----------
    label
        Label of the curve.
    group
        Legend group, shown and hidden together.
    status
        Status of the fit.
    verdict
        Verdict on the gap; None if not requested or not known.
    series
        Label of the group's series.
    banded
        Whether its interval is shown.
    dotted
        Whether its points are shown.
    """

    label: str
    group: str
    flops: Sequence[float]
    values: Sequence[float]
    line: LawLine | None
    status: str = "ok"
    verdict: str | None = None
    series: str = ""
    banded: bool = True
    dotted: bool = True

    @property
    def shown_values(self) -> list[float]:
        """The values that the axis has to show: points, line, and the band as far as it does not dwarf them.

        Bands are cut where they leave the points by more than the points span, or by a quarter of their level.
        """
        shown = list(self.values) if self.dotted else []
        if self.line:
            shown += [self.line.value[0], self.line.value[-1]]
        if self.banded and self.line and self.line.low and self.line.high:
            low, high = self._reach
            shown += [max(min(self.line.low), low), min(max(self.line.high), high)]
        return shown

    @property
    def _reach(self) -> tuple[float, float]:
        """How far below and above the points the axis follows a band."""
        factor = max(max(self.values) / min(self.values), 1.25)
        return min(self.values) / factor, max(self.values) * factor

    @property
    def is_cut(self) -> bool:
        """Whether its interval is wider than the axis follows."""
        if not (self.banded and self.line and self.line.low and self.line.high):
            return False
        low, high = self._reach
        return min(self.line.low) < low or max(self.line.high) > high


def group_curves(
    data: FigureData, series: Series, suite: Suite, quantity: Quantity, estimand: Estimand | None = None
) -> list[Curve]:
    """A curve per group of a suite: E(F), or G(F)."""
    curves = []
    many = suite.is_crowded
    for group, label in suite.labels.items():
        key: OfCurve = {**series.key, **suite.key, "group": group}
        points = data.points(quantity, **key)
        if not points:
            continue
        fits = data.law_rows(**key, law=LAWS[quantity])
        flops = [point.flops for point in points]
        slopes = data.law_rows(**key, parameter="delta_beta")
        curves.append(
            Curve(
                baseline_name(suite) if group == suite.baseline else label,
                f"{suite.name}/{group}",
                flops,
                [point.value for point in points],
                law_line(fits, flops, estimand),
                next((reason(fit) for fit in fits if fit.estimand in (None, "these items")), "no fit"),
                next((row.verdict for row in slopes if row.verdict), None),
                series.label,
                banded=not many,
                dotted=not many or len(points) * len(suite.labels) <= MOST_POINTS,
            )
        )
    return curves


def curves_axis(curves: Sequence[Sequence[Curve]], width: int, title: str) -> Axis:
    """The axis of compute for panels of curves, with room for the intervals at the right where bands are too many."""
    flops = [value for panel in curves for curve in panel for value in curve.flops]
    strip = max((strip_width(len(side_by_side(panel))) for panel in curves), default=0.0)
    return chart.compute_axis(flops, width, title, aside=strip)


def draw_curves(
    panel: chart.Panel, curves: Sequence[Curve], styles: Mapping[str, chart.Style], *, unit: str = "FLOPs"
) -> None:
    """Draw curves into a panel that has its axes; ``styles`` are by ``group``."""
    strip = side_by_side(curves)
    for curve in curves:
        style, line = styles[curve.group], curve.line
        few = len(curve.flops) <= MOST_LARGE
        law = f"<br>{line.words()}" if line else ""
        hover = f"{curve.label}<br>%{{x}} {unit}<br>%{{y}}{law}"
        dots = replace(style, size=8 if few else 4, opacity=1 if few else 0.45)
        if not few:  # a line that many points would bury is on top
            panel.points(curve.flops, curve.values, dots, hover=hover, name=curve.label, group=curve.group)
        if line:
            panel.line(
                line.flops,
                line.value,
                style,
                low=line.low,
                high=line.high,
                pointed=bool(strip),
                name=curve.label,
                group=curve.group,
            )
        if few:
            panel.points(curve.flops, curve.values, dots, hover=hover, name=curve.label, group=curve.group)
    if strip:
        last = max(max(curve.flops) for curve in curves)
        panel.interval_strip(
            last,
            [
                (line.value[-1], line.low[-1], line.high[-1], styles[curve.group], curve.label, curve.group)
                for curve, line in strip
                if line.low and line.high
            ],
        )


def banded_curves(curves: Sequence[Curve]) -> list[tuple[Curve, LawLine]]:
    """The curves with an interval, and their lines."""
    return [(curve, curve.line) for curve in curves if curve.banded and curve.line and curve.line.low]


def side_by_side(curves: Sequence[Curve]) -> list[tuple[Curve, LawLine]]:
    """The curves whose intervals are side by side at the right, the lines' ends from top to bottom."""
    banded = banded_curves(curves)
    return sorted(banded, key=lambda pair: -pair[1].value[-1]) if len(banded) > MOST_BANDS else []


def name_curves(
    panel: chart.Panel,
    curves: Sequence[Curve],
    styles: Mapping[str, chart.Style],
    baseline: tuple[str, float] | None = None,
) -> None:
    """Write each curve's name at its end; and that of the baseline at its level, where it is a level."""
    ends = [
        chart.EndLabel(
            curve.label, curve.line.value[-1] if curve.line else curve.values[-1], styles[curve.group]
        )
        for curve in curves
    ]
    panel.end_labels([*ends, *([chart.EndLabel(*baseline, chart.Style(chart.BASELINE))] if baseline else [])])


def names_width(suite: Suite, baseline: bool = True) -> int:
    """Pixels for the names of a suite's groups at the ends of their lines, and that one of them is the baseline."""
    return labels_width([*suite.labels.values(), *([baseline_name(suite)] if baseline else [])])


def baseline_name(suite: Suite) -> str:
    """The baseline in words, and that it is the baseline."""
    return f"{suite.baseline_label} (baseline)"
