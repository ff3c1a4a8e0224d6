"""Remarks on the metric of a ratio: an accuracy that is fitted as an error, an error at chance level."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relscale.fitting.curves.point_rows import ErrorRow
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import ERROR_KEY, Key, key_of
from relscale.fitting.status import Remark, Status
from relscale.laws import power
from relscale.measurements.metric import Metric

RISES = "errors rise with compute; if higher is better, fit an error such as 1 − accuracy"
AT_CHANCE = "at chance level ({:.3g}) at the largest compute; the ratio does not reflect ability"


@dataclass(frozen=True)
class MetricRemarks:
    """What the errors of a ratio say of its metric.

    Attributes
    ----------
    exponents
        The exponent of each error.
    last
        Each error at the largest compute, of the suites of ``chance``.
    chance
        The accuracy of guessing, per suite.
    """

    exponents: Mapping[Key, ParameterRow]
    last: Mapping[Key, ErrorRow]
    chance: Mapping[str, float]

    @classmethod
    def of(
        cls, parameters: Iterable[ParameterRow], errors: Iterable[ErrorRow], chance: Mapping[str, float]
    ) -> "MetricRemarks":
        """From the rows of the tables ``fits`` and ``errors``."""
        exponents: dict[Key, ParameterRow] = {}
        for row in parameters:
            if row.parameter == power.LINE.slope and row.baseline is None and row.fit is None:
                exponents.setdefault(key_of(row, ERROR_KEY), row)
        last: dict[Key, ErrorRow] = {}
        for error in errors:
            if error.value is None or error.training_flops is None or not math.isfinite(error.value):
                continue
            if error.suite not in chance:
                continue
            key = key_of(error, ERROR_KEY)
            before = last.get(key)
            if before is None or (before.training_flops or 0) < error.training_flops:
                last[key] = error
        return cls(exponents, last, chance)

    def on(self, ratio: ParameterRow) -> list[Remark]:
        """Remarks on a ratio."""
        target = key_of(ratio, ERROR_KEY)
        both = [target, (*target[:-1], ratio.baseline)] if ratio.contrast == "group" else [target]
        exponents = [self.exponents.get(key) for key in both]
        rise = all(row is not None and row.high is not None and row.high < 0 for row in exponents)
        last = [self.last[key] for key in both if key in self.last]
        at_chance = self._at_chance(ratio, last)
        return [
            *([Remark(Status.NOT_APPLICABLE, RISES)] if rise else []),
            *([at_chance] if at_chance else []),
        ]

    def _at_chance(self, ratio: ParameterRow, last: Iterable[ErrorRow]) -> Remark | None:
        """Whether the larger of both errors is within two standard errors of that of guessing."""
        chance = self.chance.get(ratio.suite or "")
        is_of_accuracy = Metric.parse(ratio.metric or "").quantity.startswith(("error_rate", "brier"))
        if chance is None or not is_of_accuracy:
            return None
        worst = max(last, key=lambda row: row.value or 0, default=None)
        if worst is None or worst.value is None:
            return None
        stderr = worst.stderr_items or 0.0
        if worst.value < 1 - chance - (2 * stderr if math.isfinite(stderr) else 0.0):
            return None
        name = "" if worst.group == ratio.group else f"baseline {worst.group} "
        return Remark(Status.NOT_ABOVE_CHANCE, name + AT_CHANCE.format(1 - chance))
