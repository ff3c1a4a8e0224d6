"""Builders that make a suite from held-out documents; one file per suite."""
