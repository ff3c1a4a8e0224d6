"""From the measurement table to curves: the frontier, the errors along it, and their ratios."""
