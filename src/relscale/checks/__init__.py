"""Checks of an experiment beyond its config's keys: one file each for text, suites, fits and the machine."""
