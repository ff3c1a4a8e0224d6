"""The confidence level of intervals where no other is asked for."""

LEVEL = 0.95
