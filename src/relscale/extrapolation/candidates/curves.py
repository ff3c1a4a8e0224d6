"""Candidates for curves of one predictor: the laws M1 to M4 and BNSL, and lines through the last points."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b

import numpy as np

from relscale.extrapolation import curve_laws
from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.curve import OCTAVE, Curve, OfCurves, by_curve, each
from relscale.extrapolation.table import Mask, Table
from relscale.laws.law import Array

LAWS: tuple[tuple[str, OfCurves, int], ...] = (
    ("M1", each(curve_laws.power), 3),
    ("M2", curve_laws.floor, 4),
    ("M3", curve_laws.shifted, 5),
    ("M4", each(curve_laws.saturated), 5),
    ("BNSL", curve_laws.broken, 5),
)
RECENT = (1.0,)  # half-lives of a point's weight, in octaves backwards
LEVEL = 0.5  # octaves of last points to whose mean level a law is shifted


def last_value(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """The last value, carried forward."""
    return np.full(len(at), y[np.argmax(log_x)])


def line(octaves: float, least: int, log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """The log-log line through the last octaves, with at least ``least`` points, from its level at the
    end."""
    order = np.argsort(log_x)
    recent = (log_x[order] >= log_x.max() - octaves * OCTAVE - 1e-9) | (
        np.arange(len(order)) >= len(order) - least
    )
    x, v = log_x[order][recent], np.log(y[order][recent])
    slope = ((x - x.mean()) * (v - v.mean())).sum() / max(((x - x.mean()) ** 2).sum(), 1e-300)
    return np.asarray(np.exp(v.mean() + slope * (at - x.mean())))


def theta(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """The level at the end and half of the slope (the Theta method; Assimakopoulos and Nikolopoulos 2000)."""
    end, span = log_x.max(), max(np.ptp(log_x), 1e-9)
    slope = np.polyfit(log_x, np.log(y), 1)[0]
    recent = np.exp((log_x - end) / (span / 2))
    of_end = np.polyfit(log_x - end, np.log(y), 1, w=np.sqrt(recent))[1]
    return np.asarray(np.exp(of_end + slope / 2 * (at - end)))


def moved(law: OfCurves, curves: Sequence[Curve]) -> list[Array]:
    """A law, shifted in ln y to the mean level of the last points."""
    return [
        ahead * np.exp(np.mean(np.log(curve.y[_recent(curve)]) - np.log(end)))
        for curve, (ahead, end) in zip(curves, law_and_end(law, curves), strict=True)
    ]


def plain(law: OfCurves, curves: Sequence[Curve]) -> list[Array]:
    """A law without a shift."""
    return [ahead for ahead, _ in law_and_end(law, curves)]


def law_and_end(law: OfCurves, curves: Sequence[Curve]) -> list[tuple[Array, Array]]:
    """Values of a law at the targets and at the last points, from one fit."""
    both = law([replace(c, at=np.concatenate([c.at, c.log_x[_recent(c)]])) for c in curves])
    return [(values[: len(c.at)], values[len(c.at) :]) for c, values in zip(curves, both, strict=True)]


def _recent(curve: Curve) -> Mask:
    return np.asarray(curve.log_x >= curve.log_x.max() - LEVEL * OCTAVE - 1e-9, dtype=bool)


def shared(law: OfCurves) -> OfCurves:
    """A law that computes each fit for the first of its two candidates, plain or moved, and keeps it for the second."""
    kept: dict[bytes, list[Array]] = {}

    def of_curves(curves: Sequence[Curve]) -> list[Array]:
        data = blake2b(digest_size=16)
        for curve in curves:
            for array in (curve.log_x, curve.y, curve.weight, curve.at):
                data.update(len(array).to_bytes(8) + array.tobytes())
        key = data.digest()
        if key in kept:
            return kept.pop(key)
        kept[key] = law(curves)
        return kept[key]

    return of_curves


def candidates(known: Table) -> list[Candidate]:
    """Candidates for one positive predictor and positive y."""
    if len(known.names) != 1 or not known.positive or not (known.x > 0).all():
        return []
    result = [
        Candidate("last value", by_curve(each(last_value), floor=1)),
        Candidate("line, last 2 points", by_curve(each(partial(line, 0.0, 2)))),
        Candidate("line, last 3 points", by_curve(each(partial(line, 0.0, 3)), floor=3)),
        Candidate("line, last octave", by_curve(each(partial(line, 1.0, 3)), floor=3)),
        Candidate("line, last two octaves", by_curve(each(partial(line, 2.0, 3)), floor=3)),
        Candidate("theta", by_curve(each(theta), floor=3)),
    ]
    for name, unshared, floor in LAWS:
        law = shared(unshared)
        result.append(Candidate(name, by_curve(partial(plain, law), floor=floor)))
        result += [
            Candidate(f"{name}, half-life {octaves:g} octave", by_curve(partial(plain, law), octaves, floor))
            for octaves in RECENT
        ]
        result.append(Candidate(f"{name}, moved to the end", by_curve(partial(moved, law), floor=floor)))
        result.append(
            Candidate(
                f"{name}, half-life 1 octave, moved to the end", by_curve(partial(moved, law), 1.0, floor)
            )
        )
    return result
