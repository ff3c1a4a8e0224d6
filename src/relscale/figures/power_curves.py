"""Power to detect a Δβ of a given size, by the number of budgets, runs or items."""

from collections.abc import Sequence

from relscale.figures import chart
from relscale.figures.chart.numbers import number, plain
from relscale.figures.groups import medians
from relscale.fitting.analyses.statistical_power import ENOUGH, PowerRow

RESOURCES = {  # with colours that are rarely used for groups
    name: chart.Style(colour, dash=dash)
    for name, colour, dash in zip(
        ("budgets", "runs", "items"), (chart.MEDIUM, *chart.COLOURS[-2:]), chart.DASHES, strict=False
    )
}
RESOURCE_WORDS = {  # with the estimand of the interval of Δβ (``relscale.fitting.analyses.statistical_power``)
    "budgets": "budgets (these items)",
    "runs": "runs (these items)",
    "items": "items (new items)",
}


def draw_power(panel: chart.Panel, series: str, rows: Sequence[PowerRow], size: float | None) -> None:
    """Draw the median power over groups with their range, and state how much of each resource is needed."""
    simulated = {row.resource for row in rows}
    multiples = ", ".join(resource for resource in ("runs", "items") if resource in simulated)
    amounts = ["number of budgets"] if "budgets" in simulated else []
    amounts += [f"multiple of {multiples}"] if multiples else []
    counts = chart.log_axis([row.count for row in rows], "; ".join(amounts), most=6)
    panel.axes(counts, chart.linear_axis([0, 1], "power", most=6, pad=0.04))
    panel.reference_line(ENOUGH)
    panel.message("no power could be simulated" if not rows else "")
    needs: dict[str, str] = {}
    for resource, style in RESOURCES.items():
        median_power = medians(
            [row for row in rows if row.resource == resource], lambda row: row.count, lambda row: row.power
        )
        if not median_power:
            continue
        powers = [
            [number(row.power) for row in rows if (row.resource, row.count) == (resource, count)]
            for count in median_power
        ]
        low, high = [min(values) for values in powers], [max(values) for values in powers]
        x, y = list(median_power), list(median_power.values())
        panel.line(x, y, style, low=low, high=high, name=resource, group=resource)
        least = next((count for count, power in median_power.items() if power >= ENOUGH), None)
        multiple = "" if resource == "budgets" else "× the"
        count = f"{least:g}" if least else f"more than {max(median_power):g}"
        needs[resource] = f"{count}{multiple} {resource}"
    title = "Power" if size is None else f"Power to detect Δβ = {plain(size)}"
    same_items = " or ".join(needs[resource] for resource in ("budgets", "runs") if resource in needs)
    needs_by_items = {"these items": same_items, "new items": needs.get("items")}
    lines = [f"{items}: {need}" for items, need in needs_by_items.items() if need]
    panel.heading(title, f"{series}; needed for {ENOUGH:.0%} power:", *lines)
