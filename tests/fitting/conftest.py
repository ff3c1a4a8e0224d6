"""A world whose laws are known: measurement tables that lie exactly on parabolas and power laws."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

BUDGETS = (1e11, 3e11, 1e12, 3e12, 1e13)
WIDTHS = 5


@dataclass
class World:
    """Errors E(F, x) = level · (F / 1e12)^−beta · (1 + bend · (x − x*(F) − shift)²), x = ln tokens.

    ``x*`` is the optimum of the validation loss, tokens 1e6 · (F / 1e12)^0.5; ``shift`` moves a group's own optimum.
    """

    groups: dict[str, tuple[float, float, float]]  # level at 1e12, beta, shift
    budgets: tuple[float, ...] = BUDGETS
    widths: int = WIDTHS
    seeds: int = 1
    noise: float = 0.0
    replicates: int = 0
    item_noise: float = 0.0
    suite: str = "s"
    metric: str = "bits_per_byte_answer_mean"
    corpora: tuple[str, ...] = ("text",)
    seed: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    draws: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        for corpus in self.corpora:
            for budget in self.budgets:
                best = np.log(1e6) + 0.5 * np.log(budget / 1e12)
                for width in range(self.widths):
                    # Not symmetric around the optimum, so that nothing cancels by luck.
                    x = best + np.linspace(-0.9, 1.2, self.widths)[width]
                    for seed in range(self.seeds):
                        self._run(rng, corpus, budget, best, width, x, seed)

    def _run(
        self,
        rng: np.random.Generator,
        corpus: str,
        budget: float,
        best: float,
        width: int,
        x: float,
        seed: int,
    ) -> None:
        tokens = np.exp(x)
        run = {
            "experiment": "world",
            "corpus": corpus,
            "optimizer": "c-adamc",
            "run": f"{corpus}-{budget:g}-w{width}-s{seed}",
        }
        spent = {"budget": budget, "training_flops": budget, "params": budget / 6 / tokens, "tokens": tokens}
        everything = {"validation": (3.0, 0.05, 0.0)} | self.groups
        for group, (level, beta, shift) in everything.items():
            error = level * (budget / 1e12) ** -beta * (1 + 0.1 * (x - best - shift) ** 2)
            error *= 1 + self.noise * rng.standard_normal()
            validation = group == "validation"
            series = {
                "suite": "validation" if validation else self.suite,
                "prompt": None if validation else "plain",
                "group": "all" if validation else group,
                "metric": "nats_per_token" if validation else self.metric,
            }
            self.rows.append(
                run | spent | series | {"seed": seed, "block": run["run"], "value": error, "status": "ok"}
            )
            if not validation:
                for replicate in range(self.replicates):
                    value = error * (1 + self.item_noise * rng.standard_normal())
                    self.draws.append(run | series | {"replicate": replicate, "value": value})

    @property
    def measurements(self) -> pa.Table:
        return pa.Table.from_pylist(self.rows)

    @property
    def replicate_table(self) -> pa.Table | None:
        return pa.Table.from_pylist(self.draws) if self.draws else None


@pytest.fixture(name="World", scope="session")
def world_class() -> type[World]:
    return World
