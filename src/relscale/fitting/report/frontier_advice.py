"""What is wrong with a compute-optimal frontier, and what to change in the plan."""

from collections.abc import Sequence

from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.inference.log_log_lines import SMALLEST
from relscale.fitting.status import Status


def frontier_advice(rows: Sequence[FrontierRow]) -> list[str]:
    """One sentence per trouble: budgets without a minimum inside the widths, too few runs, too few budgets.

    Parameters
    ----------
    rows
        The table ``frontier``; where every run is a point there is nothing to say.

    Examples
    --------
    >>> frontier_advice([])
    []
    """
    parabolas = [row for row in rows if row.run is None]
    if not parabolas:
        return []
    said = []
    number = len(parabolas)
    outside = [row for row in parabolas if row.status == Status.NO_MINIMUM and row.c1 is not None]
    for below, way, mend in (
        (True, "more tokens", "add widths below those tried"),
        (False, "fewer tokens", "add widths above those tried"),
    ):
        count = sum((row.c1 < 0) == below for row in outside if row.c1 is not None)
        if count:
            said.append(
                f"{count} of {number} budgets {_have(count)} no minimum inside the widths: losses still fall towards "
                f"{way}; {mend}"
            )
    few = sum(row.status == Status.TOO_FEW_RUNS for row in parabolas)
    if few:
        said.append(
            f"{few} of {number} budgets {_have(few)} too few runs for a parabola; give each three widths or more"
        )
    bent = sum(row.status == Status.NOT_CONVEX for row in parabolas)
    if bent:
        said.append(
            f"{bent} of {number} budgets {_have(bent)} a curve that bends downwards: runs differ by chance more than "
            "by width; add seeds or spread the widths"
        )
    series: dict[tuple[str | None, str | None], int] = {}
    for row in parabolas:
        key = (row.corpus, row.optimizer)
        series[key] = series.get(key, 0) + (row.status == Status.OK)
    short = {key: count for key, count in series.items() if count < SMALLEST}
    if short:
        least = min(short.values())
        said.append(
            f"a law needs {SMALLEST} budgets with a minimum, and {'; '.join(str(key[0]) for key in short)} "
            f"{'has' if len(short) == 1 else 'have'} {least}{' or more' if len(set(short.values())) > 1 else ''}"
        )
    return said


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
