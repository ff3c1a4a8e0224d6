"""Recovery of the parameters of every law from noiseless data, for many true parameters."""

from collections.abc import Iterator

import numpy as np
from generators.laws import designs
from trials.outcome import Row

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.inference.log_log_lines import lines
from relscale.laws import compute_optimal, parabola, power, relative

TRUTHS = 20
SPREAD = 0.2  # standard deviation of ln of the factors by which truths differ
PROMISED = 1e-4


def recovery(seed: int) -> list[Row]:
    """A row per law: the worst relative error of its identifiable parameters, over true parameters and residuals."""
    rows: list[Row] = [
        {
            "law": f"`{name}`",
            "design": where,
            "identifiable": ", ".join(identifiable),
            "parameter sets": str(truths),
            "worst relative error": f"{worst:.1e}",
            "within 1e-4": "yes" if worst < PROMISED else "**no**",
        }
        for name, where, identifiable, truths, worst in [*_nonlinear(seed), *_closed_forms(seed)]
    ]
    return sorted(rows, key=lambda row: str(row["law"]))


def _nonlinear(seed: int) -> Iterator[tuple[str, str, list[str], int, float]]:
    for number, design in enumerate(designs()):
        rng = np.random.default_rng([seed, 75, number])
        law, free = design.law, [name not in design.fixed for name in design.law.names]
        factor = np.exp(SPREAD * rng.standard_normal((len(design.truth), TRUTHS)) * np.array(free)[:, None])
        truth = np.array(design.truth)[:, None] * factor
        low, high = (np.array([getattr(p, end) for p in law.parameters])[:, None] for end in ("low", "high"))
        truth = truth[:, ((low < truth) & (truth < high)).all(axis=0)]
        y = law.value(truth, design.x[..., None])
        errors = [e for e in ("log", "linear") if e == "linear" or (y > 0).all()]
        known = [i for i, name in enumerate(law.names) if free[i]]
        worst = max(
            float(
                np.abs(estimate(law, design.x, y, residual=e, fixed=design.fixed).theta / truth - 1)[
                    known
                ].max()
            )
            for e in errors
        )
        yield law.name, design.name, [law.names[i] for i in known], truth.shape[1], worst


def _closed_forms(seed: int) -> Iterator[tuple[str, str, list[str], int, float]]:
    """The lines in logs, and the parabola's minimum."""
    rng = np.random.default_rng([seed, 76])
    flops = np.array([1e18, 3e18, 6e18, 1e19, 3e19, 6e19, 1e20])
    x, reference = np.log(flops), np.exp(np.log(flops).mean())
    for law in (power.LINE, relative.LINE, compute_optimal.TOKENS, compute_optimal.PARAMS):
        level, slope = np.exp(rng.standard_normal(TRUTHS)), rng.uniform(0.01, 0.6, TRUTHS)
        found = lines(x, np.log(level * (flops[:, None] / reference) ** (law.sign * slope)))
        misses = np.exp(found.level) / level - 1, law.sign * found.slope / slope - 1
        yield law.name, "7 budgets", [law.level, law.slope], TRUTHS, float(np.abs(misses).max())
    at, least = rng.uniform(-0.8, 0.8, TRUTHS), rng.uniform(1, 4, TRUTHS)
    runs = np.linspace(-1.2, 1.2, 9)
    c = parabola.coefficients(runs, least + rng.uniform(0.02, 0.3, TRUTHS) * (runs[:, None] - at) ** 2)
    best, loss = parabola.minimum(c)
    worst = float(np.abs([best / at - 1, loss / least - 1]).max())
    yield "parabola", "9 runs of one budget", ["minimum", "its place"], TRUTHS, worst
