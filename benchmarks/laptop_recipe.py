"""The scan behind the recipe ``laptop``: learning rates and batch sizes around those of the recipe, at one budget.

    python benchmarks/laptop_recipe.py [config.yaml] [--corpus documentation] [--budget 2e11] [--width 24]
    python benchmarks/laptop_recipe.py experiments/optimizers-laptop.yaml --batches 1 --rates 0.25 0.5 1 2 4

Prints the validation loss of each combination; the recipe's own is marked. The second command scans the learning
rate of every optimizer of an experiment, which is the source of the recipe's multiples. Needs the experiment's
token stores (``snakemake results/laptop/tokens/documentation/manifest.json``).

Takes one training of the budget per combination; quoted in docs/how-to/training.md and
docs/explanation/paper_and_optimizers.md.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from command_line import command_line

from relscale.commands.inputs import training_experiment
from relscale.design.isoflop import grid
from relscale.design.run import Run
from relscale.experiments.results import Results
from relscale.training.data import TrainingData
from relscale.training.record import TrainingRecord
from relscale.training.run import train_run

ROOT = Path(__file__).resolve().parents[1]
FACTORS = (0.5, 1.0, 2.0)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("config", nargs="?", type=Path, default=ROOT / "config.yaml")
    parser.add_argument("--corpus", default="documentation")
    parser.add_argument("--budget", type=float, default=2e11)
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--batches", type=float, nargs="+", default=FACTORS, help="multiples of the batch")
    parser.add_argument("--rates", type=float, nargs="+", default=FACTORS, help="of the learning rate")
    parser.add_argument("--optimizers", nargs="+", help="those of the experiment by default")
    options = parser.parse_args()
    experiment = training_experiment(options.config)
    design = experiment.design.model_copy(
        update={"budgets": (options.budget,), "widths": (options.width,), "seeds": {}}
    )
    results = Results.of(experiment)
    data = TrainingData(results.tokens(options.corpus).parent, results.vocabulary.parent)
    print(f"{options.corpus}, {options.budget:g} FLOPs, width {options.width}\n")
    print("| optimizer | batch | steps | learning rate | validation loss |\n|---|---|---|---|---|")
    for optimizer in options.optimizers or design.optimizers:
        (run,) = grid(options.corpus, optimizer, design, experiment.vocabulary.size, experiment.seed)[0]
        for batch_factor in options.batches:
            for rate_factor in options.rates:
                tried = changed(run, batch_factor, rate_factor)
                with tempfile.TemporaryDirectory() as folder:
                    # What is left to the plan takes the training's own defaults: one device, the whole batch at once.
                    record = train_run(tried, data, Path(folder) / "run", experiment.training)
                assert record is not None
                print(row(tried, record, " (the recipe's)" if tried == run else ""), flush=True)


def row(tried: Run, record: TrainingRecord, remark: str) -> str:
    loss = f"{record.validation_loss:.4f}" if record.status == "ok" else record.status
    rate = tried.hyperparameters.learning_rate
    return (
        f"| {tried.hyperparameters.optimizer} | {tried.batch_size} | {tried.train_steps} | {rate:.4f} |"
        f" {loss}{remark} |"
    )


def changed(run: Run, batch_factor: float, rate_factor: float) -> Run:
    """The run at another batch size and learning rate, on as many tokens."""
    batch_size = max(1, round(run.batch_size * batch_factor))
    return replace(
        run,
        batch_size=batch_size,
        train_steps=round(run.train_steps * run.batch_size / batch_size),
        hyperparameters=replace(
            run.hyperparameters,
            learning_rate=run.hyperparameters.learning_rate * rate_factor,
            beta2=0.98 ** (batch_size / 128),
        ),
    )


if __name__ == "__main__":
    main()
