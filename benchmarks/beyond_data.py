"""Coverage of 95% intervals of a law's predictions beyond the data, with and without the backtest error of such ones.

    python benchmarks/beyond_data.py [--tables 100]

A power law is fitted to 12 points over two decades of compute with 0.2% of noise, and predicts one inside the data,
one at twice and one at ten times the largest compute. The errors are a power law (floor 0), or a power law above a
floor of 0.5, which bends beyond the data. Without the backtest error, intervals are those of the fit alone.

Takes half a minute; quoted in docs/explanation/intervals.md and src/relscale/fitting/estimation/beyond_data.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from command_line import command_line
from tabulate import tabulate

from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.estimation.law_predictions import PredictionRow
from relscale.fitting.settings import Settings

FLOPS = np.geomspace(1e18, 1e20, 12)
TARGETS = np.array([3e18, 2e20, 1e21])
NOISE = 0.002


def predictions(floor: float, seed: int, anchor: tuple[tuple[float, ...], ...] = ()) -> list[PredictionRow]:
    """A power law fitted to errors above a floor, and its predictions inside, twice and ten times beyond the data."""
    rng = np.random.default_rng(seed)
    flops = np.concatenate([FLOPS, TARGETS])
    truth = floor + 2.0 * (flops / 1e19) ** -0.12
    value = truth * np.exp(NOISE * rng.standard_normal(len(flops)))
    key = {"experiment": "e", "corpus": "c", "optimizer": None, "step": None, "block": None, "status": "ok"}
    key |= {"suite": "s", "prompt": None, "group": "g", "metric": "loss", "params": None, "tokens": None}
    rows = [
        key | {"run": f"r{i}", "training_flops": f, "value": v}
        for i, (f, v) in enumerate(zip(flops, value, strict=True))
    ]
    law = FurtherLaw(
        name="p",
        law="power",
        only={"run": tuple(f"r{i}" for i in range(12))},
        predict={"run": ("r12", "r13", "r14")},
        anchor=anchor,
    )
    _, found = law_fits(pa.Table.from_pylist(rows), Settings(laws=(law,), bootstrap=0))
    return sorted(found, key=lambda row: row.training_flops or 0.0)


def coverage(floor: float, tables: int) -> list[float]:
    """Share of tables whose measured value is in the interval, of each target."""
    hits = [
        [(row.low or 0.0) < (row.observed or 0.0) < (row.high or 0.0) for row in predictions(floor, seed)]
        for seed in range(tables)
    ]
    return [float(share) for share in np.mean(hits, axis=0)]


@contextmanager
def fit_alone() -> Iterator[None]:
    """Intervals without the backtest error."""
    with patch("relscale.fitting.estimation.fit_law.law_model_error", return_value=None):
        yield


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--tables", type=int, default=100, help="simulated tables of each floor (default: 100)"
    )
    tables = parser.parse_args().tables
    rows = []
    for floor in (0.0, 0.5):
        for label, how in (("with the backtest error", nullcontext), ("of the fit alone", fit_alone)):
            with how():
                rows.append([f"{floor:g}", label, *(f"{share:.0%}" for share in coverage(floor, tables))])
    print(tabulate(rows, ["floor", "interval", "inside", "at twice", "at ten times"], disable_numparse=True))


if __name__ == "__main__":
    main()
