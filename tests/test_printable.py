"""What is printed cannot steer the terminal, whatever names stand in somebody's data."""

import io
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.cli import main
from relscale.printable import PrintableStream, printable

STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@given(st.text())
def test_no_character_of_what_is_printed_steers_a_terminal(text):
    assert not STEERS.search(printable(text))


@given(st.text(st.characters(exclude_categories=["Cc", "Cf"])))
def test_other_text_stays_as_it_is(text):
    assert printable(f"{text}\n\t") == f"{text}\n\t"


def test_a_progress_bar_stays_on_its_line():
    stream = io.StringIO()
    bar = PrintableStream(stream)
    for text in ("\r 10%|#", "\x1b[A", "\n", "\r\x1b[2J"):
        bar.write(text)
    assert stream.getvalue() == "\r 10%|#\x1b[A\n\r\\x1b[2J"


def test_names_of_a_table_are_spelled_out_in_results_and_messages(tmp_path, capsys):
    rows = [
        f"{flops},{group},{factor * flops**-0.05}"
        for flops in (1e18, 1e19, 1e20, 1e21)
        for group, factor in (("easy", 9), ("\x1b[2Jhard", 12))
    ]
    (tmp_path / "t.csv").write_text("\n".join(["x,group,y", *rows]))
    command = [
        "fit",
        str(tmp_path / "t.csv"),
        "--law",
        "relative",
        "--group",
        "group",
        "--x",
        "x",
        "--y",
        "y",
    ]
    assert main([*command, "--baseline", "easy"]) == 0
    said = capsys.readouterr()
    assert "\\x1b[2Jhard" in said.out
    assert "\x1b" not in said.out + said.err
    assert main([*command, "--baseline", "\x1b[2Jnone"]) == 1
    assert "\x1b" not in capsys.readouterr().err


STEERING = "\x1b[2J\u202eb"  # clears the screen, and turns what follows around


def shown_in_python(tmp_path):
    """What objects of the Python interface say of a table with such a name, by what was asked."""
    import relscale

    flops = [10.0**power for power in range(18, 24)]
    rows = [
        {"flops": f, "group": group, "y": level * (f / 1e20) ** -0.05 * (1 + 0.001 * (n % 3))}
        for n, f in enumerate(flops)
        for group, level in (("easy", 1.0), (STEERING, 2.0), (f"{STEERING}c", 3.0))
    ]
    fit = relscale.fit(pa.Table.from_pylist(rows), x="flops", y="y", group="group")
    yield from {
        "repr": repr(fit),
        "str": str(fit),
        "summary": fit.summary(),
        "table": repr(fit.table()),
    }.items()
    yield from {"forecast": repr(fit.forecast(1e25)), "params": str(fit.params)}.items()
    yield "verdict", str(fit.verdict(STEERING))
    yield "guesses", " ".join(map(str, fit.guessed))
    isoflop = [
        {"budget": b, "flops": b, "params": n, "tokens": b / 6 / n, "corpus": STEERING}
        | {"loss": 1 + b**-0.05 + 0.01 * np.log(n**2 * 6 / b) ** 2}
        for b in flops
        for n in np.sqrt(b / 6) * np.array([0.5, 0.7, 1.0, 1.4, 2.0])
    ]
    pq.write_table(pa.Table.from_pylist(isoflop), tmp_path / "t.parquet")
    yield "frontier", repr(relscale.frontier(tmp_path / "t.parquet", corpus="corpus"))
    table = pa.Table.from_pylist(
        [row | {"split": "train" if row["budget"] < 1e23 else "test"} for row in isoflop]
    )
    pq.write_table(table, tmp_path / "t.parquet")
    ahead = relscale.extrapolate(
        tmp_path / "t.parquet", y="loss", x={"params": "params", "tokens": "tokens"}, train='split == "train"'
    )
    yield "extrapolation", str(ahead)
    fit.write(tmp_path / f"fits{STEERING}")
    yield "results", repr(relscale.open(tmp_path / f"fits{STEERING}"))
    with pytest.raises(relscale.RelscaleError) as error:
        relscale.fit(pa.Table.from_pylist(rows), x="flops", y="y", group="group", baseline=f"{STEERING}gone")
    yield "message", str(error.value)


@pytest.mark.slow
def test_no_object_of_the_python_interface_steers_a_terminal(tmp_path):
    for what, text in shown_in_python(tmp_path):
        assert not STEERS.search(text), what
        assert what == "guesses" or "\\x1b[2J\\u202e" in text, what
