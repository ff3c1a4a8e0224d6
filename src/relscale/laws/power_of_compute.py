"""A power law of training compute: the common formula of the laws ``power``, ``relative`` and ``difference``.

    y(F) = level · (F / F_ref)^(sign · exponent)

The level is y at a reference compute inside the data. If it is positive, the formula is a straight line in the
logarithms (``relscale.laws.loglog``).
"""

import numpy as np

from relscale.laws.law import Array, Gap, Law, Parameter
from relscale.laws.loglog import LogLogLaw
from relscale.laws.profile import COUNT
from relscale.laws.separable import separable


def line_of(law: Law) -> LogLogLaw:
    """The straight line in the logarithms of a law whose level is positive."""
    assert law.line is not None
    return law.line


def power_of_compute(
    name: str,
    level: Parameter,
    exponent: Parameter,
    exponents: Array,
    *,
    source: str,
    formula: str,
    traps: str,
    sign: int = 1,
    gap: Gap | None = None,
) -> Law:
    """A power law of training compute.

    Parameters
    ----------
    level
        The parameter of the level: positive if it is estimated in logs, else of either sign.
    exponent
        The parameter of the exponent, ``sign`` times the power.
    exponents
        Values of the exponent that starting points are chosen from.
    """

    def jacobian(theta: Array, x: Array) -> Array:
        """Derivatives of y by level and exponent, (2, n, ...)."""
        log_f = np.log(x[0])
        factor = np.exp(sign * theta[1] * log_f)
        return np.stack([factor, sign * theta[0] * factor * log_f])

    def terms(g: Array, z: Array) -> Array:
        """The term of the level, (1, n, ...), of the exponent (1, ...) at ln F / F_ref (1, n, ...)."""
        return np.asarray(np.exp(sign * g[0] * z[0])[None])

    return separable(
        name=name,
        predictors=("training_flops",),
        parameters=(level, exponent),
        jacobian=jacobian,
        source=source,
        formula=formula,
        traps=traps,
        linear=(level.name,),
        terms=terms,
        grid=lambda z: exponents[None],
        count=3 if level.log else COUNT,
        signed=() if level.log else (level.name,),
        reference=True,
        line=LogLogLaw(name, level.name, exponent.name, sign) if level.log else None,
        gap=gap,
    )
