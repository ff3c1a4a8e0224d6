"""Training speed on this machine's processor, against transformers' own Qwen3 in a plain loop.

    python benchmarks/training.py --widths 16 64 128

For each width: tokens a second of a whole training step (loss, gradients, clipping, optimizer), the FLOP/s that makes
by ``relscale.design.architecture``, and its share of the measured rate of float32 matrix products. The two sides
take turns, step by step, so that other load on the machine falls on both; times are lower quartiles.
"""

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from relscale.design.architecture import training_flops_per_token
from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.training.checkpoint import huggingface_config
from relscale.training.heap import keep_freed_memory
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer

SEQUENCE_LENGTH = 256
VOCABULARY = 2048


def ours(a, batch) -> Callable[[], None]:
    model = Decoder(a)
    optimizer = build_optimizer(model, hyperparameters("c-adamc", a, len(batch)))

    def step() -> None:
        model.loss(batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def plain(a, batch) -> Callable[[], None]:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    settings = {
        k: v for k, v in huggingface_config(a, 0).items() if k not in ("architectures", "model_type", "dtype")
    }
    model = Qwen3ForCausalLM(Qwen3Config(**settings, use_cache=False))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> None:
        logits = model(batch[:, :-1]).logits
        F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def alternate(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each function, lower quartile."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 2):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if number >= 2:
                times[name].append(time.perf_counter() - start)
    return {name: sorted(values)[len(values) // 4] for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 24, 32, 48, 64, 96, 128])
    parser.add_argument("--batch", type=int, nargs="+", default=[16], help="sequences of 256 tokens")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-transformers", action="store_true", help="relscale alone")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    keep_freed_memory()
    square = torch.randn(1024, 1024)
    print(
        f"{'width':>5} {'layers':>6} {'batch':>5} {'tokens/s':>9} {'GFLOP/s':>8} {'sgemm':>6} {'share':>6}"
        f" {'plain tokens/s':>15} {'ratio':>6}"
    )
    for width in options.widths:
        a = architecture(width, SEQUENCE_LENGTH, VOCABULARY)
        for sequences in options.batch:
            batch = torch.randint(VOCABULARY, (sequences, SEQUENCE_LENGTH + 1))
            steps: dict[str, Callable[[], object]] = {
                "sgemm": lambda: square @ square,
                "ours": ours(a, batch),
            }
            if not options.no_transformers:
                steps["plain"] = plain(a, batch)
            seconds = alternate(steps, options.rounds)
            tokens = sequences * SEQUENCE_LENGTH
            rate = training_flops_per_token(a) * tokens / seconds["ours"] / 1e9
            peak = 2 * 1024**3 / seconds["sgemm"] / 1e9
            line = (
                f"{width:>5} {a.num_layers:>6} {sequences:>5} {tokens / seconds['ours']:>9,.0f} {rate:>8.1f}"
            )
            line += f" {peak:>6.1f} {rate / peak:>6.0%}"
            if "plain" in seconds:
                line += f" {tokens / seconds['plain']:>15,.0f} {seconds['plain'] / seconds['ours']:>6.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
