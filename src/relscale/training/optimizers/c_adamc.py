"""C-AdamC: Adam with a cautious mask and corrected weight decay.

Cautious (Liang et al. 2024, arXiv 2411.16085): an update's coordinates whose sign disagrees with the gradient are left
out, and the others divided by the share that is kept. AdamC (Defazio 2025, arXiv 2506.02285): decoupled decay is scaled
by ``lr / lr_max``, so that it falls as lr² while the learning rate decays.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from relscale.design.run import Hyperparameters
from relscale.training.decay_groups import decay_groups

SMALLEST_SHARE = 1e-3  # as in Liang et al.'s code: a tensor's update grows at most a thousandfold
BUNDLE = 2**17  # elements worked on at a time, so that a CPU's cache holds them through all operations of a step


def build(
    model: nn.Module, hyperparameters: Hyperparameters, correct_output_layer: bool = True
) -> torch.optim.Optimizer:
    """C-AdamC over a model's parameters, each decaying as ``decay_groups`` says.

    Parameters
    ----------
    model, hyperparameters
        What to train, and how; ``hyperparameters.learning_rate`` is the peak of the schedule.
    correct_output_layer
        Scale the output layer's decay by ``lr / lr_max`` as well, like the code behind arXiv 2510.24626; Defazio leaves
        that layer at plain decay.
    """
    h = hyperparameters
    groups = decay_groups(model, h.weight_decay)
    for group in groups:
        group["corrected"] = correct_output_layer or not group.get("output_layer", False)
    return CAdamC(groups, lr=h.learning_rate, betas=(h.beta1, h.beta2), eps=h.epsilon)


class CAdamC(torch.optim.Optimizer):
    """For gradient g, at step t with learning rate η, peak η_max and decay λ, tensor by tensor:

    | m ← β1·m + (1 − β1)·g,   v ← β2·v + (1 − β2)·g²
    | u = (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + ε)
    | k = [u·g > 0],   w ← w·(1 − η·λ·η/η_max) − η · u·k / max(mean(k), 1e-3)

    The peak η_max is the learning rate at construction. Where a group has ``corrected=False`` its decay is η·λ. A
    step takes no value to the host, and overwrites the gradients, so call ``zero_grad`` before the next backward pass.
    """  # noqa: D205

    def __init__(
        self,
        params: Any,
        lr: float,
        betas: tuple[float, float] = (0.95, 0.99),
        eps: float = 1e-15,
        weight_decay: float = 0.1,
        corrected: bool = True,
    ) -> None:
        defaults = dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, corrected=corrected, peak=lr, step=0
        )
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._update(group)
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        parameters = [p for p in group["params"] if p.grad is not None]
        if not parameters:
            return
        group["step"] += 1
        beta1, beta2 = group["betas"]
        decay = group["lr"] * group["weight_decay"]
        if group["corrected"]:
            decay *= group["lr"] / group["peak"]
        step = torch.tensor(float(group["step"]), device=parameters[0].device)

        bundles = list(_bundles(parameters, self.state))
        counts, owners = [], []
        for owner, _, gradients, update, m, v in bundles:
            # Adam's own kernel, at learning rate 1 from 0, leaves −u.
            torch._foreach_zero_(update)
            torch._fused_adam_(
                update, gradients, m, v, [], [step] * len(m),
                lr=1.0, beta1=beta1, beta2=beta2, weight_decay=0.0, eps=group["eps"], amsgrad=False, maximize=False,
            )
            # In the gradient's place: 1 where u agrees with it in sign, 0 elsewhere.
            torch._foreach_mul_(gradients, update)
            counts += [gradient.lt_(0).sum() for gradient in gradients]
            owners += owner

        kept = counts[0].new_zeros(len(parameters))
        kept.index_add_(0, torch.tensor(owners, device=kept.device), torch.stack(counts))
        sizes = kept.new_tensor([p.numel() for p in parameters])
        factors = kept.div_(sizes).clamp_(min=SMALLEST_SHARE).reciprocal_().mul_(group["lr"]).unbind()
        for owner, weights, mask, update, _, _ in bundles:
            if decay:
                torch._foreach_mul_(weights, 1 - decay)
            torch._foreach_mul_(mask, [factors[i] for i in owner])
            torch._foreach_addcmul_(weights, update, mask)


def _bundles(parameters: list[Tensor], state: Any) -> Iterator[list[list[Any]]]:
    """Columns of pieces (owner's index, weight, gradient, u, m, v), in bundles of about ``BUNDLE`` elements."""
    bundle: list[tuple[Any, ...]] = []
    room = BUNDLE
    for index, parameter in enumerate(parameters):
        s = state[parameter]
        if not s:
            s["u"], s["m"], s["v"] = (torch.zeros_like(parameter) for _ in range(3))
        tensors = (parameter, parameter.grad, s["u"], s["m"], s["v"])
        for piece in zip(*(_pieces(tensor) for tensor in tensors), strict=True):
            if room < piece[0].numel() and bundle:
                yield [list(x) for x in zip(*bundle)]
                bundle, room = [], BUNDLE
            bundle.append((index, *piece))
            room -= piece[0].numel()
    yield [list(x) for x in zip(*bundle)]


def _pieces(tensor: Tensor) -> tuple[Tensor, ...]:
    """A tensor whole, or in flat views of ``BUNDLE`` elements where it is larger and a CPU's."""
    if tensor.numel() <= BUNDLE or tensor.device.type != "cpu":
        return (tensor,)
    return tensor.view(-1).split(BUNDLE)
