"""Muon for the hidden matrices, AdamW for embedding, output layer and norms.

Jordan et al. (2024, https://kellerjordan.github.io/posts/muon): the momentum of a matrix is made nearly orthogonal by a
Newton–Schulz iteration. So that learning rate and decay may be AdamW's, an update is scaled to the root mean square of
AdamW's, ``0.2·√max(rows, columns)``, as Moonshot did (Liu et al. 2025, arXiv 2502.16982).
"""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from relscale.design.run import Hyperparameters
from relscale.training.adam import State, adam_step, step_groups
from relscale.training.decay_groups import decay_groups
from relscale.training.optimizer import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan et al.: singular values go to about 1 ± 0.3, fast
ITERATIONS = 5
RMS = 0.2  # of AdamW's updates, by Liu et al.
SMALLEST_NORM = 1e-7


def build(model: nn.Module, hyperparameters: Hyperparameters) -> "Muon":
    """Muon over a model's parameters, with the weight decay of ``decay_groups``; its momentum is ``beta1``."""
    h = hyperparameters
    hidden, output, undecayed = decay_groups(model, h)
    groups = [hidden | {"orthogonal": True}, output, undecayed]
    return Muon(groups, h.learning_rate, (h.beta1, h.beta2), h.epsilon)


class Muon(Optimizer):
    """Muon where a group is ``orthogonal``, and AdamW elsewhere (``relscale.training.adam.Adam``).

    For the gradient G of a matrix of R rows and C columns, with learning rate η, momentum μ = β1 and decay λ:

    | M ← μ·M + (1 − μ)·G
    | O = newton_schulz(μ·M + (1 − μ)·G)
    | W ← W·(1 − η·λ) − 0.2·√max(R, C)·η·O

    with Nesterov momentum, as in the source. The complete state is in ``state_dict``.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        betas: tuple[float, float] = (0.95, 0.99),
        eps: float = 1e-15,
        weight_decay: float = 0.1,
        orthogonal: bool = False,
    ) -> None:
        settings = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "orthogonal": orthogonal,
        }
        super().__init__(params, {**settings, "cautious": False, "corrected": False, "step": 0})

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        return step_groups(self, _step, closure)


def _step(group: dict[str, Any], state: State) -> None:
    (muon_step if group["orthogonal"] else adam_step)(group, state)


def muon_step(group: dict[str, Any], state: State) -> None:
    """One step of Muon for a group of matrices. Those of one shape are iterated on together."""
    shapes: dict[torch.Size, list[Tensor]] = defaultdict(list)
    for p in group["params"]:
        if p.grad is not None:
            if not state[p]:
                state[p]["m"] = torch.zeros_like(p)
            shapes[p.shape].append(p)
    lr, momentum = group["lr"], group["betas"][0]
    for shape, matrices in shapes.items():
        gradients = torch.stack([p.grad for p in matrices if p.grad is not None])
        m = [state[p]["m"] for p in matrices]
        torch._foreach_lerp_(m, list(gradients), 1 - momentum)
        updates = newton_schulz(gradients.lerp_(torch.stack(m), momentum))
        torch._foreach_mul_(matrices, 1 - lr * group["weight_decay"])
        torch._foreach_add_(matrices, list(updates), alpha=-lr * RMS * math.sqrt(max(shape)))


def newton_schulz(matrices: Tensor) -> Tensor:
    """Matrices with nearly the same singular vectors and all singular values near 1.

    Five times ``X ← a·X + (b·XXᵀ + c·(XXᵀ)²)·X``, (a, b, c) = (3.4445, −4.7750, 2.0315), from X of Frobenius norm 1. In
    bfloat16 on a GPU, as in the source; in the matrices' own type on a CPU, where bfloat16 is not faster.

    Parameters
    ----------
    matrices
        ``[n, rows, columns]``.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=SMALLEST_NORM)
    if x.device.type != "cpu":
        x = x.bfloat16()
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)
