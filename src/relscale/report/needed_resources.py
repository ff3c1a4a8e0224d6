"""Resources that an experiment needs to detect a change: compute budgets, runs, items."""

from collections.abc import Mapping, Sequence

from relscale.fitting.analyses.statistical_power import ENOUGH, PowerRow, Resource
from relscale.fitting.verdicts import words

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
        The table ``power`` of one gap, for one Δβ. Budgets and runs concern the interval for these items, items that
        for new items; if both are known, the sentence says so.

    Returns
    -------
    sentence
        Empty if no power could be simulated.
    """
    alternatives = [_amount(resource, rows) for resource in ("budgets", "runs")]
    these_items = " or ".join(filter(None, alternatives))
    new_items = _amount("items", rows)
    if these_items and new_items:
        these_items, new_items = f"{these_items} for these items", f"{new_items} for new items"
    needs = "; ".join(filter(None, (these_items, new_items)))
    return f"{words.percent(ENOUGH)} power needs {needs}" if needs else ""


def _amount(resource: Resource, rows: Sequence[PowerRow]) -> str:
    """The smallest amount that is enough, or that the largest of the table is not; empty if unknown."""
    known = sorted(
        (row.count, bool(row.enough)) for row in rows if row.resource == resource and row.count is not None
    )
    if not known:
        return ""
    least = next((f"{count:g}" for count, enough in known if enough), f"more than {known[-1][0]:g}")
    return AMOUNT[resource].format(least)
