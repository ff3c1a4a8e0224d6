"""The runs that fits leave out because of their status, in words."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MOST_GROUPS = 4  # that are named; of more their number
PLACE = ("suite", "prompt", "group")


def left_out(measurements: pa.Table, where: Mapping[str, Any] | None = None) -> list[str]:
    """A line for each suite, prompt and status other than ok: how many runs, of which groups, and why.

    Parameters
    ----------
    measurements
        The tidy table; without a column ``status`` nothing is left out.
    where
        Columns and the value that rows must have, such as a suite; all rows by default.
    """
    if "status" not in measurements.column_names:
        return []
    flagged = measurements.filter(pc.not_equal(pc.fill_null(measurements["status"], "ok"), "ok"))
    for column, value in (where or {}).items():
        flagged = flagged.filter(
            pc.equal(flagged[column], value) if value is not None else pc.is_null(flagged[column])
        )
    runs: dict[tuple[Any, ...], set[Any]] = {}
    groups: dict[tuple[Any, ...], list[Any]] = {}
    names = [name for name in ("corpus", "run", "step", *PLACE, "status") if name in flagged.column_names]
    for row in flagged.select(names).group_by(names, use_threads=False).aggregate([]).to_pylist():
        key = (row["suite"], row.get("prompt"), row["status"])
        runs.setdefault(key, set()).add(tuple(row.get(name) for name in ("corpus", "run", "step")))
        of_key = groups.setdefault(key, [])
        of_key += [row["group"]] if row["group"] not in of_key else []
    return [_line(key, len(runs[key]), groups[key]) for key in sorted(runs, key=str)]


def _line(key: tuple[Any, ...], runs: int, groups: list[Any]) -> str:
    suite, prompt, status = key
    named = ", ".join(sorted(map(str, groups))) if len(groups) <= MOST_GROUPS else f"{len(groups)} groups"
    form = f" {prompt}" if prompt not in (None, "default") else ""
    return f"left out, {runs} run{'s' * (runs > 1)}: {suite}{form}, {named}: {status}"
