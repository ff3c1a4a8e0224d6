"""Coverage of four 95% intervals of the exponent through optima that state their own variance.

    python benchmarks/exponent_quantiles.py

The optima of n budgets are on a line, with noise of the variance v that their parabolas state, itself known to few
degrees of freedom, and scatter between budgets of variance τ² that no parabola states. In the last design v grows
geometrically over the budgets, to 40 times that of the first; τ² is in units of its mean. Five intervals of the
slope:

- t: the scatter around the line, s²/Sxx, with t of n − 2.
- larger: the larger of that and of Σ w²v, with the degrees of freedom of the larger.
- pooled: the scatter if it is larger, else the mean of both by degrees of freedom. What relscale reports.
- halfway: where the scatter is less, the mean of the half widths of t and of pooled.
- pooled more: the mean, up to where the scatter exceeds the parabolas' part as it would by chance one time in four.

"Scatter is little" if it gives less than half of the standard error that the parabolas state.

Takes seconds; quoted in docs/explanation/intervals.md.
"""

import numpy as np
from command_line import command_line
from scipy.special import fdtri, stdtrit
from tabulate import tabulate

DATASETS = 100_000
# budgets, degrees of freedom of each parabola, the last variance in units of the first
DESIGNS = ((4, 17, 1), (4, 1, 1), (5, 2, 1), (7, 9, 1), (5, 14, 40))
BETWEEN = (0.0, 1.0, 4.0, 16.0)  # τ² / v


def row(budgets: int, df_each: int, spread: float, between: float, rng: np.random.Generator) -> list[str]:
    """Coverage and mean half width of each interval, and coverage where scatter is little."""
    z = np.linspace(-1, 1, budgets)
    weight = z / (z**2).sum()
    variance = np.geomspace(1, spread, budgets)
    stated = variance * rng.chisquare(df_each, (DATASETS, budgets)) / df_each
    y = rng.standard_normal((DATASETS, budgets)) * np.sqrt(variance + between * variance.mean())
    slope = y @ weight
    residual = y - y.mean(axis=1, keepdims=True) - slope[:, None] * z
    of_scatter = (residual**2).sum(axis=1) / (budgets - 2) / (z**2).sum()
    of_parabolas = stated @ weight**2
    t_scatter, t_parabolas = stdtrit([budgets - 2, budgets * df_each], 0.975)
    larger = np.maximum(of_scatter, of_parabolas)
    df = budgets - 2, budgets * df_each
    pooled = stdtrit(sum(df), 0.975) * np.sqrt((df[0] * of_scatter + df[1] * of_parabolas) / sum(df))
    of_scatter_alone = t_scatter * np.sqrt(of_scatter)
    halves = [
        of_scatter_alone,
        np.where(of_scatter > of_parabolas, t_scatter, t_parabolas) * np.sqrt(larger),
        np.where(of_scatter > of_parabolas, of_scatter_alone, pooled),
        np.where(of_scatter > of_parabolas, of_scatter_alone, (of_scatter_alone + pooled) / 2),
        np.where(of_scatter > fdtri(*df, 0.75) * of_parabolas, of_scatter_alone, pooled),
    ]
    little = of_scatter < of_parabolas / 4
    hits = [np.abs(slope) <= half for half in halves]
    cells = [
        f"{hit.mean():.1%} ({hit[little].mean():.0%}), {half.mean():.2f}"
        for hit, half in zip(hits, halves, strict=True)
    ]
    return [f"{budgets}", f"{df_each}", f"{spread:g}", f"{between:g}", f"{little.mean():.0%}", *cells]


def main() -> None:
    command_line(__doc__).parse_args()
    rng = np.random.default_rng(0)
    rows = [row(*design, between, rng) for design in DESIGNS for between in BETWEEN]
    head = ["budgets", "df of each", "largest v", "τ²/v", "scatter is little"]
    head += ["t", "larger", "pooled", "halfway", "pooled more"]
    print("coverage (where scatter is little), mean half width\n")
    print(tabulate(rows, headers=head, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
