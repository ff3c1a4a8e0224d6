import pyarrow as pa
import pytest

from relscale.errors import RelscaleError
from relscale.measurements.published import published
from relscale.measurements.schema import MEASUREMENTS
from relscale.tables import write_table


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


@pytest.mark.parametrize(
    ("columns", "constants", "message"),
    [
        (NAMES, {}, "no column 'metric'"),
        (NAMES | {"params": "size"}, {"metric": "nats"}, "no column 'size'"),
        (NAMES | {"colour": "model"}, {"metric": "nats"}, "'colour' is no column of measurements"),
        (NAMES | {"value": "model"}, {"metric": "nats"}, "column 'model' is not of type double"),
    ],
)
def test_a_column_that_does_not_fit_is_named(table, columns, constants, message):
    with pytest.raises(RelscaleError, match=message):
        published(table, "outside", columns, constants)
