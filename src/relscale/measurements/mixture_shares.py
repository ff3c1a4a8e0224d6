"""The share of each part in the training tokens of a model, beside its measurements: columns ``share_<part>``."""

from collections.abc import Mapping

import pyarrow as pa

from relscale.measurements.measurement import SHARE


def with_mixture_shares(measurements: pa.Table, shares: Mapping[str, Mapping[str, float]]) -> pa.Table:
    """Measurements with a column for each part that a corpus is made of; 0 where a model's corpus has none of it.

    Nothing is added where no corpus is a mixture.

    Parameters
    ----------
    measurements
        With the column ``corpus``.
    shares
        By corpus and part, summing to 1 over the parts of a corpus.
    """
    if all(len(of_corpus) == 1 for of_corpus in shares.values()):
        return measurements
    corpora = measurements["corpus"].to_pylist()
    for part in sorted({part for of_corpus in shares.values() for part in of_corpus}):
        column = pa.array([shares[corpus].get(part, 0.0) for corpus in corpora], pa.float64())
        measurements = measurements.append_column(pa.field(SHARE + part, pa.float64()), column)
    return measurements
