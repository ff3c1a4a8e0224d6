"""A process of the command line does not import pandas for Arrow's sake."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from relscale.arrow_without_pandas import use_arrow_without_pandas

use_arrow_without_pandas()
import pyarrow

pyarrow.table({"a": ["x", "y"]})
assert "pandas" not in sys.modules

import pandas

frame = pandas.DataFrame({"a": [1, 2]})
assert pyarrow.Table.from_pandas(frame).to_pandas().equals(frame)
"""


@pytest.mark.slow
def test_arrow_takes_a_list_without_pandas_and_a_frame_once_there_is_one():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


COMMAND = """
import sys
from relscale.cli import main

unused, *sys.argv = sys.argv[1:]
try:
    main()
finally:
    imported = {name for name in unused.split(",") if name in sys.modules}
    assert not imported, imported
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["laws"], "pandas"),
        (["datasets"], "pandas"),
        (["plan", "laptop"], "pandas,jsonschema,pyarrow.compute,pyarrow.parquet,torch,scipy,plotly"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_command_imports_no_slow_library_that_it_does_not_use(tmp_path, arguments, unused):
    command = [sys.executable, "-c", COMMAND, unused, "relscale", *arguments]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
