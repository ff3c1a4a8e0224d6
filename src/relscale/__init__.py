"""Relative scaling laws for language models, from raw text to figures, as one cached workflow."""

__version__ = "0.1.0"
