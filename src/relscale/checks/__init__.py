"""Checks of an experiment beyond its config's schema: text, suites, fits and the machine."""
