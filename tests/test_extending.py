"""What docs/how-to/extending.md adds, one file each, is found by its name and does what it says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import relscale

ROOT = Path(__file__).parents[1]
FILE = re.compile(r"^`src/(relscale/[^`]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)

LAW = """
import numpy as np, pyarrow as pa, relscale
flops = np.geomspace(1e18, 1e20, 9)
table = pa.table({"training_flops": flops, "loss": 3.0 - 0.25 * np.log10(flops / 1e19)})
rows = relscale.fit(table, law="logarithm", x="training_flops", y="loss", residual="linear").fits.to_pylist()
slope = [row["value"] for row in rows if row["parameter"] == "b"]
assert slope and all(abs(value - 0.25) < 1e-9 for value in slope), rows
"""
OPTIMIZER = """
import torch
from dataclasses import replace
from relscale.design.recipes import recipe
from relscale.training.optimizers import build_optimizer
laptop = recipe("laptop")
given = replace(laptop.hyperparameters("signum", laptop.architecture(16, 32, 300), 4, 1), learning_rate=0.01)
model = torch.nn.Linear(4, 1)
optimizer = build_optimizer(model, given)
before = model.weight.detach().clone()
model(torch.ones(2, 4)).sum().backward()
optimizer.step()
moved = before * (1 - 0.01 * given.weight_decay) - model.weight
assert torch.allclose(moved, torch.full_like(moved, 0.01)), moved
"""
RECIPE = """
from relscale.design.recipes import recipe
given = [recipe(name).hyperparameters("adamw", recipe(name).architecture(32, 64, 300), 8, 1000).learning_rate
         for name in ("laptop", "laptop-slow")]
assert given[1] == given[0] / 2
"""
ANALYSIS = """
import numpy as np, pyarrow as pa
from relscale.fitting.fit import fit
rows = [
    {"corpus": "web", "run": f"{flops:g}", "training_flops": flops, "suite": "s", "group": group,
     "metric": "bits_per_byte_document_pooled", "value": 2.0 * (flops / 1e18) ** -slope}
    for flops in np.geomspace(1e18, 1e20, 6) for group, slope in (("a", 0.1), ("b", 0.2))
]
fits = fit(pa.Table.from_pylist(rows), options={"power": [], "specifications": []}, suites={"s": {"baseline": "a"}})
factors = {(row["group"], row["baseline"]): row["factor"] for row in fits.tenfold.to_pylist()}
assert abs(factors["b", None] - 10**-0.2) < 1e-9 and abs(factors["b", "a"] - 10**-0.1) < 1e-9, factors
"""
QUESTION = """
import numpy as np
from pathlib import Path
from relscale.cli import main
from relscale.storage.tables import read_table
flops = np.geomspace(1e18, 1e20, 9)
Path("table.csv").write_text("flops,loss\\n" + "\\n".join(f"{f},{(f / 1e18) ** -0.25}" for f in flops))
asked = ["table.csv", "--x", "flops", "--y", "loss", "--output", "halving.csv"]
assert main(["ask", "halving"]) == 0 and main(["ask", "halving", *asked]) == 0
(row,) = read_table("halving.csv").to_pylist()
assert abs(row["factor"] - 16) < 1e-9, row
assert main(["ask", "halving", "table.csv", "--x", "flop", "--y", "loss"]) == 1
"""
FIGURE = """
import sys
from pathlib import Path
import pyarrow as pa
from relscale.figures.data import FigureData
from relscale.figures.plot import make_figure
from relscale.figures.registry import figures
from relscale.fitting.fits import from_rows, write
from relscale.fitting.curves.point_rows import FrontierRow
from relscale.measurements.measurement import MEASUREMENTS
from relscale.storage.rows import columns_of
from relscale.storage.tables import write_table
assert "tokens-per-parameter" in figures()
cells = {each.name: None for each in columns_of(FrontierRow)}
cells |= {"experiment": "e", "corpus": "web", "status": "ok"}
rows = [FrontierRow(**cells | {"budget": f, "training_flops": f, "tokens": 20 * f**0.5, "params": f**0.5})
        for f in (1e18, 1e19, 1e20)]
write(from_rows({"frontier": rows}), Path("fits"))
figure = make_figure("tokens-per-parameter", FigureData(Path("none.parquet"), Path("fits")))
points = [trace for trace in figure.data if trace.mode == "markers" and trace.y and None not in trace.y]
assert any(len(trace.y) == 3 and all(abs(y - 20) < 1e-9 for y in trace.y) for trace in points), figure.data
from relscale.experiments.config import check_config
from relscale.workflow.pipeline import Pipeline
config = {"experiment": "x", "runs": {"source": "measurements", "tables": [{"path": "t.csv"}]}}
pipeline = Pipeline(check_config(config | {"figures": ["tokens-per-parameter"]}))
caption = pipeline.figures.caption("tokens-per-parameter", Path("no captions"))
assert "Compute-optimal training tokens" in caption.rst.replace("\\\\", "")
"""
SUITE = """
from relscale.scoring.suite_description import available_suites
assert "capitals" in available_suites()
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package with the files of the page in it."""
    folder = tmp_path_factory.mktemp("extended")
    package = Path(relscale.__file__).parent
    shutil.copytree(package, folder / "relscale")  # with its byte code
    examples = FILE.findall((ROOT / "docs" / "how-to" / "extending.md").read_text(encoding="utf-8"))
    for name, content in examples:
        assert not (folder / name).exists()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


PROGRAMS = {
    **{"law": LAW, "analysis": ANALYSIS, "question": QUESTION, "figure": FIGURE},
    **{"optimizer": OPTIMIZER, "recipe": RECIPE, "suite": SUITE},
}
# A fork for each program, of a process that has imported what most of them do.
FORKS = """
import json, os, sys, traceback
import numpy, pyarrow.parquet, torch, relscale.cli, relscale.table_fit.fit
failures = {}
for name, program in json.load(sys.stdin).items():
    reading, writing = os.pipe()
    if not os.fork():
        try:
            exec(compile(program, name, "exec"), {"__name__": "__main__"})
            os._exit(0)
        except BaseException:
            os.write(writing, traceback.format_exc()[-2000:].encode())
            os._exit(1)
    os.close(writing)
    said = os.fdopen(reading, "rb").read().decode()
    status = os.wait()[1]
    failures[name] = said or status
json.dump(failures, open("failures.json", "w"))
"""


@pytest.fixture(scope="module")
def failures(extended):
    """What each program failed with; 0 where it did not."""
    environment = {**os.environ, "PYTHONPATH": str(extended)}
    command = [sys.executable, "-c", FORKS]
    subprocess.run(command, env=environment, cwd=extended, input=json.dumps(PROGRAMS), text=True, check=True)
    return json.loads((extended / "failures.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_example_of_the_page_is_found_by_its_name(failures, program):
    assert failures[program] == 0
