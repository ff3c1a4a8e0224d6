"""How robust a verdict is, by the tables ``influence``, ``specifications`` and ``power``."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.analyses.specification import SpecificationRow
from relscale.fitting.analyses.statistical_power import PowerRow
from relscale.fitting.keys import CURVE, CurveKey, Key, key_of
from relscale.fitting.verdicts.verdict import DIRECTIONS, Verdict

Row = TypeVar("Row", bound=CurveKey)
ACROSS = tuple(name for name in CURVE if name not in ("prompt", "metric"))  # what all specifications share


@dataclass(frozen=True)
class Robustness:
    """The columns of a verdict that state its robustness."""

    left_out: int
    left_out_same_sign: int
    left_out_carry: int
    specifications: int
    specifications_same_sign: int
    power: float | None
    power_low: float | None
    power_high: float | None
    power_delta_beta: float | None


@dataclass(frozen=True)
class Evidence:
    """The rows of the three tables by ratio."""

    influence: Mapping[Key, Sequence[InfluenceRow]]
    specifications: Mapping[Key, Sequence[SpecificationRow]]
    powers: Mapping[Key, Sequence[PowerRow]]

    @classmethod
    def of(
        cls,
        influence: Iterable[InfluenceRow],
        specifications: Iterable[SpecificationRow],
        powers: Iterable[PowerRow],
    ) -> "Evidence":
        """The rows of these tables."""
        return cls(_by_curve(influence, CURVE), _by_curve(specifications, ACROSS), _by_curve(powers, CURVE))

    def on(self, ratio: CurveKey, delta_beta: float, verdict: Verdict | None) -> Robustness:
        """The robustness of the verdict on a ratio with this Δβ."""
        left_out = [row for row in self.influence.get(key_of(ratio), ()) if _is_known(row.value)]
        others = [row for row in self.specifications.get(key_of(ratio, ACROSS), ()) if _is_known(row.value)]
        power = _power(self.powers.get(key_of(ratio), ()))
        return Robustness(
            left_out=len(left_out),
            left_out_same_sign=_same_sign(left_out, delta_beta),
            left_out_carry=sum(bool(carries(row, verdict)) for row in left_out),
            specifications=len(others),
            specifications_same_sign=_same_sign(others, delta_beta),
            power=power.power if power else None,
            power_low=power.power_low if power else None,
            power_high=power.power_high if power else None,
            power_delta_beta=power.delta_beta if power else None,
        )


def carries(row: InfluenceRow, verdict: Verdict | None) -> bool | None:
    """Whether a verdict has a direction only with the points that a row leaves out; None if either has no verdict."""
    if verdict is None or row.verdict is None:
        return None
    return verdict in DIRECTIONS and row.verdict not in DIRECTIONS


def _by_curve(rows: Iterable[Row], names: Sequence[str]) -> dict[Key, list[Row]]:
    """The rows of each ratio."""
    by_curve: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        if row.baseline is not None:
            by_curve[key_of(row, names)].append(row)
    return by_curve


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _same_sign(rows: Sequence[InfluenceRow | SpecificationRow], slope: float) -> int:
    return sum(row.value * slope > 0 for row in rows if row.value is not None)


def _power(rows: Sequence[PowerRow]) -> PowerRow | None:
    """The power with the current runs and items, for the first Δβ of the config."""
    known = [row for row in rows if row.count == 1 and _is_known(row.power)]
    return next((row for resource in ("items", "runs") for row in known if row.resource == resource), None)
