"""Numbers as people write them, with real minus signs and powers of ten."""

import math

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def known(*values: float | None) -> bool:
    """Whether every value is a finite number."""
    return all(value is not None and math.isfinite(value) for value in values)


def number(value: float | None) -> float:
    """A number of a row; nan where the row has none."""
    return math.nan if value is None else value


def power_of_ten(value: float) -> str:
    """A number as ``10¹¹`` or ``3×10¹¹``."""
    mantissa, exponent = f"{value:.6e}".split("e")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return power if float(mantissa) == 1 else f"{float(mantissa):g}×{power}".replace("-", "−")


def plain(value: float) -> str:
    """A number without needless digits; a very large or small one as a power of ten."""
    if value and not 1e-4 <= abs(value) < 1e5:
        return power_of_ten(value)
    return f"{value:g}".replace("-", "−")


def significant(value: float, digits: int) -> str:
    """A number with that many significant digits, no more than it has; powers of ten where it is large or small."""
    if value and not 1e-4 <= abs(value) < 1e6:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{float(mantissa):g}×10{str(int(power)).translate(SUPERSCRIPTS)}".replace("-", "−")
    rounded = float(f"{value:.{digits}g}")
    return (f"{rounded:.0f}" if abs(rounded) >= 10**digits else f"{rounded:.{digits}g}").replace("-", "−")


def decimals(value: float, digits: int = 4) -> str:
    """A number with that many decimals."""
    return f"{value:.{digits}f}".replace("-", "−")


def estimate(value: float, low: float | None, high: float | None) -> str:
    """An estimate with its interval, ``−0.015 [−0.028, −0.001]``, to two digits of the interval's half-width.

    Without brackets where the interval is not known; powers of ten where numbers are large or small.
    """
    if low is None or high is None or not known(low, high):
        return significant(value, 3)
    half = (high - low) / 2
    if half <= 0 or not 1e-4 <= max(abs(value), half) < 1e5:
        return f"{significant(value, 3)} [{significant(low, 3)}, {significant(high, 3)}]"
    digits = min(max(1 - math.floor(math.log10(half)), 0), 6)
    return f"{decimals(value, digits)} [{decimals(low, digits)}, {decimals(high, digits)}]"
