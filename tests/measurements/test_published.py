import pyarrow as pa
import pytest

from relscale.errors import RelscaleError
from relscale.measurements.measurement import MEASUREMENTS
from relscale.measurements.published import published
from relscale.storage.tables import write_table


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "numbers.csv"
    columns = {
        "model": ["a", "b"],
        "flops": [1e20, 2e20],
        "subject": ["law", "law"],
        "loss": [0.9, 0.8],
        "note": ["", ""],
    }
    write_table(pa.table(columns), path)
    return path


NAMES = {"run": "model", "training_flops": "flops", "group": "subject", "value": "loss"}


def test_columns_under_other_names_become_measurements(table):
    rows = published(table, "outside", NAMES, {"metric": "nats", "suite": "mmlu"})
    assert rows.schema.equals(MEASUREMENTS)
    first = rows.to_pylist()[0]
    assert (first["experiment"], first["suite"], first["metric"]) == ("outside", "mmlu", "nats")
    assert (first["run"], first["block"], first["value"], first["training_flops"]) == ("a", "a", 0.9, 1e20)
    assert (first["stderr"], first["params"], first["status"]) == (None, None, "ok")


def test_a_column_may_be_put_together_from_others(table):
    rows = published(table, "outside", NAMES, {"metric": "nats"}, {"run": "{model}/{flops:.0e}"})
    assert rows["run"].to_pylist() == ["a/1e+20", "b/2e+20"]
    assert rows["block"].to_pylist() == rows["run"].to_pylist()


def test_counts_may_be_written_as_powers_of_ten(tmp_path):
    (tmp_path / "t.csv").write_text("run,training_flops,group,value,params\na,1e20,law,0.9,1.5e9\n")
    rows = published(tmp_path / "t.csv", "outside", constants={"metric": "nats"})
    assert rows["params"].to_pylist() == [1_500_000_000]


@pytest.mark.parametrize(
    "cell", ["1.5", "9007199254740993"]
)  # in millions; the least number without a double
def test_a_count_is_what_the_table_says(tmp_path, cell):
    head = "run,training_flops,group,value,params,tokens"
    (tmp_path / "t.csv").write_text(f"{head}\na,1e20,law,0.9,{cell},{cell}\n")
    (row,) = published(tmp_path / "t.csv", "outside", constants={"metric": "nats"}).to_pylist()
    assert row["params"] == row["tokens"] == float(cell)


def test_a_format_names_columns_that_there_are(table):
    with pytest.raises(RelscaleError, match="no column 'size'; it has model"):
        published(table, "outside", NAMES, {"metric": "nats"}, {"run": "{size}"})
    with pytest.raises(RelscaleError, match="is not a format such as"):
        published(table, "outside", NAMES, {"metric": "nats"}, {"run": "{model"})


def test_a_constant_has_the_type_of_its_column(table):
    with pytest.raises(RelscaleError, match="tokens: 'many' is not of type double"):
        published(table, "outside", NAMES, {"metric": "nats", "tokens": "many"})


@pytest.mark.parametrize(
    ("columns", "constants", "message"),
    [
        (NAMES, {}, "no column 'metric'"),
        (NAMES | {"params": "size"}, {"metric": "nats"}, "no column 'size'"),
        (NAMES | {"colour": "model"}, {"metric": "nats"}, "'colour' is not a column of measurements"),
        (NAMES | {"value": "model"}, {"metric": "nats"}, "column 'model' is not numeric: row 1 is 'a'"),
    ],
)
def test_a_column_that_does_not_fit_is_named(table, columns, constants, message):
    with pytest.raises(RelscaleError, match=message):
        published(table, "outside", columns, constants)
