"""The plan grows with its runs, and not with their square. benchmarks/plan_scale.py has the times of real sizes."""

import math
import time

import pytest

from relscale.design.placement import place
from relscale.experiments.config import check_config
from relscale.workflow.jobs import runs_by_job

DESIGN = {"recipe": "laptop", "flop_accounting": "training", "sequence_length": 64}


def seconds(budgets):
    """Processor seconds to plan, place and group six runs a budget; the least of three, as a machine is busy."""
    named = [2e9 * (1 + step / 1000) for step in range(budgets)]
    config = {
        "experiment": "scale",
        "sources": {"text": {"kind": "files", "path": "text"}},
        "corpora": {"text": {"source": "text"}},
        "vocabulary": {"size": 384},
        "design": DESIGN
        | {
            "budgets": named,
            "widths": {str(budget): [6, 8, 12] for budget in named},
            "seeds": {str(budget): [0, 1] for budget in named},
        },
    }
    taken = []
    for seed in range(3):  # another experiment each time, as a plan is kept
        start = time.process_time()
        checked = check_config(config | {"seed": seed})
        training = checked.training
        placed = [place(run, checked.hardware, training) for run in checked.planned_runs]
        assert len(placed) == len(runs_by_job(checked, "run")) == 6 * budgets
        taken.append(time.process_time() - start)
    return min(taken)


@pytest.mark.slow
def test_twice_the_runs_take_about_twice_the_time():
    sizes = 100, 200, 400, 800
    times = [seconds(size) for size in sizes]
    exponent = math.log(times[-1] / times[0]) / math.log(sizes[-1] / sizes[0])
    assert exponent < 1.5, times
