"""The IsoFLOP grid: one run per corpus, compute budget and feasible width."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from relscale.design.architecture import Architecture, forward_flops_per_token
from relscale.design.options import BatchGrowth, Design
from relscale.design.recipes import Infeasible, Recipe, recipe
from relscale.design.run import BatchChange, Hyperparameters, Run, budget_label
from relscale.errors import RelscaleError

BUDGET_TOLERANCE = 0.01  # a run that misses its budget by more is dropped, as in the paper


@dataclass(frozen=True)
class Dropped:
    """A cell of the grid without a run, and the reason."""

    budget: float
    hidden_size: int
    reason: str


def plan(corpora: Iterable[str], design: Design, vocabulary_size: int, seed: int) -> list[Run]:
    """All runs of an experiment, by corpus, optimizer, budget, width and seed; a function of its arguments only.

    Parameters
    ----------
    vocabulary_size
        Tokens of the vocabulary, including special tokens.
    seed
        Seed of the runs unless the design has seeds.

    Raises
    ------
    RelscaleError
        No width is feasible at a budget, or the recipe is unknown.
    """
    seeds = _by_budget(design.seeds)
    runs = []
    for corpus in corpora:
        for optimizer in design.optimizers:
            for run in grid(corpus, optimizer, design, vocabulary_size, seed)[0]:
                runs += [replace(run, seed=run_seed) for run_seed in seeds(run.budget) or [seed]]
    return runs


def grid(
    corpus: str, optimizer: str, design: Design, vocabulary_size: int, seed: int
) -> tuple[list[Run], list[Dropped]]:
    """The runs of one corpus and optimizer at one seed, and the cells of the grid without a run."""
    rules = recipe(design.recipe)
    widths = _by_budget(design.widths)
    runs: list[Run] = []
    dropped: list[Dropped] = []
    for budget in design.budgets:
        forward_budget = budget if design.flop_accounting == "forward" else budget / 3
        n_before = len(runs)
        for hidden_size in widths(float(budget)) or rules.widths(forward_budget):
            try:
                architecture = rules.architecture(hidden_size, design.sequence_length, vocabulary_size)
                batch_size = batch(rules, design, forward_budget, architecture)
                steps = round(
                    forward_budget
                    / (forward_flops_per_token(architecture) * batch_size * design.sequence_length)
                )
                run = Run(
                    corpus=corpus,
                    budget=float(budget),
                    seed=seed,
                    architecture=architecture,
                    batch_size=batch_size,
                    train_steps=steps,
                    hyperparameters=hyperparameters(
                        rules, design, optimizer, architecture, batch_size, steps
                    ),
                )
                deviation = abs(run.forward_flops / forward_budget - 1)
                if deviation > BUDGET_TOLERANCE:
                    raise Infeasible(
                        f"width {hidden_size} misses the budget by {deviation:.1%} in {steps} whole steps"
                    )
                runs.append(with_batch_schedule(run, design.batch_schedule))
            except Infeasible as reason:
                dropped.append(Dropped(float(budget), hidden_size, str(reason)))
        if len(runs) == n_before:
            reasons = [cell.reason for cell in dropped if cell.budget == budget]
            others = f", and {len(reasons) - 1} more like it" if len(reasons) > 1 else ""
            raise RelscaleError(
                f"design.budgets: no width can spend {budget_label(budget)} FLOPs by recipe {design.recipe!r}: "
                f"{reasons[0]}{others}"
            )
    return runs, dropped


def batch(rules: Recipe, design: Design, forward_budget: float, architecture: Architecture) -> int:
    """Sequences per step, by the recipe unless the design sets the tokens per batch."""
    if design.batch_tokens is None:
        return rules.batch_size(forward_budget, architecture)
    tokens = forward_budget / forward_flops_per_token(architecture)
    return max(1, round(design.batch_tokens.of(architecture, tokens) / design.sequence_length))


def hyperparameters(
    rules: Recipe, design: Design, optimizer: str, architecture: Architecture, batch_size: int, steps: int
) -> Hyperparameters:
    """Hyperparameters of the recipe, with the changes of the design."""
    tokens = steps * batch_size * design.sequence_length
    base = rules.hyperparameters(optimizer, architecture, batch_size, tokens)
    changes = {
        key: value for key in ("schedule", "warmup", "decay") if (value := getattr(design, key)) is not None
    }
    if design.learning_rate and tokens:
        rate, vectors = design.learning_rate.of(architecture, tokens), base.vector_learning_rate
        changes["learning_rate"] = rate
        if vectors is not None:
            changes["vector_learning_rate"] = vectors * rate / base.learning_rate
    return replace(base, **changes)


def with_batch_schedule(run: Run, schedule: Sequence[BatchGrowth]) -> Run:
    """The run with a batch ramp on the same number of tokens, rounded to whole batches.

    Raises
    ------
    RelscaleError
        The changes are not sorted by tokens.
    """
    changes = tuple(
        BatchChange(change.tokens, change.factor) for change in schedule if change.tokens < run.tokens
    )
    if any(after.tokens <= before.tokens for before, after in pairwise(schedule)):
        raise RelscaleError("design.batch_schedule: tokens must increase from one change to the next")
    if not changes:
        return run
    grown = replace(run, batch_schedule=changes)
    last = grown.stages[-1]
    remaining_sequences = run.tokens / run.architecture.sequence_length - last.first_sequence
    return replace(grown, train_steps=last.first_step + max(0, round(remaining_sequences / last.batch_size)))


def _by_budget(
    values: tuple[int, ...] | dict[str, tuple[int, ...]] | None,
) -> Callable[[float], Sequence[int] | None]:
    """A function from a budget to its value, which is common to all or set per budget; None if unset."""
    if not isinstance(values, dict):
        return lambda budget: values
    by_budget = {float(key): value for key, value in values.items()}
    return by_budget.get
