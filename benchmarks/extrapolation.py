"""``relscale extrapolate`` on two public benchmarks: errors and intervals on the rows whose answers are public.

    python benchmarks/extrapolation.py --data FOLDER --output PREDICTIONS

FOLDER has the tables TASK.csv.gz with a column ``split``. Nothing is chosen by the test rows; their forecasts are
written to PREDICTIONS/TASK.relscale.csv, also of those whose answer is withheld.

*Revisiting Neural Scaling Laws* (arXiv 2209.06640): the root mean square of the error of ln loss per curve, and its
geometric mean over curves. *SLDBench* (arXiv 2507.21184): R² = 1 − the mean over targets of MSE / variance of the
test rows, clipped to [−1, 1]. Of the intervals: the share of rows that they cover, and the mean interval score
(Gneiting and Raftery 2007), of ln y if y is positive; coverages are means over curves, scores geometric means.

``--inside`` forecasts known rows instead, which are no answers of the benchmarks: the last stretches of each curve,
and the folds of each task. ``--bends`` needs no data: it simulates curves that bend at their end.

The seconds of each task are printed; quoted in docs/explanation/forecasts.md and docs/explanation/forecast_trials.md.
"""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from command_line import command_line

from relscale.errors import RelscaleError
from relscale.extrapolation.candidates.emergence import rising
from relscale.extrapolation.extrapolate import extrapolate
from relscale.extrapolation.folds import FEWEST_POINTS, Fold, make_folds
from relscale.extrapolation.interval import Interval
from relscale.extrapolation.of_table import table_of
from relscale.extrapolation.table import Table
from relscale.fitting.forecasts.interval_score import interval_score
from relscale.laws.law import Array


@dataclass(frozen=True)
class Task:
    """One table: its targets, its predictors by the names of candidates, and what makes a curve."""

    targets: tuple[str, ...]
    x: dict[str, str]
    group: tuple[str, ...] = ()
    model: str | None = None
    only: str | None = None  # known rows alone of the kind that is asked for
    human: float = np.nan
    agent: float = np.nan

    def tables(self, rows: pd.DataFrame, target: str) -> tuple[Table, Table]:
        """The known rows and those asked for."""
        every = table_of(rows, target, self.x, self.group, self.model)
        train = (rows.split == "train").to_numpy()
        used = train & (rows.eval(self.only).to_numpy() if self.only else True)
        return every.take(used), every.take(~train)


@dataclass(frozen=True)
class Judged:
    """Coverage (I,), interval score (I,) and half width (I,) of the intervals of I curves, of ln y if y is positive."""

    coverage: Array
    score: Array
    half: Array

    @classmethod
    def of(cls, interval: Interval, truth: Table) -> "Judged":
        """Of the rows with an answer and an interval."""
        with np.errstate(all="ignore"):
            low, high, y = (
                np.log(v) if truth.positive else v for v in (interval.low, interval.high, truth.y)
            )
        score = interval_score(low, high, y, interval.level)
        known = [rows[np.isfinite(score[rows])] for rows in truth.rows_of.values()]
        known = [rows for rows in known if len(rows)]
        return cls(
            np.array([np.mean((low[rows] <= y[rows]) & (y[rows] <= high[rows])) for rows in known]),
            np.array([score[rows].mean() for rows in known]),
            np.array([(high - low)[rows].mean() / 2 for rows in known]),
        )

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(*(np.concatenate(pair) for pair in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        if not len(self.score):
            return "withheld"
        score, half = (np.exp(np.log(v).mean()) for v in (self.score, self.half))
        return f"{self.coverage.mean():6.1%} of {len(self.score):3} curves, score {score:.4f}, half width {half:.4f}"


def last_stretches(known: Table, at: Table, step: int) -> tuple[Table, Table] | None:
    """Each curve without ``step`` stretches at its end, each as long as the targets are beyond it, and the next one."""
    z, to = np.log(known.x[0]), np.log(at.x[0])
    before, targets = np.zeros(len(known), dtype=bool), np.zeros(len(known), dtype=bool)
    for group, rows in known.rows_of.items():
        end = z[rows].max()
        ahead = to[at.rows_of[group]].max() - end
        origin = end - step * ahead
        if len(np.unique(z[rows[z[rows] <= origin - ahead + 1e-9]])) >= FEWEST_POINTS:
            before[rows] = z[rows] <= origin + 1e-9
            targets[rows] = ~before[rows] & (z[rows] <= origin + ahead + 1e-9)
    return (known.take(before), known.take(targets)) if targets.any() else None


def inside(folder: Path, names: list[str]) -> None:
    """Print how intervals do inside the known rows."""
    rows = pd.read_csv(folder / "revisiting.csv.gz")
    rows["curve"] = rows.groupby(["domain", "task", "model"]).ngroup()
    for domain, some in rows.groupby("domain") if not names or "revisiting" in names else ():
        every = table_of(some, "loss", {"examples": "seen_examples"}, ["curve"])
        test = (some.split == "test").to_numpy()
        for step in (1, 2):
            if parts := last_stretches(every.take(~test), every.take(test), step):
                judged = Judged.of(extrapolate(*parts).interval, parts[1])
                print(f"{domain}, {step} stretches before the end: {judged}", flush=True)
    for name, task in TASKS.items():
        if names and name not in names:
            continue
        rows = pd.read_csv(folder / f"{name}.csv.gz")
        for target in task.targets:
            known, at = task.tables(rows, target)
            for fold in make_folds(known, at) if name != "easy_question" else emerged_folds(known):
                truth = known.take(fold.targets)
                try:
                    result = extrapolate(known.take(fold.known), truth)
                except RelscaleError as error:
                    print(f"{name}, {target}, {fold.meaning}: {error}", flush=True)
                    continue
                print(f"{name}, {target}, {fold.meaning}: {Judged.of(result.interval, truth)}", flush=True)


BENT = 48  # curves


def bends() -> None:
    """Print how often intervals cover curves that bend at their last known point, which nothing in them announces."""
    rng = np.random.default_rng(0)
    x, beyond = np.geomspace(1, 64, 14), 64 * np.geomspace(2**0.5, 4, 4)

    def measured(at: Array, law: Callable[[Array], Array]) -> Table:
        y = law(at) * np.exp(0.01 * rng.standard_normal(len(at)))
        zero = np.zeros(len(at), dtype=np.int64)
        return Table(("tokens",), at[None], y, zero, np.arange(len(at)))

    for steeper in (0.0, 0.2, 0.6):
        inside = []
        for _ in range(BENT):
            exponent, floor = rng.uniform(0.1, 0.4), rng.uniform(0, 0.3)

            def law(at: Array, b: float = exponent, e: float = floor, by: float = steeper) -> Array:
                return np.asarray(e + at**-b * (1 + (at / 64) ** 4) ** (-by / 4))

            known, truth = measured(x, law), measured(beyond, law)
            interval = extrapolate(known, truth).interval
            inside.append((interval.low <= truth.y) & (truth.y <= interval.high))
        shares = "  ".join(
            f"{share:.0%} at {factor:.2g}"
            for share, factor in zip(np.mean(inside, axis=0), beyond / 64, strict=True)
        )
        print(f"exponent larger by {steeper:g}: {shares} times the data", flush=True)


DOMAINS = range(1, 6)
TASKS = {
    "parallel": Task(
        ("loss",), {"params": "num_params", "streams": "parallel_size"}, ("group",), human=1.000, agent=1.000
    ),
    "vocab": Task(
        ("unigram_normalized_loss",),
        {"params": "non_vocab_parameters", "vocabulary": "vocab_size", "characters": "num_characters"},
        human=0.966,
        agent=0.951,
    ),
    "sft": Task(("sft_loss",), {"examples": "sft_data_size"}, ("model", "dataset"), human=0.957, agent=0.981),
    "domain_mixture": Task(
        tuple(f"loss_domain_{i}" for i in DOMAINS),
        {f"share_{i}": f"proportion_domain_{i}" for i in DOMAINS},
        ("group",),
        human=0.671,
        agent=0.989,
    ),
    "moe": Task(
        ("loss_validation",),
        {"params": "dense_parameter_count", "experts": "num_experts"},
        ("router_type",),
        only="k == 1 and routing_frequency == 0.5",
        human=0.703,
        agent=0.833,
    ),
    "data_constrained": Task(
        ("loss",),
        {"params": "params", "tokens": "training_tokens", "unique_tokens": "unique_tokens"},
        human=0.911,
        agent=0.984,
    ),
    "lr_bsz": Task(
        ("smooth_loss",),
        {"lr": "lr", "batch": "batch_sequences", "params": "non_embedding_params", "tokens": "tokens"},
        human=-0.076,
        agent=0.546,
    ),
    "easy_question": Task(
        ("brier_score",), {"log_flops": "log_flops"}, ("group",), "model", human=-1.0, agent=0.377
    ),
}


def emerged_folds(known: Table) -> list[Fold]:
    """Folds of the tasks that have passed their threshold: each beyond an earlier one, from all the others.

    Before its threshold a task does not show what it does after it, so folds that hold out ends of the tasks
    which have not passed theirs would look like something else than what is asked.
    """
    result = []
    for origin in (1.4, 0.9):
        for group in rising(known, -1):
            asked = (known.group == group) & (known.x[0] > origin)
            result.append(Fold(~asked, asked, f"task {group}, beyond 10^{origin:g}"))
    return result


def sldbench(folder: Path, output: Path, names: list[str]) -> None:
    """Run the tasks and print how they did."""
    summary = []
    for name, task in TASKS.items():
        if names and name not in names:
            continue
        rows = pd.read_csv(folder / f"{name}.csv.gz")
        begin, parts, nested, predictions = time.perf_counter(), [], [], {}
        for target in task.targets:
            known, at = task.tables(rows, target)
            result = extrapolate(known, at, folds=emerged_folds(known) if name == "easy_question" else ())
            print(f"\n{name}, {target}\n{result}", flush=True)
            predictions[target] = result.forecast
            nested.append(result.nested_r2)
            parts.append(1 - np.mean((result.forecast - at.y) ** 2) / np.var(at.y))
            print(f"95% intervals: {Judged.of(result.interval, at)}", flush=True)
        test = rows[rows.split == "test"].drop(columns=[*task.targets, "split"]).dropna(axis=1, how="all")
        columns = (
            ["prediction"]
            if len(task.targets) == 1
            else [f"prediction_{i + 1}" for i in range(len(task.targets))]
        )
        output.mkdir(parents=True, exist_ok=True)
        test.assign(**dict(zip(columns, predictions.values(), strict=True))).to_csv(
            output / f"{name}.relscale.csv", index=False
        )
        summary.append(
            (name, task, float(np.mean(parts)), float(np.mean(nested)), time.perf_counter() - begin)
        )
    print(f"\n{'SLDBench, R²':18} human  agent  relscale  nested folds  seconds")
    for name, task, score, inside, seconds in summary:
        shown = f"{score:8.3f}" if np.isfinite(score) else "withheld"
        print(f"{name:18} {task.human:5.3f}  {task.agent:5.3f}  {shown}  {inside:12.3f}  {seconds:7.0f}")
    scores = [score for _, _, score, _, _ in summary if np.isfinite(score)]
    if scores:
        print(f"mean of the {len(scores)} open tasks: {np.mean(scores):.3f}")


ANCHORS = {
    "M1": 0.0690,
    "M2": 0.0375,
    "M3": 0.0312,
    "M4": 0.0216,
    "BNSL": 0.0184,
}  # fits of the same curves in ln y


def revisiting(folder: Path, output: Path) -> None:
    """Run the 92 curves, with weights from all curves of a domain, and print how the open half did."""
    rows = pd.read_csv(folder / "revisiting.csv.gz")
    rows["curve"] = rows.groupby(["domain", "task", "model"]).ngroup()
    forecasts, bnsl = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    judged: list[tuple[str, Judged]] = []
    begin = time.perf_counter()
    for domain, some in rows.groupby("domain"):
        every = table_of(some, "loss", {"examples": "seen_examples"}, ["curve"])
        test = (some.split == "test").to_numpy()
        result = extrapolate(every.take(~test), every.take(test))
        print(f"\n{domain}\n{result}", flush=True)
        forecasts[some.index[test]] = result.forecast
        judged.append((str(domain), Judged.of(result.interval, every.take(test))))
        bnsl[some.index[test]] = result.by_candidate[result.candidates.index("BNSL")]
    test = rows.assign(prediction=forecasts, bnsl=bnsl)[rows.split == "test"]
    output.mkdir(parents=True, exist_ok=True)
    identity = ["domain", "task", "model", "seen_examples", "prediction"]
    test[identity].to_csv(output / "revisiting.relscale.csv", index=False)
    known = test[test.loss.notna()]
    of_curve = {
        name: np.sqrt((np.log(known[name] / known.loss) ** 2).groupby(known.curve).mean())
        for name in ("prediction", "bnsl")
    }
    domains = known.groupby("curve").domain.first()
    seconds = time.perf_counter() - begin
    print(f"\n92 curves, open half ({len(domains)}): geometric mean of the RMSE of ln loss, {seconds:.0f} s")
    for name, error in of_curve.items():
        parts = "  ".join(
            f"{d} {np.exp(np.log(error[domains == d]).mean()):.4f}" for d in sorted(domains.unique())
        )
        print(f"{name:12} {np.exp(np.log(error).mean()):.4f}  {parts}")
    print("all 92, published forms: " + ", ".join(f"{name} {error:.4f}" for name, error in ANCHORS.items()))
    for name, of_domain in [*judged, ("all", sum((of for _, of in judged[1:]), judged[0][1]))]:
        print(f"95% intervals, {name:4} {of_domain}")
    print(f"below BNSL on {(of_curve['prediction'] < of_curve['bnsl']).mean():.0%} of the curves")


def main() -> None:
    """Run the benchmarks."""
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder of the tables.")
    parser.add_argument(
        "--output", type=Path, default=Path("results/extrapolation"), help="Where predictions are written."
    )
    parser.add_argument("--task", action="append", default=[], help="A task alone; may be repeated.")
    parser.add_argument(
        "--inside", action="store_true", help="How intervals do inside the known rows, and nothing else."
    )
    parser.add_argument("--bends", action="store_true", help="Simulated curves that bend, and nothing else.")
    options = parser.parse_args()
    if options.bends:
        bends()
        return
    if options.data is None:
        parser.error("--data is required, unless with --bends")
    if options.inside:
        inside(options.data, options.task)
        return
    if not options.task or "revisiting" in options.task:
        revisiting(options.data, options.output)
    if options.task != ["revisiting"]:
        sldbench(options.data, options.output, options.task)


if __name__ == "__main__":
    main()
