"""Simulated data sets as the curves of one experiment, so that a thousand data sets are analysed at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import ERROR, RATIO, Curves, Quantity
from relscale.fitting.curves.frontier import Point
from relscale.fitting.keys import CurveKey
from relscale.fitting.status import OK

Floats = NDArray[np.float64]


def curves_of(
    flops: Floats,
    value: Floats,
    quantity: Quantity,
    *,
    target: Floats | None = None,
    blocks: Sequence[str] | None = None,
    groups: int = 1,
) -> Curves:
    """J curves (P, J) over P points; ``groups`` neighbouring columns are groups of one data set, a suite of its own.

    ``target`` is ln E of a ratio's target; without it both of its errors are taken to move as much.
    """
    if target is None:
        target = value if quantity == ERROR else value / 2
    names = [f"run {i}" for i in range(len(flops))]
    points = [
        Point(
            budget=flop, training_flops=flop, rows=np.array([i]), excluded=0, status=OK, run=names[i], row=i,
            tokens=np.sqrt(flop / 6 * 20), params=np.sqrt(flop / 6 / 20),
        )
        for i, flop in enumerate(map(float, flops))
    ]  # fmt: skip
    keys = [
        CurveKey(
            experiment="e",
            corpus="c",
            optimizer="o",
            suite=f"{j // groups}",
            metric="nats_per_token",
            group=f"{j % groups:02}",
            baseline="baseline" if quantity == RATIO else None,
            contrast="group" if quantity == RATIO else None,
        )
        for j in range(value.shape[1])
    ]
    return Curves(
        quantity=quantity,
        keys=keys,
        points=points,
        log_flops=np.log(flops),
        value=value,
        noise=np.ones_like(value),
        replicates=np.empty((*value.shape, 0)),
        status=np.full(value.shape, OK, dtype=object),
        blocks=list(blocks) if blocks is not None else names,
        target=target,
        baseline=None if quantity == ERROR else target - value,
    )
