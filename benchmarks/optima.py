"""Coverage of the intervals of ``relscale ask optimum``: how often they contain the optimum of the true law.

    python benchmarks/optima.py [LAW ...] [--tables 200] [--draws 200]

Tables are those of the coverage of laws (``generators.laws``), with the optimum of their true parameters; laws for
which these have no optimum have other parameters (``TRUTHS``). Printed is the share of tables whose interval
contains the optimum, per quantity; its standard error is 1.5% for 200 tables at 95%.

Takes one ``ask optimum`` per table; quoted in docs/explanation/optima.md.
"""

from dataclasses import replace

import numpy as np
from command_line import command_line
from generators.laws import Design, designs
from trials.outcome import covered

from relscale.laws.catalogue import laws_with_optimum
from relscale.laws.catalogue import optimum as optimum_of
from relscale.questions import optimum
from relscale.storage.column_arrays import Columns

AT = {
    "batch_trajectory": {"training_flops": 1e19, "batch_ratio": 1.0},
    "critical_batch": {"overhead": 0.2, "from_batch": 256},
    "data_constrained": {"training_flops": 1e22, "unique_tokens": 25e9},
    "datastore": {"training_flops": 1e21, "datastore_tokens": 1e11},
    "multilingual": {"training_flops": 1e21, "share_a": 0.4, "share_b": 0.6},
    "overtraining": {"training_flops": 1e20},
    "parallel_streams": {"params_times_streams": 8e9},
    "parametric": {"training_flops": 1e21},
    "peak_learning_rate": {"batch_tokens": 1e6},
    "rate_and_batch": {"params": 1e9, "tokens": 5e10},
    "rl_posttraining": {"training_flops": 1e20},
    "vocabulary": {"training_flops": 1e20, "width": 1024, "characters_per_token": 4},
}
TRUTHS = {
    "experts": (0.3, -0.12, -0.09, 0.03, 1.2),
    "parallel_streams": (0.69, 22.0, 0.19, 2.5),
    "rl_posttraining": (-0.3, -0.2, 0.03, 0.12, 7e9),
}


def coverage(design: Design, tables: int, draws: int) -> dict[str, float]:
    """The share of intervals that contain the optimum, by quantity."""
    name, known = design.law.name, AT.get(design.law.name, {})
    design = replace(design, truth=TRUTHS.get(name, design.truth))
    truth = optimum_of(name, design.law.predictors).optimal_values(np.array(design.truth), known)
    sampled = design.sample(tables, np.random.default_rng(0))
    hits: dict[str, list[float]] = {quantity: [] for quantity in truth}
    for number, y in enumerate(sampled.T):
        found = optimum.rows(
            Columns({**dict(zip(design.law.predictors, design.x, strict=True)), "y": y}),
            law=name,
            x=design.law.predictors,
            y="y",
            at=tuple(f"{key}={value}" for key, value in known.items()),
            fix=tuple(f"{key}={value}" for key, value in design.fixed.items()),
            residual=design.residual,
            draws=draws,
            seed=number,
        )
        for row in found:
            low, high = (np.nan if end is None else end for end in (row.low, row.high))
            hits[row.quantity].append(float(covered(low, high, truth[row.quantity])))
    return {quantity: float(np.nanmean(hit)) for quantity, hit in hits.items()}


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("laws", nargs="*", default=laws_with_optimum())
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    print("| law | table | coverage |\n|---|---|---|")
    for design in designs():
        if design.law.name in options.laws:
            found = coverage(design, options.tables, options.draws)
            shown = ", ".join(f"{quantity} {share:.1%}" for quantity, share in found.items())
            print(f"| `{design.law.name}` | {design.name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
