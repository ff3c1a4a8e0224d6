"""Time of an optimizer's step, against torch's fused AdamW on the same tensors.

    python benchmarks/optimizers.py --width 320 --vocabulary 4096 --threads 1 2

The tensors are those of a model of the recipe ``laptop``, by default with 10.8 million parameters. *Plain foreach* is
C-AdamC as a list of torch's foreach operations, one after another. All take turns, step by step, so that other load on
the machine affects all of them; times are medians.

Takes a minute or two; quoted in docs/explanation/paper_and_optimizers.md.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

import torch
from command_line import command_line
from torch import Tensor

from relscale.design.architecture import Architecture
from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.heap import keep_all_freed_memory
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer

SEQUENCE_LENGTH = 256
BASELINE = "adamw"  # torch's own, fused
NAMES = (BASELINE, "adamc", "c-adamw", "c-adamc", "muon")
PLAIN = "plain foreach"


class PlainForeach:
    """C-AdamC over all tensors at once, each operation in its turn."""

    def __init__(
        self, parameters: Sequence[Tensor], lr: float, betas: tuple[float, float], decay: float
    ) -> None:
        self.parameters, self.lr, self.betas, self.decay = list(parameters), lr, betas, decay
        self.m, self.v = ([torch.zeros_like(p) for p in parameters] for _ in "mv")
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """One update of all."""
        self.steps += 1
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        beta1, beta2 = self.betas
        torch._foreach_lerp_(self.m, gradients, 1 - beta1)
        torch._foreach_mul_(self.v, beta2)
        torch._foreach_addcmul_(self.v, gradients, gradients, 1 - beta2)
        roots = torch._foreach_sqrt(self.v)
        torch._foreach_div_(roots, (1 - beta2**self.steps) ** 0.5)
        torch._foreach_add_(roots, 1e-15)
        updates = torch._foreach_div(self.m, roots)
        torch._foreach_div_(updates, 1 - beta1**self.steps)
        agree = torch._foreach_mul(updates, gradients)
        masks = [product.gt(0).to(product.dtype) for product in agree]
        torch._foreach_div_(masks, [mask.mean().clamp_(min=1e-3) for mask in masks])
        torch._foreach_mul_(updates, masks)
        torch._foreach_mul_(self.parameters, 1 - self.lr * self.decay)
        torch._foreach_add_(self.parameters, updates, alpha=-self.lr)


def sides(a: Architecture, names: list[str]) -> dict[str, Callable[[], float]]:
    """Functions that take a step on tensors of their own and return its seconds."""
    model = Decoder(a)
    gradients = [torch.randn_like(p) for p in model.parameters()]
    result = {}
    for name in [*names, PLAIN]:
        own = Decoder(a)
        own.load_state_dict(model.state_dict())
        parameters = list(own.parameters())
        h = replace(hyperparameters("c-adamc" if name == PLAIN else name, a, 16), learning_rate=1e-3)
        optimizer = (
            PlainForeach(parameters, h.learning_rate, (h.beta1, h.beta2), h.weight_decay)
            if name == PLAIN
            else build_optimizer(own, h)
        )
        result[name] = stepper(optimizer.step, parameters, gradients)
    return result


def stepper(
    step_all: Callable[[], object], parameters: Sequence[Tensor], gradients: Sequence[Tensor]
) -> Callable[[], float]:
    def step() -> float:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        start = time.perf_counter()
        step_all()
        return time.perf_counter() - start

    return step


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--optimizers", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    torch.manual_seed(0)
    keep_all_freed_memory()
    a = architecture(options.width, SEQUENCE_LENGTH, options.vocabulary)
    tensors = list(Decoder(a).parameters())
    print(f"{sum(p.numel() for p in tensors):,} parameters in {len(tensors)} tensors\n")
    print("| threads | optimizer | ms a step | against fused AdamW |\n|---|---|---|---|")
    for threads in options.threads:
        torch.set_num_threads(threads)
        steps = sides(a, list(dict.fromkeys([BASELINE, *options.optimizers])))
        times: dict[str, list[float]] = {name: [] for name in steps}
        for number in range(options.rounds + 3):
            for name, step in steps.items():
                seconds = step()
                if number >= 3:
                    times[name].append(seconds)
        for name, values in times.items():
            ratio = median(values) / median(times[BASELINE])
            print(f"| {threads} | {name} | {median(values) * 1e3:.2f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
