"""A fit in a notebook: the headline, the table of verdicts and a small picture, as HTML without scripts."""

from collections.abc import Sequence

from relscale.fitting.fits import Fits
from relscale.report import svg_chart
from relscale.report.curves import curves
from relscale.report.markup import Markup, element, joined
from relscale.report.report_data import ReportData
from relscale.table_fit.frame import Frame
from relscale.table_fit.law_figure import Curve

STYLE = """
.relscale { --ink: #1b1b1b; --quiet: #5c5c5c; --rule: #dcdcdc; --page: #fff; --closes: #0072b2; --widens: #b34700;
  --crosses: #7a3e9d; --flat: #00694f; --not-resolved: #6b6b6b; --unknown: #6b6b6b; }
.relscale .multiples { display: flex; flex-wrap: wrap; gap: 12px; }
.relscale .multiple { width: 250px; background: var(--page); color: var(--ink); padding: 4px; }
.relscale figure { margin: 8px 0; } .relscale figcaption { max-width: 75ch; }
.relscale h4 { margin: 0 0 2px; font-size: 13px; }
.relscale .closes { --c: var(--closes); } .relscale .widens { --c: var(--widens); }
.relscale .crosses { --c: var(--crosses); } .relscale .flat { --c: var(--flat); }
.relscale .not-resolved { --c: var(--not-resolved); } .relscale .unknown, .relscale .law { --c: #0072b2; }
.relscale .word { color: var(--c); }
.relscale svg text { font: 9.5px sans-serif; fill: var(--quiet); } .relscale svg .end { text-anchor: end; }
.relscale svg .grid { stroke: var(--rule); stroke-width: .7; }
.relscale svg .baseline { stroke: var(--ink); } .relscale svg .fit { stroke: var(--c); stroke-width: 1.8; }
.relscale svg .mark { fill: var(--c); }
.relscale svg .dots { stroke: var(--c); stroke-width: 2; stroke-linecap: round; }
.relscale details { display: none; }
"""
MAX_GROUPS = 12  # maximum number of drawn groups


def notebook_page(title: str, lines: Sequence[str], table: Frame, picture: Markup | None) -> str:
    """A title, sentences, a table and a picture as one piece of HTML."""
    return element(
        "div",
        element("style", Markup(STYLE)),
        element("h4", title),
        *(element("p", line) for line in lines),
        Markup(table._repr_html_()),
        picture,
        class_="relscale",
    )


def gap_picture(results: Fits, suite: str, x: str) -> Markup | None:
    """One chart per group: the ratio of its error to the baseline's, with the fitted line."""
    data = ReportData(suite, results, x=x)
    return curves(data, data.verdicts[:MAX_GROUPS])


def law_picture(curves_of_law: Sequence[Curve]) -> Markup | None:
    """One chart per group: its measured errors and the fitted law; None for a law of several predictors."""
    drawn = [curve for curve in curves_of_law if curve.line is not None][:MAX_GROUPS]
    if not drawn:
        return None
    charts = []
    for curve in drawn:
        xs, ys = curve.line or ([], [])
        axes = svg_chart.Axes.around([*curve.x, *xs], [*curve.y, *ys])
        line = [axes.position(x, y) for x, y in zip(xs, ys, strict=True)]
        points = [axes.position(x, y) for x, y in zip(curve.x, curve.y, strict=True)]
        parts = joined(*svg_chart.marks(points, "circle"), svg_chart.line(line, "fit"))
        picture = svg_chart.chart(
            f"{curve.name}: {len(curve.x)} points and the law",
            axes.frame(),
            element("g", parts, class_="law"),
        )
        charts.append(element("div", element("h4", curve.name), picture, class_="multiple"))
    return element("figure", element("div", *charts, class_="multiples"))
