"""Lines of a table for a terminal: cells by heading, laid out in columns."""

from collections.abc import Mapping, Sequence

from tabulate import tabulate

from relscale.fitting.keys import SeriesKey
from relscale.fitting.status import Status
from relscale.fitting.verdicts import words

Line = Mapping[str, str | int | None]  # the cells of one line by heading; the status is under "status"

MANY = 12  # number of lines, or groups of a suite, from which they are summarised
SHOWN_IF_DIFFERENT = ("optimizer", "prompt", "metric")  # shown only if the lines of a suite differ in them
WITH_INTERVALS = ("exponent", "β", "Δβ", "value")  # columns of an estimate and its limits


def text_table(lines: Sequence[Line], without: Sequence[str] = ()) -> str:
    """The lines under their headings, without columns that are empty or the same for every line of a suite.

    Parameters
    ----------
    lines
        Lines, all with the headings of the first.
    """
    if not lines:
        return ""
    suites = {line.get("suite") for line in lines}
    alike = {
        name
        for name in SHOWN_IF_DIFFERENT
        if len({(line.get("suite"), line.get(name)) for line in lines}) == len(suites)
    }
    hidden = {*without, *alike}
    names = [
        name
        for name in lines[0]
        if name not in hidden and any(line[name] not in (None, "") for line in lines)
    ]
    cells = [[line[name] for name in names] for line in lines]
    return str(tabulate(cells, headers=names, disable_numparse=True))


def common_status(title: str, lines: Sequence[Line]) -> str:
    """One sentence for a long table without intervals, if the reason is always the same; else empty."""
    reasons = {line.get("status") for line in lines}
    if len(lines) <= MANY or len(reasons) > 1 or reasons & {None, str(Status.OK)}:
        return ""
    if any("[" in str(line.get(column)) for line in lines for column in WITH_INTERVALS):
        return ""
    return f"{len(lines)} {title} are not shown, because all have the same status: {reasons.pop()}"


def curve_cells(key: SeriesKey) -> dict[str, str | None]:
    """The columns that identify the curve of a line."""
    return {
        "corpus": key.corpus,
        "optimizer": key.optimizer,
        "suite": key.suite,
        "prompt": key.prompt,
        "metric": key.metric,
        "group": key.group,
    }


def interval_text(value: float | None, low: float | None, high: float | None, digits: int = 0) -> str:
    """An estimate with its limits, with this many significant digits, or four decimals for 0; "none" without one."""
    return "none" if value is None else words.number(value, digits) + limits_text(low, high, digits)


def limits_text(low: float | None, high: float | None, digits: int = 4) -> str:
    """The limits after an estimate; empty if there are none."""
    limits = words.limits(low, high, digits)
    return f" {limits}" if limits else ""


def reason_text(status: Status, note: str | None) -> str:
    """The note on a row, or its status without one."""
    return note or str(status)
