"""Verdicts and figures show the same prompt form of a suite that was measured under several."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from relscale.figures.data import FigureData
from relscale.fitting.fit import fit
from relscale.fitting.fits import write
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.scoring.options import PublishedSuite
from relscale.storage.rows import rows_of

from ..fitting.conftest import World

METRIC = "bits_per_byte_answer_mean"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stated", "measured", "shown"),
    [
        (None, ("cloze", "default"), "default"),
        (None, ("letters", "cloze"), "cloze"),
    ],
)
def test_primary_verdicts_are_of_the_form_in_the_figures(
    tmp_path: Path, stated: str | None, measured: tuple[str, str], shown: str
) -> None:
    world = World({"easy": (1.0, 0.06, 0.0), "hard": (1.5, 0.04, 0.0)}, noise=1e-3)
    rows = [
        row | {"prompt": form}
        for row in world.rows
        for form in (measured if row["suite"] == "s" else [row["prompt"]])
    ]
    table = pa.Table.from_pylist(rows, world.measurements.schema)
    suite = PublishedSuite(baseline="easy", metric=METRIC, prompt=stated)
    facts = {"baseline": suite.baseline, "metric": suite.metric, "prompt": suite.prompt}
    fits = fit(table, None, {"bootstrap": 20}, {"s": facts})
    assert {row.prompt for row in rows_of(VerdictRow, fits.verdicts) if row.primary} == {shown}
    pq.write_table(table, tmp_path / "measurements.parquet")
    write(fits, tmp_path / "fits")
    data = FigureData(tmp_path / "measurements.parquet", tmp_path / "fits", {"s": suite})
    assert data.suite("s").prompt == shown
