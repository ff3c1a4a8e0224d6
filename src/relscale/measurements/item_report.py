"""Report on items that were flagged or excluded during collection."""

import sys
from collections.abc import Sequence

from relscale.measurements.cell import ModelCell
from relscale.measurements.measurement import Measurement
from relscale.measurements.status import Status, unknown_characters
from relscale.scoring.items import ItemStatus

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
    """Print a line on stderr for each group with flagged or excluded items, or a flag for the whole group.

    ``cut`` is `relscale.measurements.options.Collect.cut`.
    """
    lines = list(
        dict.fromkeys(f"{row.run}, {row.suite} {row.prompt}, {row.group}: {row.status}" for row in missing)
    )
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
