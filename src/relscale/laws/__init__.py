"""One file a law: formula, parameters, source."""
