"""What is printed cannot steer the terminal, whatever names stand in somebody's data."""

import io
import re

from hypothesis import given
from hypothesis import strategies as st

from relscale.cli import main
from relscale.printable import PrintableStream, printable


@given(st.text())
def test_no_character_of_what_is_printed_steers_a_terminal(text):
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", printable(text))


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
