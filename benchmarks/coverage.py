"""Are parameters recovered, and how often do nominal 95% intervals hold the truth?

    python benchmarks/coverage.py [--output docs/explanation/coverage.md] [--datasets 1000]
    python benchmarks/coverage.py --laws power irreducible [--datasets 1000]
    python benchmarks/coverage.py --starting-points

measures every law and every interval that the software reports, on data of which the truth is known, and writes the
page; or prints the table of some laws. What each trial found is kept in ``results/coverage`` until the code that it
runs changes (``trials.kept``), so that an interrupted run goes on where it was, and a changed law is one trial. What
is true is in ``generators``, one idea a file;
the estimators are the functions that ``relscale.fitting.fit`` calls, asked of all data sets at once (``trials``;
``tests/fitting/test_coverage.py`` holds the two against each other).

    python benchmarks/coverage.py config.yaml [--measurements M.parquet --replicates R.parquet] [--output TABLE.md]

does so for Δβ on an experiment's own grid: the runs of its plan, or those of a table of measurements. Noise: from the
table's repeated seeds and replicates where it has them, else the defaults of ``generators.isoflop.Noise``.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))
from generators import random_truths
from generators.isoflop import Grid, Noise
from generators.laws import designs
from trials import budgets, clusters, forecasts, isoflop, items, laws, lines, optima, questions
from trials import starting_points as searches
from trials.kept import Trial, result
from trials.outcome import SURPRISING, Outcome, markdown, table, verdict
from trials.recovery import recovery

from relscale.fitting.curves.run_matrix import run_matrices
from relscale.provenance import source_digest
from relscale.storage.tables import read_table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "coverage.md"
SUITE = ROOT / "reference" / "isoflop_suite.csv"
SIZE = 1000  # data sets, and by what their number is divided where each takes longer
LAWS, BOOTSTRAPS, FUTURES = 4, 10, 8
TRUTHS = 100  # random parameters of each law, for its starting points

INTRODUCTION = """\
# Recovery and coverage

Made by `python benchmarks/coverage.py{options}` (four minutes of one core; what is known of trials whose code has not
changed is kept in `results/coverage`); do not edit. `benchmarks/generators/` simulates
the data sets; `benchmarks/trials/` calls the same functions as a fit.

## Recovery from noiseless data

Truths are drawn around those of the coverage below, each parameter by a factor with a standard deviation of 20%; laws
are fitted from their own starting points, in log residuals and, in turn, in linear residuals.
"""
STARTS = """\
## Starting points

Random parameters over what is met with, {truths} for each law, and data with 0.3% of noise (0.03% for the steps of
trainings, `multi_power`, whose B, C, β and γ are a flat valley otherwise). Does the search from the law's own starting
points end at an objective as low as that of a search that begins at the truth? By itself:
`python benchmarks/coverage.py --starting-points`.
"""
COVERAGE = """\
## Coverage of nominal {level:.0%} intervals

{size} data sets for each generator; {laws} for the laws, {few} for their bootstraps, which are tried on some of the
laws, and an eighth for forecasts. Of hundreds of coverages some are far from nominal by chance: a law whose reported
interval (bold) is not nominal is tried again, on {size} other data sets. Both tries are shown, the second as "tried
again". The other laws are not, so that of theirs a coverage within {unseen:.0%} of the level passes for nominal.
**Bold**: what is reported unless asked otherwise. *±* is the Monte Carlo error of a nominal coverage; *nominal* says
which coverage is further from {level:.0%} than three of these.

### Laws, well specified

Independent normal noise. "A point ahead" is a further run beyond the data, with noise of its own. Bootstraps have
{draws} draws. The limits of least squares by the objective's profile cover in every law (in one, tried again, by the
second try), also with 7 points; those of the t interval are the same where a law is about linear and fall short where
it is not (`mixture_additive`, `loss_to_loss`).
Percentiles of draws fall short where points are few: residuals are too alike, and pairs too often leave out what fixes
a parameter. With Huber's loss only points within δ curve the objective, few of them, and the sandwich falls short;
there pairs are the default.
The steps of one training are in truth not independent: the annealing law has intervals where there are 5 trainings.
"""
LINES = """\
### Lines in logs, crossings, shared trainings, many groups, clustered items, repeated seeds

All rows are well specified except those that treat checkpoints, or budgets, that share trainings as independent. Where
the true spread of the groups is 0 no interval of a pooled group can be exact: the spread is not known to be 0.
The exponent of compute-optimal tokens rests on few optima, which may by chance scatter less around their line than
each of them is uncertain; "where scatter is little" counts the data sets where it gives less than half of the
standard error that follows from the parabolas. Where scatter gives less than these, the pooled variance has nominal
coverage there; no interval is nominal in every case ([why](intervals.md)). Budgets may differ by more than the
parabolas' variances: "by as much again" as an optimum is uncertain, in variance, or by four times as much; little
scatter is then a rare accident that no interval foresees.
Items in clusters, such as questions on one file, share half of their variance: taken to be independent they give
intervals that miss the truth in a fifth of all data sets. Resampled by cluster, with Student's t of clusters − 1, they
are nominal; a ratio has the lesser of two groups' numbers of clusters, which is cautious where they are few.
"""
QUESTIONS = """\
### Questions of any table

What `relscale ask` says of limits. Noise is independent and normal, but for scores of items, which are right or wrong.
"""
ITEMS = """\
### Abilities from single answers

`relscale ability --at`: abilities of models around a line in ln compute, and a further model beyond them, by half of
their range of ln compute. Where items have slopes (2PL) that of the line is the one at a slope of 1.
"""
FORECASTS = """\
### Forecasts

Their width comes from rolling origins inside the data and assumes no law, so no world is well specified: what is
measured is how they do where laws hold, saturate, or bend. One curve a data set, so all that is known of the past is
the few origins of that curve. A bend that lies ahead of every origin is not foreseen, and missed more often than a
level says.
"""
GRIDS = """\
### Δβ and the frontier, from runs to parabolas to lines

The IsoFLOP grid of the 85 published runs on {corpus}; two groups, {items} items each. `parabola × power law` is well
specified; the other two are not: noise that all runs of a budget share, and surfaces L(N, D) under a parabola, whose
optimum the parabola misses by more at one end of the grid than at the other. Of the noise of single runs and that of
whole budgets an interval allows for the worse, so where budgets differ in what they fix it holds the truth more often
than it says. For an experiment's own grid: `python benchmarks/coverage.py config.yaml`.
Noise, relative: {noise}.
"""


def trial_of_law(number: int, size: int, level: float, seed: int) -> Trial:
    """All intervals of one law: those by t on a part of the data sets, bootstraps on a smaller one."""
    design = designs()[number]
    arguments = design.law.name, design.name, size // LAWS, size // BOOTSTRAPS, level, seed
    code = source_digest(f"relscale.laws.{design.law.name}")
    data = (
        design.x.tolist(),
        design.truth,
        design.ahead,
        design.residual,
        design.sd,
        sorted(design.fixed.items()),
    )
    return Trial(laws.of_law, arguments, ("generators.laws",), (code, data))


def of_law(number: int, size: int, level: float, seed: int) -> list[Outcome]:
    """The intervals of one law; where a reported one is not nominal, also those of four times as many other data sets.

    Of hundreds of coverages some are far from nominal by chance, which other data sets do not confirm. Both are shown:
    the second alone would be a choice by the result.
    """
    first: list[Outcome] = result(trial_of_law(number, size, level, seed))
    if all(verdict(one.hit, one.level) == "yes" for one in first if one.default):
        return first
    again: list[Outcome] = result(trial_of_law(number, LAWS * size, level, seed + 1))
    return [*first, *(replace(one, design=f"{one.design}, tried again") for one in again)]


def published_grid() -> Grid:
    """The runs of the paper's suite on its first corpus."""
    runs = read_table(SUITE)
    corpus = runs["corpus"][0].as_py()
    columns = [runs[name].to_numpy() for name in ("budget", "training_flops", "tokens", "params")]
    mine = runs["corpus"].to_numpy() == corpus
    return isoflop.grid(corpus, *(column[mine].astype(float) for column in columns))


def of_laws(names: list[str], size: int, level: float, seed: int) -> str:
    """The table of these laws."""
    known = [design.law.name for design in designs()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no design for the law {unknown[0]!r}; there are {', '.join(known)}")
    parts = [of_law(i, size, level, seed) for i, name in enumerate(known) if name in names]
    return markdown(table([one for part in parts for one in part]))


def starting_points() -> str:
    """The table of how many random truths each law's own starting points find."""
    trials = [
        Trial(
            searches.of_starting_points,
            (name, TRUTHS),
            beside=(source_digest(f"relscale.laws.{name}"),),
        )
        for name in sorted(random_truths.TRUTHS)
    ]
    return markdown([searches.row(found) for found in results(trials)])


def page(size: int, level: float, seed: int) -> str:
    """All tables."""
    grid, noise = published_grid(), Noise()
    common = size, level, seed
    of_laws = [of_law(number, *common) for number in range(len(designs()))]
    of_lines = [
        Trial(function, common)
        for function in (
            lines.of_lines,
            lines.of_crossings,
            lines.of_shared_trainings,
            lines.of_pooling,
            optima.of_optima,
            clusters.of_clusters,
            budgets.of_repeated_seeds,
            budgets.of_slices,
        )
    ]
    of_questions = [Trial(questions.of_questions, common)]
    of_items = [Trial(items.of_items, (number, *common)) for number in range(len(items.designs()))]
    of_futures = [
        Trial(forecasts.of_world, (name, size // FUTURES, level, seed)) for name in forecasts.WORLDS
    ]
    (on_grid,) = results([Trial(isoflop.coverage, (grid, noise, *common), beside=(grid.name,))])
    recovered = result(Trial(recovery, (seed,), beside=(len(designs()),)))

    def tables(parts: list[list[Outcome]]) -> str:
        return markdown(table([one for part in parts for one in part]))

    return "\n".join(
        [
            INTRODUCTION.format(options="" if size == SIZE else f" --datasets {size}"),
            markdown(recovered),
            "",
            STARTS.format(truths=TRUTHS),
            starting_points(),
            "",
            COVERAGE.format(
                level=level,
                size=size,
                laws=size // LAWS,
                few=size // BOOTSTRAPS,
                draws=laws.DRAWS,
                unseen=SURPRISING * math.sqrt(level * (1 - level) / (size // LAWS)),
            ),
            tables(of_laws),
            "",
            LINES,
            tables(results(of_lines)),
            "",
            QUESTIONS,
            tables(results(of_questions)),
            "",
            ITEMS,
            tables(results(of_items)),
            "",
            GRIDS.format(corpus=grid.name, items=noise.items, noise=described(noise)),
            markdown(on_grid),
            "",
            FORECASTS,
            tables(results(of_futures)),
            "",
        ]
    )  # fmt: skip


def results(trials: Sequence[Trial]) -> list[Any]:
    """What each trial gives, one after the other."""
    return [result(trial) for trial in trials]


def described(noise: Noise) -> str:
    return ", ".join(f"{name} {value:.2g}" for name, value in vars(noise).items() if name != "items")


def of_experiment(options: argparse.Namespace) -> str:
    """Coverage on an experiment's own grid, with the noise that it stands on."""
    noise = Noise(items=options.items)
    if options.measurements:
        replicates: pa.Table | None = read_table(options.replicates) if options.replicates else None
        found = run_matrices(read_table(options.measurements), replicates)
        grids = isoflop.grids_of_measurements(found)
        noise = isoflop.noise_of(found, options.items, options.suite, options.metric)
    else:
        grids = isoflop.grids_of_plan(options.config)
    rows = [
        row
        for i, grid in enumerate(grids)
        for row in isoflop.coverage(grid, noise, options.datasets, options.level, options.seed + i)
    ]
    head = f"{options.datasets} data sets; nominal {options.level:.0%}; noise: {described(noise)}"
    return f"{head}\n\n{markdown(rows)}\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "config", nargs="?", help="an experiment, for its grid; all laws and intervals without"
    )
    parser.add_argument("--measurements", help="take grid and run noise from this table")
    parser.add_argument("--replicates", help="and item noise from this one")
    parser.add_argument("--suite", default="knowledge", help="whose noise")
    parser.add_argument("--metric", default="bits_per_byte_answer_mean", help="whose noise")
    parser.add_argument("--items", type=int, default=200, help="items in each simulated group")
    parser.add_argument("--datasets", type=int, default=SIZE)
    parser.add_argument("--laws", nargs="+", help="the table of these laws alone")
    parser.add_argument("--starting-points", action="store_true", help="the table of starting points alone")
    parser.add_argument("--level", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", help="write to this file (default: docs/explanation/coverage.md; of an experiment none)"
    )
    options = parser.parse_args()
    if options.config:
        text = of_experiment(options)
        print(text, end="")
        if options.output:
            Path(options.output).write_text(text, encoding="utf-8")
        return
    if options.starting_points:
        print(starting_points())
        return
    if options.laws:
        print(of_laws(options.laws, options.datasets, options.level, options.seed))
        return
    output = Path(options.output or PAGE)
    output.write_text(page(options.datasets, options.level, options.seed), encoding="utf-8")
    print(output)


if __name__ == "__main__":
    main()
