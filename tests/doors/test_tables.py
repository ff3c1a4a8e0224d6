"""Tables as people have them: what is meant is read, a row without a number is flagged, the rest is one sentence."""

import bz2
import gzip
import json
import lzma
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard
from one_sentence import assert_one_sentence

import relscale
from relscale.errors import RelscaleError

FLOPS = [6 * 10**k for k in range(18, 26)]  # whole numbers as Python has them, most beyond 64 bits
SLOPE = 0.07
LOSS = [2.5 * (flops / 1e21) ** -SLOPE for flops in FLOPS]
POWER: dict[str, Any] = {"law": "power", "x": "flops", "y": "loss", "residual": "linear"}
PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def exponent(table: Any, **options: Any) -> float:
    rows = relscale.fit(table, **POWER | options).fits.to_pylist()
    return next(row["value"] for row in rows if row["parameter"] in ("alpha", "beta"))


def refused(table: Any, **options: Any) -> str:
    with pytest.raises(RelscaleError) as error:
        relscale.fit(table, **POWER | options)
    assert_one_sentence(error.value)
    return str(error.value)


def csv(between: str = ",", number: Any = str, end: str = "\n") -> str:
    lines = [["flops", "loss"], *([str(f), number(y)] for f, y in zip(FLOPS, LOSS, strict=True))]
    return end.join(between.join(line) for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda f: f, id="integers"),
        pytest.param(lambda f: Decimal(f), id="decimals"),
        pytest.param(lambda f: np.float32(f), id="32 bits"),
        pytest.param(lambda f: f"{f:,}", id="commas between thousands"),
        pytest.param(lambda f: f"{f:.1e}", id="powers of ten as text"),
        pytest.param(lambda f: f" {f} ", id="text with blanks"),
        pytest.param(lambda f: str(f) if f < 1e20 else f, id="texts and integers"),
    ],
)
def test_compute_may_be_written_in_any_way(write: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"flops": pandas.Series([write(f) for f in FLOPS], dtype=object), "loss": LOSS})
    for table in (frame, frame.set_index("flops"), frame.to_records(index=False)):
        assert exponent(table) == pytest.approx(SLOPE, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", csv().encode()),
        ("t.csv", csv(";", lambda y: f"{y:.12f}".replace(".", ",")).encode()),
        ("t.txt", csv("|", end="\r\n").encode("utf-8-sig")),
        ("t.tsv", csv("\t").encode("utf-16")),
        ("t.csv", b"# by hand\n" + csv(end="\r").encode().replace(b"\r", b"\n")),
        ("t.csv", csv(",").replace("\n", ",\n").encode() + b","),
        ("t", csv().encode()),
        (
            "t.jsonl",
            "\n".join(json.dumps({"flops": f, "loss": y}) for f, y in zip(FLOPS, LOSS, strict=True)).encode(),
        ),
    ],
    ids=[
        "csv",
        "decimal commas",
        "bars",
        "UTF-16",
        "comment",
        "trailing commas",
        "no ending",
        "jsonl",
    ],
)
def test_files_of_any_form_hold_the_same_numbers(
    tmp_path: Path, name: str, content: bytes, packing: str
) -> None:
    path = tmp_path / (name + packing)
    path.write_bytes(PACKERS[packing](content))
    assert exponent(path) == pytest.approx(SLOPE, abs=1e-9)


@pytest.mark.slow
def test_cells_may_be_long_and_have_lines(tmp_path: Path) -> None:
    note = "a line\n" * 500_000  # more than a reader's block
    heading, *lines = csv().splitlines()
    written = [
        f"{heading},note",
        *(f'{line},"{note}"' for line in lines[:3]),
        *(f"{line}," for line in lines[3:]),
    ]
    (tmp_path / "t.csv").write_text("\n".join(written))
    rows = [{"flops": f, "loss": y, "note": note} for f, y in zip(FLOPS, LOSS, strict=True)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name in ("t.csv", "t.jsonl"):
        assert exponent(tmp_path / name) == pytest.approx(SLOPE, abs=1e-9)


@pytest.mark.slow
def test_parquet_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    columns = {"flops": pa.array(map(Decimal, FLOPS)), "loss": pa.array(LOSS).dictionary_encode()}
    for name in ("t.parquet", "t.csv", "t"):
        pa.parquet.write_table(pa.table(columns), tmp_path / name)
        assert exponent(tmp_path / name) == pytest.approx(SLOPE, abs=1e-9)
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[:-20])
    assert "t.parquet: damaged" in refused(tmp_path / "t.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("column", ["flops", "loss"])
@pytest.mark.parametrize("cell", [None, float("nan"), float("inf"), 0, -1.5])
def test_a_row_without_a_usable_number_is_kept_flagged_named_and_not_fitted(column: str, cell: Any) -> None:
    columns: dict[str, list[Any]] = {"flops": [float(f) for f in FLOPS], "loss": list(LOSS)}
    columns[column][2] = cell
    result = relscale.fit(pa.table(columns), **POWER | {"residual": "log"})
    status = result.measurements["status"].to_pylist()
    assert len(status) == len(FLOPS)
    assert f"{column} is" in status[2]
    assert "in row 3" in status[2]
    assert status[2] in str(result)
    assert [row["value"] for row in result.fits.to_pylist() if row["parameter"] == "beta"] == [
        pytest.approx(SLOPE)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [("tokens", 0), ("loss", 0.0), ("loss", float("nan")), ("params", None)])
def test_one_wrong_row_is_named_by_the_law_of_the_others(wrong: tuple[str, Any]) -> None:
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5)))
    columns = {
        "params": n.tolist(),
        "tokens": d.tolist(),
        "loss": (1.8 + 400 * n**-0.34 + 2000 * d**-0.37).tolist(),
    }
    columns[wrong[0]][7] = wrong[1]
    result = relscale.fit(pa.table(columns), law="parametric", x=["params", "tokens"], y="loss")
    rows = {row["parameter"]: row for row in result.fits.to_pylist()}
    assert rows["alpha"]["value"] == pytest.approx(0.34, rel=1e-3)
    assert rows["alpha"]["note"].startswith("fitted on 24 of 25 rows (")
    assert "in row 8" in rows["alpha"]["note"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"flops": FLOPS[:1] * 8, "loss": LOSS}, "8 rows with flops ="),
        ({"flops": [None] * 8, "loss": LOSS}, "no row can be fitted"),
        (
            {"flops": FLOPS, "loss": ["3,250"] * 8},
            "'3,250' may have a decimal comma or one between thousands",
        ),
        (
            {"flops": FLOPS, "loss": [*LOSS[1:], "diverged"]},
            "row 8 is 'diverged'; correct it, or leave the cell empty",
        ),
        ({"flops": FLOPS, "loss": [[y] for y in LOSS]}, "has lists or structures"),
        ({"flops": FLOPS, "loss": [y > 1 for y in LOSS]}, "has truth values"),
        ({"flops": np.datetime64("2026-01-01") + np.arange(8), "loss": LOSS}, "has dates or times"),
        ({"flops": FLOPS[:2], "loss": LOSS[:2]}, "nothing could be fitted"),
        ({"flops": [], "loss": []}, "no rows"),
    ],
)
def test_what_cannot_be_fitted_is_a_sentence(columns: dict[str, Any], said: str) -> None:
    pandas = pytest.importorskip("pandas")
    assert said in refused(
        pandas.DataFrame({name: pandas.Series(c) for name, c in columns.items()}), residual="log"
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "an empty file"),
        ("t.csv", b"\n\n", "an empty file"),
        ("t.csv", b"flops,loss\n", "no rows"),
        (
            "t.csv",
            csv().replace("loss", "caf\u00e9").encode("latin-1"),
            "line 1: not UTF-8 text; save it as UTF-8",
        ),
        ("t.csv", csv().encode("utf-16-le"), "a byte is 0"),
        ("t.csv", b"flops,loss,loss\n1,2,3\n", "'loss' is the name of several columns"),
        ("t.csv", b"flops,loss\n1,2,3\n", "Row #2: Expected 2 columns, got 3"),
        ("t.csv.gz", gzip.compress(csv().encode())[:-20], "cannot be unpacked, it is cut or damaged"),
        ("t.xlsx", b"PK\x03\x04....", "a spreadsheet or another zip archive; save the table in it as CSV"),
        ("t.pkl", pickle.dumps({"flops": [1]}, protocol=5), "a pickle; write it as parquet"),
        ("t.pkl", pickle.dumps({"flops": [1]}, protocol=2), "a pickle; write it as parquet"),
        ("t.csv", b"flops;loss\n500;3,2\n1.500;3,1\n2.000;3\n", "'1.500' may have a point between thousands"),
        ("t.jsonl", b'{"flops": 1, "loss": 2}\n{"flops":', "line 2: not JSON"),
        ("t.jsonl", b'{"flops": 1, "loss": 2}\n[3, 4]', "line 2: not an object"),
        ("t.json", b'[{"flops": 1, "loss": 2}]', "a JSON list; write it as JSON lines"),
    ],
)
def test_what_is_not_a_table_is_a_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in refused(tmp_path / name)


@pytest.mark.parametrize("steps", [[1.5, 2.5], [1e9, 2e12], [-1, 3], [1, 1e30]])
def test_the_annealing_law_counts_optimizer_steps(steps: list[float]) -> None:
    table = pa.table({"step": [*steps, 400.0], "rate": [0.1, 0.1, 0.05], "loss": [3.0, 2.9, 2.8]})
    said = refused(table, law="annealing", x=["step", "rate"])
    assert "is not an optimizer step" in said
    assert "divide tokens by the tokens of a batch" in said


def test_far_apart_steps_cost_no_more_than_near_ones() -> None:
    from relscale.laws.annealing import areas

    s1, s2 = areas([1, 90_000_000, 100_000_000], [0.01, 0.01, 0.0])
    assert s1[-1] == pytest.approx(0.01 * 9e7 + 0.005 * 1e7, rel=1e-6)
    assert s2[-1] == pytest.approx(
        0.01 / 1e7 * 1e7 * 1000, rel=1e-3
    )  # each fall is remembered for 1000 steps


GROUPS = {"a": 0.05, "b": 0.07}


def of_groups(names: dict[str, str], start: str = "") -> str:
    """A CSV file of two groups, under the names that are to be written."""
    rows = [
        f"{flops},{names[of]},{2.5 * (flops / 1e21) ** -slope}"
        for flops in FLOPS
        for of, slope in GROUPS.items()
    ]
    return "\n".join([f"{start}flops,group,loss", *rows])


def gap(table: Any, **options: Any) -> tuple[str, float]:
    """The group that is compared, and its Δβ."""
    (row,) = relscale.fit(table, **options).table()
    return row["group"], row["delta_beta"]


@pytest.mark.parametrize("name", ["3.10", "007", "1e3", "NA", "true", "2024-01-01T00:00", "nan"])
def test_the_name_of_a_group_is_what_is_written(name: str, tmp_path: Path) -> None:
    """``3.10`` was called 3.1, and ``007`` 7, so that ``baseline="007"`` was refused."""
    (tmp_path / "t.csv").write_text(of_groups({"a": "3.9", "b": name}))
    assert gap(tmp_path / "t.csv", baseline=name) == ("3.9", pytest.approx(0.02))


@pytest.mark.parametrize("names", [("3.1", "3.10"), ("7", "007"), ("1.0", "1"), ("1e3", "1000")])
def test_groups_whose_names_are_one_number_are_not_one_group(names: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(of_groups(dict(zip(GROUPS, names, strict=True))))
    with pytest.raises(RelscaleError, match="are the same number") as error:
        relscale.fit(tmp_path / "t.csv")
    assert_one_sentence(error.value)


def test_one_compute_may_be_written_in_two_ways(tmp_path: Path) -> None:
    """Groups of a run are paired by its compute, which is one number as 6E+18 and as 6,0E+18."""
    rows = [
        f"{f'{flops:.1e}'.replace('.', ',') if of == 'a' else f'{flops:.2e}'.replace('.', ',')};{of};"
        f"{2.5 * (flops / 1e21) ** -slope:.9f}".replace(".", ",")
        for flops in FLOPS
        for of, slope in GROUPS.items()
    ]
    (tmp_path / "t.csv").write_text("\n".join(["sep=;", "flops;group;loss", *rows]))
    assert gap(tmp_path / "t.csv", baseline="b") == ("a", pytest.approx(0.02, rel=1e-6))


@pytest.mark.parametrize("header", ["flops, group, loss", "flops,group ,loss", " Flops,Group,LOSS "])
def test_blanks_around_the_name_of_a_column_do_not_hide_it(header: str, tmp_path: Path) -> None:
    _, _, rows = of_groups({"a": "a", "b": "b"}).partition("\n")
    (tmp_path / "t.csv").write_text(f"{header}\n{rows}")
    assert gap(tmp_path / "t.csv", baseline="b") == ("a", pytest.approx(0.02))


def test_rows_of_a_logger_that_lack_a_value_are_no_second_measurement(tmp_path: Path) -> None:
    """Weights & Biases exports a row whenever anything was logged, with empty cells for what was not."""
    lines = ["train/flops,eval/a/loss,eval/b/loss,_timestamp"]
    for number, flops in enumerate(FLOPS):
        a, b = (2.5 * (flops / 1e21) ** -slope for slope in GROUPS.values())
        lines += [f"{flops},NaN,NaN,{number}"] * 2 + [f"{flops},{a},,{number}.5", f"{flops},,{b},{number}.6"]
    lines += ["7e26,,,99", "7e26,,,99.5"]  # no value at all is one missing measurement
    (tmp_path / "wandb.csv").write_text("\n".join(lines))
    columns = {"x": "train/flops", "y": "eval/a/loss,eval/b/loss", "baseline": "eval/b/loss"}
    assert gap(tmp_path / "wandb.csv", **columns) == ("eval/a/loss", pytest.approx(0.02))
    assert relscale.fit(tmp_path / "wandb.csv", **columns).measurements.num_rows == 2 * (len(FLOPS) + 1)


@pytest.mark.parametrize(
    ("columns", "is_said"), [({}, True), ({"block": "training"}, False), ({"x": "flops"}, False)]
)
def test_steps_of_a_training_are_said_not_to_be_independent(columns: dict[str, str], is_said: bool) -> None:
    """As of a curve that Weights & Biases exports, whose x is the step."""
    table = pa.table(
        {"_step": range(1, 9), "flops": list(map(float, FLOPS)), "loss": LOSS, "training": list("aabbccdd")}
    )
    fitted = relscale.fit(table, law="power", **{"x": "_step", "y": "loss"} | columns)
    assert ("points of one training are not independent" in str(fitted)) == is_said


def test_the_names_of_a_wide_table_may_have_commas(tmp_path: Path) -> None:
    rows = [
        ",".join([str(flops), *(str(2.5 * (flops / 1e21) ** -slope) for slope in GROUPS.values())])
        for flops in FLOPS
    ]
    (tmp_path / "t.csv").write_text("\n".join(['flops,"law, ethics",math', *rows]))
    assert gap(tmp_path / "t.csv", y='"law, ethics",math', baseline="math") == (
        "law, ethics",
        pytest.approx(0.02),
    )


def test_categories_of_polars_are_names() -> None:
    """Its categories are a dictionary of string views, which Arrow cannot decode."""
    names = pa.array([of for _ in FLOPS for of in GROUPS])
    views = pa.DictionaryArray.from_arrays(
        names.dictionary_encode().indices, names.dictionary_encode().dictionary.cast(pa.string_view())
    )
    losses = [2.5 * (flops / 1e21) ** -slope for flops in FLOPS for slope in GROUPS.values()]
    flops = [float(flops) for flops in FLOPS for _ in GROUPS]
    assert gap(pa.table({"flops": flops, "group": views, "loss": losses}), baseline="b") == (
        "a",
        pytest.approx(0.02),
    )


def test_a_gap_says_why_a_point_is_left_out(tmp_path: Path) -> None:
    """Of a wide table it names the row of the table, and not of its groups below one another."""
    lines = ["flops,a,b"]
    for flops in FLOPS:
        a, b = (2.5 * (flops / 1e21) ** -slope for slope in GROUPS.values())
        lines.append(f"{flops},{'' if flops == FLOPS[2] else a},{-b if flops == FLOPS[4] else b}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    rows = relscale.fit(tmp_path / "t.csv", y="a,b", baseline="b").fits.to_pylist()
    (note,) = {row["note"] for row in rows if row["parameter"] == "delta_beta"}
    assert "error is missing in row 3" in note
    assert f"baseline: not positive: error is {-2.5 * (FLOPS[4] / 1e21) ** -0.07:g} in row 5" in note
