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
BUNDLE = (
    2**17
)  # elements worked on at a time, so that a CPU's cache holds them through all operations of a step


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
    """Adam, cautious and with corrected decay.

    For gradient g, at step t with learning rate η, peak η_max and decay λ, tensor by tensor:

    | m ← β1·m + (1 − β1)·g,   v ← β2·v + (1 − β2)·g²
    | u = (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + ε)
    | k = [u·g > 0],   w ← w·(1 − η·λ·η/η_max) − η · u·k / max(mean(k), 1e-3)

    η_max is the learning rate at construction. Where a group has ``corrected=False`` its decay is η·λ. A step takes no
    value to the host, and uses the gradients' memory: call ``zero_grad`` before the next backward pass.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        betas: tuple[float, float] = (0.95, 0.99),
        eps: float = 1e-15,
        weight_decay: float = 0.1,
        corrected: bool = True,
    ) -> None:
        settings = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "corrected": corrected,
        }
        super().__init__(params, {**settings, "peak": lr, "step": 0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self._update(parameters, group)
        return loss

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        group["step"] += 1
        step = torch.tensor(float(group["step"]), device=parameters[0].device)
        beta1, beta2 = group["betas"]
        bundles = list(_bundles(parameters, self.state))
        kept, owners = [], []
        for owner, _, gradients, update, m, v in bundles:
            # Adam's own kernel, at learning rate 1 from 0, leaves −u.
            torch._foreach_zero_(update)
            torch._fused_adam_(
                update,
                gradients,
                m,
                v,
                [],
                [step] * len(m),
                lr=1.0,
                beta1=beta1,
                beta2=beta2,
                weight_decay=0.0,
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )
            # In the gradient's place: 1 where u agrees with it in sign, 0 elsewhere.
            torch._foreach_mul_(gradients, update)
            kept += [gradient.lt_(0).sum() for gradient in gradients]
            owners += owner

        share = kept[0].new_zeros(len(parameters))
        share.index_add_(0, torch.tensor(owners, device=share.device), torch.stack(kept))
        share.div_(share.new_tensor([p.numel() for p in parameters])).clamp_(min=SMALLEST_SHARE)
        factors = share.reciprocal_().mul_(group["lr"]).unbind()
        decay = group["lr"] * group["weight_decay"]
        if group["corrected"]:
            decay *= group["lr"] / group["peak"]
        for owner, weights, mask, update, _, _ in bundles:
            if decay:
                torch._foreach_mul_(weights, 1 - decay)
            torch._foreach_mul_(mask, [factors[index] for index in owner])
            torch._foreach_addcmul_(weights, update, mask)


def _bundles(parameters: list[Tensor], state: Any) -> Iterator[list[list[Any]]]:
    """Lists of owner's index, weight, gradient, u, m and v; pieces of about ``BUNDLE`` elements in all."""
    bundle: list[tuple[Any, ...]] = []
    room = BUNDLE
    for index, parameter in enumerate(parameters):
        own = state[parameter]
        if not own:
            own.update({name: torch.zeros_like(parameter) for name in "umv"})
        tensors = (parameter, parameter.grad, own["u"], own["m"], own["v"])
        for piece in zip(*map(_pieces, tensors), strict=True):
            if bundle and room < piece[0].numel():
                yield [list(column) for column in zip(*bundle, strict=True)]
                bundle, room = [], BUNDLE
            bundle.append((index, *piece))
            room -= piece[0].numel()
    yield [list(column) for column in zip(*bundle, strict=True)]


def _pieces(tensor: Tensor) -> tuple[Tensor, ...]:
    """A tensor whole, or in flat views of ``BUNDLE`` elements where it is larger and a CPU's."""
    if tensor.numel() <= BUNDLE or tensor.device.type != "cpu":
        return (tensor,)
    return tensor.view(-1).split(BUNDLE)
