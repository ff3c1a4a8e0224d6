"""Report on items that were flagged or excluded during collection."""

import sys
from collections.abc import Iterator, Sequence

from relscale.measurements.cell import Cell, ModelCell
from relscale.measurements.measurement import Measurement
from relscale.measurements.status import Status, unknown_characters
from relscale.scoring.items import ItemStatus
from relscale.scoring.options import FEWEST_ITEMS

REPORTED = 20  # maximum number of lines
WORDS = {
    ItemStatus.NO_NUMBER: "items have no valid log-probability (a finite number of at most 0)",
    ItemStatus.TOO_SHORT: "documents are too short",
    ItemStatus.REPEATED: "items are duplicated",
    ItemStatus.UNLABELLED: "items have no label",
    ItemStatus.OUTSIDE: "items have a label outside their choices",
    ItemStatus.DISPUTED: "items have a label that contradicts the logged accuracy",
    ItemStatus.CUT: "items had their context cut",
}


def report_items(cells: Sequence[ModelCell], missing: Sequence[Measurement], cut: float) -> None:
    """Print a line on stderr for each group with flagged or excluded items, small subjects, or a flag of its own.

    ``cut`` is `relscale.measurements.options.Collect.cut`.
    """
    lines = list(
        dict.fromkeys(f"{row.run}, {row.suite} {row.prompt}, {row.group}: {row.status}" for row in missing)
    )
    lines += dict.fromkeys(line for collected in cells for line in _small_subjects(collected.cell))
    for collected in cells:
        cell = collected.cell
        items = cell.items + cell.flagged[ItemStatus.TOO_SHORT]
        counts = [f"{count} of {items} {WORDS[status]}" for status, count in cell.flagged.items()]
        flags = [status for status in dict.fromkeys(collected.flags) if status != Status.OK]
        if cell.unknown > cut:
            flags.append(f"{unknown_characters(cell.unknown)}, which the model's vocabulary lacks")
        accepted = [f"{status}, but accepted" for status in collected.accepted]
        group = f"{collected.model.run}, {cell.suite} {cell.prompt}, {cell.group}"
        lines += [f"{group}: {text}" for text in (*counts, *flags, *accepted)]
    for line in lines[:REPORTED]:
        print(line, file=sys.stderr)
    if len(lines) > REPORTED:
        print(f"… and {len(lines) - REPORTED} more such lines", file=sys.stderr)


def _small_subjects(cell: Cell) -> Iterator[str]:
    """A line on the standard error over subjects, some of which have few items."""
    small = [count for count in cell.subject_units if count < FEWEST_ITEMS]
    if small:
        units = "items" if cell.clusters is None else "clusters of items"
        yield (
            f"{cell.suite} {cell.prompt}, {cell.group}: {len(small)} of {len(cell.subject_units)} subjects have fewer "
            f"than {FEWEST_ITEMS} {units}, the smallest {min(small)}; intervals of macro metrics are too narrow or "
            "lack draws, so use micro"
        )
