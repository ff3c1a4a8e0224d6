"""The table ``reproduction``: published numbers beside ours."""

from dataclasses import dataclass

from relscale.fitting.inference.method import Method
from relscale.fitting.status import Status
from relscale.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """One row per published number, in the table that the config names as its answers."""

    quantity: str = column("What the number is.")
    data: str = column("Whose numbers they are; a column's name in braces stands for its value: {corpus}.")
    unit: str | None = column("Its unit; a number in % is 100 times that of the tables.")
    published: float | None = column("The published number.")
    published_stderr: float | None = column("Its standard error.")
    tolerance: float | None = column("Half a unit of the last digit that was published.")
    table: str = column("Table of the fit that has ours.")
    where: str = column("Equalities on its columns: fit=a; parameter=b.")
    source: str | None = column("Where it was published.")
    column: str = column("Column of the number, |column| for its magnitude.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproductionRow:
    """One row per published number that the config's answers name, and per number of ours without a published one."""

    quantity: str = column("What the number is.")
    data: str = column("The data that it is fitted to.")
    unit: str = column("Its unit.")
    published: float | None = column("The published number.")
    published_stderr: float | None = column("Its standard error.")
    reproduced: float | None = column("The number that relscale computes.", default=None)
    low: float | None = column("Lower limit of the computed number's interval.", default=None)
    high: float | None = column("Upper limit.", default=None)
    level: float | None = column("Confidence level of the computed number's interval.", default=None)
    method: Method | None = column("How the computed number's interval was made.", default=None)
    method_note: str | None = column("Details of the method.", default=None)
    difference: float | None = column("The computed number minus the published one.", default=None)
    within: bool | None = column(
        "Whether the published number is inside the computed number's interval.", default=None
    )
    agrees: bool | None = column(
        "Whether the difference is inside the rounding of the published.", default=None
    )
    source: str | None = column("Where it was published.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")
