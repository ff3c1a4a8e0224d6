"""A fit of many points takes memory by the point, and not by the pair of points."""

import subprocess
import sys

CODE = """
import resource, numpy, pyarrow, relscale.table_fit
import scipy.interpolate, scipy.optimize, scipy.special, scipy.stats  # loaded later by those that need them
room = 500 << 20  # beside what is loaded; each matrix of all pairs of points has 288 MB
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
flops = numpy.repeat(numpy.geomspace(1e18, 1e22, 6_000), 2)
y = (flops / 1e20) ** -0.05 * numpy.exp(numpy.random.default_rng(0).normal(0, 0.01, 12_000))
table = pyarrow.table({"x": flops, "group": ["a", "b"] * 6_000, "y": y})
found = relscale.fit(table, group="group", baseline="b", x="x", y="y", bootstrap=0)
print(found.results.influence.num_rows)
"""


def test_twelve_thousand_rows_are_fitted_in_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) == 3 * 6_000  # each of the three curves without each of its points
