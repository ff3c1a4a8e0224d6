"""Formatting of numbers, with minus signs and powers of ten."""

import math

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def known(*values: float | None) -> bool:
    """Whether every value is a finite number."""
    return all(value is not None and math.isfinite(value) for value in values)


def number(value: float | None) -> float:
    """The value of a row as a number; nan for None."""
    return math.nan if value is None else value


def power_of_ten(value: float) -> str:
    """A number as ``10¹¹`` or ``3×10¹¹``."""
    mantissa, exponent = f"{value:.6e}".split("e")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return power if float(mantissa) == 1 else f"{float(mantissa):g}×{power}".replace("-", "−")


def has_plain_form(value: float) -> bool:
    """Whether a number is neither very large nor very small."""
    return value == 0 or 1e-4 <= abs(value) < 1e5


def plain(value: float) -> str:
    """A number without trailing zeros; a very large or small one as a power of ten."""
    return f"{value:g}".replace("-", "−") if has_plain_form(value) else power_of_ten(value)


def significant(value: float, digits: int) -> str:
    """A number with at most ``digits`` significant digits; a very large or small one as a power of ten."""
    if value and not 1e-4 <= abs(value) < 1e6:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{float(mantissa):g}×10{str(int(power)).translate(SUPERSCRIPTS)}".replace("-", "−")
    rounded = float(f"{value:.{digits}g}")
    return (f"{rounded:.0f}" if abs(rounded) >= 10**digits else f"{rounded:.{digits}g}").replace("-", "−")


def decimals(value: float, digits: int = 4) -> str:
    """A number with ``digits`` decimals; zero has no sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def estimate(value: float, low: float | None, high: float | None) -> str:
    """An estimate with its interval, ``−0.015 [−0.028, −0.001]``, to two digits of the interval's half-width.

    Without brackets if the interval is unknown; with powers of ten if numbers are very large or small.
    """
    if low is None or high is None or not known(low, high):
        return significant(value, 3)
    half_width = (high - low) / 2
    if half_width <= 0 or not 1e-4 <= max(abs(value), half_width) < 1e5:
        return f"{significant(value, 3)} [{significant(low, 3)}, {significant(high, 3)}]"
    digits = min(max(1 - math.floor(math.log10(half_width)), 0), 6)
    return f"{decimals(value, digits)} [{decimals(low, digits)}, {decimals(high, digits)}]"
