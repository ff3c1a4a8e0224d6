"""Power to detect a Δβ of a given size, by the number of budgets, runs or items."""

from collections.abc import Sequence

from relscale.figures import chart
from relscale.figures.chart.numbers import number, plain
from relscale.figures.groups import medians
from relscale.fitting.analyses.statistical_power import ENOUGH, PowerRow

RESOURCES = {  # in colours that few suites come to use for a group
    name: chart.Style(colour, dash=dash)
    for name, colour, dash in zip(
        ("budgets", "runs", "items"), (chart.MEDIUM, *chart.COLOURS[-2:]), chart.DASHES, strict=False
    )
}
RESOURCE_WORDS = {  # and what the interval of Δβ is about (``relscale.fitting.analyses.statistical_power``)
    "budgets": "budgets (these items)",
    "runs": "runs (these items)",
    "items": "items (new items)",
}


def draw_power(panel: chart.Panel, series: str, rows: Sequence[PowerRow], size: float | None) -> None:
    """Draw the median power over groups with their range, and state how much of each resource is needed."""
    x = chart.log_axis([row.count for row in rows], "number of budgets, or × runs, items", most=6)
    panel.axes(x, chart.linear_axis([0, 1], "power", most=6, pad=0.04))
    panel.reference_line(ENOUGH)
    panel.message("no power could be simulated" if not rows else "")
    needs: dict[str, str] = {}
    for resource, style in RESOURCES.items():
        middle = medians(
            [row for row in rows if row.resource == resource], lambda row: row.count, lambda row: row.power
        )
        if not middle:
            continue
        powers = [
            [number(row.power) for row in rows if (row.resource, row.count) == (resource, count)]
            for count in middle
        ]
        low, high = [min(values) for values in powers], [max(values) for values in powers]
        panel.line(
            list(middle), list(middle.values()), style, low=low, high=high, name=resource, group=resource
        )
        least = next((count for count, value in middle.items() if value >= ENOUGH), None)
        multiple = "" if resource == "budgets" else "× the"
        enough = f"{least:g}" if least else f"more than {max(middle):g}"
        needs[resource] = f"{enough}{multiple} {resource}"
    title = "Power" if size is None else f"Power to detect Δβ = {plain(size)}"
    of_these = " or ".join(needs[resource] for resource in ("budgets", "runs") if resource in needs)
    lines = {"these items": of_these, "new items": needs.get("items")}
    needed = [f"{items}: {enough}" for items, enough in lines.items() if enough]
    panel.heading(title, f"{series}; needed for {ENOUGH:.0%} power:", *needed)
