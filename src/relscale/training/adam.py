"""Adam with decoupled weight decay: plain, cautious, with corrected decay, or both.

The optimizers ``adamc``, ``c_adamw`` and ``c_adamc`` are this one with its two switches; ``muon`` uses it for all
parameters other than hidden matrices.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

import torch
from torch import Tensor, nn

from relscale.design.run import Hyperparameters
from relscale.training.decay_groups import decay_groups
from relscale.training.fused import fused_adamw
from relscale.training.ops import cautious_adamw
from relscale.training.optimizer import Optimizer

State = MutableMapping[Tensor, dict[str, Tensor]]


def build_adam(
    model: nn.Module,
    hyperparameters: Hyperparameters,
    *,
    cautious: bool = False,
    corrected: bool = False,
    correct_output_layer: bool = True,
) -> "Adam":
    """Adam over a model's parameters, with the weight decay of ``decay_groups``.

    Parameters
    ----------
    model, hyperparameters
        The model, and its hyperparameters; ``hyperparameters.learning_rate`` is the peak of the schedule.
    cautious, corrected
        As for ``Adam``.
    correct_output_layer
        Whether corrected decay includes the output layer, as in the code of arXiv 2510.24626; Defazio uses plain decay
        for it.
    """
    h = hyperparameters
    groups = decay_groups(model, h)
    for group in groups:
        group["corrected"] = corrected and (correct_output_layer or not group.get("output_layer", False))
    return Adam(groups, h.learning_rate, (h.beta1, h.beta2), h.epsilon, cautious=cautious)


class Adam(Optimizer):
    """Adam with decoupled decay (Loshchilov & Hutter 2017, arXiv 1711.05101), and two changes to it.

    For gradient g, at step t with learning rate η, peak η_max and decay λ, tensor by tensor:

    | m ← β1·m + (1 − β1)·g,   v ← β2·v + (1 − β2)·g²
    | u = (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + ε)
    | w ← w·(1 − η·λ') − η·u'

    If ``corrected`` (AdamC: Defazio 2025, arXiv 2506.02285), λ' is λ·η/η_max, so that decay falls as η² while the
    learning rate decays; else it is λ. If ``cautious`` (Liang et al. 2024, arXiv 2411.16085), the coordinates whose
    sign disagrees with the gradient are masked and the others divided by the remaining share: u' is u·k / max(mean(k),
    1e-3) with k = [u·g > 0]; else it is u.

    η_max is the learning rate at construction. The complete state is in ``state_dict``. A step does not copy values to
    the host. A cautious step overwrites the gradients: call ``zero_grad`` before the next backward pass.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        betas: tuple[float, float] = (0.95, 0.99),
        eps: float = 1e-15,
        weight_decay: float = 0.1,
        cautious: bool = False,
        corrected: bool = False,
    ) -> None:
        settings = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "cautious": cautious,
            "corrected": corrected,
        }
        super().__init__(params, {**settings, "peak": lr, "step": 0})

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        return step_groups(self, adam_step, closure)


@torch.no_grad()
def step_groups(
    optimizer: torch.optim.Optimizer,
    update: Callable[[dict[str, Any], State], None],
    closure: Callable[[], float] | None = None,
) -> float | None:
    """``update`` of every parameter group of an optimizer, after ``closure``, whose loss is returned."""
    loss = None
    if closure is not None:
        with torch.enable_grad():
            loss = closure()
    for group in optimizer.param_groups:
        update(group, optimizer.state)
    return loss


def adam_step(group: dict[str, Any], state: State) -> None:
    """One step of ``Adam`` for a parameter group, which counts its steps."""
    parameters = [p for p in group["params"] if p.grad is not None]
    if not parameters:
        return
    for p in parameters:
        if not state[p]:
            state[p].update(m=torch.zeros_like(p), v=torch.zeros_like(p))
    group["step"] += 1
    # Filled in place: copying a number to a GPU makes the processor wait.
    steps = torch.full((), float(group["step"]), device=parameters[0].device)
    decay = group["weight_decay"]
    if group["corrected"]:
        decay *= group["lr"] / group["peak"]
    update = cautious_adamw if group["cautious"] else fused_adamw
    update(
        parameters,
        [p.grad for p in parameters],
        [state[p]["m"] for p in parameters],
        [state[p]["v"] for p in parameters],
        steps,
        lr=group["lr"],
        betas=group["betas"],
        eps=group["eps"],
        decay=decay,
    )
