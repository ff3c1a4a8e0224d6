"""Problems of a compute-optimal frontier, and suggested changes to the plan."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from relscale.design.run import budget_label
from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.inference.log_log_lines import SMALLEST
from relscale.fitting.status import Status

Widths = Mapping[float, Sequence[int]]  # the hidden sizes of each budget's runs
NO_WIDTHS: Widths = MappingProxyType({})
MOST_NAMED = 3  # maximum number of budgets whose widths are listed


def frontier_advice(rows: Sequence[FrontierRow], widths: Widths = NO_WIDTHS) -> list[str]:
    """One sentence per problem: budgets without a minimum within the range of widths, too few runs, too few budgets.

    Parameters
    ----------
    rows
        The table ``frontier``; empty if every run is a point.
    widths
        Widths of the runs that were planned at each budget; if unknown, models are named by their parameters.

    Examples
    --------
    >>> frontier_advice([])
    []
    """
    parabolas = [row for row in rows if row.run is None]
    if not parabolas:
        return []
    sentences = []
    number = len(parabolas)
    outside = [row for row in parabolas if row.status == Status.NO_MINIMUM and row.c1 is not None]
    for smaller, way in ((True, "more tokens"), (False, "fewer tokens")):
        beyond = [row for row in outside if row.c1 is not None and (row.c1 < 0) == smaller]
        if beyond:
            sentences.append(
                f"{len(beyond)} of {number} budgets {_verb(len(beyond))} no minimum within the range of widths: the "
                f"loss still falls towards {way}; add {_models_to_add(beyond, widths, smaller)}, or "
                f"{'larger' if smaller else 'smaller'} budgets"
            )
    few = sum(row.status == Status.TOO_FEW_RUNS for row in parabolas)
    if few:
        sentences.append(
            f"{few} of {number} budgets {_verb(few)} too few runs for a parabola; set at least three widths each"
        )
    bent = sum(row.status == Status.NOT_CONVEX for row in parabolas)
    if bent:
        sentences.append(
            f"{bent} of {number} budgets {_verb(bent)} a concave curve: noise between runs exceeds the effect of "
            f"width; add seeds or spread the widths"
        )
    series: dict[tuple[str | None, str | None], int] = {}
    for row in parabolas:
        key = (row.corpus, row.optimizer)
        series[key] = series.get(key, 0) + (row.status == Status.OK)
    short = {key: count for key, count in series.items() if count < SMALLEST}
    if short:
        least = min(short.values())
        sentences.append(
            f"a law needs {SMALLEST} budgets with a minimum, and {'; '.join(str(key[0]) for key in short)} "
            f"{'has' if len(short) == 1 else 'have'} {least}{' or more' if len(set(short.values())) > 1 else ''}"
        )
    return sentences


def _models_to_add(rows: Sequence[FrontierRow], widths: Widths, smaller: bool) -> str:
    """Sizes beyond the tested ones: ``widths below 6 at 2e9 FLOPs and 8 at 4e9 FLOPs``."""
    edge = min if smaller else max
    budgets = sorted({row.budget for row in rows if row.budget is not None})
    edges: dict[float, float] = {budget: edge(widths[budget]) for budget in budgets if widths.get(budget)}
    noun, unit = "widths", ""
    if len(edges) < len(budgets):
        sizes = [(row.budget, row.params_least if smaller else row.params_most) for row in rows]
        edges = {
            budget: edge(size for at, size in sizes if at == budget and size is not None)
            for budget in budgets
            if any(at == budget and size is not None for at, size in sizes)
        }
        noun, unit = "models", " parameters"
    if not edges:
        return f"{'smaller' if smaller else 'larger'} models"
    noun += f" {'below' if smaller else 'above'}"
    numbers = [f"{edges[budget]:.4g}{unit}" for budget in edges]
    if len(set(numbers)) == 1:
        return f"{noun} {numbers[0]}"
    additions = [
        f"{number} at {budget_label(budget)} FLOPs" for budget, number in zip(edges, numbers, strict=True)
    ]
    if len(additions) > MOST_NAMED:
        return f"{noun} those of each budget, from {additions[0]} to {additions[-1]}"
    return f"{noun} {', '.join(additions[:-1])} and {additions[-1]}"


def _verb(count: int) -> str:
    return "has" if count == 1 else "have"
