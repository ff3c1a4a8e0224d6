"""Text summary of runs that are excluded because of their status."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from relscale.fitting.estimation.law_points import ModelKey, point_rows

MOST_GROUPS = 4  # maximum number of groups that are named; otherwise only their number
Key = tuple[str | None, str | None, str | None]  # suite, prompt and status


def left_out(measurements: pa.Table, conditions: Mapping[str, object] | None = None) -> list[str]:
    """One line per suite, prompt and status other than ok: the number of runs, their groups and the reason.

    Parameters
    ----------
    measurements
        The tidy table; without a column ``status``, no run is excluded.
    conditions
        Columns and the value that rows must have, such as a suite; all rows by default.
    """
    if "status" not in measurements.column_names:
        return []
    flagged = measurements.filter(pc.not_equal(pc.fill_null(measurements["status"], "ok"), "ok"))
    for column, value in (conditions or {}).items():
        flagged = flagged.filter(
            pc.equal(flagged[column], value) if value is not None else pc.is_null(flagged[column])
        )
    runs: dict[Key, set[ModelKey]] = {}
    groups: dict[Key, set[str]] = {}
    for row in point_rows(flagged):
        key = (row.suite, row.prompt, row.status)
        runs.setdefault(key, set()).add(row.model)
        groups.setdefault(key, set()).add(str(row.group))
    return [_line(key, len(runs[key]), groups[key]) for key in sorted(runs, key=str)]


def _line(key: Key, runs: int, groups: set[str]) -> str:
    suite, prompt, status = key
    named = ", ".join(sorted(groups)) if len(groups) <= MOST_GROUPS else f"{len(groups)} groups"
    form = f" {prompt}" if prompt not in (None, "default") else ""
    return f"{runs} run{'s' * (runs > 1)} excluded: {suite}{form}, {named}: {status}"
