"""An analysis is one file: its table, its options and its rows are found by name."""

from pathlib import Path
from typing import Any

import pytest

from relscale.errors import RelscaleError
from relscale.fitting import analyses as package
from relscale.fitting.analyses.registry import analyses
from relscale.fitting.fits import ROWS
from relscale.fitting.options import check_option_names, fit_section
from relscale.storage.rows import columns_of

MINE = '''
"""The number of points of each curve."""

from dataclasses import dataclass

from pydantic import Field

from relscale.fitting.curves.curves import Curves
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import Status
from relscale.storage.rows import fields_of, column
from relscale.experiments.section import Section


class Options(Section):
    """What is counted."""

    most_counted: int = Field(default=100, description="Points of a curve that are counted at most.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow(CurveKey):
    """One row per curve."""

    points: int = column("Points of the curve.")
    status: Status = column("ok, or why the row cannot be used.")


TABLE, ROW = "counts", CountRow


def rows(curves: Curves, settings: Settings) -> list[CountRow]:
    """The points of each curve."""
    most = settings.of(Options).most_counted
    return [
        CountRow(**fields_of(key), points=min(most, len(curves.points)), status=Status.OK) for key in curves.keys
    ]
'''


def test_a_file_more_is_an_analysis_a_table_and_an_option_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, World: Any
) -> None:
    (tmp_path / "counted_points.py").write_text(MINE, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    (mine,) = [analysis for analysis in analyses() if analysis.name == "counted_points"]
    assert mine.table == "counts"
    section = fit_section()
    assert section.model_fields["most_counted"].default == 100
    assert section(most_counted=7).most_counted == 7

    from relscale.fitting import fit as module

    monkeypatch.setitem(ROWS, mine.table, mine.row)
    monkeypatch.setattr("relscale.fitting.options.Fit", section)
    world = World({"a": (2.0, 0.10, 0.1), "b": (1.5, 0.04, 0.0)})
    counts = module.fit(world.measurements, options={"most_counted": 2}).counts
    assert set(counts["points"].to_pylist()) == {2}
    assert {"a", "b"} <= set(counts["group"].to_pylist())


def test_an_option_of_no_analysis_is_refused() -> None:
    check_option_names(["reach", "hold_out", "level"])
    with pytest.raises(RelscaleError, match="fit: unknown option 'raech'; allowed: level, "):
        check_option_names(["raech"])


def test_every_column_of_every_table_says_what_it_means() -> None:
    for name, row in ROWS.items():
        for column in columns_of(row):
            assert column.description.endswith("."), (name, column.name)
