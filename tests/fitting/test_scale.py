"""A fit of many points takes memory by the point, and not by the pair of points."""

import subprocess
import sys

import pytest

CODE = """
import numpy, pyarrow, relscale.table_fit.fit
import scipy.interpolate, scipy.optimize, scipy.special, scipy.stats  # loaded later by those that need them

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

before = peak()
flops = numpy.repeat(numpy.geomspace(1e18, 1e22, 3_000), 2)
y = (flops / 1e20) ** -0.05 * numpy.exp(numpy.random.default_rng(0).normal(0, 0.01, 6_000))
table = pyarrow.table({"x": flops, "group": ["a", "b"] * 3_000, "y": y})
found = relscale.fit(table, group="group", baseline="b", x="x", y="y", bootstrap=0)
found.results.tables  # which computes all of them
print(found.results.influence.num_rows, (peak() - before) >> 10)
"""
ROOM = (
    190  # MiB beside what is loaded; each matrix of all pairs of points has 72 MB, and an algorithm several
)


@pytest.mark.slow
def test_six_thousand_rows_are_fitted_in_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    influences, mebibytes = map(int, done.stdout.split())
    assert influences == 3 * 3_000  # each of the three curves without each of its points
    assert mebibytes < ROOM
