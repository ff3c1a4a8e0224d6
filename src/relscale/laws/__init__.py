"""One file a law: formula, parameter names, units, starting points, source."""
