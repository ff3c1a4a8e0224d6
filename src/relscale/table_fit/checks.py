"""Validation of the options of a fit to a table; each error is one sentence."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import pyarrow as pa

from relscale.confidence import check_level
from relscale.errors import RelscaleError
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.estimation.law_points import takes_logarithm
from relscale.fitting.estimation.preparation import LOSSES, RESIDUALS
from relscale.fitting.fits import check_folder
from relscale.laws.catalogue import law_names, law_or_family
from relscale.laws.law import Family, Gap, Law
from relscale.laws.predictor_columns import check_shares
from relscale.measurements.measurement import SHARE
from relscale.storage.columns import numbers, words
from relscale.storage.endings import TABLE
from relscale.storage.tables import listed
from relscale.suggestions import suggestion

MAX_DRAWS = 100_000


def is_line(law: str | Law, residual: str, loss: str) -> bool:
    """Whether the fit is least squares of a straight line in logarithms, which has a closed form and more analyses."""
    return isinstance(law, str) and law in log_lines() and (residual, loss) == ("log", "squares")


def log_lines() -> tuple[str, ...]:
    """The laws that are straight lines in logarithms."""
    catalogue = {name: law_or_family(name) for name in law_names()}
    return tuple(
        name for name, entry in catalogue.items() if isinstance(entry, Law) and entry.line is not None
    )


def gap_of(law: str | Law) -> Gap | None:
    """The kind of gap that a law describes; None if it compares no groups."""
    entry = law_or_family(law)
    return None if isinstance(entry, Family) else entry.gap


def check_fixed(law: Law, fixed: Mapping[str, float]) -> None:
    """Refuse fixed parameters that the law does not have, and values that are not numbers."""
    for name, value in fixed.items():
        if name not in law.names:
            raise RelscaleError(
                f"fixed: law {law.name} has no parameter {name!r}; it has {', '.join(law.names)}"
            )
        if not isinstance(value, Real) or not np.isfinite(value):
            raise RelscaleError(f"fixed: {name} is {value!r}, which is not a number")


def anchor_points(
    law: Law, points: Sequence[Sequence[float]], xs: Sequence[str], y: str, residual: str
) -> dict[tuple[float, ...], str]:
    """Anchor points, each with predictors and value, and a description of each.

    Raises
    ------
    RelscaleError
        An anchor has the wrong number of values, or a value that is not finite or has no logarithm.
    """
    anchors = {}
    if points and law.make_predictors is not None:
        raise RelscaleError(
            f"anchor: the law {law.name!r} describes whole training runs, so single points cannot be added"
        )
    for point in points:
        numbers = tuple(point)
        if len(numbers) != len(xs) + 1:
            raise RelscaleError(
                f"anchor: {', '.join(map(str, point))} is not a point of {', '.join([*xs, y])}: "
                f"{len(xs) + 1} numbers, in that order"
            )
        for name, value in zip([*xs, y], numbers, strict=True):
            if not isinstance(value, Real) or not np.isfinite(value):
                raise RelscaleError(f"anchor: {name} is {value!r}, which is not a number")
        if residual == "log" and not numbers[-1] > 0:
            raise RelscaleError(
                f"anchor: {y} is {numbers[-1]:g}, which has no logarithm; fit residuals of {y} itself (linear)"
            )
        for i, name in enumerate(xs[: len(law.predictors)]):
            if takes_logarithm(law, i) and not numbers[i] > 0:
                raise RelscaleError(f"anchor: {name} is {numbers[i]:g}, but the law takes its logarithm")
        description = ", ".join(f"{name} = {value:g}" for name, value in zip([*xs, y], numbers, strict=True))
        anchors[tuple(map(float, numbers))] = description
    return anchors


def check_options(
    law: str | Law,
    residual: str,
    loss: str,
    delta: float | None,
    level: float,
    bootstrap: int,
    seed: int,
    baseline: str | None,
) -> None:
    """Refuse incompatible options and invalid values; the message begins with the option's name."""
    known = law_names()
    if not isinstance(law, Law):
        law_or_family(str(law))
    for option, value, allowed in (("residual", residual, RESIDUALS), ("loss", loss, LOSSES)):
        if value not in allowed:
            raise RelscaleError(f"{option}: no {value!r}; {suggestion(str(value), allowed)}")
    if baseline is not None and gap_of(law) is None:
        gaps = " and ".join(repr(name) for name in known if gap_of(name))
        name = law.name if isinstance(law, Law) else law
        raise RelscaleError(f"baseline: the law {name!r} compares no groups; only the laws {gaps} do")
    if delta is not None and (loss != "huber" or not isinstance(delta, Real) or not delta > 0):
        raise RelscaleError(
            f"delta: {delta!r}; it must be a positive number, and applies only to the loss 'huber'"
        )
    check_level(level)
    for option, number in (("bootstrap", bootstrap), ("seed", seed)):
        if not isinstance(number, Integral) or number < 0:
            raise RelscaleError(f"{option}: {number!r} is not a whole number of at least 0")
    if bootstrap > MAX_DRAWS:
        raise RelscaleError(f"bootstrap: {bootstrap} draws; the maximum is {MAX_DRAWS}")


def check_baseline(
    source: pa.Table, group: str | None, baseline: str | None, law: str | Law, name: str
) -> None:
    """Refuse a table without groups, and a baseline that is not given or not a group."""
    if group is None:
        raise RelscaleError(
            f"{name}: the law {law!r} compares groups; name the column of groups, one of {listed(source.column_names)}"
        )
    groups = sorted(set(words(source[group], f"{name}: column {group!r}")))
    if len(groups) == 1 and baseline in groups:
        raise RelscaleError(
            f"{name}: column {group!r} has no group other than the baseline {baseline!r}; "
            "give --law power for the law of one group"
        )
    if baseline == MEAN and law == "relative":
        return
    if baseline not in groups:
        if baseline is None:
            raise RelscaleError(f"{name}: no baseline in column {group!r}; name one of {listed(groups)}")
        raise RelscaleError(f"{name}: no {baseline!r} in column {group!r}; {suggestion(baseline, groups)}")


def check_no_mean(source: pa.Table, group: str | None, baseline: str | None, name: str) -> None:
    """Refuse the mean of the other groups as a baseline, unless a group has this name: only lines in logarithms have
    it."""
    if baseline == MEAN and group and MEAN not in words(source[group], name):
        raise RelscaleError(
            f"{name}: baseline: the mean of the other groups requires the relative law as a line in logarithms; "
            f"name a group"
        )


def check_no_amounts(law: str | Law, columns: Sequence[str], rows: pa.Table, name: str) -> None:
    """Refuse parts of a law of shares whose values are percentages, tokens or another predictor; parts may be left out,
    so that shares may sum to less than 1."""
    entry = law_or_family(law)
    if not isinstance(entry, Family) or entry.prefix != SHARE:
        return
    parts = entry.named(tuple(columns))
    try:
        check_shares(parts, np.stack([numbers(rows[part], part).to_numpy() for part in parts]), least_sum=0)
    except RelscaleError as reason:
        raise RelscaleError(f"{name}: law {entry.name}: {reason}") from None


def check_reported(law: str) -> None:
    """Refuse the report of a law that compares no groups."""
    if law != "relative":
        raise RelscaleError(
            f"--report: the law {law!r} compares no groups; only the law 'relative' has a report"
        )


def check_output(output: Path) -> None:
    """Refuse a table or folder that ``TableFit.write`` cannot write: its ending, name or contents."""
    if not output.suffix:
        check_folder(output)
        return
    TABLE.check(output)
    if output.is_dir():
        raise RelscaleError(f"{output}: a folder; name a file")
