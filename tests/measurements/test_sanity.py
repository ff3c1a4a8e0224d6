"""Numbers that cannot be are rows with a status, through the door of published tables and before a fit."""

import math

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from relscale.errors import RelscaleError
from relscale.measurements.options import Table
from relscale.measurements.published import published, read_tables
from relscale.measurements.sanity import flag_impossible

CASES = [
    ("bits_per_byte", 0.9, 0.01, "ok", 0.9),
    ("bits_per_byte", math.nan, 0.01, "no number", None),
    ("bits_per_byte", None, 0.01, "no number", None),
    ("nats_per_token", math.inf, 0.01, "no number", None),
    ("loss", -math.inf, 0.01, "no number", None),
    ("loss", -0.1, 0.01, "impossible: an error below 0", -0.1),
    ("loss", 0.0, 0.01, "not positive: an error of 0 has no logarithm", 0.0),
    ("error_rate", 0.0, 0.0, "not positive: an error of 0 has no logarithm", 0.0),
    ("brier", 0.2, -0.01, "impossible: its standard error is negative", 0.2),
    ("brier", 0.2, math.nan, "ok", 0.2),
    ("accuracy", 0.0, 0.01, "ok", 0.0),
    ("accuracy", 1.0, 0.01, "ok", 1.0),
    ("accuracy_per_byte_macro", 73.2, 0.01, "impossible: not between 0 and 1", 73.2),
    ("probability", -0.2, 0.01, "impossible: not between 0 and 1", -0.2),
    ("log_probability", -7.0, 0.01, "ok", -7.0),
    ("lm_eval_mcc", -0.5, 0.01, "ok", -0.5),
]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_published_number_that_cannot_be_is_a_row_with_a_status(tmp_path, ending):
    columns = {
        "run": [f"r{n}" for n in range(len(CASES))],
        "training_flops": [1e20] * len(CASES),
        "group": ["law"] * len(CASES),
        "metric": [metric for metric, *_ in CASES],
        "value": pa.array([value for _, value, *_ in CASES], pa.float64()),
        "stderr": [stderr for _, _, stderr, *_ in CASES],
    }
    path = tmp_path / f"table.{ending}"
    (pa.csv.write_csv if ending == "csv" else pa.parquet.write_table)(pa.table(columns), path)
    rows = published(path, "e").to_pylist()
    assert [(row["status"], row["value"]) for row in rows] == [(status, kept) for *_, status, kept in CASES]
    assert all(row["stderr"] is None or math.isfinite(row["stderr"]) for row in rows)


def test_a_status_that_a_table_gives_stays():
    table = pa.table(
        {"metric": ["loss"] * 3, "value": [math.nan, 1.0, -1.0], "status": ["lost", None, "odd"]}
    )
    assert flag_impossible(table)["status"].to_pylist() == ["lost", "ok", "odd"]


def test_a_published_number_of_fewer_items_than_those_of_other_models_is_flagged(tmp_path):
    path = tmp_path / "table.csv"
    rows = ["a,law,12", "b,law,4", "c,law,12", "a,logic,7", "b,logic,7", "c,logic,"]
    lines = [f"{row},0.5,1e20,nats" for row in rows]
    path.write_text("\n".join(["run,group,items,value,training_flops,metric", *lines]) + "\n")
    found = read_tables([Table(path=str(path))], "e").to_pylist()
    assert [row["status"] for row in found] == ["ok", "incomplete: 4 of 12 items", *["ok"] * 4]


@pytest.mark.parametrize("copied", [False, True])
def test_a_table_that_is_read_twice_in_the_same_way_is_refused(tmp_path, copied):
    path, other = tmp_path / "table.csv", tmp_path / "other.csv"
    path.write_text("run,group,loss,other,training_flops,metric\na,law,0.5,0.6,1e20,nats\n")
    other.write_text(path.read_text())
    tables = [
        Table(path=str(path), columns={"value": "loss"}, constants={"corpus": "one"}),
        Table(path=str(other if copied else path), columns={"value": "loss"}, constants={"corpus": "two"}),
    ]
    with pytest.raises(RelscaleError, match="one table is read twice in the same way"):
        read_tables(tables, "e")
    tables[1] = tables[1].model_copy(update={"columns": {"value": "other"}})
    assert read_tables(tables, "e")["value"].to_pylist() == [0.5, 0.6]
