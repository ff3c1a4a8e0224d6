"""Value of mixing in other text, for each entry of ``fit.multipliers`` in the config."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from relscale.errors import keyed
from relscale.fitting.core_options import Multiplier
from relscale.fitting.estimation.law_points import select
from relscale.fitting.settings import Settings
from relscale.fitting.status import Status
from relscale.questions import multiplier
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column, fields_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueTextRow(multiplier.MultiplierRow):
    """One row per mixture: how many times more unique text would have helped as much."""

    fit: str = column("Name of the question in the config.")
    status: Status = column("ok, or why there is no multiplier.")


def multiplier_rows(measurements: pa.Table, settings: Settings) -> Iterator[UniqueTextRow]:
    """Rows of the table ``multipliers``.

    Raises
    ------
    RelscaleError
        A column is missing, or there are too few runs; the message begins with the key.
    """
    for entry in settings.multipliers:
        yield from _rows(measurements, entry, settings.seed)


def _rows(measurements: pa.Table, entry: Multiplier, seed: int) -> Iterator[UniqueTextRow]:
    place = f"fit.multipliers.{entry.name}"
    selected = select(measurements, {**entry.where, "status": "ok"}, place)
    with keyed(place):
        rows = multiplier.rows(
            Columns.of_table(selected),
            unique=entry.unique,
            y="value",
            share=entry.share,
            at=entry.at,
            noise=entry.noise,
            unique_in_mixtures=entry.unique_in_mixtures,
            seed=seed,
        )
        for row in rows:
            status = Status.OK if row.multiplier is not None else Status.BEYOND_DATA
            yield UniqueTextRow(**fields_of(row), fit=entry.name, status=status)
