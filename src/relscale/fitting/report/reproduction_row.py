"""The table ``reproduction``: published numbers beside ours."""

from dataclasses import dataclass

from relscale.fitting.inference.method import Method
from relscale.fitting.status import Status
from relscale.rows import column

NEEDED = (
    *("quantity", "data", "unit", "published", "published_stderr", "tolerance"),
    *("table", "where", "column", "source"),
)
"""Columns of a table of published numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproductionRow:
    """One row per published number that the config's answers name, and per number of ours without a published one."""

    quantity: str = column("What the number is.")
    data: str = column("Whose numbers it is fitted to.")
    unit: str = column("Its unit.")
    published: float | None = column("The published number.")
    published_stderr: float | None = column("Its standard error.")
    reproduced: float | None = column("Ours.", default=None)
    low: float | None = column("Lower limit of our interval.", default=None)
    high: float | None = column("Upper limit.", default=None)
    level: float | None = column("Confidence level of our interval.", default=None)
    method: Method | None = column("How our interval was made.", default=None)
    method_note: str | None = column("Details of the method.", default=None)
    difference: float | None = column("Ours less the published.", default=None)
    within: bool | None = column("Whether the published number is inside our interval.", default=None)
    agrees: bool | None = column(
        "Whether the difference is inside the rounding of the published.", default=None
    )
    source: str | None = column("Where it was published.")
    status: Status = column("Whether the row can be used as it is.")
    note: str | None = column("What the status does not say by itself.")
