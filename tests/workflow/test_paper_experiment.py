"""The paper's experiment as a plan of jobs; none of them is run, and the hub is not asked."""

from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from relscale.experiments.config import load_config
from relscale.scoring.checkpoint_table import table_schema
from relscale.storage.tables import write_table

pytestmark = pytest.mark.slow

PAPER = Path(__file__).parents[2] / "experiments" / "paper.yaml"


@pytest.fixture(scope="module")
def paper(tmp_path_factory, make_experiment):
    return make_experiment(tmp_path_factory.mktemp("paper"), yaml.safe_load(PAPER.read_text()))


@pytest.fixture(scope="module")
def jobs(paper):
    return paper.planned_jobs()


def test_every_run_of_the_paper_is_a_training_and_a_scoring_job(paper, jobs):
    assert jobs["train"] == jobs["score"] == 255
    assert jobs["suite"] == 3
    assert jobs["collect"] == jobs["fit"] == 1
    assert jobs["plot"] >= len(paper.config["figures"])


def test_the_plan_tells_devices_hours_and_the_bill(paper):
    said = paper.call("relscale", "plan", PAPER)
    assert said.returncode == 0, said.stderr
    *table, bill, storage = said.stdout.splitlines()
    assert bill.startswith("255 runs, ")
    assert "GPU-hours" in bill
    assert "assumed: 40% of 9.89e+14 FLOP/s on each GPU" in bill
    assert storage.startswith("storage: tokens ")
    for strategy in ("ddp", "fsdp"):
        assert any(f"8 {strategy}" in line for line in table)


def test_with_a_table_of_released_models_nothing_is_trained(paper, jobs):
    rows = [
        {
            "run": run.name,
            "model": f"someone/{run.name}",
            "corpus": run.corpus,
            "budget": run.budget,
            "params": run.params,
            "tokens": run.tokens,
            "training_flops": float(run.training_flops),
        }
        for run in load_config(PAPER).planned_runs
    ]
    write_table(pa.Table.from_pylist(rows, table_schema()), paper.folder / "released.csv")
    without = paper.planned_jobs(paper.config | {"runs": {"source": "checkpoints", "table": "released.csv"}})
    assert without["score"] == 255
    assert set(jobs) - set(without) == {"corpus", "vocabulary", "tokenize", "train"}
