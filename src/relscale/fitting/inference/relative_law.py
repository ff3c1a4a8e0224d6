"""The relative law: the ratio of two errors as a power law of training compute. Δβ is computed here.

    G(F) = E_t(F) / E_b(F) = γ · F^Δβ,    ln G = ln γ + Δβ · ln F

with E_t the error of a target, E_b that of its baseline and F the training FLOPs. The fit is a straight line through ln
G on ln F (``log_log_lines``): its slope is Δβ, positive if the target improves more slowly than the baseline. The
interval is that of a slope (``interval``). The gap |ln G| closes or widens from the smallest to the largest compute if
the intervals of Δβ and of ln G at both ends and in the middle all agree (``direction``).

The curves of ln G come from ``relscale.fitting.curves``: ``gaps`` between groups of one run matrix, ``contrasts``
between two corpora or optimizers.
"""

from relscale.fitting.curves.curves import Curves
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.settings import Settings
from relscale.laws import relative


def relative_law_rows(ratios: Curves, settings: Settings) -> list[ParameterRow]:
    """Rows of Δβ and of G at the reference compute, for every curve of ln G and each estimand."""
    return law_rows(relative.LINE, ratios, settings)
