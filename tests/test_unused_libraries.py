"""A process of the command line imports neither pandas for Arrow's sake nor f2py for scipy's."""

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


SPECIAL = """
import sys
from relscale.light_scipy import use_scipy_without_f2py, use_scipy_without_notes

use_scipy_without_f2py()
use_scipy_without_notes()
from scipy.special import stdtrit

assert abs(stdtrit(1, 0.75) - 1) < 1e-12  # the quartile of a Cauchy variable
assert not {"numpy.f2py", "numpy.ma"} & set(sys.modules)
assert "Array API" not in stdtrit.__doc__  # the note, which takes a third of the import

import numpy

assert numpy.f2py.__name__ == "numpy.f2py"
assert numpy.ma.masked_array([1, 2], [False, True]).sum() == 1
assert numpy.polynomial.polynomial.polyval(2, [1, 3]) == 7
"""


@pytest.mark.slow
def test_scipy_has_its_functions_without_f2py_and_numpy_has_it_once_it_is_asked_for():
    subprocess.run([sys.executable, "-c", SPECIAL], check=True)


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
        (["laws"], "pandas,numpy.f2py,unittest"),
        (["datasets"], "pandas"),
        (["plan", "laptop"], "pandas,jsonschema,pyarrow.compute,pyarrow.parquet,torch,scipy,plotly"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_command_imports_no_slow_library_that_it_does_not_use(tmp_path, arguments, unused):
    command = [sys.executable, "-c", COMMAND, unused, "relscale", *arguments]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
