"""Training speed on this machine's processor, against transformers' own Qwen3 in a plain eager loop.

    python benchmarks/training.py --widths 16 64 128 256 [--without-machine]

A step is the loss, its gradients, clipping and the optimizer, at the batch that the recipe gives the default
experiment's largest budget. Each side is a process of its own, with its own heap, as it would be in use; they take
turns, step by step, so that other load on the machine affects all of them:

- *relscale*, with the default experiment's optimizer, in the precision of ``precision: auto`` on this machine, and
  in float32,
- *plain*: transformers' Qwen3 and torch's AdamW, both with their default settings,
- *compiled*: the same by ``torch.compile``, with products in bf16 by autocast,
- *products*: the step's matrix products alone, as torch computes them, with the causal half of attention. The time
  of plain divided by that of the products is the ratio that a program which computed nothing else would reach,
- *sgemm*: a float32 product of 1,024 × 1,024 matrices, for the machine's rate,
- *machine*: all cores together: relscale's runs side by side, one per core, as the workflow trains them, and the
  plain loop on as many threads, torch's default.

FLOP/s are counted as in ``relscale.design.architecture``, attention in full. Times are medians: for one core
seconds of the processor, for all cores seconds of the clock.

Takes some minutes; quoted in docs/explanation/performance.md.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from command_line import command_line
from worker import Worker

from relscale.design.architecture import Architecture, training_flops_per_token
from relscale.design.recipes.laptop import architecture, batch_size, hyperparameters
from relscale.heap import keep_all_freed_memory
from relscale.training.checkpoint import huggingface_config
from relscale.training.fabric import fabric_precision
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer
from relscale.training.options import Training
from relscale.training.precision import choose_precision

if TYPE_CHECKING:
    from transformers import Qwen3ForCausalLM

SEQUENCE_LENGTH = 256
VOCABULARY = 2048
SIDES = ("sgemm", "products", "relscale", "float32", "plain", "compiled")
SQUARE = 1024
HEAD_ROWS = 256
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Crew:
    """Processes that do the same side's step at the same time."""

    side: str
    threads: int = 1
    processes: int = 1


MACHINE = {"machine": Crew("relscale", 1, CORES), "plain, all threads": Crew("plain", CORES)}


def ours(precision: str, a: Architecture, sequences: int) -> Callable[[], object]:
    keep_all_freed_memory()
    model = Decoder(a)
    updates = build_optimizer(model, hyperparameters("c-adamc", a, sequences))
    batch = random_batch(sequences)
    chosen = fabric_precision(precision, batch.device)

    def step() -> None:
        with chosen.forward_context():
            loss = model.loss(batch)
        update(loss, updates, model)

    return step


def plain(a: Architecture, sequences: int, compiled: bool = False) -> Callable[[], object]:
    model = qwen3(a)
    updates = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batch = random_batch(sequences)
    loss_of = torch.compile(plain_loss) if compiled else plain_loss

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=compiled):
            loss = loss_of(model, batch)
        update(loss, updates, model)

    return step


def update(loss: torch.Tensor, optimizer: torch.optim.Optimizer, model: torch.nn.Module) -> None:
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def random_batch(sequences: int) -> torch.Tensor:
    return torch.randint(VOCABULARY, (sequences, SEQUENCE_LENGTH + 1))


def qwen3(a: Architecture) -> "Qwen3ForCausalLM":
    from transformers import Qwen3Config, Qwen3ForCausalLM

    settings = huggingface_config(a, 0)
    for name in ("architectures", "model_type", "dtype"):
        del settings[name]
    return Qwen3ForCausalLM(Qwen3Config(**settings, use_cache=False))


def plain_loss(model: "Qwen3ForCausalLM", batch: torch.Tensor) -> torch.Tensor:
    logits = model(batch[:, :-1]).logits
    return F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())


def products(a: Architecture, sequences: int) -> Callable[[], object]:
    tokens, inner = sequences * SEQUENCE_LENGTH, a.num_heads * a.head_size
    maps = [(a.hidden_size, inner)] * 3 + [(inner, a.hidden_size)]
    maps += [(a.hidden_size, a.intermediate_size)] * 2 + [(a.intermediate_size, a.hidden_size)]
    layers = [layer_map(tokens, *sizes) for _ in range(a.num_layers) for sizes in maps]
    head = layer_map(min(tokens, HEAD_ROWS), a.hidden_size, a.vocabulary_size)
    scores = torch.randn(sequences * a.num_heads, SEQUENCE_LENGTH, SEQUENCE_LENGTH)
    heads = torch.randn(sequences * a.num_heads, SEQUENCE_LENGTH, a.head_size)
    keys, out = heads.transpose(1, 2), torch.empty_like(heads)

    def step() -> None:
        for layer in layers:
            layer()
        for _ in range(a.num_layers):  # two products forward and four backward, half of each
            torch.bmm(heads, keys, out=scores)
            torch.bmm(scores, heads, out=out)
            torch.bmm(scores, heads, out=out)
        for _ in range(max(1, tokens // HEAD_ROWS)):
            head()

    return step


def layer_map(rows: int, inputs: int, outputs: int) -> Callable[[], None]:
    """A linear map's product and its two gradients', each in the faster of its two orders."""
    x, weight, y = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(rows, outputs)
    grad_x, grad_weight = torch.empty_like(x), torch.empty(min(inputs, outputs), max(inputs, outputs))

    def step() -> None:
        torch.mm(x, weight.t(), out=y)
        torch.mm(y, weight, out=grad_x)
        torch.mm(*((x.t(), y) if outputs > inputs else (y.t(), x)), out=grad_weight)

    return step


def sgemm() -> Callable[[], object]:
    square, result = torch.randn(SQUARE, SQUARE), torch.empty(SQUARE, SQUARE)
    return lambda: torch.mm(square, square, out=result)


def work(side: str, width: int, sequences: int, threads: int, by_clock: bool) -> None:
    """A side's process: a step, and its seconds, for each line of the input."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    a = architecture(width, SEQUENCE_LENGTH, VOCABULARY)
    with torch.set_grad_enabled(side not in ("products", "sgemm")):
        step = {
            "relscale": lambda: ours(choose_precision(Training(), width), a, sequences),
            "float32": lambda: ours("float32", a, sequences),
            "plain": lambda: plain(a, sequences),
            "compiled": lambda: plain(a, sequences, compiled=True),
            "products": lambda: products(a, sequences),
            "sgemm": sgemm,
        }[side]()
        # With one thread, other load on the machine counts less in the processor's seconds.
        clock = time.process_time if threads == 1 and not by_clock else time.perf_counter
        for _ in range(3):
            step()
        print("ready", flush=True)
        for _ in sys.stdin:
            started = clock()
            step()
            print(clock() - started, flush=True)


def alternate(width: int, sequences: int, rounds: int, crews: dict[str, Crew]) -> dict[str, float]:
    """Seconds of each crew's step, until its last process is done, medians."""
    workers: dict[str, list[Worker]] = {}
    for name, crew in crews.items():
        command: list[object] = [
            sys.executable,
            __file__,
            "--side",
            crew.side,
            "--widths",
            width,
            "--batch",
            sequences,
        ]
        command += ["--threads", crew.threads, *(["--by-clock"] if name in MACHINE else [])]
        workers[name] = [Worker(command) for _ in range(crew.processes)]
        for side in workers[name]:
            side.answer()
    times: dict[str, list[float]] = {name: [] for name in crews}
    for _ in range(rounds):
        for name, together in workers.items():
            for side in together:
                side.ask()
            times[name].append(max(float(side.answer()) for side in together))
    for together in workers.values():
        for side in together:
            side.end()
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64, 96, 128, 192, 256])
    parser.add_argument("--budget", type=float, default=2e12, help="training FLOPs, for the recipe's batch")
    parser.add_argument("--batch", type=int, help="sequences of 256 tokens, in the place of the recipe's")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--without-machine", action="store_true", help="what one core does alone")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--by-clock", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        work(options.side, options.widths[0], options.batch, options.threads, options.by_clock)
        return
    machine = {} if options.without_machine else MACHINE
    columns = ["width", "layers", "batch", "tokens/s", "over float32", "over plain", "over compiled"]
    columns += ["products alone over plain", "GFLOP/s", "sgemm"]
    columns += [f"{CORES} runs at once", f"plain, {CORES} threads", "ratio"] if machine else []
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    crews = {side: Crew(side, options.threads) for side in SIDES} | machine
    for width in options.widths:
        a = architecture(width, SEQUENCE_LENGTH, VOCABULARY)
        sequences = options.batch or batch_size(options.budget / 3, a)
        seconds = alternate(width, sequences, options.rounds, crews)
        tokens = sequences * SEQUENCE_LENGTH
        own = seconds["relscale"]
        cells = [f"{width}", f"{a.num_layers}", f"{sequences}", f"{tokens / own:,.0f}"]
        cells += [f"{seconds[side] / own:.2f}" for side in ("float32", "plain", "compiled")]
        cells += [
            f"{seconds['plain'] / seconds['products']:.2f}",
            f"{training_flops_per_token(a) * tokens / own / 1e9:.0f}",
            f"{2 * SQUARE**3 / seconds['sgemm'] / 1e9:.0f}",
        ]
        if machine:
            together, alone = CORES * tokens / seconds["machine"], tokens / seconds["plain, all threads"]
            cells += [f"{together:,.0f}", f"{alone:,.0f}", f"{together / alone:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
