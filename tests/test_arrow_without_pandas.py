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
