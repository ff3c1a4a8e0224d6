"""The scan behind the recipe `laptop`: learning rates and batch sizes around its own, at one budget.

    python benchmarks/laptop_recipe.py [config.yaml] [--corpus documentation] [--budget 2e11] [--width 24]

Needs the experiment's token stores (`snakemake results/laptop/tokens/documentation/manifest.json`). Prints the
validation loss of each combination; the recipe's own is marked.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from relscale.config import load_config
from relscale.design.isoflop import grid
from relscale.design.run import Run
from relscale.experiment import results_folder
from relscale.training.run import train_run

ROOT = Path(__file__).resolve().parents[1]
FACTORS = (0.5, 1.0, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", type=Path, default=ROOT / "config.yaml")
    parser.add_argument("--corpus", default="documentation")
    parser.add_argument("--budget", type=float, default=2e11)
    parser.add_argument("--width", type=int, default=24)
    options = parser.parse_args()
    config = load_config(options.config)
    config["design"] |= {"budgets": [options.budget], "widths": [options.width], "seeds": {}}
    (run,) = grid(config, options.corpus, config["design"]["optimizers"][0])[0]
    results = results_folder(config)
    print(f"{options.corpus}, {options.budget:g} FLOPs, width {options.width}\n")
    print("| batch | steps | learning rate | validation loss |\n|---|---|---|---|")
    for batch_factor in FACTORS:
        for rate_factor in FACTORS:
            tried = changed(run, batch_factor, rate_factor)
            with tempfile.TemporaryDirectory() as folder:
                record = train_run(
                    tried,
                    results / "tokens" / options.corpus,
                    results / "vocabulary",
                    Path(folder) / "run",
                    config["training"],
                )
            own = " (the recipe's)" if tried == run else ""
            rate, loss = tried.hyperparameters.learning_rate, record["validation_loss"]
            print(f"| {tried.batch_size} | {tried.train_steps} | {rate:.4f} | {loss:.4f}{own} |", flush=True)


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
