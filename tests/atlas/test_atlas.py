"""Every known number of the atlas comes out, or differs for the reason that its entry states."""

import html
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from relscale.atlas.answers import answers, entries_with_answers
from relscale.atlas.atlas import Agreement, entry, entry_names, failures, reproduced
from relscale.atlas.entry import Tables
from relscale.atlas.page import COLUMNS, page, section
from relscale.atlas.report import atlas_figures, atlas_report
from relscale.atlas.view import draw
from relscale.cli import main
from relscale.errors import RelscaleError
from relscale.laws.catalogue import law_names
from relscale.storage.tables import read_table

ROOT = Path(__file__).parents[2]
TABLES = Tables(ROOT / "reference")
COLUMN_OPTIONS = ("--x", "--y", "--run", "--group", "--family", "--step", "--by", "--block", "--benchmarks")
PAGE = ROOT / "docs" / "reference" / "atlas.md"
ENTRIES = [pytest.param(name, marks=pytest.mark.slow) if entry(name).slow else name for name in entry_names()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ENTRIES)
def test_the_numbers_of_an_entry_are_as_it_says(name: str) -> None:
    rows = list(reproduced(name, TABLES))
    assert not failures(rows), [(row.quantity, row.published, row.reproduced) for row in failures(rows)]
    assert rows


@pytest.mark.parametrize("name", entry_names())
def test_an_entry_says_where_it_is_from_and_how_to_use_it(name: str) -> None:
    one = entry(name)
    assert one.paper
    assert one.formula
    assert not one.law or one.law in law_names()
    assert not one.law or one.command.startswith("relscale fit ")
    about = (ROOT / "reference" / "README.md").read_text(encoding="utf-8")
    for table in one.tables:
        assert (ROOT / "reference" / table).is_file()
        assert f"`{table}`" in about


@pytest.mark.parametrize("name", entry_names())
def test_a_command_names_columns_that_its_published_table_has(name: str) -> None:
    for words in map(str.split, entry(name).command.splitlines()):
        assert "…" not in "".join(words)
        named = {
            name for option, names in pairwise(words) if option in COLUMN_OPTIONS for name in names.split(",")
        }
        for table in entry(name).tables:
            if table in words:
                assert named <= set(read_table(ROOT / "reference" / table).column_names)


def test_the_published_answers_are_of_entries_that_there_are_and_each_is_one_number() -> None:
    assert set(entries_with_answers()) == set(entry_names())
    for name in entry_names():
        quantities = [answer.quantity for answer in answers(name)]
        assert len(set(quantities)) == len(quantities)
        assert set(entry(name).differs) <= set(quantities)


def test_the_page_has_every_entry_as_it_is_declared() -> None:
    """All but the numbers that are computed, which the slow entries would have to be run for."""
    made = page({name: [] for name in entry_names()})
    assert without_numbers(PAGE.read_text(encoding="utf-8")) == without_numbers(made), (
        "make atlas writes it anew"
    )


def without_numbers(text: str) -> list[str]:
    """The lines of the page, without the computed cells of its tables."""
    return [
        "|".join(line.split("|")[:4])
        if line.startswith("| ") and line.count("|") == len(COLUMNS) + 1
        else line
        for line in text.splitlines()
    ]


VIEWS = [name for name in entry_names() if entry(name).view]


@pytest.mark.parametrize("name", VIEWS)
def test_a_figure_of_an_entry_is_beside_its_page(name: str) -> None:
    assert f"![{entry(name).title}](atlas/{name}.svg)" in PAGE.read_text(encoding="utf-8")
    assert (PAGE.parent / "atlas" / f"{name}.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.slow
@pytest.mark.parametrize("name", VIEWS)
def test_every_series_of_a_figure_is_drawn_with_its_curves(name: str) -> None:
    one = entry(name)
    assert one.view is not None
    view = one.view(TABLES)
    traces = [trace for trace in draw(one.title, view).data if trace.x[0] is not None]
    curves = sum(bool(len(np.asarray(s.x))) + bool(s.fitted) + bool(s.published) for s in view.series)
    assert len(traces) == curves
    for trace in traces:
        assert np.isfinite(np.asarray(trace.y, dtype=float)).all()


def test_a_page_with_an_older_answer_is_noticed() -> None:
    one = section("critical_batch", entry("critical_batch"), [])
    assert without_numbers(one.replace("745.3201", "745.4")) != without_numbers(one)


HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.slow
def test_the_report_has_each_number_beside_what_is_known_and_text_stays_text() -> None:
    (row, *others) = reproduced("parallel_streams", TABLES)
    rows = [replace(row, quantity=HOSTILE, status=Agreement.DIFFERS), *others]
    page = atlas_report({"parallel_streams": rows}, atlas_figures(["parallel_streams"], TABLES))
    assert f"<h1>{len(others)} of {len(rows)} known numbers agree</h1>" in page
    assert page.count("data-figure=") == 1
    assert page.count('<tr tabindex="0"') == len(rows)
    assert html.escape(entry("parallel_streams").command) in page
    assert HOSTILE not in page
    assert html.escape(HOSTILE) in page
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:|//|file:)""", page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r' id="([^"]+)"', page))


def test_a_number_that_does_not_come_out_ends_the_command_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import gzip

    text = gzip.decompress((TABLES.folder / "critical_batch_steps.csv.gz").read_bytes()).decode()
    (tmp_path / "critical_batch_steps.csv.gz").write_bytes(
        gzip.compress(text.replace("46000", "36000").encode())
    )
    assert main(["atlas", "critical-batch", "--tables", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "fails" in said.out
    assert "not reproduced: critical_batch: batch at 20% overhead, 85M" in said.err


def test_a_known_number_that_no_entry_reproduces_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = answers("filtering")
    monkeypatch.setattr(
        "relscale.atlas.atlas.answers", lambda _: (replace(first, quantity="accuracy after 3 samples"),)
    )
    with pytest.raises(
        RelscaleError, match="the entry filtering does not compute 'accuracy after 3 samples'"
    ):
        list(reproduced("filtering", TABLES))


@pytest.mark.slow
def test_a_number_that_differs_is_printed_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["atlas", "filtering", "--tables", str(TABLES.folder)]) == 0
    said = capsys.readouterr().out
    for reason in entry("filtering").differs.values():
        assert f"Differs: {reason}\n" in said


def test_a_name_or_a_table_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RelscaleError, match="no entry 'critcal' in the atlas; did you mean 'critical_batch'"):
        entry("critcal")
    with pytest.raises(RelscaleError, match="no such table"):
        list(reproduced("critical_batch", Tables(tmp_path)))
