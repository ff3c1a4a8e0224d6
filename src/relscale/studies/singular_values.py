"""The largest singular value of every matrix of trained models, by width.

Under AdamW, with learning rate η and weight decay λ, a matrix settles at a scale of √(η/λ). The ratio σ_max / √(η/λ)
grows as a power of the width: ½ for random gradients, about ¾ in models (arXiv 2510.15262). A recipe keeps the scale of
matrices if σ_max itself does not change with the width. Matrices need about 3/(η·λ) steps to settle; the rows give the
steps of a run in units of 1/(η·λ).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from relscale.errors import RelscaleError
from relscale.scoring.safetensors_header import weight_files
from relscale.storage.rows import column
from relscale.training.record import TrainingRecord

LAYERS = "layers"  # the part of a weight's name before the number of its layer
SETTLED = 3  # steps, in units of 1/(η·λ), after which a matrix has settled


@dataclass(frozen=True, slots=True, kw_only=True)
class SingularValueRow:
    """One row per matrix of a layer."""

    run: str = column("Name of the model.")
    optimizer: str = column("Optimizer of the model.")
    width: int = column("Hidden size.")
    layer: int = column("Layer, from 0.")
    matrix: str = column("Name of the matrix in its layer.")
    sigma_max: float = column("Largest singular value.")
    frobenius: float = column("Frobenius norm: root of the sum of squares.")
    scale: float | None = column(
        "√(η/λ): root of the peak learning rate over the weight decay; null without decay.", default=None
    )
    settled: float = column("Number of steps in units of 1/(η·λ); a matrix needs about 3 to settle.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthExponentRow:
    """One row per optimizer and kind of matrix."""

    optimizer: str = column("The optimizer.")
    matrix: str = column("Name of the matrix in its layer.")
    widths: int = column("Number of distinct widths.")
    sigma_exponent: float = column("Exponent of σ_max in the width; 0 if the recipe keeps its scale.")
    scaled_exponent: float | None = column("Exponent of σ_max / √(η/λ) in the width.", default=None)
    note: str | None = column("Caveats.", default=None)


def singular_values(folder: Path, record: TrainingRecord) -> Iterator[SingularValueRow]:
    """The rows of one trained model.

    Raises
    ------
    RelscaleError
        The model has no weights.
    """
    files = weight_files(folder)
    if not files:
        raise RelscaleError(f"{folder}: no weights of {record.name}; train it again")
    h = record.run.hyperparameters
    for file in files:
        for name, weight in sorted(load_file(file).items()):
            *_, last = parts = name.removesuffix(".weight").split(".")
            if weight.ndim != 2 or LAYERS not in parts:
                continue
            values = np.linalg.svd(weight.astype(np.float64), compute_uv=False)
            yield SingularValueRow(
                run=record.name,
                optimizer=h.optimizer,
                width=record.run.architecture.hidden_size,
                layer=int(parts[parts.index(LAYERS) + 1]),
                matrix=last,
                sigma_max=float(values[0]),
                frobenius=float(np.linalg.norm(values)),
                scale=(h.learning_rate / h.weight_decay) ** 0.5 if h.weight_decay > 0 else None,
                settled=record.step * h.learning_rate * h.weight_decay,
            )


def width_exponents(rows: Sequence[SingularValueRow]) -> Iterator[WidthExponentRow]:
    """The exponent of each kind of matrix in the width, by least squares of logarithms over an optimizer's models and
    all layers.
    """
    kinds: dict[tuple[str, str], list[SingularValueRow]] = defaultdict(list)
    for row in rows:
        kinds[row.optimizer, row.matrix].append(row)
    for (optimizer, matrix), values in kinds.items():
        widths = np.log([row.width for row in values])
        if len(set(widths)) < 2:
            continue
        scaled = [row.sigma_max / row.scale for row in values if row.scale is not None]
        yield WidthExponentRow(
            optimizer=optimizer,
            matrix=matrix,
            widths=len(set(widths)),
            sigma_exponent=_slope(widths, [row.sigma_max for row in values]),
            scaled_exponent=_slope(widths, scaled) if len(scaled) == len(values) else None,
            note=_note(values),
        )


def _note(rows: Sequence[SingularValueRow]) -> str | None:
    """Caveats of the exponents."""
    if all(row.scale is None for row in rows):
        return "the weight decay is 0, so matrices have no scale √(η/λ)"
    unsettled = sum(row.settled < SETTLED for row in rows)
    if not unsettled:
        return None
    return f"{unsettled} of {len(rows)} matrices have not settled (fewer than {SETTLED}/(η·λ) steps)"


def _slope(log_x: np.ndarray, y: Sequence[float]) -> float:
    return float(np.polyfit(log_x, np.log(y), 1)[0])
