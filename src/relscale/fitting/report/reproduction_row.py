"""The table ``reproduction``: published and reproduced numbers."""

from dataclasses import dataclass

from relscale.errors import RelscaleError
from relscale.fitting.inference.method import Method
from relscale.fitting.status import Status
from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """One row per published number, in the table that the config names as its answers."""

    quantity: str = column("Description of the number.")
    data: str = column(
        "Data that the number belongs to; a column's name in braces is replaced by its value: {corpus}."
    )
    unit: str | None = column("Unit; a number in % is 100 times that in the tables.")
    published: float | None = column("The published number.")
    published_stderr: float | None = column("Its standard error.")
    tolerance: float | None = column("Tolerance: half a unit of the last published digit.")
    table: str = column("Table of the fit with the corresponding number, or atlas.")
    where: str = column("Conditions on its columns: fit=a; parameter=b.")
    source: str | None = column("Where it was published; for numbers of the atlas, their origin.")
    column: str = column("Column of the number, |column| for its magnitude.")


def conditions(where: str) -> dict[str, str]:
    """``a=b; c=d`` as a mapping.

    Raises
    ------
    RelscaleError
        It does not have that form.
    """
    pairs = [part.partition("=") for part in where.split(";") if part.strip()]
    if not all(sign and name.strip() for name, sign, _ in pairs):
        raise RelscaleError(f"answers: {where!r} is not of the form 'column=value; column=value'")
    return {name.strip(): value.strip() for name, _, value in pairs}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproductionRow:
    """One row per published number that the config's answers name, and per computed number without a published one."""

    quantity: str = column("Description of the number.")
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
        "Whether the computed number's interval covers the published number.", default=None
    )
    agrees: bool | None = column(
        "Whether the difference is within the rounding of the published number.", default=None
    )
    source: str | None = column("Where it was published.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")
