"""Columns of compute, parameters and tokens: logarithms, mixed units and models of two computes are refused."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError

Floats = NDArray[np.float64]

SIZES = ("params", "tokens")
SCALES = ("training_flops", *SIZES)
FLOPS, NO_UNIT = (
    {"flop", "flops", "compute", "c"},
    {"training", "train", "total", "log", "log2", "log10", "ln"},
)
LEAST_LOGARITHM, LARGEST_LOGARITHM = 10, 100  # of FLOPs: from 1e10 to base 10, to 1e30 to base 2
PREFIX = 500  # ratios beyond this are of units, thousands, millions or billions: experts and embeddings explain less
MOST_IN_OTHER_UNIT = 1e4  # of parameters or tokens in millions or billions; small models have more parameters
LEAST_COUNT = 1e6  # of parameters or tokens as such, beside others in millions or billions
EQUAL = 1e-6  # relative difference of one compute, calculated in two ways


def check_no_logarithm(column: str, values: Floats, name: str = "") -> None:
    """Refuse training compute that is given as its logarithm, of which the laws would take another one.

    That is a column of FLOPs by its name, in no other unit, whose values are all those of logarithms of FLOPs, to base
    2, e or 10: from 10 to 100, the largest less than 3 times the least.

    Raises
    ------
    RelscaleError
        It looks like logarithms.

    Examples
    --------
    >>> check_no_logarithm("flops", np.array([1e18, 1e21]), "table.csv")
    >>> check_no_logarithm("flops", np.array([18.0, 21.0]), "table.csv")
    Traceback (most recent call last):
    relscale.errors.RelscaleError: table.csv: column 'flops' is from 18 to 21, as logarithms of FLOPs are, and the law \
takes the logarithm itself; write the FLOPs into it, or name its unit, such as exaflops
    >>> check_no_logarithm("exaflops", np.array([18.0, 21.0]), "table.csv")
    """
    known = values[np.isfinite(values)]
    if not _in_flops(column) or len(known) == 0:
        return
    least, largest = known.min(), known.max()
    if LEAST_LOGARITHM <= least < largest <= LARGEST_LOGARITHM and largest < 3 * least:
        raise RelscaleError(
            f"{name}{': ' * bool(name)}column {column!r} is from {least:g} to {largest:g}, as logarithms of FLOPs are, "
            "and the law takes the logarithm itself; write the FLOPs into it, or name its unit, such as exaflops"
        )


def is_compute(column: str) -> bool:
    """Whether a column is the compute of a training by its name, in whatever unit.

    Examples
    --------
    >>> [is_compute(column) for column in ("training_flops", "exaflops", "C", "flops_per_token")]
    [True, True, True, False]
    """
    return _in_flops(column) or any(word.endswith("flops") and word != "flops" for word in _words(column))


def check_same_units(scales: Sequence[Floats], name: str, columns: Sequence[str] = SCALES) -> None:
    """Refuse compute that does not grow with parameters × tokens: a logarithm, or rows in other units.

    Their ratio may vary by a factor of 500, as where inactive experts or no embeddings are counted, or as much as both
    the compute and the product do; compute or tokens in two units vary by as much as the units differ.

    Parameters
    ----------
    scales
        (3, n) compute, parameters and tokens of the models of one corpus; rows that lack one do not count.
    name, columns
        The table and its three columns, for the message.

    Raises
    ------
    RelscaleError
        The ratio varies more.

    Examples
    --------
    >>> params, tokens = np.array([1e8, 1e9]), np.array([2e9, 2e10])
    >>> columns = ("flops", "params", "tokens")
    >>> check_same_units((6 * params * tokens, params, tokens), "table.csv", columns)
    >>> check_same_units((6 * params * tokens, params, tokens * [1, 1e-9]), "table.csv", columns)
    Traceback (most recent call last):
    relscale.errors.RelscaleError: table.csv: flops / (params · tokens) is from 6 to 6e+09, and should be nearly \
constant; write all rows in the same units, and no logarithms
    """
    flops, params, tokens = (np.asarray(cells, dtype=float) for cells in scales)
    known = np.all([np.isfinite(cells) & (cells > 0) for cells in (flops, params, tokens)], axis=0)
    if not known.any():
        return
    flops, product = flops[known], params[known] * tokens[known]
    ratio = flops / product
    varies, of_flops, of_product = (float(cells.max() / cells.min()) for cells in (ratio, flops, product))
    if varies > PREFIX and varies > min(of_flops, of_product):
        raise RelscaleError(
            f"{name}: {columns[0]} / ({columns[1]} · {columns[2]}) is from {ratio.min():.3g} to {ratio.max():.3g}, "
            "and should be nearly constant; write all rows in the same units, and no logarithms"
        )


def check_one_unit(column: str, values: Floats, name: str = "") -> None:
    """Refuse parameters or tokens that are counts in some rows and millions or billions in others.

    That is if the values are in two groups, up to 1e4 and from 1e6, with a factor of more than 500 between them. A
    count up to 1e4 beside large ones looks the same; a table whose units are all millions is read.

    Raises
    ------
    RelscaleError
        It looks like two units.

    Examples
    --------
    >>> check_one_unit("params", np.array([1e4, 1e6, 7e9]), "table.csv")
    >>> check_one_unit("params", np.array([6.4e4, 1.2e8, 7e9]), "table.csv")
    >>> check_one_unit("params", np.array([0.125, 7.0]), "table.csv")
    >>> check_one_unit("params", np.array([1.25e8, 0.125, 7e9]), "table.csv")
    Traceback (most recent call last):
    relscale.errors.RelscaleError: table.csv: column 'params' has values from 0.125 to 0.125 and from 1.25e+08 to \
7e+09; write all rows in the same units, or all in millions if they are
    """
    known = values[np.isfinite(values) & (values > 0)]
    small, large = known[known <= MOST_IN_OTHER_UNIT], known[known >= LEAST_COUNT]
    if not len(small) or not len(large) or len(small) + len(large) < len(known):
        return
    if large.min() > PREFIX * small.max():
        raise RelscaleError(
            f"{name}{': ' * bool(name)}column {column!r} has values from {small.min():g} to {small.max():g} and from "
            f"{large.min():g} to {large.max():g}; write all rows in the same units, or all in millions if they are"
        )


def of_each(
    values: Floats, row: NDArray[np.int64], models: Sequence[str], column: str, name: str = ""
) -> Floats:
    """The compute of each model (m,) in a table with several rows (n,) of it; nan where no row has one.

    Parameters
    ----------
    values, row
        (n,) the compute, nan where missing, and the position of each row's model.

    Raises
    ------
    RelscaleError
        Rows of a model differ, as where checkpoints of one training have one name.

    Examples
    --------
    >>> of_each(np.array([1e18, np.nan, 1e20]), np.array([0, 0, 1]), ["small", "large"], "flops")
    array([1.e+18, 1.e+20])
    """
    known = np.isfinite(values)
    least, largest = np.full(len(models), np.inf), np.full(len(models), -np.inf)
    np.minimum.at(least, row[known], values[known])
    np.maximum.at(largest, row[known], values[known])
    for i in np.flatnonzero(least * (1 + EQUAL) < largest).tolist():
        raise RelscaleError(
            f"{name}{': ' * bool(name)}model {models[i]!r} has several values of {column!r}, {least[i]:g} and "
            f"{largest[i]:g}; give each checkpoint a name of its own"
        )
    return np.where(np.isfinite(least), least, np.nan)


def _in_flops(column: str) -> bool:
    words = _words(column)
    return bool(words & FLOPS) and not words - FLOPS - NO_UNIT


def _words(column: str) -> set[str]:
    return set(re.findall("[a-z0-9]+", column.lower()))
