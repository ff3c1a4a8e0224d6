"""The default confidence level of intervals."""

LEVEL = 0.95
