"""The normal 95% interval, of questions whose tables have no level of their own."""

LEVEL = 0.95


def half_width(stderr: float, level: float = LEVEL) -> float:
    """Half the width of the normal interval of an estimate with this standard error."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2)) * stderr
