"""The IsoFLOP grid: for each corpus and compute budget, a run for each width that can spend it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from relscale.design.architecture import forward_flops_per_token
from relscale.design.recipes import Infeasible, recipe
from relscale.design.run import Run, budget_label
from relscale.errors import RelscaleError

BUDGET_TOLERANCE = 0.01  # a run that misses its budget by more is dropped, as in the paper


@dataclass(frozen=True)
class Dropped:
    """A cell of the grid that trains nothing, and why."""

    budget: float
    hidden_size: int
    reason: str


def plan(config: dict[str, Any]) -> list[Run]:
    """All runs of an experiment, by corpus, optimizer, budget, width and seed. A pure function of the config.

    Raises
    ------
    RelscaleError
        A budget that no width can meet, or an unknown recipe.
    """
    seeds = _by_budget(config["design"].get("seeds", {}))
    runs = []
    for corpus in config["corpora"]:
        for optimizer in config["design"]["optimizers"]:
            for run in grid(config, corpus, optimizer)[0]:
                runs += [replace(run, seed=seed) for seed in seeds(run.budget) or [config["seed"]]]
    return runs


def grid(config: dict[str, Any], corpus: str, optimizer: str) -> tuple[list[Run], list[Dropped]]:
    """The runs of one corpus and optimizer at the first seed, and the cells that were dropped."""
    design = config["design"]
    rules = recipe(design["recipe"])
    widths = _by_budget(design.get("widths", {}))
    runs: list[Run] = []
    dropped: list[Dropped] = []
    for budget in design["budgets"]:
        forward_budget = budget if design["flop_accounting"] == "forward" else budget / 3
        found = len(runs)
        for hidden_size in widths(float(budget)) or rules.widths(forward_budget):
            try:
                architecture = rules.architecture(
                    hidden_size, design["sequence_length"], config["vocabulary"]["size"]
                )
                batch_size = rules.batch_size(forward_budget, architecture)
                steps = round(
                    forward_budget
                    / (forward_flops_per_token(architecture) * batch_size * design["sequence_length"])
                )
                run = Run(
                    corpus=corpus,
                    budget=float(budget),
                    seed=config["seed"],
                    architecture=architecture,
                    batch_size=batch_size,
                    train_steps=steps,
                    hyperparameters=replace(
                        rules.hyperparameters(
                            optimizer,
                            architecture,
                            batch_size,
                            steps * batch_size * design["sequence_length"],
                        ),
                        **{key: design[key] for key in ("schedule", "warmup", "decay") if key in design},
                    ),
                )
                miss = abs(run.forward_flops / forward_budget - 1)
                if miss > BUDGET_TOLERANCE:
                    raise Infeasible(
                        f"width {hidden_size} misses the budget by {miss:.1%} in {steps} whole steps"
                    )
                runs.append(run)
            except Infeasible as reason:
                dropped.append(Dropped(float(budget), hidden_size, str(reason)))
        if len(runs) == found:
            reasons = [cell.reason for cell in dropped if cell.budget == budget]
            more = f", and likewise {len(reasons) - 1} more" if len(reasons) > 1 else ""
            raise RelscaleError(
                f"design.budgets: no width can spend {budget_label(budget)} FLOPs by recipe {design['recipe']!r}: "
                f"{reasons[0]}{more}"
            )
    return runs, dropped


def _by_budget(named: Any) -> Callable[[float], Sequence[int] | None]:
    """What is said of a budget: the same of all, or of this one by its number; None where nothing is."""
    if not isinstance(named, dict):
        return lambda budget: named
    by_budget = {float(key): value for key, value in named.items()}
    return by_budget.get
