"""Loss by vocabulary size (Tao et al., arXiv 2407.13623), extrapolated to a larger vocabulary."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.law import Array
from relscale.laws.vocabulary import LAW
from relscale.storage.column_arrays import Columns

PREDICTORS = ("non_vocab_parameters", "vocab_size", "num_characters")
LOSS = "unigram_normalized_loss"
R_SQUARED = "R² of the runs with the largest vocabulary"


def largest(tables: Tables) -> tuple[Columns, Array]:
    """The runs with the largest vocabulary, and their losses by the law of the other runs."""
    rows = tables.read("vocabulary_losses.csv.gz")
    others, held_out = (rows.where(rows["split"] == split) for split in ("train", "test"))
    x, at = (np.stack([part[name] for name in PREDICTORS]) for part in (others, held_out))
    theta = estimate(LAW, x, others[LOSS], residual="linear").theta[:, 0]
    return held_out, LAW.value(theta, at)


def reproduce(tables: Tables) -> dict[str, Number]:
    """R² of the losses of the largest vocabulary."""
    rows, predicted = largest(tables)
    return {R_SQUARED: Number(float(1 - np.mean((predicted - rows[LOSS]) ** 2) / np.var(rows[LOSS])))}


def view(tables: Tables) -> View:
    """Measured over predicted losses of the largest vocabulary, per number of parameters."""
    rows, predicted = largest(tables)
    series = []
    for size in np.unique(rows[PREDICTORS[0]]):
        of_size = rows[PREDICTORS[0]] == size
        series.append(Series(f"{size / 1e6:.0f}M parameters", predicted[of_size], rows[LOSS][of_size]))
    return View("predicted loss", "measured loss", tuple(series), log_x=False, log_y=False)


ENTRY = Entry(
    title="Scaling laws with vocabulary",
    paper="runs of Tao et al., arXiv 2407.13623; split and known R² of SLDBench, arXiv 2507.21184",
    law="vocabulary",
    formula=LAW.formula,
    tables=("vocabulary_losses.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale fit vocabulary_losses.csv.gz --where split=train --law vocabulary "
    "--x non_vocab_parameters,vocab_size,num_characters --y unigram_normalized_loss --residual linear",
    remark="Fitted to 1,080 runs with 4,096 to 64,512 entries, evaluated on 120 runs with 96,256. On these runs the "
    "amplitude V vanishes, because small models on little text are worse with larger vocabularies: the fit is not "
    "converged, and describes parameters and text only. `relscale extrapolate` has forms whose other coefficients "
    "depend on the vocabulary.",
    differs={
        R_SQUARED: "The form and the fit behind the known number are not given in any available source; the optimum of "
        "this law has no vocabulary term."
    },
)
