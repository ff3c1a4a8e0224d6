"""Resources that an experiment needs to detect a change: compute budgets, runs, items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from relscale.fitting.analyses.statistical_power import ENOUGH, PowerRow, Resource
from relscale.fitting.verdicts import words

PRESENT = 1.0  # times the runs
WORDS: Mapping[Resource, str] = {
    "budgets": "{} compute budgets",
    "runs": "{} times the runs",
    "items": "{} times the items",
}


@dataclass(frozen=True, order=True)
class Amount:
    """The smallest amount of a resource that is enough, or the largest that was tried and is not.

    Attributes
    ----------
    too_little
        Whether more than ``count`` is needed.
    """

    too_little: bool
    count: float

    def in_words(self, resource: Resource, limit: str) -> str:
        """``2 times the items``, or with a limit ``up to 2 times the items``; ``more than 64 times the items``."""
        return WORDS[resource].format(f"{'more than ' if self.too_little else limit}{self.count:g}")


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
    new_items, these_items = _in_words(needed_amounts(rows))
    if new_items and these_items:
        these_items += " for these items"
    needs = "; ".join(filter(None, (new_items, these_items)))
    return f"{words.percent(ENOUGH)} power needs {needs}" if needs else ""


def half_need(gaps: Sequence[Sequence[PowerRow]]) -> str:
    """What half of several gaps need for a power of 80%, such as ``up to 4 times the items``; empty if it is unknown.

    Parameters
    ----------
    gaps
        The table ``power`` of each gap, for one Δβ.
    """
    known: dict[Resource, list[Amount]] = {}
    for rows in gaps:
        for resource, amount in needed_amounts(rows).items():
            known.setdefault(resource, []).append(amount)
    middle = {resource: sorted(amounts)[(len(amounts) - 1) // 2] for resource, amounts in known.items()}
    return ", and ".join(filter(None, _in_words(middle, "up to ")))


def needed_amounts(rows: Sequence[PowerRow]) -> dict[Resource, Amount]:
    """The smallest amount of each resource with enough power, for resources that were tried."""
    amounts: dict[Resource, Amount] = {}
    for resource in WORDS:
        tried = sorted(
            (row.count, bool(row.enough))
            for row in rows
            if row.resource == resource and row.count is not None
        )
        if tried:
            enough = [count for count, is_enough in tried if is_enough]
            amounts[resource] = Amount(False, enough[0]) if enough else Amount(True, tried[-1][0])
    return amounts


def _in_words(amounts: Mapping[Resource, Amount], limit: str = "") -> tuple[str, str]:
    """What new items need, and these items; empty if it is unknown, for these items beside new ones also if the present
    runs are enough.
    """
    new_items = amounts["items"].in_words("items", limit) if "items" in amounts else ""
    these: Sequence[Resource] = ("budgets", "runs")
    if new_items and amounts.get("runs") == Amount(False, PRESENT):
        these = ()
    return new_items, " or ".join(amounts[name].in_words(name, limit) for name in these if name in amounts)
