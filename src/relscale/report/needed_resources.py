"""Resources that an experiment needs to detect a change: compute budgets, runs, items."""

from collections.abc import Mapping, Sequence

from relscale.fitting.analyses.statistical_power import ENOUGH, PowerRow, Resource
from relscale.fitting.verdicts import words

PRESENT = "1"  # times the runs
AMOUNT: Mapping[Resource, str] = {
    "budgets": "{} compute budgets",
    "runs": "{} times the runs",
    "items": "{} times the items",
}


def needed_resources(rows: Sequence[PowerRow]) -> str:
    """What a power of 80% needs, such as ``80% power needs 11 compute budgets or 2 times the runs``.

    Parameters
    ----------
    rows
        The table ``power`` of one gap, for one Δβ. Items concern the interval for new items; budgets and runs that for
        these items, which is stated beside items unless the present runs are enough for it.

    Returns
    -------
    sentence
        Empty if no power could be simulated.
    """
    least = {resource: _least(resource, rows) for resource in AMOUNT}
    amounts = {resource: AMOUNT[resource].format(count) for resource, count in least.items() if count}
    new_items = amounts.pop("items", "")
    these_items = " or ".join(amounts.values())
    if new_items and these_items:
        these_items = "" if least["runs"] == PRESENT else f"{these_items} for these items"
    needs = "; ".join(filter(None, (new_items, these_items)))
    return f"{words.percent(ENOUGH)} power needs {needs}" if needs else ""


def _least(resource: Resource, rows: Sequence[PowerRow]) -> str:
    """The smallest amount that is enough, or that the largest of the table is not; empty if unknown."""
    known = sorted(
        (row.count, bool(row.enough)) for row in rows if row.resource == resource and row.count is not None
    )
    if not known:
        return ""
    return next((f"{count:g}" for count, enough in known if enough), f"more than {known[-1][0]:g}")
