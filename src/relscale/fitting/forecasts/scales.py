"""Scales of models: compute, parameters and tokens, as far as known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.errors import RelscaleError
from relscale.fitting.core_options import ForecastTarget
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.run_matrix import Floats

APART = 0.3  # in ln D/N
FLOPS_MAY_DIFFER, SHAPES_MAY_DIFFER = (
    np.log(100),
    np.log(1e5),
)  # of targets: F/ND and D/N, beyond those of the data


@dataclass(frozen=True)
class Scales:
    """P models, in logarithms; ``log_params`` and ``log_tokens`` are nan if unknown.

    Attributes
    ----------
    log_flops, log_params, log_tokens
        (P,) ln training FLOPs, ln parameters, ln training tokens.
    """

    log_flops: Floats
    log_params: Floats
    log_tokens: Floats

    def __len__(self) -> int:
        return len(self.log_flops)

    @property
    def shapes_differ(self) -> bool:
        """Whether N and D are known, and D/N differs among models of equal compute: by ``APART``, root mean square."""
        shape = self.log_tokens - self.log_params
        known = np.isfinite(shape)
        if not known.any():
            return False
        x, y = self.log_flops[known], shape[known]
        line = np.polyfit(x - x.mean(), y, 1) if np.ptp(x) else (0.0, y.mean())
        return bool(np.std(y - np.polyval(line, x - x.mean())) >= APART)

    def after(self, first: "Scales") -> "Scales":
        """The scales of ``first``, followed by these."""
        return Scales(
            np.concatenate([first.log_flops, self.log_flops]),
            np.concatenate([first.log_params, self.log_params]),
            np.concatenate([first.log_tokens, self.log_tokens]),
        )

    def take(self, rows: NDArray[Any]) -> "Scales":
        """The scales of ``rows``, positions or a mask."""
        return Scales(self.log_flops[rows], self.log_params[rows], self.log_tokens[rows])


def scales(log_flops: Floats, params: ArrayLike, tokens: ArrayLike) -> Scales:
    """Scales of known compute; unknown parameters are F / 6D if the tokens are known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log_params, log_tokens = np.log(np.asarray(params, float)), np.log(np.asarray(tokens, float))
    log_params = np.where(np.isfinite(log_params), log_params, log_flops - np.log(6) - log_tokens)
    return Scales(log_flops, log_params, log_tokens)


def scales_of(points: Sequence[Point], log_flops: Floats) -> Scales:
    """The scales of the points of a frontier."""
    return scales(log_flops, [point.params for point in points], [point.tokens for point in points])


def target_scales(targets: Sequence[ForecastTarget], known: Scales) -> Scales:
    """The scales of the targets of a config.

    Parameters and tokens are those of the target, if given. From ``training_flops`` F and ``tokens_per_param`` M, ``N =
    √(F / 6M)`` and ``D = M·N``. Without either, they follow the allocation of the known models, lines of ln N and ln D
    in ln F; nan if it is unknown. If a target gives only one of N and D, the other follows from N·D on these lines.
    """
    log_flops = np.log(np.array([target.training_flops for target in targets]))
    ratio, params, tokens = (
        np.array([getattr(target, name) or np.nan for target in targets])
        for name in ("tokens_per_param", "params", "tokens")
    )
    log_params, log_tokens = np.log(params), np.log(tokens)
    by_shape = (log_flops - np.log(6 * ratio)) / 2
    params_along = _line(known.log_flops, known.log_params, log_flops)
    tokens_along = _line(known.log_flops, known.log_tokens, log_flops)
    product = params_along + tokens_along
    return Scales(
        log_flops,
        _first(log_params, by_shape, product - log_tokens, params_along),
        _first(log_tokens, by_shape + np.log(ratio), product - log_params, tokens_along),
    )


def check_target_units(targets: Sequence[ForecastTarget], at: Scales, known: Scales) -> None:
    """Refuse targets whose compute, parameters or tokens are in other units than those of the known models.

    Compute per parameter and token may differ a hundredfold from that of the known models, tokens per parameter may lie
    ``1e5``-fold beyond theirs.
    """
    both = np.isfinite(known.log_params) & np.isfinite(known.log_tokens)
    if not both.any():
        return
    of_known = (known.log_flops - known.log_params - known.log_tokens)[both]
    shape = (known.log_tokens - known.log_params)[both]
    for i, target in enumerate(targets):
        named = [name for name in ("params", "tokens", "tokens_per_param") if getattr(target, name)]
        per_product = float(at.log_flops[i] - at.log_params[i] - at.log_tokens[i])
        per_param = float(at.log_tokens[i] - at.log_params[i])
        far = (
            _beyond(per_product, of_known) > FLOPS_MAY_DIFFER or _beyond(per_param, shape) > SHAPES_MAY_DIFFER
        )
        if named and far:
            raise RelscaleError(
                f"forecast: {', '.join(named)} at {target.training_flops:g} FLOPs: compute per parameter and token is "
                f"{np.exp(per_product):.3g}, and {np.exp(np.median(of_known)):.3g} in the data, tokens per parameter "
                f"are {np.exp(per_param):.3g}, and {np.exp(np.median(shape)):.3g} in the data; give the target in the "
                "units of the table"
            )


def _beyond(value: float, known: Floats) -> float:
    """The distance of a value from the range of the known ones; 0 inside."""
    return max(float(known.min()) - value, value - float(known.max()), 0.0)


def _first(*choices: Floats) -> Floats:
    """The first known choice at each position."""
    result = choices[-1]
    for choice in reversed(choices[:-1]):
        result = np.where(np.isfinite(choice), choice, result)
    return result


def _line(x: Floats, y: Floats, at: Floats) -> Floats:
    used = np.isfinite(y)
    if len(np.unique(x[used])) < 2:
        return np.full_like(at, np.nan)
    slope, level = np.polyfit(x[used] - x[used].mean(), y[used], 1)
    return np.asarray(level + slope * (at - x[used].mean()))
