"""Analyses of fitted curves, each of which answers one question in rows of a table."""
