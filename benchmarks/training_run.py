"""Time and final loss of whole training jobs, against transformers' own Qwen3 in a plain eager loop.

    python benchmarks/training_run.py config.yaml --budgets 1e11 5e11      # needs the experiment's token store:
    snakemake results/laptop/tokens/documentation/manifest.json results/laptop/vocabulary/tokenizer.json

First the seconds of two processes from start to end, on the same runs and batches: ``relscale train``, with
imports, compilation of its kernels, validation and export; and a script that imports torch and transformers, trains
with torch's AdamW and the same schedule, and saves the weights. Then, for the ``--seeds`` of one run, the loss at
the end of training (mean over the last 5% of the steps) of both models, relscale's with products in float32 and in
bf16, from the same weights, on the same batches, with the same optimizer. Training amplifies rounding differences,
so the plain model is also trained with the sequences of each batch in reverse order, which changes only rounding.

Takes minutes to an hour, by budget; quoted in docs/explanation/performance.md.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import yaml
from command_line import command_line
from timed_command import Seconds, timed
from torch import Tensor, nn
from training import plain_loss, qwen3
from training_loop import train
from transformers import Qwen3ForCausalLM

from relscale.commands.inputs import training_experiment
from relscale.design.run import Run
from relscale.experiments.experiment import TrainingExperiment
from relscale.experiments.results import Results
from relscale.tokens.store import TokenStore
from relscale.training.fabric import fabric_precision
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer
from relscale.workflow.jobs import members, runs_by_job

ROOT = Path(__file__).resolve().parents[1]
RECENT = 0.05


def final(losses: np.ndarray) -> float:
    return float(losses[-max(1, round(RECENT * len(losses))) :].mean())


def plain_job(runs: list[Run], store: TokenStore, folder: Path) -> None:
    """What the plain side's process does."""
    for run in runs:
        torch.manual_seed(run.seed)
        model = qwen3(run.architecture)
        losses = train(run, store, model, plain_loss, torch.optim.AdamW(model.parameters()))
        model.save_pretrained(folder / run.name)
        print(f"{run.name}: {final(losses):.4f}", file=sys.stderr)


def same_weights(run: Run) -> tuple[Decoder, Qwen3ForCausalLM]:
    """A decoder, and transformers' model that shares its parameters' first values."""
    torch.manual_seed(run.seed)
    ours = Decoder(run.architecture)
    theirs = qwen3(run.architecture)
    theirs.load_state_dict(
        {
            name if name.startswith("lm_head.") else f"model.{name}": value.clone()
            for name, value in ours.state_dict().items()
        }
    )
    return ours, theirs


def relscale_loss(run: Run, store: TokenStore, precision: str) -> float:
    model, _ = same_weights(run)
    optimizer = build_optimizer(model, run.hyperparameters)
    chosen = fabric_precision(precision, torch.device("cpu"))

    def loss_of(model: Decoder, batch: Tensor) -> Tensor:
        with chosen.forward_context():
            return model.loss(batch)

    return final(train(run, store, model, loss_of, optimizer))


def transformers_loss(run: Run, store: TokenStore, order: int) -> float:
    _, model = same_weights(run)
    # The same parameters under relscale's names, by which they decay or do not.
    named = nn.ModuleDict({**dict(model.model.named_children()), "lm_head": model.lm_head})
    optimizer = build_optimizer(named, run.hyperparameters)
    return final(train(run, store, model, plain_loss, optimizer, order))


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("config", nargs="?", type=Path, default=ROOT / "config.yaml")
    parser.add_argument("--corpus", default="documentation")
    parser.add_argument("--budgets", nargs="+", default=["5e11"])
    parser.add_argument(
        "--width", type=int, default=24, help="of the run whose losses are compared, at the first budget"
    )
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--losses-only", action="store_true")
    parser.add_argument("--results", type=Path, help="the experiment's folder results/<name>, if elsewhere")
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    experiment = training_experiment(options.config)
    results = (options.results or Results.of(experiment).folder).resolve()
    store = TokenStore.open(results / "tokens" / options.corpus)
    runs = members(runs_by_job(experiment, "budget"), options.corpus, options.budgets[0])
    if options.plain:
        plain_job(runs, store, options.plain)
        return
    if not options.losses_only:
        whole_jobs(options, experiment, results)
    losses(options, runs, store)


def whole_jobs(options: argparse.Namespace, experiment: TrainingExperiment, results: Path) -> None:
    print(f"| {options.corpus}, FLOPs a run | relscale, s | plain, s | ratio | of processor time |")
    print("|---" * 5 + "|")
    total = np.zeros((2, 2))
    for budget in options.budgets:
        seconds = np.array(whole_job(options, experiment, results, budget))
        total += seconds
        print(row(budget, seconds), flush=True)
    print(row("all", total) + "\n", flush=True)


def row(name: str, seconds: np.ndarray) -> str:
    """``seconds`` of the clock and of the processor, of relscale and of the plain side."""
    (ours, busy), (plain, plain_busy) = seconds
    return f"| {name} | {ours:.1f} | {plain:.1f} | {plain / ours:.2f} | {plain_busy / busy:.2f} |"


def whole_job(
    options: argparse.Namespace, experiment: TrainingExperiment, results: Path, budget: str
) -> tuple[Seconds, Seconds]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        here = folder / Results.of(experiment).folder
        here.mkdir(parents=True)
        for part in ("tokens", "vocabulary"):
            (here / part).symlink_to(results / part)
        (folder / "config.yaml").write_text(yaml.safe_dump(yaml.safe_load(options.config.read_text())))
        command: list[object] = [
            sys.executable,
            "-m",
            "relscale.cli",
            "train",
            "config.yaml",
            "--corpus",
            options.corpus,
        ]
        command += ["--job", budget, "--output", folder / "job.json"]
        ours = timed(command, folder, os.environ | {"XDG_CACHE_HOME": str(folder / "cache")})
        command = [sys.executable, __file__, options.config.resolve(), "--corpus", options.corpus]
        command += ["--budgets", budget, "--results", results, "--plain", folder]
        return ours, timed(command, folder, os.environ)


def losses(options: argparse.Namespace, runs: list[Run], store: TokenStore) -> None:
    run = next(run for run in runs if run.architecture.hidden_size == options.width)
    print("| seed | plain, final loss | relscale, float32 | relscale, bf16 | plain, reversed |")
    print("|---|---|---|---|---|")
    for seed in options.seeds:
        run = replace(run, seed=seed)
        theirs = transformers_loss(run, store, 1)
        others = [relscale_loss(run, store, precision) for precision in ("float32", "bf16")]
        others.append(transformers_loss(run, store, -1))
        cells = (f"{loss:.4f} ({loss / theirs - 1:+.2%})" for loss in others)
        print(f"| {seed} | {theirs:.4f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
